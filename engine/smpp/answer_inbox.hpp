#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
  void acknowledge_all(std::span<const std::uint32_t> sequence_numbers) noexcept override {
    entered_.fetch_add(1, std::memory_order_seq_cst);
    if (open_.load(std::memory_order_seq_cst)) {
      items_.enqueue_bulk(stored_items{sequence_numbers.data()}, sequence_numbers.size());
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
    std::array<item, 128> next;
    while (const std::size_t count = items_.try_dequeue_bulk(next.begin(), next.size())) {
      for (std::size_t i = 0; i < count; ++i) f(next[i]);
    }
  }

  /// Session: parked before it suspends, as any wake_slot.
  [[nodiscard]] wake_slot& slot() noexcept { return slot_; }

  /// Session: after this returns, nobody posts to it any more.
  void close() noexcept {
    open_.store(false, std::memory_order_seq_cst);
    while (entered_.load(std::memory_order_seq_cst) != 0) std::this_thread::yield();
  }

 private:
  /// Sequence numbers as items of what is stored.
  struct stored_items {
    const std::uint32_t* at;
    item operator*() const noexcept { return {*at, true}; }
    stored_items& operator++() noexcept { return ++at, *this; }
    stored_items operator++(int) noexcept { return {at++}; }
  };

  shared_queue<item> items_{256};
  shared_queue<std::unique_ptr<intent_list>> announced_{64};
  wake_slot slot_;
  std::atomic<bool> open_{true};
  std::atomic<std::uint32_t> entered_{0};
};

}  // namespace trunkline::engine
