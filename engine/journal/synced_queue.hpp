#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <vector>

#include "engine/dispatch/admission.hpp"
#include "engine/runtime/wake_slot.hpp"

namespace trunkline::engine {

/// What one commit made durable, in order; from the commit stage to the outputs. One lock per commit, not per message.
class synced_queue {
 public:
  /// `most_ahead`: octets of received PDUs that are answered while the outputs have not taken them yet.
  explicit synced_queue(wake_slot* consumer, std::size_t most_ahead = std::size_t{4} << 20U)
      : consumer_(consumer), most_ahead_(most_ahead) {}
  ~synced_queue() {
    for (const auto& events : waiting_) {
      for (const auto& event : events) discard(event);
    }
  }
  synced_queue(const synced_queue&) = delete;
  synced_queue& operator=(const synced_queue&) = delete;

  /// Commit thread. Takes the events out of `events` and leaves it empty with capacity to reuse.
  void push(std::vector<journal_event>& events) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.emplace_back(std::move(events));
      if (!spare_.empty()) {
        events = std::move(spare_.back());
        spare_.pop_back();
      }
    }
    events.clear();
    if (consumer_ != nullptr) consumer_->wake();
  }
  /// Outputs thread: the next commit's events, or false.
  bool pop(std::vector<journal_event>& events) {
    const std::lock_guard lock(mutex_);
    if (events.capacity() != 0 && spare_.size() < 8) spare_.push_back(std::move(events));
    if (waiting_.empty()) {
      events = {};
      return false;
    }
    events = std::move(waiting_.front());
    waiting_.pop_front();
    return true;
  }
  /// Commit thread: whether a received PDU of so many octets may be answered before the outputs have taken it. No: they
  /// are behind, and answer it themselves when they come to it, so that the peer's window keeps memory bounded.
  bool answer_ahead(std::size_t octets) noexcept {
    if (ahead_.load(std::memory_order_relaxed) >= most_ahead_) return false;
    ahead_.fetch_add(octets, std::memory_order_relaxed);
    return true;
  }
  /// Outputs thread: has taken one that was answered before.
  void taken(std::size_t octets) noexcept { ahead_.fetch_sub(octets, std::memory_order_relaxed); }

  std::size_t depth() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  bool empty() const { return depth() == 0; }

 private:
  mutable std::mutex mutex_;
  std::deque<std::vector<journal_event>> waiting_;
  std::vector<std::vector<journal_event>> spare_;
  wake_slot* consumer_;
  const std::size_t most_ahead_;
  std::atomic<std::size_t> ahead_{0};
};

}  // namespace trunkline::engine
