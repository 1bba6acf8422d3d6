#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

#include "engine/dispatch/outcomes.hpp"
#include "engine/runtime/shared_queue.hpp"
#include "engine/runtime/wake_slot.hpp"

namespace trunkline::engine {

/// Where the journal tells a session which received PDUs may be answered, and which messages may be written. One per
/// connection, shared with every PDU under way, so that an acknowledgement that comes after the connection is gone
/// finds a closed inbox and nothing else.
class answer_inbox final : public acknowledger {
 public:
  struct item {
    std::uint32_t sequence_number = 0;
    bool stored = false;
  };

  answer_inbox(wake_slot::poster post, void* context) noexcept : slot_(post, context) {}

  /// Any thread.
  void acknowledge(std::uint32_t sequence_number, bool stored) noexcept override {
    entered_.fetch_add(1, std::memory_order_seq_cst);
    if (open_.load(std::memory_order_seq_cst)) {
      items_.enqueue({sequence_number, stored});
      slot_.wake();
    }
    entered_.fetch_sub(1, std::memory_order_seq_cst);
  }

  /// Any thread.
  bool announced(std::unique_ptr<intent_list>& list) noexcept override {
    entered_.fetch_add(1, std::memory_order_seq_cst);
    const bool taken = open_.load(std::memory_order_seq_cst);
    if (taken) {
      announced_.enqueue(std::move(list));
      slot_.wake();
    }
    entered_.fetch_sub(1, std::memory_order_seq_cst);
    return taken;
  }

  /// Session: calls f(std::unique_ptr<intent_list>) for each list that has come.
  template <typename F>
  void take_announced(F f) {
    std::unique_ptr<intent_list> next;
    while (announced_.try_dequeue(next)) f(std::move(next));
  }

  /// Session: calls f(item) for each acknowledgement that has come.
  template <typename F>
  void take(F f) {
    item next;
    while (items_.try_dequeue(next)) f(next);
  }

  /// Session: parked before it suspends, as any wake_slot.
  [[nodiscard]] wake_slot& slot() noexcept { return slot_; }

  /// Session: after this returns, nobody posts to it any more.
  void close() noexcept {
    open_.store(false, std::memory_order_seq_cst);
    while (entered_.load(std::memory_order_seq_cst) != 0) std::this_thread::yield();
  }

 private:
  shared_queue<item> items_{256};
  shared_queue<std::unique_ptr<intent_list>> announced_{64};
  wake_slot slot_;
  std::atomic<bool> open_{true};
  std::atomic<std::uint32_t> entered_{0};
};

}  // namespace trunkline::engine
