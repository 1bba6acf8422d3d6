#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <string>
#include <vector>

#include "engine/dispatch/admission.hpp"
#include "engine/dispatch/optout_set.hpp"
#include "engine/dispatch/outcomes.hpp"
#include "engine/dispatch/routing.hpp"
#include "engine/dispatch/slab.hpp"
#include "engine/journal/records.hpp"
#include "engine/runtime/clock.hpp"
#include "engine/runtime/counter.hpp"
#include "engine/spool/batch.hpp"
#include "engine/spool/batch_turns.hpp"
#include "engine/spool/entry_reader.hpp"
#include "engine/spool/submit_encoder.hpp"

namespace trunkline::engine {

/// What the feeder needs to know of the configuration.
struct feeder_options {
  record_options records;
  std::chrono::milliseconds default_validity{std::chrono::hours(48)};
  /// Lines of one carrier that may wait for a later attempt; then its other lines wait in their files.
  std::uint64_t max_postponed = 200'000;
  bool keep_sender = false;  ///< replies have to find what was sent
  /// Messages get keys for it; null: they do not.
  const optout_set* optouts = nullptr;
};

/// The dispatcher: takes lines of the open batches while their carriers have room, routes and encodes them, keeps short
/// retries, and puts everything else back to its line. Batches take turns (batch_turns), one block of 1,024 lines each.
/// A plain object: `step` does bounded work and never blocks but on reading a file. One thread calls everything
/// unless said otherwise.
class feeder {
 public:
  /// Gets what is wrong, for people; empty when nothing is.
  using order_done = std::function<void(const std::string& refused)>;

  feeder(feeder_options options, file_system& files, const clock& time, slab& memory, outcome_queues& queues,
         std::shared_ptr<const routing> routes);
  ~feeder();

  /// Takes over an accepted batch. `announce`: it is new, and the journal is told before any of its messages is taken.
  void add(std::unique_ptr<batch> accepted, bool announce);
  /// Any thread: the outputs have closed this batch; the feeder forgets it.
  void closed(std::uint32_t batch_id);
  /// An open batch; null when none has this name.
  batch* find(std::string_view name) noexcept;
  /// Pauses, resumes or cancels an open batch. `done` is called on this thread: with an empty text once the order is on
  /// disk, so that it survives a restart, and in force; or with the reason why it is not carried out. After a cancel
  /// nothing of the batch is written to a socket any more, but what was in a window already may have gone out.
  void order(batch& b, journal_records::command what, order_done done);
  /// New routes and carriers; takes effect between two blocks.
  void set_routing(std::shared_ptr<const routing> routes);
  /// From the next message on; see feeder_options.
  void set_optouts(const optout_set* optouts) noexcept { options_.optouts = optouts; }
  void set_keep_sender(bool keep) noexcept { encoder_.keep_sender(keep); }
  void set_default_validity(std::chrono::milliseconds validity) noexcept { options_.default_validity = validity; }
  const std::shared_ptr<const routing>& current_routing() const noexcept { return routing_; }

  struct step_result {
    bool worked = false;
    std::chrono::steady_clock::time_point next;  ///< call again at the latest then
  };
  /// One round: what came back, what is due, one block. Only `drain` when stopping: nothing new is taken.
  step_result step(bool take_new);

  /// Messages that are in memory for a later retry.
  std::size_t delayed() const noexcept { return delayed_.size(); }
  /// Gives every delayed message back to its line (shutdown).
  void give_up_delayed();
  std::size_t open_batches() const noexcept { return batches_.size(); }
  /// Calls f(batch) for each open batch. Feeder thread.
  template <class F>
  void for_each(F f) {
    for (auto& [id, b] : batches_) f(*b);
  }

  counter lines_read;         ///< entries parsed
  counter messages_finished;  ///< ended here: rejected, expired, cancelled
  counter messages_admitted;
  counter maybe_duplicates;  ///< flagged because they may have gone out before a crash

 private:
  struct delayed_message {
    std::chrono::steady_clock::time_point due;
    message* subject;
    bool operator>(const delayed_message& other) const noexcept { return due > other.due; }
  };
  enum class taking : std::uint8_t { taken, left, finished, no_memory };
  struct visit_state {
    admission* pending = nullptr;
    std::uint64_t waits = 0;        ///< as in the block
    std::uint64_t retry_waits = 0;  ///< as in the block
    std::int64_t due_ms = never_ms;
    /// Carriers, for the lines of one priority.
    struct refusals {
      std::uint64_t full = 0;        ///< had no room for one of them: no later one goes before it
      std::uint64_t needs_more = 0;  ///< had too little room for a long one, and are worth a look all the same
    };
    std::array<refusals, router::priority_count> of_priority{};
    bool memory_left = true;
    bool began_roomy = false;
  };

  /// An order whose record is on disk, or (`recall`) the moment when all that was admitted before it is in the lanes.
  struct durable_order {
    std::uint32_t batch_id = 0;
    journal_records::command what{};
    bool recall = false;
    order_done done;
  };
  bool take_returned();
  void send_to_journal(const batch& b, durable_order order);
  bool carry_out_orders();
  void look_at_all(batch& b);
  void recall(const batch& b);
  void postpone(batch& b, std::uint32_t entry, const postponed_line& line);
  void forget_postponed(batch& b, std::uint32_t entry);
  bool too_many_postponed(const carrier& c) const noexcept {
    return c.id() < postponed_by_.size() && postponed_by_[c.id()] >= options_.max_postponed;
  }
  void return_to_line(message* m, std::int64_t due_ms, bool keep);
  /// Keeps a message in memory until then.
  void delay(message* m, std::chrono::steady_clock::time_point due);
  /// The one that is due first.
  message* take_delayed();
  bool release_delayed(std::chrono::steady_clock::time_point now);
  void forget_closed();
  bool empty_closed_lanes();
  batch* next_batch(std::uint32_t& block_index, std::int64_t now_ms);
  bool find_block(batch& b, std::uint32_t& block_index, room_for roomy, std::int64_t now_ms);
  result<void> open_source(batch& b);
  void look_for_change(batch& b);
  static bool in_active(const batch& b) noexcept;
  void visit(batch& b, std::uint32_t block_index, std::int64_t now_ms);
  taking take(batch& b, std::uint32_t entry, std::uint32_t line, entry_reader::outcome what, std::string_view text,
              std::int64_t now_ms, visit_state& state);
  /// What ends a message before it goes anywhere.
  struct ending {
    router::message_status status{};
    router::reason why{};
    std::string_view text;
  };
  taking finish_begun(batch& b, const record& from, const ending& how, carrier* last, message_context& context,
                      const postponed_line& later);
  taking finish(const record* from, router::message_status status, router::reason why, std::string_view text,
                const message_context& context, std::uint32_t error_value = 0, std::uint16_t attempts = 0);
  /// Counts slots as the carrier's; `flush` publishes it before the messages leave the feeder.
  void hold(carrier& by, const message& m) {
    if (holders_.empty() || holders_.back() != &by) holders_.push_back(&by);
    by.hold(m.priority, m.slots);
  }
  void flush();
  carrier* by_name(std::string_view name) const;
  /// The carrier that has accepted some parts of this message already, if it can still send; else null.
  const std::shared_ptr<carrier>& partly_sent_by(const batch& b, std::uint32_t entry) const;
  void restore_parts(batch& b, message& m, const std::string& carrier_name);
  room_by_priority roomy_carriers() const;
  void source_failed(batch& b, std::uint32_t entry, std::error_code why, std::int64_t now_ms);

  feeder_options options_;
  file_system& files_;
  const clock& time_;
  slab& memory_;
  slab::magazine magazine_;
  outcome_sink sink_;
  shared_queue<returned_message>::consumer_token returned_token_;
  std::vector<returned_message> dequeued_;
  std::shared_ptr<const routing> routing_;
  record_parser parser_;
  entry_reader reader_;
  submit_encoder encoder_;
  std::map<std::uint32_t, std::unique_ptr<batch>> batches_;
  batch_turns turns_;
  std::deque<std::uint32_t> open_sources_;  // ids of batches whose files were opened, the oldest first
  std::priority_queue<delayed_message, std::vector<delayed_message>, std::greater<>> delayed_;
  std::vector<returned_message> returned_;
  std::vector<returned_message> unread_;     // returned while the journal has parts of them to read
  std::vector<std::uint32_t> postponed_by_;  // lines that wait for a later attempt, by carrier
  std::vector<carrier*> holders_;            // of this turn; the routing snapshot owns them
  std::uint64_t route_counter_ = 0;
  room_for roomy_;  // carriers that had room when the turn began and have not refused since
  std::chrono::steady_clock::time_point last_roomy_{};
  std::chrono::steady_clock::time_point now_{};  // of this step
  std::mutex closed_mutex_;
  std::vector<std::uint32_t> closed_;
  std::atomic<bool> orders_waiting_{false};
  std::mutex orders_mutex_;
  std::vector<durable_order> orders_;
};

}  // namespace trunkline::engine
