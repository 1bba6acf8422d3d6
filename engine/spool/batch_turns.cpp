#include "engine/spool/batch_turns.hpp"

#include <algorithm>
#include <bit>

namespace trunkline::engine {

namespace {

/// Calls f(bit number) for each bit.
template <class F>
void for_each_bit(std::uint64_t bits, F f) {
  for (; bits != 0; bits &= bits - 1) f(static_cast<std::size_t>(std::countr_zero(bits)));
}

/// Nothing of it moves before it is resumed, which wakes it.
bool paused(const batch& b) noexcept { return b.paused.load(std::memory_order_relaxed); }

}  // namespace

void batch_turns::add(batch& b) {
  known_[b.batch_id] = &b;
  b.turn.asleep = true;
  b.turn.last = ++turns_given_;  // behind those that are there
  wake(b);
}

void batch_turns::wake(batch& b) {
  if (!b.turn.asleep) return;
  b.turn.asleep = false;
  row_of(b).emplace(b.turn.last, b.batch_id);
}

void batch_turns::wake_all() {
  std::vector<batch*> in_order;
  in_order.reserve(known_.size());
  for (const auto& [id, b] : known_) in_order.push_back(b);
  std::sort(in_order.begin(), in_order.end(), [](const batch* a, const batch* b) { return a->batch_id < b->batch_id; });
  for (batch* b : in_order) wake(*b);
}

template <class Forget, class Waits>
batch* batch_turns::wake_first(list& of, Forget forget, Waits waits) {
  while (!of.empty()) {
    batch* b = find(of.front());
    of.pop_front();
    if (b == nullptr) continue;
    forget(b->turn);
    if (!b->turn.asleep || !waits(*b)) continue;
    wake(*b);
    return b;
  }
  return nullptr;
}

void batch_turns::wake_due(const room_by_priority& room, std::int64_t now_ms) {
  while (!due_.empty() && due_.top().first <= now_ms) {
    batch* b = find(due_.top().second);
    if (b != nullptr) {
      if (b->turn.listed_due_ms == due_.top().first) b->turn.listed_due_ms = never_ms;
      wake(*b);
    }
    due_.pop();
  }
  for (std::size_t p = 0; p < waiting_.size(); ++p) {
    waiting& at = waiting_[p];
    // Who waits as another priority by now is listed there when it falls asleep again.
    for_each_bit(room[p].fresh, [&](std::size_t bit) {
      const std::uint64_t mask = std::uint64_t{1} << bit;
      (void)wake_first(
          at.fresh[bit], [&](batch_turn& turn) { turn.listed_fresh &= ~mask; },
          [&](const batch& b) { return !paused(b) && (b.waits & mask) != 0; });
    });
    for_each_bit(room[p].retries, [&](std::size_t bit) {
      const std::uint64_t mask = std::uint64_t{1} << bit;
      (void)wake_first(
          at.retries[bit], [&](batch_turn& turn) { turn.listed_retries &= ~mask; },
          [&](const batch& b) { return !paused(b) && (b.retry_waits & mask) != 0; });
    });
    if (room[p].fresh != 0) {
      (void)wake_first(
          at.unread, [](batch_turn& turn) { turn.listed_unread = false; }, [](const batch& b) { return !b.scanned; });
    }
  }
}

batch* batch_turns::next_unread(bool of_paused, std::int64_t now_ms) {
  const auto unread = [&](const batch& b) { return !b.scanned && b.retry_at_ms <= now_ms && paused(b) == of_paused; };
  if (of_paused)
    return wake_first(
        unread_paused_, [](batch_turn& turn) { turn.listed_paused = false; }, unread);
  for (waiting& at : waiting_) {
    batch* b = wake_first(
        at.unread, [](batch_turn& turn) { turn.listed_unread = false; }, unread);
    if (b != nullptr) return b;
  }
  return nullptr;
}

void batch_turns::enlist(list& in, std::uint32_t id) {
  // Nobody takes from the list of a carrier that is down: those who are gone are dropped here.
  if (in.size() > 2 * known_.size() + 64)
    in.erase(std::remove_if(in.begin(), in.end(), [this](std::uint32_t of) { return find(of) == nullptr; }), in.end());
  in.push_back(id);
}

void batch_turns::list_due(batch& b, std::int64_t due_ms) {
  b.turn.listed_due_ms = due_ms;
  due_.emplace(due_ms, b.batch_id);
  if (due_.size() <= 4 * known_.size() + 64) return;
  // Most of them are of batches that are gone, or were listed for an earlier time since.
  std::vector<due_entry> still;
  for (const auto& [id, known] : known_) {
    if (known->turn.listed_due_ms != never_ms) still.emplace_back(known->turn.listed_due_ms, id);
  }
  due_ = decltype(due_)(std::greater<>(), std::move(still));
}

void batch_turns::sleep(batch& b, std::int64_t now_ms) {
  b.turn.asleep = true;
  const bool later = b.retry_at_ms > now_ms;
  const std::int64_t due_ms = later ? b.retry_at_ms : b.earliest_due_ms;
  if (due_ms < b.turn.listed_due_ms) {
    list_due(b, due_ms);
  }
  if (later) return;
  if (!paused(b)) return wait_for_carriers(b);
  if (b.scanned || b.turn.listed_paused) return;
  b.turn.listed_paused = true;
  enlist(unread_paused_, b.batch_id);
}

void batch_turns::wait_for_carriers(batch& b) {
  waiting& at = waiting_of(b);
  for_each_bit(b.waits & ~b.turn.listed_fresh, [&](std::size_t bit) { enlist(at.fresh[bit], b.batch_id); });
  b.turn.listed_fresh |= b.waits;
  for_each_bit(b.retry_waits & ~b.turn.listed_retries, [&](std::size_t bit) { enlist(at.retries[bit], b.batch_id); });
  b.turn.listed_retries |= b.retry_waits;
  if (b.scanned || b.turn.listed_unread) return;
  b.turn.listed_unread = true;
  enlist(at.unread, b.batch_id);
}

}  // namespace trunkline::engine
