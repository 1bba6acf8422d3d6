#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/dispatch/admission.hpp"
#include "engine/dispatch/routing.hpp"
#include "engine/dispatch/slab.hpp"
#include "engine/journal/synced_queue.hpp"
#include "engine/report/batch_report.hpp"
#include "engine/report/message_sink.hpp"
#include "engine/report/publisher.hpp"
#include "engine/report/receipt_desk.hpp"
#include "engine/report/received_line.hpp"
#include "engine/report/recovery.hpp"
#include "engine/report/report_line.hpp"
#include "engine/report/rotating_output.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/runtime/counter.hpp"
#include "engine/spool/batch.hpp"
#include "engine/spool/spool_paths.hpp"

namespace trunkline::engine {

/// The consumer of synced frames: writes reports, results, receipts and inbound messages, closes finished batches,
/// records positions, and gives memory back. What it has not written when the process dies is written again from the
/// journal. A plain object, one thread.
class outputs {
 public:
  struct hooks {
    std::function<void(std::uint32_t)> batch_closed;     ///< any thread: the journal knows that this batch is closed
    std::function<void()> room_made;                     ///< a carrier the dispatcher waits for has room again
    std::function<void(std::uint64_t)> checkpoint_done;  ///< commit thread: positions of this marker are durable
    std::function<void(std::error_code, const std::string&)> on_fatal;
  };

  /// `reply_window`: for how long a received message may be a reply to what was sent; 0: nobody asks.
  outputs(file_system& files, const clock& time, const spool_config& spool, const receipts_config& receipts,
          std::chrono::milliseconds reply_window, spool_paths paths, slab& memory, outcome_queues& queues,
          synced_queue& synced, publisher& shown, hooks hooks);
  ~outputs();

  /// What tells this start from every other (the first journal segment it writes), for names of files. Before the
  /// thread starts.
  void name_start(std::uint64_t start) noexcept {
    for (rotating_output* out : {&results_, &receipts_}) out->name_start(start);
  }
  /// Names of carriers by id; before a message of the carrier ends. Any thread.
  void name_carrier(std::uint16_t id, const std::shared_ptr<carrier>& c);
  /// A recovered batch: its report so far, already resumed and counted. Before the thread starts.
  void adopt(batch& b, std::unique_ptr<batch_report> report);
  /// A batch was opened, or everything of it may be final already: look whether it can be closed. Outputs thread only,
  /// through a control_record, or before the thread starts.
  void check(batch& b);
  /// Messages found final in the journal, and which batches are open. After the desk's `recover`, before
  /// `replay_received`.
  void adopt_sent(const std::vector<recovered_sent>& messages, const std::set<std::uint32_t>& open_batches);
  receipt_desk& receipts() noexcept { return desk_; }
  const receipt_desk& receipts() const noexcept { return desk_; }
  /// A PDU found in the journal whose output may be missing. Before the thread starts.
  void replay_received(std::string_view carrier, std::int64_t received_at_ms, std::span<const std::uint8_t> pdu);
  /// Lines for results/ of messages found final in the journal; they may be there already. Before the thread starts.
  void replay_results(std::string_view lines, std::uint64_t count) {
    results_.buffer().append(lines);
    results_.added(static_cast<std::uint32_t>(count));
  }

  struct step_result {
    bool worked = false;
    std::chrono::steady_clock::time_point next;
  };
  step_result step();
  /// Any thread: everything that was taken from the synced queue is consumed and shown. Ask the queue first: what it
  /// gives out makes this false before the queue is empty.
  bool idle() const noexcept { return idle_.load(); }
  /// Hands what results, receipts and inbound hold to the publisher, whatever their age.
  void rotate_all();

  /// Outputs thread, from the commit stage's mark: record positions of everything before segment `marker`, before
  /// anything that comes later is consumed.
  void on_marker(std::uint64_t marker) { marker_ = marker; }
  /// Any thread: another `reply_window`, from the next message on.
  void set_reply_window(std::chrono::milliseconds window) noexcept {
    fresh_reply_window_.store(window.count(), std::memory_order_release);
  }
  /// Who takes received messages that are no receipts. Before anything is consumed or replayed.
  void set_inbound(message_sink* to) noexcept { inbound_ = to; }
  /// Tells the outputs how batch numbers go on, for checkpoints.
  void set_next_batch(const std::atomic<std::uint32_t>* next) noexcept { next_batch_ = next; }

  std::array<counter, router::message_status_count> final_by_status;
  std::array<duration_histogram, router::priority_count> message_duration;
  counter batches_done;
  bool all_sent() const noexcept {
    for (std::size_t i = 1; i < router::message_status_count; ++i)
      if (final_by_status[i].value() != 0) return false;
    return true;
  }
  bool blocked() const noexcept { return blocked_.load(std::memory_order_relaxed); }

 private:
  struct open_report {
    std::unique_ptr<batch_report> report;
    std::vector<bool> settled;  // blocks whose bits are on disk and will not change
  };

  void consume(journal_event& event);
  void consume_final(message& m);
  /// `by` may be null: a carrier of an earlier run.
  void write_received(carrier* by, const received_from& from, std::int64_t received_at_ms,
                      std::span<const std::uint8_t> pdu);
  void write_unmatched(const parked_receipt& p);
  /// Null: not configured now.
  carrier* carrier_named(std::string_view name);
  void remember_sent(const message& m, const batch& b, const carrier* c, const journal_records::final_outcome& outcome);
  open_report& report_of(batch& b);
  /// Gives the slots of what was consumed back to their carriers' shares, many at a time.
  void release_slots();
  bool flush_last_report();
  bool record_positions();
  void close_finished();
  void close_group(const std::vector<batch*>& group);
  bool failed(const result<void>& r, const std::string& what);
  std::string summary_of(const batch& b, const batch_report& report) const;
  result<void> save_bits(batch& b, open_report& r, std::vector<std::uint8_t>& inline_bits, bool& in_file);

  file_system& files_;
  const clock& time_;
  const spool_config spool_;
  const spool_paths paths_;
  slab::magazine magazine_;
  outcome_sink sink_;
  synced_queue& synced_;
  publisher& shown_;
  hooks hooks_;
  rotating_output results_;
  rotating_output receipts_;
  message_sink* inbound_ = nullptr;
  receipt_desk desk_;
  /// The same order in every run of the same events, unlike that of addresses.
  struct by_id {
    bool operator()(const batch* left, const batch* right) const noexcept { return left->batch_id < right->batch_id; }
  };
  std::map<batch*, open_report, by_id> reports_;
  std::unordered_map<std::uint32_t, batch*> by_id_;
  std::uint64_t marker_ = 0;  // positions are wanted; 0: no
  batch* last_batch_ = nullptr;
  open_report* last_report_ = nullptr;
  /// Batches that may be finished, and for those that are, the publisher's count at which their results are shown.
  std::map<batch*, std::optional<std::uint64_t>, by_id> to_check_;
  std::vector<journal_event> events_;
  std::size_t next_event_ = 0;
  report_scratch scratch_;
  std::vector<std::array<std::uint32_t, router::priority_count>> released_;  // by carrier and priority
  std::int64_t now_ms_ = 0;                                                  // of this step
  mutable std::mutex names_mutex_;
  std::vector<std::shared_ptr<carrier>> carriers_;  // by id
  std::vector<std::shared_ptr<carrier>> known_;     // the outputs thread's copy
  const std::atomic<std::uint32_t>* next_batch_ = nullptr;
  std::atomic<std::int64_t> fresh_reply_window_{-1};  // milliseconds; below 0: none came
  std::atomic<bool> blocked_{false};
  std::atomic<bool> idle_{true};
};

}  // namespace trunkline::engine
