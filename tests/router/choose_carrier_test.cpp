#include <gtest/gtest.h>

#include <array>

#include "router/route_table.hpp"

namespace trunkline::router {
namespace {

route with(route_strategy strategy, std::vector<std::uint32_t> weights) {
  route rule;
  rule.strategy = strategy;
  for (std::size_t i = 0; i < weights.size(); ++i) rule.to.push_back({static_cast<carrier_id>(i + 100), weights[i]});
  return rule;
}

struct choice_case {
  const char* name;
  route_strategy strategy;
  std::uint32_t usable;
  std::uint32_t tried;
  std::uint64_t counter;
  choice_kind kind;
  std::uint32_t index;
};

class choices : public testing::TestWithParam<choice_case> {};

TEST_P(choices, of_three_carriers) {
  const choice_case& c = GetParam();
  const carrier_choice choice = choose_carrier(with(c.strategy, {1, 1, 1}), c.usable, c.tried, c.counter);
  EXPECT_EQ(choice.kind, c.kind);
  EXPECT_EQ(choice.index, c.index);
}

constexpr auto failover = route_strategy::failover;
constexpr auto turns = route_strategy::round_robin;
INSTANTIATE_TEST_SUITE_P(
    cases, choices,
    testing::Values(choice_case{"the_first", failover, 0b111, 0, 5, choice_kind::take, 0},
                    choice_case{"first_is_down", failover, 0b110, 0, 0, choice_kind::take, 1},
                    choice_case{"first_was_tried", failover, 0b111, 0b001, 0, choice_kind::take, 1},
                    choice_case{"tried_and_down", failover, 0b101, 0b001, 0, choice_kind::take, 2},
                    choice_case{"all_are_down", failover, 0, 0, 0, choice_kind::wait, 0},
                    choice_case{"what_is_left_is_down", failover, 0b001, 0b001, 0, choice_kind::wait, 1},
                    choice_case{"all_were_tried", failover, 0b111, 0b111, 0, choice_kind::exhausted, 0},
                    choice_case{"bits_beyond_the_route", failover, 0xFFFFFFF8, 0, 0, choice_kind::wait, 0},
                    choice_case{"turn_0", turns, 0b111, 0, 0, choice_kind::take, 0},
                    choice_case{"turn_1", turns, 0b111, 0, 1, choice_kind::take, 1},
                    choice_case{"turn_5", turns, 0b111, 0, 5, choice_kind::take, 2},
                    choice_case{"turn_without_the_first", turns, 0b110, 0, 1, choice_kind::take, 2},
                    choice_case{"turn_of_one", turns, 0b100, 0, 7, choice_kind::take, 2},
                    choice_case{"turn_after_a_reroute", turns, 0b111, 0b010, 1, choice_kind::take, 2},
                    choice_case{"turn_waits", turns, 0, 0b001, 0, choice_kind::wait, 1},
                    choice_case{"a_counter_that_wraps", turns, 0b111, 0, ~0ULL, choice_kind::take, 0}),
    [](const auto& c) { return std::string(c.param.name); });

TEST(choose_carrier, a_route_without_carriers_is_exhausted) {
  EXPECT_EQ(choose_carrier(route{}, ~0U, 0, 0).kind, choice_kind::exhausted);
}

TEST(choose_carrier, weights_hold_exactly_over_every_turn) {
  const route rule = with(route_strategy::weighted, {70, 25, 5});
  for (std::uint64_t turn = 0; turn < 3; ++turn) {
    std::array<int, 3> counts{};
    int longest_run = 0;
    int run = 0;
    for (std::uint64_t i = 0; i < 100; ++i) {
      const auto choice = choose_carrier(rule, 0b111, 0, turn * 100 + i);
      ASSERT_EQ(choice.kind, choice_kind::take);
      ++counts[choice.index];
      run = choice.index == 0 ? run + 1 : 0;
      longest_run = std::max(longest_run, run);
    }
    EXPECT_EQ(counts, (std::array<int, 3>{70, 25, 5}));
    EXPECT_LE(longest_run, 8);
  }
}

TEST(choose_carrier, weights_of_the_rest_hold_when_one_is_down) {
  const route rule = with(route_strategy::weighted, {3, 2, 1});
  std::array<int, 3> counts{};
  for (std::uint64_t i = 0; i < 300; ++i) ++counts[choose_carrier(rule, 0b101, 0, i).index];
  EXPECT_EQ(counts, (std::array<int, 3>{225, 0, 75}));
}

TEST(choose_carrier, every_small_combination_of_weights_is_exact) {
  for (std::uint32_t a = 1; a < 12; ++a)
    for (std::uint32_t b = 1; b < 12; ++b) {
      const route rule = with(route_strategy::weighted, {a, b});
      std::uint32_t first = 0;
      for (std::uint64_t i = 0; i < a + b; ++i) first += choose_carrier(rule, 0b11, 0, i).index == 0;
      ASSERT_EQ(first, a) << a << ':' << b;
    }
}

TEST(choose_carrier, thirty_two_carriers_fit) {
  const route rule = with(route_strategy::round_robin, std::vector<std::uint32_t>(32, 1));
  EXPECT_EQ(choose_carrier(rule, ~0U, 0, 31).index, 31U);
  EXPECT_EQ(choose_carrier(rule, ~0U, ~0U, 31).kind, choice_kind::exhausted);
  EXPECT_EQ(carrier_mask(rule, [](carrier_id id) noexcept { return id >= 130; }), 0xC0000000U);
}

}  // namespace
}  // namespace trunkline::router
