#include "router/sender_pace.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace trunkline::router {
namespace {

using namespace std::chrono_literals;
using time_point = sender_pace::time_point;

const time_point start = time_point(100h);

TEST(sender_pace, each_sender_has_its_own_rate) {
  sender_pace p(10);
  std::map<std::string, int> granted;
  for (time_point now = start; now < start + 10s; now += 1ms)
    for (const char* sender : {"4917012345", "ACME", ""})
      if (p.take(sender, 1, now) == 0ns) ++granted[sender];
  for (const auto& [sender, count] : granted) EXPECT_NEAR(count, 100, 2) << sender;
  EXPECT_EQ(granted.size(), 3U);
}

TEST(sender_pace, parts_count) {
  sender_pace p(10);
  int granted = 0;
  for (time_point now = start; now < start + 30s; now += 1ms) granted += p.take("ACME", 3, now) == 0ns ? 3 : 0;
  EXPECT_NEAR(granted, 300, 4);
}

TEST(sender_pace, idle_time_is_made_up_for_a_tenth_of_a_second) {
  sender_pace p(100);
  (void)p.take("ACME", 1, start);
  int granted = 0;
  while (p.take("ACME", 1, start + 1h) == 0ns) ++granted;
  EXPECT_LE(granted, 11);
  EXPECT_GE(granted, 10);
}

TEST(sender_pace, who_waits_as_told_is_granted) {
  sender_pace p(4);
  time_point now = start;
  for (int i = 0; i < 100; ++i) {
    const auto wait = p.take("ACME", 1, now);
    if (wait != 0ns) {
      ASSERT_LE(wait, 250ms);
      now += wait;
      ASSERT_EQ(p.take("ACME", 1, now), 0ns);
    }
  }
  EXPECT_NEAR(std::chrono::duration<double>(now - start).count(), 25, 1.5);
}

TEST(sender_pace, who_stands_in_line_comes_behind_the_others) {
  sender_pace p(10);
  while (p.take("ACME", 1, start) == 0ns) {
  }
  std::vector<sender_pace::duration> waits;
  for (int i = 0; i < 1000; ++i) waits.push_back(p.take("ACME", 1, start, true));
  for (std::size_t i = 1; i < 100; ++i) EXPECT_NEAR(static_cast<double>((waits[i] - waits[i - 1]).count()), 1e8, 1);
  EXPECT_EQ(waits.back(), sender_pace::longest_wait);
  // A grant closes the ranks again.
  const time_point next = start + 1s;
  EXPECT_EQ(p.take("ACME", 1, next), 0ns);
  while (p.take("ACME", 1, next) == 0ns) {
  }
  EXPECT_LE(p.take("ACME", 1, next, true), 300ms);
}

TEST(sender_pace, memory_is_bounded_and_the_limit_holds_all_the_same) {
  sender_pace p(1, 100);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(p.take(std::to_string(i), 1, start), 0ns);
  EXPECT_EQ(p.size(), 100U);
  EXPECT_EQ(p.take("one more", 1, start), sender_pace::full_wait) << "all the others are busy";
  EXPECT_GT(p.take("7", 1, start + 500ms), 0ns) << "nobody was forgotten too early";
  // "7" is still busy then, the others are not.
  EXPECT_EQ(p.take("one more", 1, start + 2s), 0ns);
  EXPECT_LE(p.size(), 100U);
  for (int i = 1000; i < 100'000; ++i) (void)p.take(std::to_string(i), 1, start + 2s + i * 1ms);
  EXPECT_LE(p.size(), 100U);
}

TEST(sender_pace, what_is_learned_later_can_be_added) {
  sender_pace p(10);
  EXPECT_EQ(p.take("ACME", 1, start), 0ns);
  p.adjust("ACME", 9);
  EXPECT_GT(p.take("ACME", 1, start + 850ms), 0ns);
  EXPECT_EQ(p.take("ACME", 1, start + 900ms), 0ns);
  p.adjust("ACME", -1);
  EXPECT_EQ(p.take("ACME", 1, start + 900ms), 0ns);
  p.adjust("nobody", 5);
  EXPECT_EQ(p.size(), 1U);
}

TEST(sender_pace, unlimited_keeps_nothing) {
  for (const double odd : {0.0, -1.0, std::nan(""), static_cast<double>(INFINITY)}) {
    sender_pace p(odd);
    EXPECT_FALSE(p.limited());
    for (int i = 0; i < 100; ++i) EXPECT_EQ(p.take("ACME", 10, start), 0ns);
    EXPECT_EQ(p.size(), 0U);
  }
}

TEST(sender_pace, a_new_rate_holds_at_once) {
  sender_pace p(1);
  (void)p.take("ACME", 1, start);
  p.set_rate(100);
  int granted = 0;
  for (time_point now = start + 1s; now < start + 2s; now += 1ms) granted += p.take("ACME", 1, now) == 0ns ? 1 : 0;
  EXPECT_NEAR(granted, 105, 7);
  p.set_rate(0);
  EXPECT_EQ(p.take("ACME", 1000, start + 2s), 0ns);
}

}  // namespace
}  // namespace trunkline::router
