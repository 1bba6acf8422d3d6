#pragma once

#include <atomic>

namespace trunkline::engine {

/// Lets any thread wake one consumer without a system call when the consumer is busy and without ever losing a wake-up.
///
/// Consumer: `park()`, look for work once more, then suspend (or `unpark()` and go on). Producer: publish work, then
/// `wake()`. The exchanges on one atomic order the two: either the producer sees `parked` and posts, or the consumer's
/// second look sees the work. A plain load and store instead would lose wake-ups (shown by a test).
class wake_slot {
 public:
  using poster = void (*)(void* context) noexcept;

  /// `post` is called by whichever thread wakes, at most once per park; it must only schedule the consumer.
  wake_slot(poster post, void* context) noexcept : post_(post), context_(context) {}
  wake_slot(const wake_slot&) = delete;
  wake_slot& operator=(const wake_slot&) = delete;

  /// Consumer thread: announces that it is about to suspend. Look for work again afterwards.
  void park() noexcept { parked_.exchange(true, std::memory_order_seq_cst); }
  /// Consumer thread: takes the announcement back. False when a producer was faster: its post is on the way.
  bool unpark() noexcept { return parked_.exchange(false, std::memory_order_acq_rel); }
  /// Any thread, after publishing work. True when this call posted.
  bool wake() noexcept {
    if (!parked_.exchange(false, std::memory_order_seq_cst)) return false;
    post_(context_);
    return true;
  }

 private:
  std::atomic<bool> parked_{false};
  poster post_;
  void* context_;
};

}  // namespace trunkline::engine
