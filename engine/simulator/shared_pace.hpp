#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace trunkline::engine {

/// A rate shared by sessions on several threads (GCRA: one atomic "theoretical arrival time").
class shared_pace {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `per_second` above 0; bursts of up to `burst` of time saved up pass at once.
  shared_pace(double per_second, std::chrono::nanoseconds burst) noexcept
      : interval_ns_(std::max<std::int64_t>(1, std::llround(1e9 / per_second))), burst_ns_(burst.count()) {}

  /// Takes one event if the pace allows it now.
  bool try_take(time_point now) noexcept {
    const std::int64_t at = nanoseconds(now);
    std::int64_t next = next_ns_.load(std::memory_order_relaxed);
    for (;;) {
      const std::int64_t start = std::max(next, at - burst_ns_);
      if (start > at) return false;
      if (next_ns_.compare_exchange_weak(next, start + interval_ns_, std::memory_order_relaxed)) return true;
    }
  }

  /// When the next event may be taken, seen from now; another session may be faster.
  time_point next() const noexcept {
    return time_point(std::chrono::nanoseconds(next_ns_.load(std::memory_order_relaxed)));
  }

 private:
  static std::int64_t nanoseconds(time_point at) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
  }

  const std::int64_t interval_ns_;
  const std::int64_t burst_ns_;
  std::atomic<std::int64_t> next_ns_{0};
};

}  // namespace trunkline::engine
