#include "engine/dispatch/read_ahead.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t windows = 10;
constexpr std::uint32_t least = 2 * windows + 64;

/// A carrier that sends `rate` slots a second for `seconds`, with all of its read-ahead ready to be sent; what is read
/// ahead at the end.
struct run {
  read_ahead ahead;
  read_ahead::time_point now{1h};
  std::uint64_t gone = 0;
  std::uint32_t depth = 0;

  std::uint32_t at(std::uint64_t rate, int seconds, std::uint32_t share = 100'000, bool ready = true) {
    const auto look = [&] { depth = ahead.update(now, {gone, ready ? depth : 0U, depth, windows, share}); };
    look();
    for (int i = 0; i < seconds * 100; ++i) {
      now += 10ms;
      gone += rate / 100;
      look();
    }
    return depth;
  }
};

TEST(read_ahead, is_what_goes_in_a_second) {
  EXPECT_NEAR(run().at(5'000, 2), 5'000, 100);
  EXPECT_NEAR(run().at(50'000, 2), 50'000, 1000);
}

TEST(read_ahead, keeps_the_windows_of_a_slow_carrier_full_and_never_passes_its_share) {
  EXPECT_EQ(run().at(0, 5), least);
  EXPECT_EQ(run().at(10, 5), least);
  EXPECT_EQ(run().at(1'000'000, 5), 100'000U);
  EXPECT_EQ(run().at(10, 5, 50), 50U);
}

TEST(read_ahead, follows_a_rate_up_at_once_and_down_within_seconds) {
  run r;
  EXPECT_NEAR(r.at(1'000, 2), 1'000, 50);
  r.at(20'000, 1);
  EXPECT_NEAR(r.at(20'000, 1), 20'000, 500);
  EXPECT_GT(r.at(1'000, 1), 2'000U);
  EXPECT_NEAR(r.at(1'000, 4), 1'000, 50);
}

// Each message waits for a sync before it may be sent: as many are needed as are sent in that time.
TEST(read_ahead, grows_while_lanes_are_empty_although_all_is_held) {
  EXPECT_EQ(run().at(100, 3, 100'000, false), 100'000U);
  run slow;
  slow.at(100, 1, 100'000, false);
  EXPECT_LT(slow.at(100, 10), 250U) << "and falls when they are full";
}

TEST(read_ahead, a_new_share_holds_at_once) {
  run r;
  EXPECT_EQ(r.at(50'000, 2, 20'000), 20'000U);
  EXPECT_EQ(r.ahead.update(r.now, {r.gone, 0, 0, windows, 5'000}), 5'000U);
}

}  // namespace
}  // namespace trunkline::engine
