#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace trunkline::router {

/// Delays between attempts to reconnect: exponential with full jitter. Attempt n waits a time drawn evenly between
/// `min` and min × 2^(n+1), bounded by `max`, so that already the first attempts of sessions that were lost together do
/// not come in step. Not thread safe; each session has its own.
class back_off {
 public:
  using duration = std::chrono::milliseconds;

  /// `max` below `min` counts as `min`.
  constexpr back_off(duration min, duration max) noexcept
      : min_(std::max(min, duration::zero())), max_(std::max(min_, max)) {}

  /// The next delay. `random` is any uniform random number generator of 64 bits' worth of calls, such as
  /// std::mt19937_64, seeded by the caller; one number is drawn.
  template <typename Generator>
  constexpr duration next(Generator& random) noexcept {
    const auto span = static_cast<std::uint64_t>((ceiling() - min_).count());
    if (attempts_ < max_attempts_counted) ++attempts_;
    return min_ + duration(static_cast<duration::rep>(static_cast<std::uint64_t>(random()) % (span + 1)));
  }

  /// The longest delay that next() can return now.
  [[nodiscard]] constexpr duration ceiling() const noexcept {
    auto bound = std::max(min_, duration(1));
    for (std::uint32_t i = 0; i <= attempts_ && bound < max_; ++i) bound *= 2;
    return std::clamp(bound, min_, max_);
  }

  /// Attempts since the last success.
  [[nodiscard]] constexpr std::uint32_t attempts() const noexcept { return attempts_; }

  /// After a success: the next delay is short again.
  constexpr void reset() noexcept { attempts_ = 0; }

 private:
  static constexpr std::uint32_t max_attempts_counted = 1'000'000;
  duration min_;
  duration max_;
  std::uint32_t attempts_ = 0;
};

}  // namespace trunkline::router
