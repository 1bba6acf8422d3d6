#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "router/sender_pace.hpp"

namespace trunkline::engine {

/// `throughput_per_sender` for several threads: a sender_pace behind a mutex, which is touched only while there is a
/// limit. A carrier has two: at the first the feeder takes no more of a sender than it may send, so that one sender's
/// batch does not fill the memory; at the second the sessions keep the pace on the wire.
class sender_limit {
 public:
  explicit sender_limit(double per_second) : pace_(per_second), limited_(pace_.limited()) {}

  [[nodiscard]] bool limited() const noexcept { return limited_.load(std::memory_order_relaxed); }

  /// Zero: the parts may go. Otherwise how long they wait; see router::sender_pace::take().
  [[nodiscard]] std::chrono::nanoseconds take(std::string_view sender, std::uint32_t parts,
                                              std::chrono::steady_clock::time_point now, bool in_line) {
    const std::lock_guard lock(mutex_);
    return pace_.take(sender, parts, now, in_line);
  }
  /// Counts this many parts more (or fewer) of a sender whose parts were let go.
  void adjust(std::string_view sender, std::int64_t parts) {
    const std::lock_guard lock(mutex_);
    pace_.adjust(sender, parts);
  }
  void set_rate(double per_second) {
    const std::lock_guard lock(mutex_);
    pace_.set_rate(per_second);
    limited_.store(pace_.limited(), std::memory_order_relaxed);
  }

 private:
  std::mutex mutex_;
  router::sender_pace pace_;
  std::atomic<bool> limited_;
};

}  // namespace trunkline::engine
