#pragma once

#include <string>
#include <string_view>

namespace trunkline::engine {

/// Where things are in the spool and in data_dir (docs/spool.md).
struct spool_paths {
  std::string spool;
  std::string data;

  std::string incoming() const { return spool + "/incoming"; }
  std::string active() const { return spool + "/active"; }
  std::string results() const { return spool + "/results"; }
  std::string done() const { return spool + "/done"; }
  std::string rejected() const { return spool + "/rejected"; }
  std::string receipts() const { return spool + "/receipts"; }
  std::string inbound() const { return spool + "/inbound"; }
  std::string unrouted() const { return spool + "/inbound/unrouted"; }
  std::string active(std::string_view name) const { return active() + "/" + std::string(name); }
  std::string done(std::string_view name) const { return done() + "/" + std::string(name); }
  std::string report(std::string_view name) const { return done() + "/" + std::string(name) + ".report.jsonl"; }
  std::string hidden_report(std::string_view name) const { return done() + "/." + std::string(name) + ".report.jsonl"; }
  std::string summary(std::string_view name) const { return done() + "/" + std::string(name) + ".summary.json"; }
  std::string hidden_summary(std::string_view name) const {
    return done() + "/." + std::string(name) + ".summary.json";
  }

  std::string journal() const { return data + "/journal"; }
  std::string quarantine() const { return data + "/quarantine"; }
  std::string bits() const { return data + "/bits"; }
  std::string bits(std::uint32_t batch) const { return bits() + "/" + std::to_string(batch); }
  std::string expanded() const { return data + "/expanded"; }
  std::string expanded(std::string_view name) const { return expanded() + "/" + std::string(name); }
  std::string sent() const { return data + "/receipts"; }
  std::string names() const { return data + "/names"; }
  std::string optout() const { return data + "/optout"; }
  std::string lock() const { return data + "/lock"; }
  std::string control() const { return data + "/control.sock"; }
  std::string spool_lock() const { return spool + "/.lock"; }
};

}  // namespace trunkline::engine
