#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace trunkline::router {

/// The pace of one account: how many submit_sm may go out now, over all sessions and threads of the carrier.
///
/// A virtual-scheduling leaky bucket (GCRA): one atomic holds the theoretical arrival time of the next part, and a
/// drain costs one compare-exchange, whatever it takes. Over any interval t at most rate × (t + burst) + 1 parts are
/// granted, and a caller that always wants more gets no less than rate × t as long as it asks at least once per
/// `burst`.
///
/// A carrier that cannot keep up slows the pace (multiplicative decrease), which then climbs back in a straight line
/// until it is full `recovery` after the last such event. ESME_RTHROTTLED also stops it for `pause`. An unlimited pace
/// counts what it grants, so that it too can be slowed: from the rate of about the last second.
///
/// Every function may be called by any thread, never blocks and never allocates. Times are of one steady clock.
class pace {
 public:
  /// Why the pace is below the configured one.
  enum class slowed_by : std::uint8_t { throttling, congestion, full_queue };
  static constexpr std::size_t reasons = 3;

  using time_point = std::chrono::steady_clock::time_point;

  /// Idle time that may be made up for at once: lateness of timers and threads does not lower the rate.
  static constexpr std::chrono::nanoseconds burst = std::chrono::milliseconds(50);
  /// The same while the carrier recovers from throttling.
  static constexpr std::chrono::nanoseconds recovering_burst = std::chrono::milliseconds(10);
  /// Silence after a throttle.
  static constexpr std::chrono::milliseconds pause = std::chrono::seconds(1);
  /// From the last event that slowed it to the full pace.
  static constexpr std::chrono::milliseconds recovery = std::chrono::seconds(10);

  /// `parts_per_second` of 0 (or less, or not a number) means unlimited.
  explicit pace(double parts_per_second = 0.0) noexcept { set_rate(parts_per_second); }
  pace(const pace&) = delete;
  pace& operator=(const pace&) = delete;

  /// Takes up to `want` parts and returns how many were granted, from 0 to `want`.
  [[nodiscard]] std::uint32_t try_take(time_point now, std::uint32_t want) noexcept {
    if (interval_.load(std::memory_order_relaxed) == 0 && throttle_.load(std::memory_order_relaxed) == 0) [[likely]] {
      count(now, want);
      return want;
    }
    return take_paced(now, want);
  }

  /// Gives back parts that were granted and not sent.
  void put_back(time_point now, std::uint32_t parts) noexcept;

  /// The earliest time at which a part will be granted; `now` when one would be granted now. A hint: another session
  /// may be faster.
  [[nodiscard]] time_point next_at(time_point now) const noexcept;

  /// The carrier answered ESME_RTHROTTLED. Every further throttle within the pause belongs to the same event (the rest
  /// of a window that was under way) and changes nothing. Returns true when this call slowed the pace.
  bool throttled(time_point now) noexcept { return slow(now, slowed_by::throttling, 0.5); }

  /// The carrier says how busy it is (congestion_state of SMPP 5.0, 4.8.4.18, from 0 to 100): from 90 on the pace falls
  /// by a fifth, at 100 by half, without a pause, at most once in `pause`. Returns true when this call slowed it.
  bool congested(time_point now, std::uint8_t state) noexcept {
    return state >= 90 && slow(now, slowed_by::congestion, state >= 100 ? 0.5 : 0.8);
  }

  /// Too many answers say ESME_RMSGQFUL (see answer_share): halves the pace without a pause, at most once in `pause`.
  bool queue_full(time_point now) noexcept { return slow(now, slowed_by::full_queue, 0.5); }

  /// Changes the configured rate; an ongoing recovery goes on.
  void set_rate(double parts_per_second) noexcept;

  /// The rate in force now, in parts per second; 0 is unlimited. During the pause it is the rate that follows it.
  [[nodiscard]] double rate(time_point now) const noexcept;

  /// True from a throttle until the pace is full again.
  [[nodiscard]] bool recovering(time_point now) const noexcept;

  /// True during the silence after a throttle.
  [[nodiscard]] bool paused(time_point now) const noexcept;

  /// What slowed the pace last; it matters while recovering().
  [[nodiscard]] slowed_by reason() const noexcept { return reason_.load(std::memory_order_relaxed); }

  /// How often the pace was slowed for this reason. Each throttling is a pause.
  [[nodiscard]] std::uint64_t slowed(slowed_by why) const noexcept {
    return slowed_[static_cast<std::size_t>(why)].load(std::memory_order_relaxed);
  }

 private:
  /// Times inside are sixteenths of a nanosecond since the clock's epoch (room for 18 years), so that rounding the
  /// interval costs less than 0.01 % at a million parts per second.
  using ticks = std::int64_t;
  static constexpr ticks ticks_per_nanosecond = 16;

  /// What is known about the last event that slowed the pace, in one word: its time in milliseconds, rounded up,
  /// whether there is a pause after it, and the fraction of the full rate that the pace resumed with. 0: none.
  struct throttle_state {
    std::int64_t at_ms;
    bool pauses;
    double fraction;
    /// When the climb back begins.
    [[nodiscard]] std::int64_t resumes_ms() const noexcept { return at_ms + (pauses ? pause.count() : 0); }
  };
  static constexpr std::uint64_t pack(throttle_state state) noexcept;
  static constexpr throttle_state unpack(std::uint64_t word) noexcept;

  /// The interval in force and the burst that goes with it; interval 0 is unlimited, burst < 0 is a pause.
  struct terms {
    ticks interval;
    ticks burst;
  };
  [[nodiscard]] terms terms_at(time_point now) const noexcept;
  [[nodiscard]] double fraction_at(std::uint64_t word, time_point now) const noexcept;
  [[nodiscard]] double measured_rate(time_point now) const noexcept;
  bool slow(time_point now, slowed_by why, double factor) noexcept;
  std::uint32_t take_paced(time_point now, std::uint32_t want) noexcept;

  void count(time_point now, std::uint32_t parts) noexcept {
    if (now.time_since_epoch().count() - count_since_.load(std::memory_order_relaxed) >= 1'000'000'000) roll(now);
    counted_.fetch_add(parts, std::memory_order_relaxed);
  }
  void roll(time_point now) noexcept;

  alignas(64) std::atomic<ticks> arrival_{0};   ///< theoretical arrival time of the next part
  std::atomic<std::uint64_t> counted_{0};       ///< parts granted while unlimited, since count_since_
  std::atomic<std::int64_t> count_since_{0};    ///< nanoseconds since the clock's epoch
  alignas(64) std::atomic<ticks> interval_{0};  ///< configured, 0 unlimited
  std::atomic<std::uint64_t> throttle_{0};
  std::atomic<double> learned_rate_{0.0};   ///< full rate of the recovery of an unlimited pace
  std::atomic<double> measured_rate_{0.0};  ///< of the last whole second while unlimited
  std::atomic<slowed_by> reason_{slowed_by::throttling};
  std::array<std::atomic<std::uint64_t>, reasons> slowed_{};
};

/// "throttling", "congestion", "full queue": for people.
[[nodiscard]] const char* to_text(pace::slowed_by why) noexcept;
/// "throttling", "congestion", "full_queue": label values.
[[nodiscard]] const char* to_label(pace::slowed_by why) noexcept;

}  // namespace trunkline::router
