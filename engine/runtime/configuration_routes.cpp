#include "engine/runtime/configuration_routes.hpp"

namespace trunkline::engine {

std::shared_ptr<const router::route_table> compile_routes(
    const configuration& config, const std::function<std::optional<router::carrier_id>(std::string_view)>& carrier_of) {
  std::vector<router::route> rules;
  rules.reserve(config.routes.size());
  for (const route_config& source : config.routes) {
    router::route rule;
    rule.name = source.name;
    rule.rank = source.rank;
    rule.prefixes = source.prefix;
    rule.from = source.from;
    rule.tags.assign(source.tags.begin(), source.tags.end());
    for (const router::priority value : source.priority)
      rule.priorities = static_cast<std::uint8_t>(rule.priorities | 1U << static_cast<unsigned>(value));
    for (const route_target_config& target : source.to)
      if (const auto id = carrier_of(target.carrier)) rule.to.push_back({*id, target.weight});
    rule.strategy = source.strategy;
    rule.failover_after = source.failover_after;
    rule.set = source.set;
    rules.push_back(std::move(rule));
  }
  return std::make_shared<const router::route_table>(std::move(rules));
}

}  // namespace trunkline::engine
