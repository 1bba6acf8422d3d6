// Asked on the control server's thread, answered on the feeder's, which owns the batches.
#include "engine/assembly/batch_commands.hpp"

#include <future>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/assembly/batch_listing.hpp"
#include "engine/assembly/engine.hpp"
#include "engine/runtime/rfc3339.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

/// How long the feeder, and a commit, may take before the client is told that they have not answered.
constexpr auto patience = 8s;

std::string name_in(const json& request) {
  const auto found = request.find("name");
  if (found == request.end() || !found->is_string()) throw control_error("which batch? \"name\" is missing");
  return found->get<std::string>();
}

json brief(const batch& b) {
  json j{{"name", b.name},
         {"state", b.cancelled.load() ? "cancelling"
                   : b.paused.load()  ? "paused"
                                      : "running"},
         {"accepted_at", format_rfc3339_ms(b.accepted_at_ms)},
         {"finished", b.finished.load()}};
  if (const auto total = b.total.load(); total != batch::unknown_total) j["messages"] = total;
  return j;
}

json in_full(const batch& b, const routing& routes) {
  json j = brief(b);
  if (!b.defaults.name.empty()) j["batch_name"] = b.defaults.name;
  for (std::size_t i = 0; i < b.by_status.size(); ++i) {
    j["status"][std::string(router::name(static_cast<router::message_status>(i)))] = b.by_status[i].load();
  }
  j["on_unknown"] = b.on_unknown == unknown_policy::hold ? "hold" : "resend";
  j["octets"] = b.size;
  j["octets_read"] = b.scanned_bytes;
  j["postponed"] = b.postponed.size();
  j["waits_for"] = json::array();
  // One that is paused waits for nobody else.
  const bool paused = b.paused.load() && !b.cancelled.load();
  for (const auto& c : routes.carriers) {
    if (!paused && c && !c->closed() && ((b.waits | b.retry_waits) >> (c->id() % 64U) & 1U) != 0)
      j["waits_for"].push_back(c->config().name);
  }
  if (b.earliest_due_ms != never_ms) j["looked_at_again_at"] = format_rfc3339_ms(b.earliest_due_ms);
  return j;
}

/// Calls f(feeder) on the feeder's thread and returns its result.
template <class F>
json ask_feeder(engine& of, F f) {
  auto promised = std::make_shared<std::promise<json>>();
  auto answer = promised->get_future();
  of.at_feeder([promised, f = std::move(f)](feeder& feed) { promised->set_value(f(feed)); });
  if (answer.wait_for(patience) != std::future_status::ready) throw control_error("the engine is busy: try again");
  return answer.get();
}

json list(engine& of) {
  return ask_feeder(of, [](feeder& feed) {
    json all = json::array();
    feed.for_each([&](const batch& b) { all.push_back(brief(b)); });
    return json{{"batches", std::move(all)}};
  });
}

[[noreturn]] void refuse_unknown(engine& of, const std::string& name) {
  throw control_error(no_such_batch(of.files(), of.paths(), name));
}

json show(engine& of, const std::string& name) {
  json open = ask_feeder(of, [name](feeder& feed) {
    const batch* b = feed.find(name);
    return b == nullptr ? json() : in_full(*b, *feed.current_routing());
  });
  if (!open.is_null()) return json{{"batch", std::move(open)}};
  if (auto closed = find_in_spool(of.files(), of.paths(), name)) return json{{"batch", std::move(*closed)}};
  refuse_unknown(of, name);
}

json order(engine& of, const std::string& name, journal_records::command what) {
  struct waiting {
    std::promise<std::string> refused;
  };
  const auto promised = std::make_shared<waiting>();
  auto answer = promised->refused.get_future();
  const json found = ask_feeder(of, [name, what, promised](feeder& feed) {
    batch* b = feed.find(name);
    if (b == nullptr) return json(false);
    feed.order(*b, what, [promised](const std::string& refused) { promised->refused.set_value(refused); });
    return json(true);
  });
  if (found == false) {
    if (const auto closed = find_in_spool(of.files(), of.paths(), name)) {
      throw control_error(fmt::format("batch {} is {}: only an open batch can be paused, resumed or cancelled", name,
                                      closed->value("state", "")));
    }
    refuse_unknown(of, name);
  }
  if (answer.wait_for(patience) != std::future_status::ready) {
    throw control_error(
        "not on disk yet: the journal does not get on (see /readyz). The order stands, and takes effect when it is, "
        "unless the engine ends before");
  }
  if (const std::string refused = answer.get(); !refused.empty()) throw control_error(refused);
  return json::object();
}

}  // namespace

void add_batch_commands(engine& of) {
  using journal_records::command;
  control_server& to = of.control();
  to.add("batch_list", [&of](const json&) { return list(of); });
  to.add("batch_show", [&of](const json& request) { return show(of, name_in(request)); });
  to.add("batch_pause", [&of](const json& request) { return order(of, name_in(request), command::pause); });
  to.add("batch_resume", [&of](const json& request) { return order(of, name_in(request), command::resume); });
  to.add("batch_cancel", [&of](const json& request) { return order(of, name_in(request), command::cancel); });
}

}  // namespace trunkline::engine
