// What `trunkline carrier` asks of a running engine, over the control socket. Disabling is no part of the
// configuration: it lasts until the carrier is enabled again or the engine starts anew, and outlives a reload.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "engine/assembly/engine.hpp"
#include "engine/assembly/status.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::json;

std::shared_ptr<carrier> named(const engine& of, const json& request) {
  const auto name = request.find("name");
  if (name == request.end() || !name->is_string()) throw control_error("the request has no name");
  for (const auto& c : of.carriers()) {
    if (!c->closed() && c->config().name == name->get_ref<const std::string&>()) return c;
  }
  throw control_error(fmt::format("there is no carrier \"{}\"", name->get_ref<const std::string&>()));
}

}  // namespace

void engine::add_carrier_commands() {
  control_.add("carrier_list", [this](const json&) {
    const json status = json::parse(status_json(*this));
    return json{{"carriers", status.at("carriers")}};
  });
  const auto set_disabled = [this](const json& request, bool disabled) {
    const auto c = named(*this, request);
    const bool changed = c->disabled() != disabled;
    if (changed) {
      c->set_disabled(disabled);
      smpp_->look_again(c->id());
      feed_thread_.slot().wake();
      spdlog::info("carrier {} {} by an operator", c->config().name, disabled ? "disabled" : "enabled");
    }
    return json{{"changed", changed}};
  };
  control_.add("carrier_disable", [set_disabled](const json& request) { return set_disabled(request, true); });
  control_.add("carrier_enable", [set_disabled](const json& request) { return set_disabled(request, false); });
  control_.add("carrier_reconnect", [this](const json& request) {
    const auto c = named(*this, request);
    if (c->disabled()) throw control_error(fmt::format("carrier \"{}\" is disabled; enable it", c->config().name));
    spdlog::info("carrier {}: an operator asks for new sessions", c->config().name);
    smpp_->reconnect(c->id());
    return json{{"sessions", c->probes().size()}};
  });
}

}  // namespace trunkline::engine
