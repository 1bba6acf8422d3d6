#include "engine/assembly/status.hpp"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "engine/assembly/engine.hpp"
#include "engine/dispatch/session_probe.hpp"
#include "engine/runtime/rfc3339.hpp"

namespace trunkline::engine {
namespace {

using json = nlohmann::ordered_json;

const char* bind_name(bind_mode m) {
  switch (m) {
    case bind_mode::transceiver:
      return "transceiver";
    case bind_mode::transmitter:
      return "transmitter";
    case bind_mode::receiver:
      return "receiver";
  }
  return "";
}

std::string server_of(const bind_config& bind) {
  if (bind.outbind.enabled()) return fmt::format("outbind on {}:{}", bind.outbind.address, bind.outbind.port);
  return fmt::format("{}:{}", bind.host, bind.port);
}

/// Within how many seconds this share was delivered, as far as the steps of the histogram tell.
double within_seconds(const delivery_histogram& h, double share) {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i <= delivery_bounds_us.size(); ++i) all += h.bucket(i);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < delivery_bounds_us.size(); ++i) {
    seen += h.bucket(i);
    if (static_cast<double>(seen) >= share * static_cast<double>(all)) {
      return static_cast<double>(delivery_bounds_us[i]) / 1e6;
    }
  }
  return static_cast<double>(delivery_bounds_us.back()) / 1e6;
}

json carrier_json(const carrier& c, std::chrono::steady_clock::time_point now) {
  const auto& config = c.config();
  json j;
  j["name"] = config.name;
  j["bind"] = config.binds.empty() ? bind_name(config.bind) : "combined";
  j["stack"] = fmt::format("SMPP {}.{}", config.interface_version >> 4U, config.interface_version & 15U);
  std::vector<bind_config> binds;  // one a session
  for (const bind_config& bind : config.all_binds()) binds.insert(binds.end(), bind.sessions, bind);
  j["server"] = server_of(binds.front());
  j["tls"] = !config.tls.enabled ? "off" : config.tls.insecure ? "not verified" : "verified";
  j["disabled"] = c.disabled();
  j["credentials_refused"] = c.credentials_refused();
  j["can_send_now"] = c.sendable() > 0;
  j["throughput"] = config.throughput;
  j["rate_limit_now"] = c.pacing().rate(now);
  j["throughput_per_sender"] = config.throughput_per_sender;
  j["paused"] = c.pacing().paused(now);
  j["slowed_by"] = c.pacing().recovering(now) ? to_text(c.pacing().reason()) : "";
  j["in_memory"] = c.held();
  j["memory_share"] = c.share();
  j["read_ahead"] = c.depth();
  j["lanes"] = {{"returned", c.queued_again()},
                {"urgent", c.queued(lane::urgent)},
                {"normal", c.queued(lane::normal)},
                {"bulk", c.queued(lane::bulk)}};
  const delivery_counters& d = c.deliveries;
  std::uint64_t receipts = d.unreadable.value();
  for (const counter& n : d.receipts) receipts += n.value();
  j["receipts"] = {{"received", receipts},
                   {"unmatched", d.unmatched.value()},
                   {"repeated", d.repeated.value() + d.stale.value()},
                   {"unreadable", d.unreadable.value()},
                   {"messages_ended", d.ended()},
                   {"messages_delivered", d.delivered()},
                   {"message_ids", name_of(static_cast<id_relation>(d.id_relation.load(std::memory_order_relaxed)))}};
  if (d.ended() != 0)
    j["receipts"]["delivery_ratio"] = static_cast<double>(d.delivered()) / static_cast<double>(d.ended());
  if (d.delivered() != 0) {
    j["receipts"]["delivered_within_seconds"] = {{"p50", within_seconds(d.duration, 0.5)},
                                                 {"p90", within_seconds(d.duration, 0.9)},
                                                 {"p99", within_seconds(d.duration, 0.99)}};
  }
  j["sessions"] = json::array();
  for (const auto& p : c.probes()) {
    std::uint64_t answers = 0;
    p->responses.for_each([&](std::uint32_t, std::uint64_t n) { answers += n; });
    const bind_config& bind = binds[std::min<std::size_t>(p->index, binds.size() - 1)];
    j["sessions"].push_back({{"session", p->index},
                             {"stack", j["stack"]},
                             {"bind", bind_name(bind.bind)},
                             {"server", server_of(bind)},
                             {"state", to_text(p->state.load())},
                             {"last_state", to_text(p->last_state.load())},
                             {"address", p->address()},
                             {"window", p->window_size.load()},
                             {"in_flight", p->in_flight.load()},
                             {"submits", p->submits.value()},
                             {"responses", answers + p->responses.other()},
                             {"reconnects", p->reconnects.value()}});
  }
  return j;
}

}  // namespace

std::string status_json(const engine& of) {
  json j;
  j["version"] = TRUNKLINE_VERSION;
  j["ready"] = of.ready();
  if (!of.ready()) j["not_ready_because"] = of.not_ready_because();
  j["carriers"] = json::array();
  const auto now = of.time().steady();
  for (const auto& c : of.carriers()) {
    if (!c->closed()) j["carriers"].push_back(carrier_json(*c, now));
  }
  j["messages"] = json::object();
  for (std::size_t i = 0; i < router::message_status_count; ++i) {
    j["messages"][std::string(router::name(static_cast<router::message_status>(i)))] =
        of.reports().final_by_status[i].value();
  }
  j["queues"] = {{"journal", of.queues().journal.size_approx()},
                 {"returned", of.queues().returned.size_approx()},
                 {"outputs", of.synced().depth()},
                 {"unsynced_parts", of.queues().credit.outstanding()}};
  const receipt_desk& desk = of.reports().receipts();
  j["receipts"] = {{"parked", desk.parked.value()},
                   {"stored_ids", desk.stored_ids.value()},
                   {"memory_bytes", desk.index_bytes.value()},
                   {"batches_open", desk.open_batches.value()}};
  j["batches"] = json::array();
  for (const auto& b : of.batches()) {
    json one;
    one["name"] = b.name;
    one["accepted_at"] = format_rfc3339_ms(b.accepted_at_ms);
    one["state"] = b.cancelled ? "cancelling" : b.paused ? "paused" : "running";
    one["finished"] = b.finished;
    if (b.total) one["messages"] = *b.total;
    j["batches"].push_back(std::move(one));
  }
  return j.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace trunkline::engine
