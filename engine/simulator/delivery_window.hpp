#pragma once

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/simulator/delivery.hpp"
#include "protocol/pdu_header.hpp"

namespace trunkline::engine {

/// The unanswered deliver_sm of one session by sequence number, at most `window` of them, and the session's own
/// sequence numbers. A number whose slot is still busy is skipped, so one that is never answered holds up no other.
class delivery_window {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit delivery_window(std::size_t window) noexcept : window_(window) {}

  std::size_t in_flight() const noexcept { return in_flight_; }
  std::size_t room() const noexcept { return window_ - in_flight_; }

  /// A sequence number for a request that is not kept here.
  std::uint32_t next_sequence() noexcept {
    const std::uint32_t taken = next_;
    next_ = next_ == protocol::max_sequence_number ? 1 : next_ + 1;
    return taken;
  }

  /// Keeps a delivery until it is answered and returns its sequence number. Precondition: room() > 0.
  std::uint32_t put(const delivery& what, time_point sent) {
    if (slots_.empty()) slots_.resize(std::bit_ceil(2 * window_));
    std::uint32_t sequence = next_sequence();
    while (slot_of(sequence).sequence != 0) sequence = next_sequence();
    slot_of(sequence) = {.sequence = sequence, .sent = sent, .what = what};
    if (in_flight_++ == 0) oldest_ = sent;
    return sequence;
  }

  /// Gives up the delivery with that number; nothing when there is none (a late or invented answer).
  std::optional<delivery> take(std::uint32_t sequence) noexcept {
    if (slots_.empty() || sequence == 0 || slot_of(sequence).sequence != sequence) return std::nullopt;
    slot_of(sequence).sequence = 0;
    --in_flight_;
    return slot_of(sequence).what;
  }

  /// Gives up all that were sent at or before `limit`, each through `give(const delivery&)`.
  template <class Give>
  void take_older(time_point limit, Give&& give) {
    time_point oldest = time_point::max();
    for (slot& each : slots_) {
      if (each.sequence == 0) continue;
      if (each.sent <= limit) {
        each.sequence = 0;
        --in_flight_;
        give(each.what);
      } else if (each.sent < oldest) {
        oldest = each.sent;
      }
    }
    oldest_ = oldest;
  }

  /// No delivery here was sent earlier; meaningful while in_flight() > 0.
  time_point oldest() const noexcept { return oldest_; }

 private:
  struct slot {
    std::uint32_t sequence = 0;  // 0: free
    time_point sent;
    delivery what;
  };
  slot& slot_of(std::uint32_t sequence) noexcept { return slots_[sequence & (slots_.size() - 1)]; }

  std::size_t window_;
  std::size_t in_flight_ = 0;
  std::uint32_t next_ = 1;
  time_point oldest_{};
  std::vector<slot> slots_;  // allocated with the first delivery; a power of two
};

}  // namespace trunkline::engine
