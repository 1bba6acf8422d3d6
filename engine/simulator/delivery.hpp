#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/simulator/simulator_options.hpp"
#include "protocol/pdu_message.hpp"

namespace trunkline::engine {

/// An address in place: at most 20 characters, as in submit_sm and deliver_sm.
struct short_address {
  std::uint8_t ton = 0;
  std::uint8_t npi = 0;
  std::uint8_t size = 0;
  std::array<char, 20> digits;

  short_address() noexcept = default;
  short_address(std::uint8_t address_ton, std::uint8_t address_npi, std::string_view text) noexcept;
  std::string_view text() const noexcept { return {digits.data(), size}; }
};

/// A deliver_sm that waits for its time or its answer: a receipt, or a message of a mobile. Holds copies, no views.
struct delivery {
  using time_point = std::chrono::steady_clock::time_point;
  using wall_seconds = std::chrono::sys_seconds;

  enum class kind : std::uint8_t { receipt, inbound };

  time_point due;             ///< not sent before
  std::uint64_t number = 0;   ///< the message id of a receipt; the running number of an inbound message
  wall_seconds submitted;     ///< of a receipt
  short_address source;       ///< the phone
  short_address destination;  ///< whoever the message came from, or is for
  kind what = kind::receipt;
  std::uint8_t state = 0;  ///< of a receipt: 0 DELIVRD, otherwise 1 + index in receipt_states
  std::uint8_t text_size = 0;
  std::array<char, 20> text;  ///< of a receipt: how the message began

  delivery() noexcept = default;

  /// The receipt of a message; `state` as above.
  delivery(const protocol::submit_sm& message, std::uint64_t message_id, std::uint8_t receipt_state, time_point when,
           wall_seconds submitted_at) noexcept;

  /// The inbound message with that number; without `from` the phone's number follows from it.
  delivery(std::uint64_t inbound_number, std::string_view from, std::string_view to, time_point when) noexcept;
};

/// YYMMDDhhmm in UTC of the last minute asked for: receipts that are sent together mostly share it.
class minute_text {
 public:
  /// Lives until the next call.
  std::string_view of(delivery::wall_seconds at) noexcept {
    const auto minute = std::chrono::floor<std::chrono::minutes>(at);
    if (minute != minute_) render(minute);
    return {digits_.data(), digits_.size()};
  }

 private:
  using wall_minutes = std::chrono::sys_time<std::chrono::minutes>;
  void render(wall_minutes minute) noexcept;

  wall_minutes minute_ = wall_minutes::min();
  std::array<char, 10> digits_;
};

/// What write_delivery() keeps between calls.
struct receipt_dates {
  minute_text submitted;
  minute_text done;
};

/// Octets that write_delivery() needs at most.
inline constexpr std::size_t max_delivery_bytes = 640;

/// Writes what is waiting as a deliver_sm PDU and returns its size, which is at most max_delivery_bytes.
/// `done` is the wall time that a receipt calls done.
std::size_t write_delivery(std::span<std::uint8_t> out, std::uint32_t sequence_number, const delivery& what,
                           const simulator_options& options, receipt_dates& dates,
                           delivery::wall_seconds done) noexcept;

}  // namespace trunkline::engine
