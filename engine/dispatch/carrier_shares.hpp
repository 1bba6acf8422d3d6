#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/runtime/configuration.hpp"

namespace trunkline::engine {

/// How the messages in memory (`max_active`) are divided among the carriers of one configuration: half evenly, half by
/// what can be under way; but no more than what keeps the windows busy while a commit runs. What is not in memory is as
/// safe in its file, and memory in the cache is fast.
class carrier_shares {
 public:
  carrier_shares(std::uint64_t max_active, std::uint64_t max_unsynced, const std::vector<carrier_config>& carriers)
      : half_(max_active / 2), max_unsynced_(max_unsynced), carriers_(carriers.size()) {
    for (const carrier_config& c : carriers) windows_ += c.windows();
  }

  /// Slots of one of them. Of a carrier that is none of them: nothing useful.
  [[nodiscard]] std::uint32_t of(const carrier_config& c) const noexcept {
    const std::uint64_t windows = c.windows();
    const std::uint64_t even = half_ / std::max<std::uint64_t>(carriers_, 1);
    const std::uint64_t share = even + (windows_ == 0 ? 0 : half_ * windows / windows_);
    const std::uint64_t useful = 4 * windows + 8 * max_unsynced_;
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(least, std::min(share, useful)));
  }

  /// Enough for one long message.
  static constexpr std::uint64_t least = 16;

 private:
  std::uint64_t half_;
  std::uint64_t max_unsynced_;
  std::uint64_t carriers_;
  std::uint64_t windows_ = 0;
};

}  // namespace trunkline::engine
