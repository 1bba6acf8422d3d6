#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "engine/report/publisher.hpp"
#include "engine/runtime/clock.hpp"

namespace trunkline::engine {

/// Collects lines for consumers who take files away: a file appears after one second or 10,000 lines. One thread.
class rotating_output {
 public:
  /// Files are `directory`/TIME-START-N.jsonl.
  rotating_output(publisher& to, const clock& time, std::string directory)
      : to_(to), time_(time), directory_(std::move(directory)) {}

  /// What tells this start of the engine from every other, so that no file ever takes the name, and with it the place,
  /// of one that an earlier start showed: clocks stand still and step back. Before the first `rotate`.
  void name_start(std::uint64_t start) noexcept { start_ = start; }

  /// The place to append whole lines to; call `added` afterwards.
  std::string& buffer() noexcept { return buffer_; }
  void added(std::uint32_t lines = 1) noexcept {
    if (lines_ == 0) first_ = time_.steady();
    lines_ += lines;
  }
  bool empty() const noexcept { return lines_ == 0; }
  bool full() const noexcept { return lines_ >= 10'000; }
  /// Full, or old enough to be shown.
  bool due() const noexcept { return full() || (lines_ != 0 && time_.steady() - first_ >= std::chrono::seconds(1)); }
  std::chrono::steady_clock::time_point due_at() const noexcept { return first_ + std::chrono::seconds(1); }
  /// Hands what there is to the publisher.
  void rotate();

 private:
  publisher& to_;
  const clock& time_;
  std::string directory_;
  std::string buffer_;
  std::uint32_t lines_ = 0;
  std::uint64_t start_ = 0;
  std::uint64_t number_ = 0;
  std::chrono::steady_clock::time_point first_{};
};

}  // namespace trunkline::engine
