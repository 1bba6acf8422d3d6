#include "engine/runtime/clock.hpp"

#include <gtest/gtest.h>

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

TEST(manual_clock, moves_only_when_told) {
  manual_clock time{clock::wall_time{100s}};
  const auto steady = time.steady();
  EXPECT_EQ(time.wall(), clock::wall_time{100s});
  EXPECT_EQ(time.steady(), steady);
  time.advance(1500ms);
  EXPECT_EQ(time.wall(), clock::wall_time{101500ms});
  EXPECT_EQ(time.steady(), steady + 1500ms);
}

TEST(manual_clock, setting_the_wall_leaves_delays_alone) {
  manual_clock time;
  const auto steady = time.steady();
  time.set_wall(clock::wall_time{5s});
  EXPECT_EQ(time.wall(), clock::wall_time{5s});
  EXPECT_EQ(time.steady(), steady);
}

TEST(real_clock, goes_forward) {
  const real_clock time;
  const auto first = time.steady();
  EXPECT_LE(first, time.steady());
  EXPECT_GT(time.wall(), clock::wall_time{1'600'000'000s});
}

}  // namespace
}  // namespace trunkline::engine
