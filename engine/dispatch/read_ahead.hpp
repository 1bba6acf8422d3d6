#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace trunkline::engine {

/// How many messages of one carrier are kept ready: what it sends in a second, so that a small batch, or a batch that
/// comes later, is not stuck behind what was read of a huge one; never less than what keeps its windows full until more
/// is read; and as many more as a slow disk needs, on whose sync each of them waits before it may be sent. Pure; the
/// dispatcher's.
class read_ahead {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// What the dispatcher sees of a carrier.
  struct view {
    std::uint64_t gone = 0;     ///< slots that have left so far, in all, sent or not
    std::uint64_t ready = 0;    ///< messages that could be sent at once: in the lanes
    std::uint64_t held = 0;     ///< slots of all that are neither final nor wait for a later attempt
    std::uint64_t windows = 0;  ///< of its sessions
    std::uint32_t share = 0;    ///< slots; never more
  };

  /// update() will measure: `ready` is looked at.
  [[nodiscard]] bool due(time_point now) const noexcept { return now - measured_at_ >= period; }

  /// Slots to hold now. Grows while its lanes are empty although as much is held as may be; falls slowly while more
  /// than a second's worth is ready.
  std::uint32_t update(time_point now, const view& seen) noexcept {
    const auto least = static_cast<std::uint32_t>(std::min<std::uint64_t>(seen.share, 2 * seen.windows + spare));
    depth_ = std::clamp(depth_, least, seen.share);
    if (!due(now)) return depth_;
    if (measured_at_ != time_point{}) {
      const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now - measured_at_).count();
      const std::uint64_t a_second = (seen.gone - gone_) * 1000 / static_cast<std::uint64_t>(milliseconds);
      std::uint64_t wanted = std::max<std::uint64_t>(depth_, a_second);
      if (seen.ready == 0 && seen.held >= depth_ / 2) {
        wanted = std::max<std::uint64_t>(wanted, std::uint64_t{depth_} * 2);
      } else if (seen.ready > a_second) {
        wanted = std::max<std::uint64_t>(a_second, depth_ - depth_ / 8);
      }
      depth_ = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(wanted, least, seen.share));
    }
    measured_at_ = now;
    gone_ = seen.gone;
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
