#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace trunkline::engine {

/// A count with one writing thread and any number of readers: a relaxed load and store, no locked instruction.
class counter {
 public:
  /// Owner thread only.
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  /// Owner thread only; for gauges.
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  /// Any thread.
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Durations in steps whose upper bounds, in microseconds, are given; same threading as `counter`. prometheus-cpp's own
/// histogram takes a mutex for each observation, so the engine counts here and exports at scrape time.
template <const auto& Bounds>
class bounded_histogram {
 public:
  static constexpr const auto& upper_bounds_us = Bounds;

  /// Owner thread only.
  void observe(std::chrono::nanoseconds duration, std::uint64_t times = 1) noexcept {
    const auto us = duration.count() < 0 ? 0 : static_cast<std::uint64_t>(duration.count()) / 1'000;
    std::size_t bucket = 0;
    while (bucket < upper_bounds_us.size() && us > upper_bounds_us[bucket]) ++bucket;
    buckets_[bucket].add(times);
    sum_us_.add(us * times);
  }
  /// Any thread: observations in bucket `i` alone (not cumulative); the last index is +Inf.
  std::uint64_t bucket(std::size_t i) const noexcept { return buckets_[i].value(); }
  /// Any thread: sum of all observations in microseconds.
  std::uint64_t sum_us() const noexcept { return sum_us_.value(); }

 private:
  std::array<counter, Bounds.size() + 1> buckets_;
  counter sum_us_;
};

/// Powers of two and a half from 50 microseconds to 100 seconds.
inline constexpr std::array<std::uint64_t, 20> duration_bounds_us = {
    50,      100,     250,     500,       1'000,     2'500,     5'000,      10'000,     25'000,     50'000,
    100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 25'000'000, 50'000'000, 100'000'000};
using duration_histogram = bounded_histogram<duration_bounds_us>;

/// From a quarter of a second to three days: what delivery to a phone takes.
inline constexpr std::array<std::uint64_t, 16> delivery_bounds_us = {
    250'000,        500'000,        1'000'000,       2'500'000,      5'000'000,     10'000'000,
    30'000'000,     60'000'000,     300'000'000,     900'000'000,    3'600'000'000, 14'400'000'000,
    43'200'000'000, 86'400'000'000, 172'800'000'000, 259'200'000'000};
using delivery_histogram = bounded_histogram<delivery_bounds_us>;

}  // namespace trunkline::engine
