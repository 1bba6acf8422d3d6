#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/dispatch/message.hpp"
#include "engine/runtime/shared_queue.hpp"
#include "engine/runtime/wake_slot.hpp"

namespace trunkline::engine {

struct intent_list;

/// Told when what it handed over is on disk, so that it may answer PDUs and write messages.
class acknowledger {
 public:
  virtual ~acknowledger() = default;
  /// Any thread: the PDU with this sequence number, received on this session, is durable (`stored`), or could not be
  /// stored and must be refused with ESME_RX_T_APPN.
  virtual void acknowledge(std::uint32_t sequence_number, bool stored) noexcept = 0;
  /// Any thread: all of them are durable.
  virtual void acknowledge_all(std::span<const std::uint32_t> sequence_numbers) noexcept {
    for (const std::uint32_t number : sequence_numbers) acknowledge(number, true);
  }
  /// Any thread: the intents of these messages are durable, so they may be written. False: the connection is gone, and
  /// the list stays with the caller.
  virtual bool announced(std::unique_ptr<intent_list>& list) noexcept = 0;
};

/// Messages of batches with on_unknown = "hold" that a session is about to write. They belong to the journal until it
/// has announced them.
struct intent_list {
  std::shared_ptr<acknowledger> from;
  std::uint16_t carrier = 0;
  std::vector<message*> messages;
};

/// A deliver_sm or data_sm on its way to the journal; answered only after its frame is synced. Its octets lie behind
/// it: one allocation, and what one look brings into the cache.
struct received_pdu {
  std::shared_ptr<acknowledger> from;  ///< null: answered
  std::uint32_t sequence_number = 0;
  std::uint16_t carrier = 0;
  std::int64_t received_at_ms = 0;  ///< wall clock

  /// Copies the whole PDU, header included.
  static std::unique_ptr<received_pdu> make(std::span<const std::uint8_t> pdu) {
    void* room = ::operator new(sizeof(received_pdu) + pdu.size());
    std::unique_ptr<received_pdu> made(new (room) received_pdu(pdu.size()));
    std::copy(pdu.begin(), pdu.end(), reinterpret_cast<std::uint8_t*>(made.get() + 1));
    return made;
  }
  static void operator delete(void* all) noexcept { ::operator delete(all); }
  std::span<const std::uint8_t> octets() const noexcept {
    return {reinterpret_cast<const std::uint8_t*>(this + 1), size_};
  }

 private:
  explicit received_pdu(std::size_t size) noexcept : size_(size) {}
  static void* operator new(std::size_t, void* room) noexcept { return room; }
  static void operator delete(void*, void*) noexcept {}

  const std::size_t size_;
};

/// What the journal stage is told.
enum class event_kind : std::uint8_t {
  final,      ///< subject: message*, its fate is decided; the journal owns it now
  part,       ///< subject: message*, part `part` was accepted; the session keeps the message
  intents,    ///< subject: intent_list*, owned by the journal until it is announced
  returned,   ///< subject: message*, its intent came to nothing; the caller keeps the message
  received,   ///< subject: received_pdu*, owned by the journal now
  admission,  ///< subject: admission*, lines about to be sent (see engine/spool)
  control,    ///< subject: control_record*, an opened or closed batch, a command, a retry (see engine/spool)
};

struct journal_event {
  event_kind kind{};
  std::uint8_t part = 0;
  void* subject = nullptr;
};

/// What an event points to was written by another thread. The stages go through many of them: they have this one
/// fetched while they are at an earlier one.
inline void prefetch(const journal_event& event) noexcept {
  for (std::size_t line = 0; line < 4; ++line) __builtin_prefetch(static_cast<const char*>(event.subject) + 64 * line);
}

/// Why a session or a carrier gives a message back to the dispatcher.
enum class return_reason : std::uint8_t {
  retry,      ///< same carrier again at `due`; `attempts` was counted
  reroute,    ///< the next carrier of its route
  elsewhere,  ///< its session or carrier stopped: any carrier, nothing was counted
};

struct returned_message {
  message* subject = nullptr;
  return_reason why{};
  std::chrono::steady_clock::time_point due{};
};

/// Bounds what may be repeated after a crash: parts written whose outcome is not on disk yet. Any thread.
class durability_credit {
 public:
  void set_limit(std::int64_t limit) noexcept {
    available_.fetch_add(limit - limit_.exchange(limit, std::memory_order_relaxed), std::memory_order_relaxed);
  }
  /// Takes up to `want`; 0 when none is left (then the taker is woken after the next commit).
  std::uint32_t take(std::uint32_t want) noexcept {
    std::int64_t now = available_.load(std::memory_order_relaxed);
    for (;;) {
      if (now <= 0) {
        starved_.store(true, std::memory_order_seq_cst);
        now = available_.load(std::memory_order_seq_cst);
        if (now <= 0) return 0;
      }
      const std::int64_t granted = now < want ? now : want;
      if (available_.compare_exchange_weak(now, now - granted, std::memory_order_seq_cst)) {
        return static_cast<std::uint32_t>(granted);
      }
    }
  }
  /// Returns credit: unused, or durable now. True when somebody went away empty-handed and wants to be woken.
  bool give(std::uint32_t n) noexcept {
    available_.fetch_add(n, std::memory_order_seq_cst);
    return starved_.load(std::memory_order_seq_cst) && starved_.exchange(false, std::memory_order_seq_cst);
  }
  /// Less than a quarter is left: who writes may soon have to wait for a commit.
  bool scarce() const noexcept {
    return available_.load(std::memory_order_relaxed) < limit_.load(std::memory_order_relaxed) / 4;
  }
  std::int64_t outstanding() const noexcept {
    return limit_.load(std::memory_order_relaxed) - available_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> available_{0};
  std::atomic<std::int64_t> limit_{0};
  std::atomic<bool> starved_{false};
};

/// The two queues that sessions feed: outcomes to the journal stage, returned messages to the dispatcher.
struct outcome_queues {
  /// `events`: what a producer can have waiting before the queue has to allocate.
  explicit outcome_queues(std::size_t events = 1U << 15U) : journal(events, 32, 32), returned(events / 8, 32, 32) {}

  shared_queue<journal_event> journal;
  shared_queue<returned_message> returned;
  wake_slot* journal_wake = nullptr;  ///< set before any producer starts
  wake_slot* dispatcher_wake = nullptr;
  durability_credit credit;
};

/// One thread's way into the queues: collects during a turn, hands over in bulk on `flush`.
class outcome_sink {
 public:
  explicit outcome_sink(outcome_queues& queues)
      : queues_(queues), journal_token_(queues.journal), returned_token_(queues.returned) {}
  /// What was not handed over is nobody's any more: frees it. Messages belong to the slab.
  ~outcome_sink();
  outcome_sink(const outcome_sink&) = delete;
  outcome_sink& operator=(const outcome_sink&) = delete;

  /// Decided for good: `status`, `why`, `error_value` and `credit` are set. Ownership passes to the journal.
  void final(message* m) { events_.push_back({event_kind::final, 0, m}); }
  /// Part `part` was accepted and is not the last one. The message stays with the caller; the journal gives one credit
  /// back.
  void part(message* m, std::uint8_t part) {
    m->part_events.fetch_add(1, std::memory_order_relaxed);
    events_.push_back({event_kind::part, part, m});
  }
  void intents(std::unique_ptr<intent_list> list) { events_.push_back({event_kind::intents, 0, list.release()}); }
  /// The intent of a message came to nothing. It may go on, but is not announced again before the journal has read
  /// this.
  void returned(message* m) {
    m->part_events.fetch_add(1, std::memory_order_relaxed);
    events_.push_back({event_kind::returned, 0, m});
  }
  void received(std::unique_ptr<received_pdu> pdu) { events_.push_back({event_kind::received, 0, pdu.release()}); }
  void event(event_kind kind, void* subject) { events_.push_back({kind, 0, subject}); }
  void give_back(message* m, return_reason why, std::chrono::steady_clock::time_point due = {}) {
    returned_.push_back({m, why, due});
  }
  bool empty() const noexcept { return events_.empty() && returned_.empty(); }
  /// Hands everything over and wakes the stages; call at the end of each turn, before suspending.
  void flush() {
    if (!events_.empty()) {
      queues_.journal.enqueue_bulk(journal_token_, events_.begin(), events_.size());
      events_.clear();
      queues_.journal_wake->wake();
    }
    if (!returned_.empty()) {
      queues_.returned.enqueue_bulk(returned_token_, returned_.begin(), returned_.size());
      returned_.clear();
      queues_.dispatcher_wake->wake();
    }
  }
  outcome_queues& queues() noexcept { return queues_; }

 private:
  outcome_queues& queues_;
  shared_queue<journal_event>::producer_token journal_token_;
  shared_queue<returned_message>::producer_token returned_token_;
  std::vector<journal_event> events_;
  std::vector<returned_message> returned_;
};

}  // namespace trunkline::engine
