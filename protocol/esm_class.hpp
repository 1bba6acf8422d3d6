#pragma once

#include <cstdint>

namespace trunkline::protocol {

// The bits of esm_class (SMPP 3.4, 5.2.12). They are to be masked, never compared: carriers combine them.

inline constexpr std::uint8_t esm_mode_mask = 0x03;  ///< of a submission: default, datagram, forward, store and forward
inline constexpr std::uint8_t esm_type_mask = 0x3C;
inline constexpr std::uint8_t esm_delivery_receipt = 0x04;
inline constexpr std::uint8_t esm_delivery_acknowledgement = 0x08;
inline constexpr std::uint8_t esm_manual_acknowledgement = 0x10;
inline constexpr std::uint8_t esm_conversation_abort = 0x18;
inline constexpr std::uint8_t esm_intermediate_notification = 0x20;
inline constexpr std::uint8_t esm_udhi = 0x40;  ///< the text starts with a user data header
inline constexpr std::uint8_t esm_reply_path = 0x80;

/// Whether a deliver_sm or data_sm is a delivery receipt or an intermediate notification, by its esm_class alone.
[[nodiscard]] constexpr bool is_receipt(std::uint8_t esm_class) noexcept {
  const std::uint8_t type = esm_class & esm_type_mask;
  return type == esm_delivery_receipt || type == esm_intermediate_notification;
}

/// Whether a deliver_sm or data_sm is what a phone, or who uses it, says to a message of ours: a message by itself.
[[nodiscard]] constexpr bool is_acknowledgement(std::uint8_t esm_class) noexcept {
  const std::uint8_t type = esm_class & esm_type_mask;
  return type == esm_delivery_acknowledgement || type == esm_manual_acknowledgement;
}

/// Whether the text starts with a user data header.
[[nodiscard]] constexpr bool has_udh(std::uint8_t esm_class) noexcept { return (esm_class & esm_udhi) != 0; }

// The bits of registered_delivery (SMPP 3.4, 5.2.17).

inline constexpr std::uint8_t receipt_always = 0x01;
inline constexpr std::uint8_t receipt_on_failure = 0x02;
inline constexpr std::uint8_t receipt_on_success = 0x03;  ///< SMPP 5.0
inline constexpr std::uint8_t intermediate_notification_wanted = 0x10;

}  // namespace trunkline::protocol
