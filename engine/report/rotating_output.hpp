#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/runtime/clock.hpp"
#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

/// Lines for consumers who take files away: written to a hidden file that appears under its name, whole and synced, after
/// one second or 10,000 lines. One thread.
class rotating_output {
 public:
  /// Files are `directory`/TIME-N`suffix`, made with these permissions. Nothing is made before the first line.
  rotating_output(file_system& files, const clock& time, std::string directory, std::uint32_t permissions);

  /// The place to append whole lines to; call `added` afterwards.
  std::string& buffer() noexcept { return buffer_; }
  void added(std::uint32_t lines = 1) noexcept {
    if (lines_ == 0) first_ = time_.steady();
    lines_ += lines;
  }
  bool empty() const noexcept { return lines_ == 0; }
  /// Full, or old enough to be shown.
  bool due() const noexcept { return lines_ >= 10'000 || (lines_ != 0 && time_.steady() - first_ >= std::chrono::seconds(1)); }
  std::chrono::steady_clock::time_point due_at() const noexcept { return first_ + std::chrono::seconds(1); }
  /// Shows what there is. After `no_space_on_device` nothing is lost: call again.
  result<void> rotate();

 private:
  file_system& files_;
  const clock& time_;
  std::string directory_;
  std::uint32_t permissions_;
  std::string buffer_;
  std::uint32_t lines_ = 0;
  std::uint32_t number_ = 0;
  std::chrono::steady_clock::time_point first_{};
};

}  // namespace trunkline::engine
