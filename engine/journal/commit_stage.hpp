#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/dispatch/admission.hpp"
#include "engine/dispatch/outcomes.hpp"
#include "engine/journal/records.hpp"
#include "engine/journal/synced_queue.hpp"
#include "engine/journal/writer.hpp"
#include "engine/runtime/clock.hpp"
#include "engine/runtime/counter.hpp"

namespace trunkline::engine {

/// The one writer of the journal. Collects what the stages decided, writes it as one frame, syncs, and only then lets
/// it have effects: messages reach the lanes, answers may be given, lines reach the report. As soon as a sync ends the
/// next may begin if something waits; its thread waits until `next_round`, so that under full load one sync covers
/// more. A plain object: `step` is called by its thread, or by a test.
class commit_stage {
 public:
  struct hooks {
    std::function<void()> wake_sessions;  ///< credit came back that somebody was waiting for
    std::function<void(std::uint64_t marker)>
        on_marker;                                  ///< outputs thread: everything before this segment has passed by
    std::function<void(std::error_code)> on_fatal;  ///< the journal cannot be written: stop the process
    std::function<void(bool)> on_full;              ///< commits fail for want of space (true), or go on (false)
  };

  commit_stage(journal_writer& writer, outcome_queues& queues, synced_queue& synced, const clock& time, hooks hooks);
  ~commit_stage();

  /// Tells the journal what a carrier id means; before any record names it. Commit thread, or before it starts.
  void name_carrier(std::uint16_t id, const std::string& name);
  /// Seeds the state that every new segment repeats; after recovery, before the thread starts.
  void adopt_batch(const journal_records::batch_opened& opened);
  void adopt_live(std::uint32_t batch, std::uint32_t entry, journal_records::type type,
                  std::vector<std::uint8_t> payload);
  void adopt_control(const journal_records::control& control);
  void adopt_intent(std::uint32_t batch, std::uint32_t entry, std::uint16_t carrier);
  /// Keeps batch numbers unique over restarts: what the next checkpoint records.
  void set_next_batch(std::uint32_t next) noexcept { next_batch_.store(next, std::memory_order_relaxed); }

  /// Opens the first segment. Before the thread starts.
  result<void> start();

  /// One round: at most one commit. True when it did something; false when there was nothing to do.
  bool step();

  /// When the next round is worth its sync: at once, unless so much is decided that a millisecond's worth of it can
  /// share one. Nobody waits for that longer than for a slow disk: not while credit is scarce, nor when received PDUs
  /// or intents were in the last frame. Commit thread.
  clock::steady_time next_round() const noexcept;

  /// Asks for a new segment and a checkpoint in the next round, whatever the size (shutdown, tests). Any thread.
  void request_checkpoint() noexcept { checkpoint_wanted_.store(true, std::memory_order_relaxed); }

  /// All positions of `marker` are durable: earlier segments can go. Called on the commit thread through a
  /// control_record.
  void checkpoint_done(std::uint64_t marker);

  const duration_histogram& commit_time() const noexcept { return commit_time_; }
  std::uint64_t commits() const noexcept { return commits_.value(); }
  /// Checkpoints completed.
  std::uint64_t checkpoints() const noexcept { return checkpoints_.value(); }
  bool full() const noexcept { return full_.load(std::memory_order_relaxed); }

 private:
  struct live_batch {
    std::vector<std::uint8_t> opened;
    std::vector<std::uint8_t> control;
    /// Records of messages that are not final yet: parts accepted.
    std::unordered_map<std::uint32_t, std::vector<std::pair<std::uint8_t, std::vector<std::uint8_t>>>> messages;
    /// Messages that were tried and are not final yet.
    std::unordered_map<std::uint32_t, journal_records::postponed> postponed;
    /// Messages that may be on their way to a carrier (on_unknown = "hold"), and to which.
    std::unordered_map<std::uint32_t, std::uint16_t> intents;
  };

  bool write(journal_event& event);
  bool write_final(message& m);
  bool write_part(message& m, std::uint8_t part);
  bool write_intents(const intent_list& list);
  bool write_returned(message& m);
  void announce(std::unique_ptr<intent_list> list);
  template <class Record>
  bool write_record(const Record& r);
  bool write_control(control_record& r);
  void remember(const control_record& r);
  void remember_live(std::uint32_t batch, std::uint32_t entry, std::uint8_t type, std::vector<std::uint8_t> payload);
  void forget_live(std::uint32_t batch, std::uint32_t entry);
  void collect_state();
  bool repeat_state();
  void fill_frame();
  bool commit_frame();
  void answer(received_pdu& pdu);
  void send_answers();
  void after_sync();
  carrier::producer& producer_for(const std::shared_ptr<carrier>& to);

  journal_writer& writer_;
  outcome_queues& queues_;
  synced_queue& synced_;
  const clock& time_;
  hooks hooks_;
  shared_queue<journal_event>::consumer_token token_;
  std::vector<journal_event> drained_;      // taken from the queue, not yet in a frame
  std::size_t next_ = 0;                    // first of them
  std::size_t drained_end_ = 0;             // behind the last of them
  std::shared_ptr<acknowledger> answered_;  // whom `answers_` are for
  std::vector<std::uint32_t> answers_;      // sequence numbers of what is durable
  std::vector<journal_event> frame_;        // in the frame being written
  std::vector<journal_event> deferred_;     // of messages whose earlier events have not come by yet
  std::map<std::uint16_t, std::string> carriers_;
  std::map<std::uint32_t, live_batch> batches_;
  std::unordered_map<const carrier*, std::pair<std::shared_ptr<carrier>, std::unique_ptr<carrier::producer>>>
      producers_;
  std::atomic<std::uint32_t> next_batch_{1};
  std::atomic<bool> checkpoint_wanted_{false};
  bool checkpoint_running_ = false;
  std::deque<std::pair<std::uint8_t, std::vector<std::uint8_t>>>
      repeat_;                  // state that the new segment does not hold yet
  std::uint64_t marker_ = 0;    // of the segment that is being begun; 0: its mark is on its way
  clock::steady_time begun_{};  // the last commit
  bool many_ = false;           // its frame was large, and nobody waits for the next one
  std::atomic<bool> full_{false};
  duration_histogram commit_time_;
  counter commits_;
  counter checkpoints_;
};

}  // namespace trunkline::engine
