#pragma once

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "protocol/pdu_header.hpp"

namespace trunkline::protocol {

/// The unanswered requests of one session: sequence number -> what the caller wants to know when the answer comes.
///
/// A ring of at least twice the window, indexed by sequence number. Each slot stores its full sequence number, so that
/// a late or duplicate answer hits no newer request; a number whose slot is still busy is skipped, so that one lost
/// answer does not stop the stream. Slots in use are linked in order of opening, which makes the oldest one known at
/// no cost. Allocates in the constructor, and in resize() to more than ever before. One thread.
///
/// Numbers go from 1 to `Last` and begin again (SMPP 3.4, 5.1.4); a number that is still unanswered is never given out
/// again, however often they have gone round. `Last` must be larger than the ring.
template <typename T, std::uint32_t Last = max_sequence_number>
class window {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_default_constructible_v<T>);

  /// What close() returns: the caller's value and when it was opened.
  struct entry {
    T value;
    time_point sent;
  };

  /// `size`: requests that may be unanswered at once, 1 to 1,000,000. `first`: the first sequence number.
  explicit window(std::uint32_t size, std::uint32_t first = 1)
      : size_(size), mask_(std::bit_ceil(2 * (size < 2 ? 2U : size)) - 1), next_(first), slots_(mask_ + 2) {
    clear_links();
  }

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint32_t in_flight() const noexcept { return in_flight_; }
  [[nodiscard]] std::uint32_t free() const noexcept { return size_ > in_flight_ ? size_ - in_flight_ : 0; }

  /// Changes how many may be unanswered, 1 to 1,000,000. Never forgets one: a smaller window fills up again only after
  /// answers came.
  void resize(std::uint32_t size) {
    if (2 * std::size_t{size} > mask_ + std::size_t{1}) grow(std::bit_ceil(2 * size));
    size_ = size;
  }

  /// Opens a request and returns its sequence number, or 0 when the window is full. `now` must never go back.
  [[nodiscard]] std::uint32_t open(time_point now, T value) noexcept {
    if (in_flight_ >= size_) return 0;
    std::uint32_t number = take_number();
    // At most half of the ring is busy, so that this ends.
    while (slots_[number & mask_].number != 0) number = take_number();
    const std::uint32_t index = number & mask_;
    slot& opened = slots_[index];
    opened.number = number;
    opened.sent = now;
    opened.value = value;
    link_last(index);
    ++in_flight_;
    return number;
  }

  /// Takes a sequence number for a request that is not counted in the window (bind, enquire_link, unbind).
  [[nodiscard]] std::uint32_t take_number() noexcept {
    std::uint32_t number = 0;
    do {
      number = next_;
      next_ = number >= Last ? 1 : number + 1;
    } while (slots_[number & mask_].number == number);
    return number;
  }

  /// Ends the request with this number; nothing when there is none (late, duplicate, never sent).
  [[nodiscard]] std::optional<entry> close(std::uint32_t number) noexcept {
    const std::uint32_t index = number & mask_;
    if (number == 0 || slots_[index].number != number) return std::nullopt;
    return take(index);
  }

  [[nodiscard]] bool contains(std::uint32_t number) const noexcept {
    return number != 0 && slots_[number & mask_].number == number;
  }

  /// The caller's value of an unanswered request, nullptr when there is none of this number.
  [[nodiscard]] const T* find(std::uint32_t number) const noexcept {
    return contains(number) ? &slots_[number & mask_].value : nullptr;
  }

  /// When the oldest unanswered request was opened.
  [[nodiscard]] std::optional<time_point> oldest() const noexcept {
    if (in_flight_ == 0) return std::nullopt;
    return slots_[slots_[head()].next].sent;
  }

  /// Ends every request opened at or before `now - timeout`, oldest first, and calls f(number, entry) for each.
  /// O(1) when there is none. `f` must not open or close.
  template <typename F>
  void expire(time_point now, std::chrono::steady_clock::duration timeout, F f) {
    while (in_flight_ != 0) {
      const std::uint32_t index = slots_[head()].next;
      if (now - slots_[index].sent < timeout) return;
      const std::uint32_t number = slots_[index].number;
      f(number, take(index));
    }
  }

  /// Ends all, oldest first: the connection is gone.
  template <typename F>
  void drain(F f) {
    while (in_flight_ != 0) {
      const std::uint32_t index = slots_[head()].next;
      const std::uint32_t number = slots_[index].number;
      f(number, take(index));
    }
  }

 private:
  /// Moves everything into a ring of `ring` slots, in order. What had slots of their own in the smaller ring, a power
  /// of two, has in the larger one.
  void grow(std::uint32_t ring) {
    std::vector<slot> before(ring + std::size_t{1});
    before.swap(slots_);
    const std::uint32_t old_head = head();
    mask_ = ring - 1;
    clear_links();
    for (std::uint32_t i = before[old_head].next; i != old_head; i = before[i].next) {
      const std::uint32_t index = before[i].number & mask_;
      slot& moved = slots_[index];
      moved.number = before[i].number;
      moved.sent = before[i].sent;
      moved.value = std::move(before[i].value);
      link_last(index);
    }
  }

  struct slot {
    std::uint32_t number = 0;  // 0: free
    std::uint32_t previous = 0;
    std::uint32_t next = 0;
    time_point sent{};
    T value{};
  };

  /// The slot behind the ring is the anchor of the list: its `next` is the oldest, its `previous` the newest.
  [[nodiscard]] std::uint32_t head() const noexcept { return mask_ + 1; }

  void clear_links() noexcept { slots_[head()].next = slots_[head()].previous = head(); }

  void link_last(std::uint32_t index) noexcept {
    slot& anchor = slots_[head()];
    slots_[index].previous = anchor.previous;
    slots_[index].next = head();
    slots_[anchor.previous].next = index;
    anchor.previous = index;
  }

  entry take(std::uint32_t index) noexcept {
    slot& taken = slots_[index];
    slots_[taken.previous].next = taken.next;
    slots_[taken.next].previous = taken.previous;
    taken.number = 0;
    --in_flight_;
    return {std::move(taken.value), taken.sent};
  }

  std::uint32_t size_;
  std::uint32_t mask_;
  std::uint32_t next_;
  std::uint32_t in_flight_ = 0;
  std::vector<slot> slots_;
};

}  // namespace trunkline::protocol
