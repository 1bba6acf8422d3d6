// Which carrier of a route takes a message. Round robin and weights are functions of a counter instead of state, so
// that any thread gets the same answer and a test can go through a whole turn.
#include <bit>
#include <numeric>

#include "router/route_table.hpp"

namespace trunkline::router {
namespace {

std::uint32_t lowest(std::uint32_t mask) noexcept { return static_cast<std::uint32_t>(std::countr_zero(mask)); }

/// The n-th set bit of a mask that has more than n.
std::uint32_t nth(std::uint32_t mask, std::uint32_t n) noexcept {
  for (; n != 0; --n) mask &= mask - 1;
  return lowest(mask);
}

/// Position `counter` of a turn of `total`, in an order that spreads neighbours apart (steps of about the golden ratio,
/// prime to the total): each position comes exactly once a turn, and 70:30 is no run of seventy.
std::uint64_t spread(std::uint64_t counter, std::uint64_t total) noexcept {
  auto step = static_cast<std::uint64_t>(static_cast<double>(total) * 0.618);
  if (step == 0) return 0;
  while (std::gcd(step, total) != 1) ++step;
  return counter % total * step % total;
}

std::uint32_t by_weight(const route& rule, std::uint32_t mask, std::uint64_t counter) noexcept {
  std::uint64_t total = 0;
  for (std::uint32_t rest = mask; rest != 0; rest &= rest - 1) total += rule.to[lowest(rest)].weight;
  if (total == 0) return lowest(mask);
  std::uint64_t at = spread(counter, total);
  for (std::uint32_t rest = mask;; rest &= rest - 1) {
    const std::uint32_t weight = rule.to[lowest(rest)].weight;
    if (at < weight) return lowest(rest);
    at -= weight;
  }
}

}  // namespace

carrier_choice choose_carrier(const route& rule, std::uint32_t usable, std::uint32_t tried,
                              std::uint64_t counter) noexcept {
  const std::size_t count = rule.to.size() < route::max_targets ? rule.to.size() : route::max_targets;
  const std::uint32_t all = count == 32 ? ~0U : (1U << count) - 1;
  const std::uint32_t left = all & ~tried;
  if (left == 0) return {choice_kind::exhausted, 0};
  const std::uint32_t ready = left & usable;
  const std::uint32_t from = ready != 0 ? ready : left;
  std::uint32_t index = 0;
  switch (rule.strategy) {
    case route_strategy::failover:
      index = lowest(from);
      break;
    case route_strategy::round_robin:
      index = nth(from, static_cast<std::uint32_t>(counter % static_cast<std::uint64_t>(std::popcount(from))));
      break;
    case route_strategy::weighted:
      index = by_weight(rule, from, counter);
      break;
  }
  return {ready != 0 ? choice_kind::take : choice_kind::wait, index};
}

}  // namespace trunkline::router
