#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "engine/runtime/counter.hpp"
#include "protocol/message_state.hpp"

namespace trunkline::engine {

/// What came back from one carrier, for metrics and pages. The outputs thread writes, any reads.
struct delivery_counters {
  static constexpr std::size_t states = 10;  ///< of protocol::message_state
  std::array<counter, states> receipts;      ///< as they came, by the state they name
  counter unreadable;                        ///< receipts without an id or a state
  counter repeated;                          ///< of a part that is in that state already
  counter stale;                             ///< of a part that is further, or over, in another state
  counter contradictory;                     ///< TLV and text name different states; the TLV counts
  counter wrong_address;                     ///< named an id of a message to another number
  counter unmatched;                         ///< written without their message
  std::array<counter, states> messages;      ///< messages that ended, by the state of the whole
  delivery_histogram duration;               ///< from submit to the receipt, of delivered parts
  std::atomic<std::uint8_t> id_relation{0};  ///< how ids are written, as far as it is known

  std::uint64_t delivered() const noexcept {
    return messages[static_cast<std::size_t>(protocol::message_state::delivered)].value();
  }
  std::uint64_t ended() const noexcept {
    std::uint64_t sum = 0;
    for (const counter& c : messages) sum += c.value();
    return sum;
  }
};

}  // namespace trunkline::engine
