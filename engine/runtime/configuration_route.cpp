// Reads [[route]] and [[inbound]].
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "engine/runtime/configuration_sections.hpp"
#include "engine/runtime/configuration_values.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

/// A condition that is an empty list is a mistake, most likely of a script: it would hold for everything or nothing.
bool is_empty_list(toml_section& section, std::string_view key) {
  const toml::node* node = section.find(key);
  return node != nullptr && node->is_array() && node->as_array()->empty();
}

std::vector<std::string> read_prefixes(toml_section& section) {
  std::vector<std::string> prefixes;
  std::unordered_set<std::string> known;  // a route may have a million
  for (located_string& text : section.strings("prefix")) {
    std::string digits = text.value.starts_with('+') ? text.value.substr(1) : text.value;
    if (digits.empty() || digits.size() > router::prefix_table::max_digits ||
        !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      section.error(
          text.where,
          fmt::format("prefix \"{}\" is not 1 to 15 digits; a route without prefix takes every number", text.value));
    } else if (digits.front() == '0') {
      section.error(text.where,
                    fmt::format("prefix \"{}\" matches nothing: numbers begin with their country code, without 0 or 00",
                                text.value));
    } else if (!known.insert(digits).second) {
      section.warning(text.where, fmt::format("prefix \"{}\" is there twice", text.value));
    } else {
      prefixes.push_back(std::move(digits));
    }
  }
  // An empty list would silently become "any number".
  if (is_empty_list(section, "prefix"))
    section.error(section.where("prefix"), "prefix is empty; a route without prefix takes every number");
  return prefixes;
}

void read_target(toml_section& section, const located_string& text, const std::vector<carrier_config>& carriers,
                 route_config& route) {
  route_target_config target;
  const std::size_t colon = text.value.find(':');
  target.carrier = text.value.substr(0, colon);
  if (colon != std::string::npos) {
    const char* const first = text.value.data() + colon + 1;
    const char* const last = text.value.data() + text.value.size();
    const auto [stop, problem] = std::from_chars(first, last, target.weight);
    if (problem != std::errc() || stop != last || target.weight < 1 || target.weight > 1000)
      section.error(text.where,
                    fmt::format("\"{}\": the weight of a carrier is a whole number from 1 to 1000", text.value));
    else if (route.strategy != router::route_strategy::weighted)
      section.error(text.where, fmt::format("\"{}\": weights need strategy = \"weighted\"", text.value));
  }
  const auto named = [&](const auto& other) { return other == target.carrier; };
  if (std::any_of(route.to.begin(), route.to.end(), [&](const auto& other) { return named(other.carrier); }))
    section.error(text.where, fmt::format("carrier \"{}\" is in `to` twice", target.carrier));
  const auto carrier =
      std::find_if(carriers.begin(), carriers.end(), [&](const auto& other) { return named(other.name); });
  if (carrier == carriers.end()) {
    std::vector<std::string_view> names;
    for (const carrier_config& other : carriers) names.push_back(other.name);
    const std::string_view close = nearest(target.carrier, names);
    section.error(text.where, fmt::format("there is no carrier \"{}\"{}", target.carrier,
                                          close.empty() ? "" : fmt::format("; the nearest name is \"{}\"", close)));
  } else if (!carrier->can_send()) {
    section.warning(
        text.where,
        fmt::format("carrier \"{}\" only receives: what this route gives it is rejected with no_sending_carrier",
                    target.carrier));
  }
  route.to.push_back(std::move(target));
}

void read_changes(toml_section& section, route_config& route) {
  auto changes = section.table("set");
  if (!changes) return;
  if (const auto from = changes->located("from")) {
    if (!is_sender(from->value))
      section.error(from->where, "from is up to 15 digits, or 1 to 11 printable ASCII characters");
    route.set.from = from->value;
  }
  if (changes->has("validity")) {
    milliseconds validity{};
    changes->duration("validity", validity, 1s, 366 * 24h);
    route.set.validity = validity;
  }
  changes->finish();
}

}  // namespace

std::string read_name(toml_section& section) {
  const auto text = section.located("name");
  if (!text) {
    if (!section.has("name")) section.error(section.where(), "a name is missing");
    return {};
  }
  if (!is_plain_name(text->value))
    section.error(text->where, fmt::format("name \"{}\" is not 1 to 64 of A-Z a-z 0-9 . _ - with no full stop in front",
                                           text->value));
  return text->value;
}

route_config read_route(toml_section& section, const std::vector<carrier_config>& carriers) {
  route_config route;
  route.name = read_name(section);
  section.integer("rank", route.rank, -1'000'000, 1'000'000);
  route.prefix = read_prefixes(section);
  for (located_string& from : section.strings("from")) {
    if (!is_sender(from.value))
      section.error(
          from.where,
          fmt::format("sender \"{}\" is neither up to 15 digits nor 1 to 11 printable ASCII characters", from.value));
    route.from.push_back(std::move(from.value));
  }
  if (is_empty_list(section, "from")) section.error(section.where("from"), "from is empty");
  if (auto tags = section.table("tags"))
    for (auto& [key, value] : tags->named_strings()) route.tags.emplace(std::move(key), std::move(value.value));
  for (const located_string& word : section.strings("priority")) {
    if (const auto value = router::parse_priority(word.value))
      route.priority.push_back(*value);
    else
      section.error(word.where, R"(priority is one or more of "urgent", "normal", "bulk")");
  }
  if (is_empty_list(section, "priority")) section.error(section.where("priority"), "priority is empty");
  section.choice("strategy", route.strategy,
                 {{"failover", router::route_strategy::failover},
                  {"weighted", router::route_strategy::weighted},
                  {"round_robin", router::route_strategy::round_robin}});
  for (const located_string& target : section.strings("to")) read_target(section, target, carriers, route);
  if (route.to.empty()) section.error(section.where("to"), "route has no carriers: write to = [\"NAME\"]");
  if (route.to.size() > router::route::max_targets)
    section.error(section.where("to"), fmt::format("route has {} carriers, at most {} are possible", route.to.size(),
                                                   router::route::max_targets));
  section.duration("failover_after", route.failover_after, 0ms, 7 * 24h);
  read_changes(section, route);
  section.finish();
  return route;
}

}  // namespace trunkline::engine
