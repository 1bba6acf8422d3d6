#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/dispatch/delivery_counters.hpp"
#include "engine/dispatch/message.hpp"
#include "engine/dispatch/read_ahead.hpp"
#include "engine/dispatch/sender_limit.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/runtime/counter.hpp"
#include "engine/runtime/shared_queue.hpp"
#include "engine/runtime/wake_slot.hpp"
#include "router/answer_share.hpp"
#include "router/outcome_policy.hpp"
#include "router/pacing.hpp"

namespace trunkline::engine {

/// Where messages of a carrier wait, highest first: two for each priority, of which the first holds what came back and
/// comes before the others of its priority. So nothing that has to be sent again overtakes what is more urgent.
enum class lane : std::uint8_t { urgent_again, urgent, normal_again, normal, bulk_again, bulk };
inline constexpr std::size_t lane_count = 6;

/// The lane of a message that is offered for the first time.
inline lane lane_of(router::priority p) noexcept {
  return p == router::priority::urgent ? lane::urgent : p == router::priority::normal ? lane::normal : lane::bulk;
}
/// The lane of a message that came back.
inline lane again_lane_of(router::priority p) noexcept {
  return static_cast<lane>(static_cast<std::uint8_t>(lane_of(p)) - 1);
}

struct session_probe;

/// What the feeder, the sessions on any thread, and the pages share about one carrier: its lanes, its share of memory,
/// its pace and whether it can send. Ids are never reused in a process. Lives until all its sessions and messages are
/// gone.
class carrier {
 public:
  /// `share_slots`: slab slots that this carrier's messages may hold (its part of max_active).
  carrier(std::uint16_t id, std::shared_ptr<const carrier_config> config, std::uint32_t share_slots);
  ~carrier();
  carrier(const carrier&) = delete;
  carrier& operator=(const carrier&) = delete;

  std::uint16_t id() const noexcept { return id_; }
  /// What holds now. Each of them stays where it is for as long as the carrier lives, also when a reload has brought
  /// another one since.
  const carrier_config& config() const noexcept { return *terms_.load(std::memory_order_acquire)->config; }
  const router::outcome_policy& policy() const noexcept { return terms_.load(std::memory_order_acquire)->policy; }
  /// A reload: new windows, rates, times and policies, of the same sessions. Rates and policies hold at once; the
  /// sessions have to be told (smpp_service::reconfigure).
  void reconfigure(std::shared_ptr<const carrier_config> config);
  router::pace& pacing() noexcept { return pace_; }
  const router::pace& pacing() const noexcept { return pace_; }
  /// A session's turn brought so many answers, so many of them ESME_RMSGQFUL: when those are many, the pace falls.
  void note_answers(std::chrono::steady_clock::time_point now, std::uint32_t answers, std::uint32_t full) noexcept {
    if (full_share_.add(now, answers, full)) pace_.queue_full(now);
  }
  /// Of `throughput_per_sender`: what the feeder may take, and what the sessions may send.
  sender_limit& feeding_senders() noexcept { return feeding_senders_; }
  sender_limit& sending_senders() noexcept { return sending_senders_; }

  // --- memory: feeder takes, outputs gives back -------------------------------------------------------------------
  /// Dispatcher: slots that a message of this priority may still take now, as far as known in this turn; 0 is never
  /// out of date. What waits in memory for a later attempt, or for its report line, counts against the share, and not
  /// against the read-ahead. Each priority has an eighth of the read-ahead of its own, so that none keeps the others
  /// out, and whoever holds nothing may take one message of any length.
  std::uint32_t room(router::priority p) noexcept {
    const auto rank = static_cast<std::size_t>(p);
    // What was seen and has been taken since is at least what is held: only others give back.
    std::uint32_t left = room_in(seen_[rank] + holding_[rank], total(seen_) + total(holding_));
    if (left == 0) {
      see();
      left = room_in(seen_[rank] + holding_[rank], total(seen_) + total(holding_));
    }
    return left;
  }
  /// Dispatcher, once a turn: what others have given back counts as room from here on, and the read-ahead follows the
  /// rate at which they do.
  void look_again(std::chrono::steady_clock::time_point now) noexcept {
    see();
    const std::uint32_t all = total(seen_);
    const std::uint64_t active = all - std::min(all, aside());
    const std::uint64_t gone = taken_ - std::min<std::uint64_t>(active, taken_);
    const std::uint64_t ready = ahead_.due(now) ? queued() : 0;
    depth_.store(ahead_.update(now, {gone, ready, active, config().windows(), share()}), std::memory_order_relaxed);
  }
  /// Dispatcher: these slots wait in memory for a later attempt from now on, or (negative) do not any more.
  void delay(std::int64_t slots) noexcept {
    delayed_.store(static_cast<std::uint32_t>(delayed_.load(std::memory_order_relaxed) + slots),
                   std::memory_order_relaxed);
    // What comes back is as good as taken anew.
    if (slots < 0) taken_ += static_cast<std::uint64_t>(-slots);
  }
  /// Dispatcher: these slots are this carrier's now. The others learn of it from publish_holds(), which comes before
  /// the message goes anywhere: one atomic operation a turn, on a line that several processors want.
  void hold(router::priority p, std::uint32_t slots) noexcept { holding_[static_cast<std::size_t>(p)] += slots; }
  void publish_holds() noexcept {
    for (std::size_t i = 0; i < holding_.size(); ++i) {
      if (holding_[i] == 0) continue;
      seen_[i] = held_[i].fetch_add(holding_[i], std::memory_order_relaxed) + holding_[i];
      taken_ += holding_[i];
      holding_[i] = 0;
    }
  }
  /// True when this call made room again that the dispatcher was waiting for: wake it.
  bool release(router::priority p, std::uint32_t slots) noexcept;
  /// Any thread: messages with so many slots are final. They still hold them, until their lines are written.
  void settle(std::uint32_t slots) noexcept { settled_.fetch_add(slots, std::memory_order_relaxed); }
  /// Outputs: as `release`, of messages that were settled.
  bool release_settled(router::priority p, std::uint32_t slots) noexcept {
    const bool wanted = release(p, slots);
    settled_.fetch_sub(slots, std::memory_order_relaxed);
    return wanted;
  }
  std::uint32_t settled() const noexcept { return settled_.load(std::memory_order_relaxed); }
  /// Dispatcher: remembers that lines of this priority were left in their files for lack of room.
  void want_room(router::priority p) noexcept {
    wanted_.fetch_or(static_cast<std::uint8_t>(1U << static_cast<unsigned>(p)), std::memory_order_seq_cst);
  }
  /// Enough room for lines of this priority to make another look at a file worth it; for urgent messages a little is
  /// enough.
  bool roomy(router::priority p) const noexcept {
    const std::uint32_t all = held();
    const std::uint32_t mine = held_[static_cast<std::size_t>(p)].load(std::memory_order_seq_cst);
    const std::uint32_t limit = common_limit();
    const std::uint32_t margin =
        p == router::priority::urgent ? std::max(limit / 16, std::min(limit / 4, usual_message_slots)) : limit / 4;
    return all + margin <= limit || (all < share() && (mine == 0 || mine <= own() / 2));
  }
  static constexpr std::uint32_t usual_message_slots = 4;
  /// No message takes more slots.
  static constexpr std::uint32_t longest_message_slots = 160;
  std::uint32_t held() const noexcept {
    std::uint32_t all = 0;
    for (const auto& of_priority : held_) all += of_priority.load(std::memory_order_seq_cst);
    return all;
  }
  /// Slots that it may hold at most: its part of max_active.
  std::uint32_t share() const noexcept { return share_.load(std::memory_order_relaxed); }
  /// Slots that are to be held now by messages that are not final and do not wait for a later attempt; at most the
  /// share.
  std::uint32_t depth() const noexcept { return depth_.load(std::memory_order_relaxed); }
  /// Any thread: another share, because windows or carriers have changed. Holding more than that, it gets nothing new
  /// until enough has gone. The dispatcher looks at it in its next turn: wake it.
  void set_share(std::uint32_t share_slots) noexcept { share_.store(share_slots, std::memory_order_relaxed); }

  // --- lanes: any thread -------------------------------------------------------------------------------------------
  /// A producing thread's tokens, one a lane; made once per thread and carrier.
  struct producer {
    explicit producer(carrier& c);
    std::array<shared_queue<message*>::producer_token, lane_count> tokens;
  };
  /// A session's tokens.
  struct consumer {
    explicit consumer(carrier& c);
    std::array<shared_queue<message*>::consumer_token, lane_count> tokens;
    std::uint32_t turn = 0;
  };
  /// Appends in order and wakes sessions that wait for work.
  void push(lane to, std::span<message* const> messages, producer& via);
  /// A message that has to be sent again (throttled, lost answer) or was taken and not begun: it comes before the
  /// others of its priority. Any thread, no token.
  void push_returned(message* m);
  /// A message that waited its time and comes no sooner than others of its priority. Any thread, no token.
  void push_again(message* m);
  /// Takes up to out.size() messages, highest lane first; about every eighth (over several drains, when they are small)
  /// comes from a lower priority that has any. The caller owns them.
  std::size_t drain(std::span<message*> out, consumer& via) noexcept;
  /// Takes up to out.size() messages of one lane, oldest first.
  std::size_t drain(lane from, std::span<message*> out, consumer& via) noexcept;
  /// Approximate number of messages in a lane.
  std::size_t queued(lane l) const noexcept;
  std::size_t queued() const noexcept;
  /// Of all priorities: what came back.
  std::size_t queued_again() const noexcept;

  // --- sessions ----------------------------------------------------------------------------------------------------
  /// Registers the slot that wakes one session for work; call before the session looks into the lanes. A session parks
  /// it only when it could send now (a free window slot), so that one wake-up a message is enough.
  void add_waiter(wake_slot* slot);
  /// Waits until no thread is about to touch the slot any more; it may be destroyed afterwards. The session that leaves
  /// calls wake_all() next: it may have been woken for a message that it did not take.
  void remove_waiter(wake_slot* slot);
  /// Wakes every session that is parked (credit came back, a stop).
  void wake_all() noexcept { wake(max_waiters); }

  /// A session that can send was bound (+1) or ended (-1).
  void count_sendable(int change, std::chrono::steady_clock::time_point now) noexcept;
  int sendable() const noexcept { return sendable_.load(std::memory_order_relaxed); }
  /// A transmitter that logs in on demand counts as usable (+1) until a login of its failed (-1).
  void count_idle_usable(int change, std::chrono::steady_clock::time_point now) noexcept;
  /// True while something can send, or could since less than `patience`: not down.
  bool usable(std::chrono::steady_clock::time_point now, std::chrono::milliseconds patience) const noexcept;
  /// How long nothing could send; zero while something can.
  std::chrono::nanoseconds down_for(std::chrono::steady_clock::time_point now) const noexcept;

  /// Set by an operator: its sessions leave, and nothing is given to it until it is enabled again.
  void set_disabled(bool disabled) noexcept {
    disabled_.store(disabled, std::memory_order_seq_cst);
    wake_all();
  }
  bool disabled() const noexcept { return disabled_.load(std::memory_order_seq_cst); }

  /// The carrier has refused our credentials, and no login has succeeded since.
  void set_credentials_refused(bool refused) noexcept {
    credentials_refused_.store(refused, std::memory_order_relaxed);
  }
  bool credentials_refused() const noexcept { return credentials_refused_.load(std::memory_order_relaxed); }

  /// Closed for new messages (removed by a reload, or the engine stops).
  void close() noexcept {
    closed_.store(true, std::memory_order_seq_cst);
    wake_all();
  }
  bool closed() const noexcept { return closed_.load(std::memory_order_seq_cst); }

  /// What each session tells metrics and pages; grows only. Any thread.
  void add_probe(std::shared_ptr<session_probe> probe);
  std::vector<std::shared_ptr<session_probe>> probes() const;

  // --- outputs: one thread writes ----------------------------------------------------------------------------------
  delivery_counters deliveries;

 private:
  using queue = shared_queue<message*>;
  using by_priority = std::array<std::uint32_t, router::priority_count>;

  static std::uint32_t total(const by_priority& slots) noexcept { return slots[0] + slots[1] + slots[2]; }
  void see() noexcept {
    for (std::size_t i = 0; i < seen_.size(); ++i) seen_[i] = held_[i].load(std::memory_order_seq_cst);
  }
  /// Slots that all priorities may hold together, and that each may hold besides: never more than the share in all.
  std::uint32_t common_limit() const noexcept { return std::min(depth() + aside(), share() - share() / 8); }
  std::uint32_t own() const noexcept { return std::min(depth() / 8, share() / 24); }
  std::uint32_t room_in(std::uint32_t mine, std::uint32_t all) const noexcept {
    const auto left = [](std::uint32_t limit, std::uint32_t taken) { return limit > taken ? limit - taken : 0U; };
    const std::uint32_t own_left = mine == 0 ? longest_message_slots : left(own(), mine);
    return std::min(std::max(left(common_limit(), all), own_left), left(share(), all));
  }

  /// Slots of those held that nothing is to be sent from now.
  std::uint32_t aside() const noexcept {
    return delayed_.load(std::memory_order_relaxed) + settled_.load(std::memory_order_relaxed);
  }

  /// Wakes up to `count` parked sessions.
  void wake(std::size_t count) noexcept;

  struct terms {
    std::shared_ptr<const carrier_config> config;
    router::outcome_policy policy;
  };

  const std::uint16_t id_;
  std::vector<std::unique_ptr<const terms>> all_terms_;  // under mutex_; grows only, by a reload each
  std::atomic<const terms*> terms_;
  router::pace pace_;
  router::answer_share full_share_;
  sender_limit feeding_senders_;
  sender_limit sending_senders_;
  std::atomic<std::uint32_t> share_;
  std::atomic<std::uint32_t> depth_;       // dispatcher writes
  std::atomic<std::uint32_t> delayed_{0};  // dispatcher writes: of those held
  read_ahead ahead_;                       // dispatcher
  std::uint64_t taken_ = 0;                // dispatcher: slots, in all
  by_priority holding_{};                  // dispatcher: held, and not published yet
  by_priority seen_{};                     // dispatcher: held_ as it was last read
  // A cache line of their own: the outputs write them, and everybody reads what stands around them.
  alignas(64) std::array<std::atomic<std::uint32_t>, router::priority_count> held_{};
  std::atomic<std::uint32_t> settled_{0};
  std::atomic<std::uint8_t> wanted_{0};  // bit per priority
  alignas(64) std::array<queue, lane_count> lanes_;
  alignas(64) std::atomic<int> sendable_{0};
  std::atomic<int> idle_usable_{0};
  std::atomic<std::int64_t> last_usable_ns_{0};
  std::atomic<bool> closed_{false};
  std::atomic<bool> disabled_{false};
  std::atomic<bool> credentials_refused_{false};
  mutable std::mutex mutex_;  // waiters_ and probes_: changed when sessions come and go
  std::vector<std::shared_ptr<session_probe>> probes_;
  static constexpr std::size_t max_waiters = 1024;
  std::array<std::atomic<wake_slot*>, max_waiters> waiters_{};
  std::atomic<std::size_t> waiter_count_{0};          // entries of waiters_ ever used
  alignas(64) std::atomic<std::uint32_t> waking_{0};  // threads inside wake()
  std::atomic<std::uint32_t> first_to_wake_{0};
};

}  // namespace trunkline::engine
