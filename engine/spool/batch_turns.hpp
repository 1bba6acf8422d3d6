#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/spool/batch.hpp"
#include "router/outcome.hpp"

namespace trunkline::engine {

/// Carriers (bit id % 64) that would take lines now. One with too many postponed lines takes no new ones, but those.
struct room_for {
  std::uint64_t fresh = 0;    ///< any line
  std::uint64_t retries = 0;  ///< a line whose later attempt is due; includes `fresh`
  [[nodiscard]] bool any() const noexcept { return retries != 0; }
};
/// The same for each priority.
using room_by_priority = std::array<room_for, router::priority_count>;

/// Whose turn it is among the open batches. Those of the highest priority come first, but every eighth turn begins with
/// another priority; within one they take turns. A batch that cannot move is asleep, and costs nothing until a carrier
/// that it waits for has room, its time has come, or somebody wakes it: a hundred thousand batches for a dead carrier
/// do not slow down the others. A plain object of the dispatcher's; it does not own the batches.
class batch_turns {
 public:
  void add(batch& b);
  /// It is gone; what still refers to it here is dropped as it comes up.
  void forget(std::uint32_t batch_id) { known_.erase(batch_id); }
  /// Something has happened to it: it is looked at again.
  void wake(batch& b);
  void wake_all();
  /// Wakes those whose time has come and, for each carrier that has room, whoever has waited longest for it.
  void wake_due(const room_by_priority& room, std::int64_t now_ms);

  /// Whose turn it is; null when nobody can move. `may_move` says it of a batch; those that may not fall asleep, as
  /// their fields say what they wait for.
  template <class MayMove>
  batch* next(std::int64_t now_ms, MayMove&& may_move) {
    turn_ = (turn_ + 1) % (2 * share_of_others);
    for (std::size_t n = 0; n < rows_.size(); ++n) {
      row& of = rows_[(first_row() + n) % rows_.size()];
      while (!of.empty()) {
        batch* b = find(of.top().second);
        of.pop();
        if (b == nullptr) continue;
        if (b->retry_at_ms <= now_ms && may_move(*b)) {
          b->turn.last = ++turns_given_;
          row_of(*b).emplace(b->turn.last, b->batch_id);
          return b;
        }
        sleep(*b, now_ms);
      }
    }
    return nullptr;
  }
  /// One that sleeps although its file was not read to the end, and that is not paused; or (`of_paused`) one that is.
  /// It is awake from now on. Null when there is none.
  batch* next_unread(bool of_paused, std::int64_t now_ms);

  /// For how many times somebody is to be looked at; what it costs in memory is bounded by the batches there are.
  std::size_t times_listed() const noexcept { return due_.size(); }
  /// Nothing becomes due before, as far as is known; never_ms when nothing does.
  std::int64_t next_due_ms() const noexcept { return due_.empty() ? never_ms : due_.top().first; }

 private:
  using list = std::deque<std::uint32_t>;
  /// Those that are awake: (their last turn, id), whoever had it first in front.
  using row_entry = std::pair<std::uint64_t, std::uint32_t>;
  using row = std::priority_queue<row_entry, std::vector<row_entry>, std::greater<>>;
  /// Those that wait for a carrier, of one priority. Somebody who has been woken since is dropped as he comes up.
  struct waiting {
    std::array<list, 64> fresh;
    std::array<list, 64> retries;
    list unread;  ///< may go on wherever there is room
  };
  using due_entry = std::pair<std::int64_t, std::uint32_t>;
  static constexpr std::uint32_t share_of_others = 8;

  std::size_t first_row() const noexcept { return turn_ == 0 ? 2 : turn_ == share_of_others ? 1 : 0; }
  batch* find(std::uint32_t id) const noexcept {
    const auto found = known_.find(id);
    return found == known_.end() ? nullptr : found->second;
  }
  row& row_of(const batch& b) noexcept { return rows_[static_cast<std::size_t>(b.rank())]; }
  waiting& waiting_of(const batch& b) noexcept { return waiting_[static_cast<std::size_t>(b.waits_as)]; }
  void sleep(batch& b, std::int64_t now_ms);
  void wait_for_carriers(batch& b);
  void list_due(batch& b, std::int64_t due_ms);
  void enlist(list& in, std::uint32_t id);
  /// The first of a list that still belongs there; it is awake from now on. `forget` takes note that it is not in the
  /// list any more, `waits` says whether it waits for what the list is about.
  template <class Forget, class Waits>
  batch* wake_first(list& of, Forget forget, Waits waits);

  std::unordered_map<std::uint32_t, batch*> known_;
  std::array<row, router::priority_count> rows_;
  std::array<waiting, router::priority_count> waiting_;
  list unread_paused_;
  std::priority_queue<due_entry, std::vector<due_entry>, std::greater<>> due_;
  std::uint32_t turn_ = 0;
  std::uint64_t turns_given_ = 0;
};

}  // namespace trunkline::engine
