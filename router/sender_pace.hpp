#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace trunkline::router {

/// The pace of each source number of one account (`throughput_per_sender`): a leaky bucket (GCRA) for each sender that
/// was active lately, in bounded memory.
///
/// A sender may make up for `burst` of idle time at once. Who is refused is told how long to wait. One thread at a
/// time; allocates for new senders only.
class sender_pace {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::nanoseconds;

  static constexpr duration burst = std::chrono::milliseconds(100);
  /// Nobody is told to wait longer: rates change, and messages are cancelled.
  static constexpr duration longest_wait = std::chrono::seconds(30);
  /// What a sender waits for when the table is full of busy ones.
  static constexpr duration full_wait = std::chrono::milliseconds(250);

  explicit sender_pace(double parts_per_second = 0.0, std::size_t most_senders = 65'536);

  /// 0 (or less, or not a number) is unlimited. What was sent is not forgotten.
  void set_rate(double parts_per_second) noexcept;
  [[nodiscard]] bool limited() const noexcept { return interval_.count() != 0; }

  /// Takes `parts` for this sender, all or none. Zero: granted, however many they are; they count. Otherwise how long
  /// to wait before asking again: until the next part may go, or with `in_line` behind all those who were told so since
  /// the last grant, so that they do not all come back at the same moment.
  [[nodiscard]] duration take(std::string_view sender, std::uint32_t parts, time_point now, bool in_line = false);

  /// Counts this many parts more (or fewer) of a sender who was just granted some.
  void adjust(std::string_view sender, std::int64_t parts) noexcept;

  /// Senders in the table.
  [[nodiscard]] std::size_t size() const noexcept { return senders_.size(); }

 private:
  struct state {
    time_point next;   ///< theoretical arrival time of the next part
    time_point queue;  ///< the same behind everyone who stands in line since the last grant
  };
  struct hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  bool make_room(time_point now);

  duration interval_{};
  std::size_t most_senders_;
  time_point next_sweep_{};
  std::unordered_map<std::string, state, hash, std::equal_to<>> senders_;
};

}  // namespace trunkline::router
