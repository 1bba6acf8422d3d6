#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace trunkline::engine {

/// How many messages of one carrier are kept ready: what it sends in a second, so that a small batch, or a batch that
/// comes later, is not stuck behind what was read of a huge one; and never less than what keeps its windows full until
/// more is read. Pure; the dispatcher's.
class read_ahead {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Slots to hold now. `gone`: slots that have left so far, in all, sent or not; `windows`: of the carrier's sessions;
  /// `share`: never more. Follows the rate up at once, and down slowly.
  std::uint32_t update(time_point now, std::uint64_t gone, std::uint64_t windows, std::uint32_t share) noexcept {
    const auto least = static_cast<std::uint32_t>(std::min<std::uint64_t>(share, 2 * windows + spare));
    depth_ = std::clamp(depth_, least, share);
    if (now - measured_at_ < period) return depth_;
    if (measured_at_ != time_point{}) {
      const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now - measured_at_).count();
      const std::uint64_t a_second = (gone - gone_) * 1000 / static_cast<std::uint64_t>(milliseconds);
      depth_ = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(a_second, depth_ - depth_ / 8, share));
      depth_ = std::max(depth_, least);
    }
    measured_at_ = now;
    gone_ = gone;
    return depth_;
  }

 private:
  static constexpr std::chrono::milliseconds period{100};
  static constexpr std::uint64_t spare = 64;

  std::uint32_t depth_ = 0;
  std::uint64_t gone_ = 0;
  time_point measured_at_{};
};

}  // namespace trunkline::engine
