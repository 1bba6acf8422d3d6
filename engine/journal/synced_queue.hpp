#pragma once

#include <deque>
#include <mutex>
#include <vector>

#include "engine/dispatch/admission.hpp"
#include "engine/runtime/wake_slot.hpp"

namespace trunkline::engine {

/// What one commit made durable, in order; from the commit stage to the outputs. One lock per commit, not per message.
class synced_queue {
 public:
  explicit synced_queue(wake_slot* consumer) : consumer_(consumer) {}
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
};

}  // namespace trunkline::engine
