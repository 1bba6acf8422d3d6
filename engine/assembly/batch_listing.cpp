#include "engine/assembly/batch_listing.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/journal/reader.hpp"
#include "engine/journal/records.hpp"
#include "engine/runtime/configuration_values.hpp"
#include "engine/runtime/rfc3339.hpp"
#include "engine/spool/candidate.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::json;
namespace records = journal_records;

constexpr std::size_t longest_text = 64 * 1024;

std::optional<std::string> read_text(file_system& files, const std::string& path) {
  const auto opened = files.open(path, open_mode::read);
  if (!opened) return std::nullopt;
  std::string text(static_cast<std::size_t>(std::min<std::uint64_t>((*opened)->size().value_or(0), longest_text)), 0);
  const auto got = (*opened)->read_at({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0);
  if (!got) return std::nullopt;
  text.resize(*got);
  return text;
}

std::vector<std::string> batch_names(file_system& files, const std::string& directory) {
  std::vector<std::string> names;
  if (const auto entries = files.list(directory)) {
    for (const auto& entry : *entries) {
      if (entry.type == file_type::regular && parse_spool_name(entry.name)) names.push_back(entry.name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// What the journal says of batches that are not closed.
struct journaled {
  std::int64_t accepted_at_ms = 0;
  const char* state = "stopped";
};

tl::expected<std::map<std::string, journaled>, std::string> read_states(file_system& files, const spool_paths& paths) {
  struct known {
    std::string name;
    journaled what;
  };
  std::map<std::uint32_t, known> batches;
  const auto read = read_journal(files, paths.journal(), 0, [&](const record_view& r) {
    if (r.version != records::version) return;
    if (r.type == static_cast<std::uint8_t>(records::type::batch_opened)) {
      if (const auto opened = records::decode<records::batch_opened>(r.payload)) {
        auto& at = batches[opened->batch];
        at.name = opened->name;
        at.what.accepted_at_ms = opened->accepted_at_ms;
      }
    } else if (r.type == static_cast<std::uint8_t>(records::type::control)) {
      if (const auto order = records::decode<records::control>(r.payload)) {
        batches[order->batch].what.state = order->what == records::command::pause    ? "paused"
                                           : order->what == records::command::cancel ? "cancelling"
                                                                                     : "stopped";
      }
    }
  });
  if (!read) return tl::unexpected(fmt::format("cannot read {}: {}", paths.journal(), read.error().message()));
  std::map<std::string, journaled> by_name;
  for (auto& [id, batch] : batches) by_name[batch.name] = batch.what;
  return by_name;
}

}  // namespace

tl::expected<json, std::string> list_spool(file_system& files, const spool_paths& paths) {
  if (auto there = files.stat(paths.spool); !there)
    return tl::unexpected(fmt::format("{}: {}", paths.spool, there.error().message()));
  auto states = read_states(files, paths);
  if (!states) return tl::unexpected(states.error());
  json all = json::array();
  for (const auto& name : batch_names(files, paths.active())) {
    const journaled& what = (*states)[name];
    json j{{"name", name}, {"state", what.state}};
    if (what.accepted_at_ms != 0) j["accepted_at"] = format_rfc3339_ms(what.accepted_at_ms);
    all.push_back(std::move(j));
  }
  for (const auto& name : batch_names(files, paths.incoming())) all.push_back({{"name", name}, {"state", "waiting"}});
  return json{{"batches", std::move(all)}};
}

std::optional<json> find_in_spool(file_system& files, const spool_paths& paths, const std::string& name) {
  if (!parse_spool_name(name)) return std::nullopt;
  // A batch that is closed has its report, or somebody has taken that away; its file stays for keep_done.
  if (files.stat(paths.done(name)) || files.stat(paths.summary(name))) {
    json j{{"name", name}};
    if (const auto text = read_text(files, paths.summary(name))) {
      if (json summary = json::parse(*text, nullptr, false); summary.is_object()) {
        summary.erase("batch");
        j.update(summary);
      }
    }
    j["state"] = "done";
    if (files.stat(paths.report(name))) j["report"] = paths.report(name);
    return j;
  }
  if (files.stat(paths.incoming() + "/" + name)) return json{{"name", name}, {"state", "waiting"}};
  if (files.stat(paths.active(name))) return json{{"name", name}, {"state", "stopped"}};
  if (const auto why = read_text(files, paths.rejected() + "/" + name + ".error")) {
    return json{{"name", name}, {"state", "rejected"}, {"error", why->substr(0, why->find('\n'))}};
  }
  return std::nullopt;
}

std::string no_such_batch(file_system& files, const spool_paths& paths, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& directory : {paths.active(), paths.incoming(), paths.done()}) {
    auto more = batch_names(files, directory);
    names.insert(names.end(), more.begin(), more.end());
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view close = nearest(name, views);
  // Names of strangers are shown only as far as they could be names.
  return fmt::format("there is no batch {}{}", parse_spool_name(name) ? name : "of that name",
                     close.empty() ? "" : fmt::format("; the nearest name is {}", close));
}

}  // namespace trunkline::engine
