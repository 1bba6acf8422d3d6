#include "router/back_off.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace trunkline::router {
namespace {

using namespace std::chrono_literals;

struct fixed {
  std::uint64_t value;
  std::uint64_t operator()() const { return value; }
};

TEST(back_off, ceiling_doubles_from_twice_the_minimum_to_the_maximum) {
  back_off delays(1s, 60s);
  fixed zero{0};
  for (const auto expected : {2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    EXPECT_EQ(delays.ceiling(), expected);
    EXPECT_EQ(delays.next(zero), 1s);
  }
  EXPECT_EQ(delays.attempts(), 7U);
  delays.reset();
  EXPECT_EQ(delays.ceiling(), 2s);
}

TEST(back_off, delays_fill_the_whole_span_and_never_leave_it) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  auto lowest = 60000ms;
  auto highest = 0ms;
  for (int i = 0; i < 2000; ++i) {
    back_off delays(1s, 60s);
    for (int attempt = 0; attempt < 8; ++attempt) {
      const auto ceiling = delays.ceiling();
      const auto delay = delays.next(random);
      ASSERT_GE(delay, 1s);
      ASSERT_LE(delay, ceiling);
      if (attempt == 7) lowest = std::min(lowest, delay), highest = std::max(highest, delay);
    }
  }
  EXPECT_LT(lowest, 3s);
  EXPECT_GT(highest, 58s);
}

TEST(back_off, sessions_lost_together_do_not_come_back_in_step) {
  std::mt19937_64 random(7);
  std::set<std::chrono::milliseconds> first;
  for (int i = 0; i < 50; ++i) first.insert(back_off(1s, 60s).next(random));
  EXPECT_GT(first.size(), 40U);
}

TEST(back_off, odd_bounds_are_made_sense_of) {
  fixed largest{~std::uint64_t{0} - 1};
  EXPECT_EQ(back_off(10s, 5s).next(largest), 10s);
  EXPECT_LE(back_off(0ms, 60s).next(largest), 2ms);
  EXPECT_EQ(back_off(-1s, -1s).next(largest), 0ms);
}

}  // namespace
}  // namespace trunkline::router
