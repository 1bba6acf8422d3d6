#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace trunkline::router {

/// Finds the smallest window that saturates one session's carrier, within bounds (`window = "auto"`).
///
/// By Little's law the carrier is kept busy by as many unanswered submit_sm as it answers in the time that one answer
/// takes when nothing waits: rate x latency. Both are measured, in rounds of about the latency. While the window is
/// what holds the session up it grows, first by doubling, until the rate no longer follows; then it stays a quarter
/// above the product, which is enough to notice when the carrier can do more. The least latency that counts is that of
/// the last ten seconds; then the window is halved for one round, so that the latency without a queue is seen again.
/// A session that the pace holds up gives back what it does not use.
///
/// A plain object: answers and times go in, a size comes out. One per connection, one thread.
class window_tuner {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::nanoseconds;

  /// The shortest round: what is quicker is measured many times over in one.
  static constexpr duration shortest_round = std::chrono::milliseconds(20);
  /// How long a least latency counts, unless fifty rounds are longer.
  static constexpr duration least_latency_counts = std::chrono::seconds(10);

  /// 1 <= least <= most. Starts with ten, or the nearest that the bounds allow.
  window_tuner(std::uint32_t least, std::uint32_t most) noexcept;

  /// The window to use now.
  [[nodiscard]] std::uint32_t size() const noexcept { return halved_ ? halved_size() : size_; }
  /// A connection begins: the size stays, what was measured half does not count.
  void new_connection() noexcept;
  /// New bounds; the size follows at once.
  void set_bounds(std::uint32_t least, std::uint32_t most) noexcept;

  /// One submit_sm was answered, so long after it was written. May change the size.
  void answered(duration latency, time_point now) noexcept {
    if (answers_ == 0 && round_began_ == time_point{}) round_began_ = now - latency;
    ++answers_;
    latencies_ += latency;
    if (now >= round_ends_ && answers_ >= 4) end_round(now);
  }
  /// There was something to send, and the window was full.
  void held_up_by_window() noexcept { held_up_ = true; }
  /// There was something to send, and the pace of the carrier did not allow it.
  void held_up_by_pace() noexcept { paced_ = true; }
  /// So many are unanswered now.
  void in_flight(std::uint32_t count) noexcept {
    if (count > most_in_flight_) most_in_flight_ = count;
  }

 private:
  [[nodiscard]] std::uint32_t clamp(double size) const noexcept;
  [[nodiscard]] std::uint32_t halved_size() const noexcept;
  void end_round(time_point now) noexcept;
  void start_round(time_point now, duration length) noexcept;

  std::uint32_t least_;
  std::uint32_t most_;
  std::uint32_t size_;
  bool doubling_ = true;  ///< the rate has followed the window so far
  bool halved_ = false;   ///< this round looks at the latency without a queue
  bool settle_ = false;   ///< this round still holds answers that the window before it waited for
  std::uint32_t stalled_ = 0;

  // of the round
  time_point round_began_{};
  time_point round_ends_{};
  std::uint64_t answers_ = 0;
  duration latencies_{};
  bool held_up_ = false;
  bool paced_ = false;
  std::uint32_t most_in_flight_ = 0;

  // of the rounds before
  static constexpr std::size_t rates_kept = 10;
  std::array<double, rates_kept> rates_{};  ///< answers a second of the last rounds
  std::size_t next_rate_ = 0;
  double best_rate_ = 0;  ///< while doubling
  duration least_latency_{};
  time_point least_latency_at_{};
};

}  // namespace trunkline::router
