#include "router/window_tuner.hpp"

#include <algorithm>
#include <cmath>

namespace trunkline::router {
namespace {

constexpr std::uint32_t first_size = 10;
/// Above rate x latency, so that a carrier that can do more is noticed.
constexpr double slack = 1.25;
/// While the window doubles the rate has to grow by so much, or it did not follow.
constexpr double follows = 1.2;
/// Rounds without growth before the doubling ends.
constexpr std::uint32_t patience = 3;
/// No round shrinks the window by more.
constexpr double steepest_fall = 0.75;
constexpr int rounds_latency_counts = 50;

}  // namespace

window_tuner::window_tuner(std::uint32_t least, std::uint32_t most) noexcept
    : least_(std::max(least, 1U)), most_(std::max(most, least_)), size_(std::clamp(first_size, least_, most_)) {}

void window_tuner::new_connection() noexcept {
  start_round({}, duration(0));
  halved_ = false;
  settle_ = false;
}

void window_tuner::set_bounds(std::uint32_t least, std::uint32_t most) noexcept {
  least_ = std::max(least, 1U);
  most_ = std::max(most, least_);
  size_ = std::clamp(size_, least_, most_);
}

std::uint32_t window_tuner::clamp(double size) const noexcept {
  return static_cast<std::uint32_t>(std::clamp(size, static_cast<double>(least_), static_cast<double>(most_)));
}

std::uint32_t window_tuner::halved_size() const noexcept { return std::max(least_, size_ / 2); }

void window_tuner::start_round(time_point now, duration length) noexcept {
  round_began_ = now;
  round_ends_ = now + std::max(length, shortest_round);
  answers_ = 0;
  latencies_ = duration(0);
  held_up_ = paced_ = false;
  most_in_flight_ = 0;
}

void window_tuner::end_round(time_point now) noexcept {
  const duration mean = latencies_ / static_cast<std::int64_t>(answers_);
  const double seconds = std::chrono::duration<double>(now - round_began_).count();
  const double rate = static_cast<double>(answers_) / std::max(seconds, 1e-6);
  const bool held_up = held_up_;
  const bool paced = paced_;
  const std::uint32_t used = most_in_flight_;
  start_round(now, mean);
  if (settle_) {  // its answers are of the window before
    settle_ = false;
    return;
  }

  if (least_latency_ == duration(0) || mean <= least_latency_) {
    least_latency_ = mean;
    least_latency_at_ = now;
  }
  if (halved_) {
    // Seen with half of the window, nearly without a queue: whatever it is, it counts from now on. Were there still a
    // queue, the next look would find a shorter one.
    halved_ = false;
    settle_ = true;
    least_latency_ = mean;
    least_latency_at_ = now;
    return;
  }
  rates_[next_rate_] = rate;
  next_rate_ = (next_rate_ + 1) % rates_kept;

  if (!held_up) {
    // Something else is the limit. With a pace there is something to save; without messages nothing is known.
    if (paced) size_ = clamp(std::max(std::floor(size_ * steepest_fall), std::ceil(used * slack) + 1));
    return;
  }
  if (doubling_) {
    if (rate >= best_rate_ * follows) {
      best_rate_ = rate;
      stalled_ = 0;
    } else if (++stalled_ >= patience) {
      doubling_ = false;
    }
    if (doubling_) {
      if (stalled_ == 0) size_ = clamp(2.0 * size_);
      settle_ = true;
      return;
    }
  }
  const double peak = *std::max_element(rates_.begin(), rates_.end());
  const double needed = peak * std::chrono::duration<double>(least_latency_).count();
  const double target = std::ceil(needed * slack) + 1;
  size_ = clamp(std::clamp(target, std::floor(size_ * steepest_fall), std::ceil(size_ * slack) + 1));

  const duration counts = std::max(least_latency_counts, rounds_latency_counts * mean);
  if (now - least_latency_at_ >= counts && size_ > least_) halved_ = settle_ = true;
}

}  // namespace trunkline::router
