#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace trunkline::protocol {

/// The commands of SMPP 3.3, 3.4 (5.1.2.1) and 5.0 (4.7.5). A header read from a peer may hold any other number too:
/// ask is_known().
enum class command_id : std::uint32_t {
  bind_receiver = 0x00000001,
  bind_transmitter = 0x00000002,
  query_sm = 0x00000003,
  submit_sm = 0x00000004,
  deliver_sm = 0x00000005,
  unbind = 0x00000006,
  replace_sm = 0x00000007,
  cancel_sm = 0x00000008,
  bind_transceiver = 0x00000009,
  outbind = 0x0000000b,
  enquire_link = 0x00000015,
  submit_multi = 0x00000021,
  alert_notification = 0x00000102,
  data_sm = 0x00000103,
  broadcast_sm = 0x00000111,
  query_broadcast_sm = 0x00000112,
  cancel_broadcast_sm = 0x00000113,
  generic_nack = 0x80000000,
  bind_receiver_resp = 0x80000001,
  bind_transmitter_resp = 0x80000002,
  query_sm_resp = 0x80000003,
  submit_sm_resp = 0x80000004,
  deliver_sm_resp = 0x80000005,
  unbind_resp = 0x80000006,
  replace_sm_resp = 0x80000007,
  cancel_sm_resp = 0x80000008,
  bind_transceiver_resp = 0x80000009,
  enquire_link_resp = 0x80000015,
  submit_multi_resp = 0x80000021,
  data_sm_resp = 0x80000103,
  broadcast_sm_resp = 0x80000111,
  query_broadcast_sm_resp = 0x80000112,
  cancel_broadcast_sm_resp = 0x80000113,
};

/// Bit 31 distinguishes a response from a request.
inline constexpr std::uint32_t response_bit = 0x80000000;

/// True when bit 31 is set, also for unknown commands. A response is never answered: two peers could go on for ever.
[[nodiscard]] constexpr bool is_response(command_id id) noexcept {
  return (static_cast<std::uint32_t>(id) & response_bit) != 0;
}

/// The response to a request, by setting bit 31. Note that generic_nack, outbind and alert_notification have none:
/// has_response() tells.
[[nodiscard]] constexpr command_id response_of(command_id request) noexcept {
  return static_cast<command_id>(static_cast<std::uint32_t>(request) | response_bit);
}

/// The request that a response answers, by clearing bit 31; meaningless for generic_nack, which answers any request.
[[nodiscard]] constexpr command_id request_of(command_id response) noexcept {
  return static_cast<command_id>(static_cast<std::uint32_t>(response) & ~response_bit);
}

/// The name as the standard writes it ("submit_sm"), or empty when the number is none of the standard's.
[[nodiscard]] std::string_view name_of(command_id id) noexcept;

/// The command of that name, in the standard's lower-case spelling.
[[nodiscard]] std::optional<command_id> command_of(std::string_view name) noexcept;

/// Whether the number is a command of the standard.
[[nodiscard]] bool is_known(command_id id) noexcept;

/// Whether `id` is a known request that the standard answers with a response of its own.
[[nodiscard]] bool has_response(command_id id) noexcept;

/// The interface_version that introduced the command: 0x33, 0x34 or 0x50; 0 for an unknown number.
[[nodiscard]] std::uint8_t introduced_in(command_id id) noexcept;

}  // namespace trunkline::protocol
