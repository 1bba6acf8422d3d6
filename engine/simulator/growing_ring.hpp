#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace trunkline::engine {

/// A FIFO in one array that doubles when full and never shrinks: no allocation per element once it has grown to the
/// size that the load needs. T must be cheap to move.
template <class T>
class growing_ring {
 public:
  bool empty() const noexcept { return head_ == tail_; }
  std::size_t size() const noexcept { return tail_ - head_; }

  T& front() noexcept { return slots_[head_ & mask()]; }
  const T& front() const noexcept { return slots_[head_ & mask()]; }
  /// The element `i` behind the front.
  T& operator[](std::size_t i) noexcept { return slots_[(head_ + i) & mask()]; }
  const T& operator[](std::size_t i) const noexcept { return slots_[(head_ + i) & mask()]; }

  void push(const T& value) {
    if (size() == capacity_) grow();
    slots_[tail_++ & mask()] = value;
  }
  void pop() noexcept { ++head_; }

 private:
  std::size_t mask() const noexcept { return capacity_ - 1; }

  void grow() {
    const std::size_t wider = capacity_ == 0 ? 64 : capacity_ * 2;
    auto slots = std::make_unique_for_overwrite<T[]>(wider);
    const std::size_t count = size();
    for (std::size_t i = 0; i < count; ++i) slots[i] = std::move(slots_[(head_ + i) & mask()]);
    slots_ = std::move(slots);
    capacity_ = wider;
    head_ = 0;
    tail_ = count;
  }

  std::unique_ptr<T[]> slots_;
  std::size_t capacity_ = 0;
  std::size_t head_ = 0;  // both only grow; masked when used
  std::size_t tail_ = 0;
};

}  // namespace trunkline::engine
