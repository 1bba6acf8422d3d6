#include "engine/dispatch/optout_set.hpp"

#include <algorithm>
#include <thread>

namespace trunkline::engine {
namespace {

constexpr std::size_t least_slots = 16;

/// Filled to 60 %: a table grows by a quarter until the next time.
constexpr std::size_t slots_for(std::size_t keys) noexcept { return std::max(least_slots, keys * 5 / 3 + 1); }

}  // namespace

optout_set::optout_set() : shards_(std::make_unique<shard[]>(shard_count)) {}

optout_set::~optout_set() {
  for (std::size_t i = 0; i < shard_count; ++i) delete shards_[i].current.load();
}

void optout_set::table::put(std::uint64_t key) noexcept {
  for (std::uint32_t at = home(key);; at = after(at)) {
    const std::uint64_t there = slots[at].load(std::memory_order_relaxed);
    if (there >= first_key) continue;
    if (there == empty) ++used;
    slots[at].store(key, std::memory_order_relaxed);
    return;
  }
}

void optout_set::reserve(std::size_t keys) {
  // The fullest of the tables has a little more than its share.
  const std::size_t share = keys / shard_count;
  for (std::size_t i = 0; i < shard_count; ++i) replace(shards_[i], std::max(least_slots, share * 3 / 2 + 1));
}

bool optout_set::insert(std::uint64_t key) {
  shard& in = shard_of(key);
  if (in.retired) forget_retired(in);
  table* t = in.current.load(std::memory_order_relaxed);
  if (t != nullptr && t->find(key) != nullptr) return false;
  if (t == nullptr || t->used >= t->count / 4 * 3) {
    replace(in, slots_for(in.keys + 1U));
    t = in.current.load(std::memory_order_relaxed);
  }
  t->put(key);
  ++in.keys;
  size_.store(size() + 1, std::memory_order_release);
  return true;
}

bool optout_set::erase(std::uint64_t key) noexcept {
  shard& in = shard_of(key);
  table* t = in.current.load(std::memory_order_relaxed);
  auto* slot = t == nullptr ? nullptr : t->find(key);
  if (slot == nullptr) return false;
  slot->store(removed, std::memory_order_relaxed);
  --in.keys;
  size_.store(size() - 1, std::memory_order_release);
  return true;
}

void optout_set::replace(shard& in, std::size_t slots) {
  auto made = std::make_unique<table>(static_cast<std::uint32_t>(slots));
  bytes_.fetch_add(slots * sizeof(std::uint64_t), std::memory_order_relaxed);
  const table* old = in.current.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; old != nullptr && i < old->count; ++i) {
    if (const auto key = old->slots[i].load(std::memory_order_relaxed); key >= first_key) made->put(key);
  }
  // A look takes less than a microsecond; the one before, if it is still there, has nobody left but a thread that lost
  // its core in the middle of one.
  while (in.retired) {
    forget_retired(in);
    if (in.retired) std::this_thread::yield();
  }
  in.retired.reset(in.current.exchange(made.release(), std::memory_order_seq_cst));
  if (in.retired) forget_retired(in);
}

void optout_set::forget_retired(shard& in) noexcept {
  if (in.readers.load(std::memory_order_seq_cst) != 0) return;
  bytes_.fetch_sub(in.retired->count * sizeof(std::uint64_t), std::memory_order_relaxed);
  in.retired.reset();
}

}  // namespace trunkline::engine
