// A carrier as a queue on a fake clock: it answers one message every 1/capacity, and each answer takes `latency` on
// top.
#include "router/window_tuner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "router/pacing.hpp"

namespace trunkline::router {
namespace {

using namespace std::chrono_literals;
using time_point = window_tuner::time_point;
using std::chrono::nanoseconds;

const time_point start = time_point(100h);

struct carrier_model {
  double capacity;  ///< answers a second
  nanoseconds latency;
  double jitter = 0;  ///< share of the latency, drawn evenly
};

/// Sends as much as the window (and `p`) allows for `span`; returns answers a second in its last half.
class run {
 public:
  explicit run(window_tuner& tuner, std::uint64_t seed = 1) : tuner_(tuner), random_(seed) {}

  double go(const carrier_model& carrier, nanoseconds span, pace* p = nullptr, bool messages = true) {
    const time_point until = now_ + span;
    const time_point half = now_ + span / 2;
    std::uint64_t counted = 0;
    largest_ = 0;
    for (; now_ < until; now_ += 200us) {
      while (!waiting_.empty() && waiting_.front().answered <= now_) {
        tuner_.answered(waiting_.front().answered - waiting_.front().sent, now_);
        if (now_ >= half) ++counted;
        waiting_.pop_front();
      }
      while (messages) {
        if (waiting_.size() >= tuner_.size()) {
          tuner_.held_up_by_window();
          break;
        }
        if (p != nullptr && p->try_take(now_, 1) == 0) {
          tuner_.held_up_by_pace();
          break;
        }
        send(carrier);
      }
      tuner_.in_flight(static_cast<std::uint32_t>(waiting_.size()));
      if (now_ >= half) largest_ = std::max(largest_, tuner_.size());
    }
    return static_cast<double>(counted) / std::chrono::duration<double>(span / 2).count();
  }
  std::uint32_t largest() const { return largest_; }

 private:
  struct request {
    time_point sent;
    time_point answered;
  };
  void send(const carrier_model& carrier) {
    served_ = std::max(served_, now_) + nanoseconds(static_cast<std::int64_t>(1e9 / carrier.capacity));
    const double extra = carrier.jitter * static_cast<double>(random_() % 1000) / 1000;
    time_point answered = served_ + carrier.latency +
                          nanoseconds(static_cast<std::int64_t>(extra * static_cast<double>(carrier.latency.count())));
    if (!waiting_.empty()) answered = std::max(answered, waiting_.back().answered);
    waiting_.push_back({now_, answered});
  }

  window_tuner& tuner_;
  std::mt19937_64 random_;
  std::deque<request> waiting_;
  time_point now_ = start;
  time_point served_ = start;
  std::uint32_t largest_ = 0;
};

struct saturation_case {
  const char* name;
  carrier_model carrier;
};

class saturation : public testing::TestWithParam<saturation_case> {};

TEST_P(saturation, the_carrier_is_kept_busy_by_little_more_than_rate_times_latency) {
  const carrier_model carrier = GetParam().carrier;
  const double product = carrier.capacity * std::chrono::duration<double>(carrier.latency).count();
  window_tuner tuner(1, 2000);
  run r(tuner);
  r.go(carrier, 30s);
  const double rate = r.go(carrier, 60s);
  EXPECT_GE(rate, carrier.capacity * 0.95) << "product " << product << ", window " << tuner.size();
  EXPECT_LE(r.largest(), product * (1 + carrier.jitter) * 1.8 + 8) << rate;
}

INSTANTIATE_TEST_SUITE_P(carriers, saturation,
                         testing::Values(saturation_case{"usual", {1000, 20ms}}, saturation_case{"slow", {50, 200ms}},
                                         saturation_case{"far", {1000, 400ms}}, saturation_case{"near", {2000, 1ms}},
                                         saturation_case{"small_product", {10, 10ms}},
                                         saturation_case{"unsteady", {1000, 40ms, 0.5}},
                                         saturation_case{"large_product", {3000, 300ms}}),
                         [](const auto& c) { return std::string(c.param.name); });

TEST(window_tuner, stays_within_its_bounds) {
  window_tuner low(1, 5);
  EXPECT_EQ(low.size(), 5U);
  run(low).go({10'000, 100ms}, 10s);
  EXPECT_EQ(low.size(), 5U);
  window_tuner high(50, 80);
  EXPECT_EQ(high.size(), 50U);
  run(high).go({100, 1ms}, 30s);
  EXPECT_EQ(high.size(), 50U);
  high.set_bounds(1, 20);
  EXPECT_EQ(high.size(), 20U);
  window_tuner odd(0, 0);
  EXPECT_EQ(odd.size(), 1U);
}

TEST(window_tuner, reaches_the_full_rate_within_a_second) {
  window_tuner tuner(1, 1000);
  run r(tuner);
  r.go({1000, 100ms}, 1s);
  EXPECT_GE(tuner.size(), 100U);
}

TEST(window_tuner, follows_a_carrier_that_changes) {
  window_tuner tuner(1, 2000);
  run r(tuner);
  r.go({1000, 20ms}, 20s);
  EXPECT_GE(r.go({1000, 200ms}, 60s), 930) << "farther away: " << tuner.size();
  EXPECT_GE(tuner.size(), 200U);
  EXPECT_GE(r.go({1000, 20ms}, 60s), 950);
  EXPECT_LE(tuner.size(), 60U) << "near again";
  EXPECT_GE(r.go({4000, 20ms}, 60s), 3800) << "faster: " << tuner.size();
  r.go({500, 20ms}, 60s);
  EXPECT_LE(r.largest(), 40U) << "slower";
}

TEST(window_tuner, a_pace_needs_no_more_than_it_uses) {
  window_tuner tuner(1, 1000);
  run r(tuner);
  r.go({5000, 50ms}, 20s);
  EXPECT_GE(tuner.size(), 250U);
  pace p(200);
  const double rate = r.go({5000, 50ms}, 20s, &p);
  EXPECT_NEAR(rate, 200, 4);
  EXPECT_LE(tuner.size(), 30U);
}

TEST(window_tuner, without_messages_nothing_is_learned_and_nothing_lost) {
  window_tuner tuner(1, 1000);
  run r(tuner);
  r.go({1000, 50ms}, 20s);
  const std::uint32_t before = tuner.size();
  r.go({1000, 50ms}, 30s, nullptr, false);
  EXPECT_EQ(tuner.size(), before);
}

TEST(window_tuner, never_leaves_its_bounds_whatever_the_carrier_does) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  window_tuner tuner(3, 300);
  run r(tuner, seed);
  for (int i = 0; i < 60; ++i) {
    const carrier_model carrier{static_cast<double>(1 + random() % 20'000),
                                std::chrono::microseconds(random() % 500'000), 1.0};
    r.go(carrier, std::chrono::milliseconds(50 + random() % 2000), nullptr, random() % 4 != 0);
    ASSERT_GE(tuner.size(), 3U);
    ASSERT_LE(tuner.size(), 300U);
  }
}

}  // namespace
}  // namespace trunkline::router
