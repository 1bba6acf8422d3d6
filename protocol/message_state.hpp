#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace trunkline::protocol {

/// The states of a message (SMPP 3.4, 5.2.28; 5.0, 4.7.15): the values of the TLV message_state.
enum class message_state : std::uint8_t {
  scheduled = 0,  ///< 5.0
  enroute = 1,
  delivered = 2,
  expired = 3,
  deleted = 4,
  undeliverable = 5,
  accepted = 6,
  unknown = 7,
  rejected = 8,
  skipped = 9,  ///< 5.0
};

/// The state of a number, or nothing for a number that is none.
[[nodiscard]] std::optional<message_state> message_state_of(std::uint8_t number) noexcept;

/// The state that the `stat` of a receipt's text names, in any case: the standard's seven letters ("DELIVRD"), the
/// whole word, or one of the words that carriers use instead ("FAILED", "BUFFRED"). Nothing when it is none of them.
[[nodiscard]] std::optional<message_state> message_state_of(std::string_view stat) noexcept;

/// "delivered" and so on; never empty.
[[nodiscard]] std::string_view name_of(message_state state) noexcept;

/// Whether no other state is to follow. The standard calls accepted final; gateways send it before the delivery, so it
/// is not.
[[nodiscard]] constexpr bool is_final(message_state state) noexcept {
  return state != message_state::scheduled && state != message_state::enroute && state != message_state::accepted;
}

}  // namespace trunkline::protocol
