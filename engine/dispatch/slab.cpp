// The slab reserves address space once and hands out 512-octet slots; untouched slots cost no memory. A magazine moves
// slots to and from the shared stack in bulk, so the mutex is outside the per-message path.
#include "engine/dispatch/slab.hpp"

#include <sys/mman.h>

#include <new>

namespace trunkline::engine {

slab::slab(std::size_t slots) : slots_(slots), free_(slots) {
  void* memory =
      ::mmap(nullptr, slots * slot_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<std::byte*>(memory);
  stack_.reserve(4096);
}

slab::~slab() { ::munmap(memory_, slots_ * slot_bytes); }

slab::magazine::~magazine() {
  const std::lock_guard lock(slab_.mutex_);
  slab_.stack_.insert(slab_.stack_.end(), stock_.begin(), stock_.end());
  slab_.free_.fetch_add(stock_.size(), std::memory_order_relaxed);
}

bool slab::magazine::refill(std::size_t total) noexcept {
  const std::lock_guard lock(slab_.mutex_);
  const std::size_t missing = total - stock_.size();
  const std::size_t want = std::max(missing, exchange_slots_);
  std::size_t taken = 0;
  while (taken < want && !slab_.stack_.empty()) {
    stock_.push_back(slab_.stack_.back());
    slab_.stack_.pop_back();
    ++taken;
  }
  while (taken < want && slab_.untouched_ < slab_.slots_) {
    stock_.push_back(slab_.memory_ + slab_.untouched_++ * slot_bytes);
    ++taken;
  }
  slab_.free_.fetch_sub(taken, std::memory_order_relaxed);
  return stock_.size() >= total;
}

message* slab::magazine::take(std::size_t payload_bytes) noexcept {
  const std::size_t slots = slots_for(payload_bytes);
  if (stock_.size() < slots && !refill(slots)) return nullptr;
  auto* m = new (stock_.back()) message;
  stock_.pop_back();
  if (stock_.size() >= prefetch_distance)
    prefetch(static_cast<const message*>(stock_[stock_.size() - prefetch_distance]));
  m->slots = static_cast<std::uint16_t>(slots);
  message** link = &m->next_slot;
  for (std::size_t i = 1; i < slots; ++i) {
    auto* next = static_cast<message*>(stock_.back());
    stock_.pop_back();
    *link = next;
    // A following slot is only a pointer and octets; its pointer stands where `next_slot` does.
    link = reinterpret_cast<message**>(next);
    *link = nullptr;
  }
  return m;
}

void slab::magazine::give(message* m) noexcept {
  void* slot = m;
  while (slot != nullptr) {
    void* next = *static_cast<void**>(slot);
    stock_.push_back(slot);
    slot = next;
  }
  if (stock_.size() < 2 * exchange_slots_) return;
  const std::lock_guard lock(slab_.mutex_);
  while (stock_.size() > exchange_slots_) {
    slab_.stack_.push_back(stock_.back());
    stock_.pop_back();
    slab_.free_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace trunkline::engine
