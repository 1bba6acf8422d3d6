#include "router/pacing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

namespace trunkline::router {
namespace {

using namespace std::chrono_literals;
using time_point = pace::time_point;

const time_point start = time_point(100h);

/// Asks for `want` every `step` during `span` and returns what was granted.
std::uint64_t greedy(pace& p, time_point from, std::chrono::nanoseconds span, std::chrono::nanoseconds step,
                     std::uint32_t want) {
  std::uint64_t granted = 0;
  for (time_point now = from; now < from + span; now += step) granted += p.try_take(now, want);
  return granted;
}

struct rate_case {
  const char* name;
  double rate;
  std::chrono::nanoseconds step;
};

class rates : public testing::TestWithParam<rate_case> {};

TEST_P(rates, are_exact_within_one_percent_over_ten_seconds) {
  const auto [name, rate, step] = GetParam();
  pace p(rate);
  const double first = static_cast<double>(greedy(p, start, 10s, step, 1'000'000));
  EXPECT_NEAR(first, rate * 10, rate * 0.1 + 1);
  const double second = static_cast<double>(greedy(p, start + 10s, 10s, step, 1'000'000));
  EXPECT_NEAR(second, rate * 10, rate * 0.01 + 1) << "no burst is left in the second ten seconds";
}

INSTANTIATE_TEST_SUITE_P(cases, rates,
                         testing::Values(rate_case{"one_a_second", 1, 1ms}, rate_case{"odd", 33.3, 1ms},
                                         rate_case{"hundred_asked_late", 100, 13ms}, rate_case{"thousand", 1000, 100us},
                                         rate_case{"million", 1e6, 137us}, rate_case{"three_million", 3e6, 1ms},
                                         rate_case{"slow", 0.25, 5ms}),
                         [](const auto& c) { return std::string(c.param.name); });

TEST(pace, a_burst_after_idling_is_at_most_100_ms_worth) {
  pace p(1000);
  EXPECT_LE(p.try_take(start, 1'000'000), 100U);
  EXPECT_EQ(p.try_take(start, 1'000'000), 0U);
  EXPECT_LE(p.try_take(start + 1h, 1'000'000), 100U);
}

TEST(pace, no_window_of_any_length_exceeds_rate_and_burst) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const double rate = 5000;
  pace p(rate);
  std::vector<std::pair<double, double>> log;  // seconds, granted so far
  double total = 0;
  time_point now = start;
  for (int i = 0; i < 4000; ++i) {
    now += std::chrono::microseconds(random() % (random() % 50 == 0 ? 300'000 : 2'000));
    total += p.try_take(now, static_cast<std::uint32_t>(random() % 200));
    log.emplace_back(std::chrono::duration<double>(now - start).count(), total);
  }
  const double burst = std::chrono::duration<double>(pace::burst).count();
  for (std::size_t i = 1; i < log.size(); i += 7)
    for (std::size_t j = i; j < log.size(); j += 11) {
      const double sent = log[j].second - log[i - 1].second;
      ASSERT_LE(sent, rate * (log[j].first - log[i].first + burst) + 1.5) << i << ' ' << j;
    }
}

TEST(pace, next_at_is_when_the_next_part_is_granted) {
  pace p(10);
  while (p.try_take(start, 1) != 0) {
  }
  const time_point next = p.next_at(start);
  EXPECT_GT(next, start);
  EXPECT_LE(next, start + 101ms);
  EXPECT_EQ(p.try_take(next - 1us, 1), 0U);
  EXPECT_EQ(p.try_take(next, 1), 1U);
  EXPECT_EQ(p.next_at(next + 1h), next + 1h);
}

TEST(pace, what_is_put_back_can_be_taken_again) {
  pace p(1000);
  const std::uint32_t all = p.try_take(start, 1000);
  p.put_back(start, 20);
  EXPECT_EQ(p.try_take(start, 1000), 20U);
  EXPECT_GE(all, 20U);
}

TEST(pace, threads_share_one_rate) {
  constexpr double rate = 200'000;
  constexpr int thread_count = 4;
  pace p(rate);
  std::vector<std::uint64_t> granted(thread_count);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < thread_count; ++t)
      threads.emplace_back([&, t] {
        // Each thread walks the same ten seconds by its own clock; the pace must add up whatever the interleaving.
        std::mt19937_64 random(static_cast<std::uint64_t>(t) + 1);
        std::uint64_t sum = 0;
        for (time_point now = start; now < start + 10s; now += std::chrono::microseconds(50 + random() % 400))
          sum += p.try_take(now, 1 + static_cast<std::uint32_t>(random() % 256));
        granted[static_cast<std::size_t>(t)] = sum;
      });
  }
  std::uint64_t total = 0;
  for (const auto n : granted) total += n;
  EXPECT_LE(static_cast<double>(total), rate * 10 * 1.01);
}

TEST(pace, threads_that_always_want_more_get_all_of_it) {
  constexpr double rate = 100'000;
  pace p(rate);
  std::atomic<std::uint64_t> total{0};
  std::atomic<std::int64_t> clock_us{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        // One shared clock, moved on by whoever asks.
        for (;;) {
          const auto us = clock_us.fetch_add(25, std::memory_order_relaxed);
          if (us >= 10'000'000) return;
          total += p.try_take(start + std::chrono::microseconds(us), 50);
        }
      });
  }
  EXPECT_NEAR(static_cast<double>(total), rate * 10, rate * 0.1);
}

TEST(pace, unlimited_grants_everything) {
  pace p;
  EXPECT_EQ(p.try_take(start, 123456), 123456U);
  EXPECT_EQ(p.next_at(start), start);
  EXPECT_EQ(p.rate(start), 0.0);
  for (const double odd : {0.0, -1.0, std::nan(""), static_cast<double>(INFINITY)})
    EXPECT_EQ(pace(odd).try_take(start, 77), 77U) << odd;
}

TEST(pace, a_throttle_pauses_for_a_second_and_halves) {
  pace p(1000);
  greedy(p, start, 2s, 1ms, 1000);
  EXPECT_TRUE(p.throttled(start + 2s));
  EXPECT_TRUE(p.paused(start + 2s));
  EXPECT_FALSE(p.throttled(start + 2s + 10ms)) << "the rest of the window belongs to the same event";
  EXPECT_EQ(greedy(p, start + 2s, 1s, 1ms, 1000), 0U);
  EXPECT_EQ(p.next_at(start + 2s + 1ms), start + 3s);
  EXPECT_NEAR(p.rate(start + 3s), 500, 1);
  EXPECT_NEAR(static_cast<double>(greedy(p, start + 3s, 100ms, 1ms, 1000)), 50 + 5, 2);
}

TEST(pace, climbs_back_to_full_within_ten_seconds_of_the_last_throttle) {
  pace p(1000);
  greedy(p, start, 1s, 1ms, 1000);
  p.throttled(start + 1s);
  double before = 0;
  for (auto t = 2s; t <= 11s; t += 1s) {
    const double now = p.rate(start + t);
    EXPECT_GT(now, before);
    before = now;
  }
  EXPECT_TRUE(p.recovering(start + 10s));
  EXPECT_NEAR(p.rate(start + 11s), 1000, 0.01);
  EXPECT_FALSE(p.recovering(start + 11s));
  EXPECT_NEAR(static_cast<double>(greedy(p, start + 11s, 10s, 1ms, 1000)), 10000, 100);
}

TEST(pace, every_further_throttle_halves_what_was_in_force) {
  pace p(1024);
  time_point now = start;
  double last = p.rate(now);
  for (int i = 0; i < 30; ++i) {
    p.throttled(now);
    now += pace::pause + 1ms;
    EXPECT_LE(p.rate(now), std::max(last * 0.5 + 0.15, 1.2));
    last = p.rate(now);
  }
  EXPECT_GT(last, 0.9) << "never down to nothing";
}

TEST(pace, an_unlimited_pace_is_slowed_from_what_it_did) {
  pace p;
  greedy(p, start, 3s, 1ms, 2);  // 2,000 a second
  EXPECT_TRUE(p.throttled(start + 3s));
  EXPECT_EQ(greedy(p, start + 3s, 1s, 1ms, 1000), 0U);
  EXPECT_NEAR(p.rate(start + 4s), 1000, 20);
  const double first = static_cast<double>(greedy(p, start + 4s, 1s, 1ms, 1000));
  EXPECT_NEAR(first, 1055, 60);
  EXPECT_EQ(p.rate(start + 13s + 1ms), 0.0);
  EXPECT_EQ(p.try_take(start + 13s + 1ms, 1'000'000), 1'000'000U);
}

TEST(pace, an_unlimited_pace_comes_down_to_the_limit_of_the_carrier) {
  // A carrier that allows 100 a second, told nothing of it: throttled answers come for what is above.
  pace p;
  const double limit = 100;
  double tokens = limit;
  double accepted = 0;
  double refused = 0;
  time_point now = start;
  for (; now < start + 120s; now += 1ms) {
    tokens = std::min(limit, tokens + limit / 1000);
    for (std::uint32_t n = p.try_take(now, 10); n > 0; --n) {
      if (tokens >= 1) {
        tokens -= 1;
        accepted += 1;
      } else {
        refused += 1;
        p.throttled(now);
      }
    }
  }
  EXPECT_GT(accepted, limit * 120 * 0.5);
  EXPECT_LT(refused, accepted * 0.1);
}

TEST(pace, throttled_right_after_the_first_burst) {
  pace p;
  EXPECT_EQ(p.try_take(start, 1000), 1000U);
  EXPECT_TRUE(p.throttled(start + 20ms));
  EXPECT_GT(p.rate(start + 1100ms), 100.0);
  EXPECT_LT(p.rate(start + 1100ms), 10'000.0);
}

TEST(pace, congestion_slows_without_a_pause) {
  pace p(1000);
  greedy(p, start, 2s, 1ms, 1000);
  const time_point then = start + 2s;
  for (const int state : {0, 30, 79, 89}) EXPECT_FALSE(p.congested(then, static_cast<std::uint8_t>(state))) << state;
  EXPECT_EQ(p.rate(then), 1000);
  EXPECT_TRUE(p.congested(then, 90));
  EXPECT_FALSE(p.paused(then));
  EXPECT_NEAR(p.rate(then), 800, 1);
  EXPECT_EQ(p.reason(), pace::slowed_by::congestion);
  EXPECT_FALSE(p.congested(then + 900ms, 100)) << "at most once in a second";
  EXPECT_TRUE(p.congested(then + 1s, 100));
  EXPECT_NEAR(p.rate(then + 1s), (800 + 20) * 0.5, 1) << "half of what it had climbed to";
  EXPECT_NEAR(static_cast<double>(greedy(p, then + 1s, 1s, 1ms, 1000)), 440, 15);
  EXPECT_TRUE(p.recovering(then + 10s));
  EXPECT_FALSE(p.recovering(then + 11s)) << "full ten seconds after the last";
  EXPECT_EQ(p.slowed(pace::slowed_by::congestion), 2U);
  EXPECT_EQ(p.slowed(pace::slowed_by::throttling), 0U);
}

TEST(pace, a_throttle_is_heard_in_the_middle_of_congestion) {
  pace p(1000);
  greedy(p, start, 1s, 1ms, 1000);
  EXPECT_TRUE(p.congested(start + 1s, 100));
  EXPECT_TRUE(p.throttled(start + 1s + 100ms));
  EXPECT_TRUE(p.paused(start + 1s + 100ms));
  EXPECT_EQ(p.reason(), pace::slowed_by::throttling);
  EXPECT_NEAR(p.rate(start + 2s + 100ms), 250, 5);
  EXPECT_FALSE(p.congested(start + 2s, 100)) << "that the carrier is busy is known";
  EXPECT_FALSE(p.queue_full(start + 2s));
}

TEST(pace, full_queues_slow_an_unlimited_pace_too) {
  pace p;
  greedy(p, start, 3s, 1ms, 2);
  EXPECT_TRUE(p.queue_full(start + 3s));
  EXPECT_FALSE(p.paused(start + 3s));
  EXPECT_NEAR(p.rate(start + 3s), 1000, 20);
  EXPECT_NEAR(static_cast<double>(greedy(p, start + 3s, 1s, 1ms, 1000)), 1050, 80);
  EXPECT_EQ(p.rate(start + 13s + 1ms), 0.0);
}

TEST(pace, a_new_rate_takes_effect_at_once) {
  pace p(10);
  greedy(p, start, 1s, 1ms, 100);
  p.set_rate(1000);
  EXPECT_NEAR(static_cast<double>(greedy(p, start + 1s, 1s, 1ms, 100)), 1000, 110);
  p.set_rate(0);
  EXPECT_EQ(p.try_take(start + 2s, 5000), 5000U);
}

TEST(pace, going_unlimited_in_the_middle_of_a_recovery_stays_slow_until_it_is_over) {
  pace p(1000);
  greedy(p, start, 1s, 1ms, 1000);
  p.throttled(start + 1s);
  p.set_rate(0);
  EXPECT_EQ(p.try_take(start + 1500ms, 100), 0U);
  EXPECT_NEAR(p.rate(start + 2s), 500, 1);
  EXPECT_EQ(p.try_take(start + 12s, 5000), 5000U);
}

}  // namespace
}  // namespace trunkline::router
