#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "engine/dispatch/message.hpp"

namespace trunkline::engine {

/// All message memory: `slots` blocks of 512 octets, reserved at start and touched on first use only.
///
/// Threads take and give back through a `slab::magazine` of their own, so that the shared stack is locked once per
/// several hundred messages. The last slot freed is the first reused: memory that is in the cache stays in use.
class slab {
 public:
  explicit slab(std::size_t slots);
  ~slab();
  slab(const slab&) = delete;
  slab& operator=(const slab&) = delete;

  std::size_t capacity() const noexcept { return slots_; }
  /// Any thread; slots not in any magazine's or message's hands (approximate while others work).
  std::size_t free_slots() const noexcept { return free_.load(std::memory_order_relaxed); }

  /// One thread's private stock of free slots. Gives everything back when destroyed.
  class magazine {
   public:
    explicit magazine(slab& from) : slab_(from), exchange_slots_(exchange_slots(from.capacity())) {
      stock_.reserve(2 * exchange_slots_);
    }
    ~magazine();
    magazine(const magazine&) = delete;
    magazine& operator=(const magazine&) = delete;

    /// A fresh message whose chain holds `payload_bytes`, or nullptr when memory is exhausted (nothing is taken then).
    message* take(std::size_t payload_bytes) noexcept;
    /// Ends a message's life and takes its whole chain back.
    void give(message* m) noexcept;

   private:
    /// How many slots go to and fro at once. What lies in one thread's stock is missing to the others: all of them
    /// together hold back no more than a quarter of a small slab.
    static constexpr std::size_t exchange_slots(std::size_t capacity) noexcept {
      return std::clamp<std::size_t>(capacity / 16, 1, 256);
    }
    /// Fetches slots until at least `total` are in stock; false when there are not so many.
    bool refill(std::size_t total) noexcept;
    slab& slab_;
    const std::size_t exchange_slots_;
    std::vector<void*> stock_;
  };

  /// Slots that a message with so much payload needs.
  static constexpr std::size_t slots_for(std::size_t payload_bytes) noexcept {
    if (payload_bytes <= message::first_payload_bytes) return 1;
    return 1 + (payload_bytes - message::first_payload_bytes + message::next_payload_bytes - 1) /
                   message::next_payload_bytes;
  }

 private:
  std::size_t slots_;
  std::byte* memory_;
  std::mutex mutex_;
  std::vector<void*> stack_;   // freed slots
  std::size_t untouched_ = 0;  // slots from here on were never used
  std::atomic<std::size_t> free_;
};

}  // namespace trunkline::engine
