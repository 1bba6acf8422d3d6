#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/message_state.hpp"
#include "protocol/receipt_text.hpp"
#include "protocol/tlv.hpp"

namespace trunkline::protocol {

/// The TLV network_error_code (SMPP 3.4, 5.3.2.31).
struct network_error {
  std::uint8_t network_type = 0;  ///< 3 is GSM; carriers send 0 as well
  std::uint16_t code = 0;
};

/// What a delivery receipt says, from its TLVs and its text. Where both speak the TLV is believed, because its place in
/// the PDU is the standard's and the text's is not. Views point into the PDU and die with it.
struct receipt {
  std::string_view message_id;         ///< empty: it cannot be matched
  std::optional<message_state> state;  ///< nothing: neither the TLV nor a word that is known
  std::optional<network_error> error;
  receipt_text text;           ///< the fields of the text, for what no TLV says
  bool ids_differ = false;     ///< TLV and text name different ids: another radix, or a fault of the carrier
  bool states_differ = false;  ///< TLV and text name different states

  /// Whether it says what became of which message.
  [[nodiscard]] bool readable() const noexcept { return !message_id.empty() && state.has_value(); }
};

/// Reads a receipt from the text and TLVs of a deliver_sm or data_sm whose esm_class says that it is one. Never fails:
/// a receipt must be acknowledged whether or not it is readable(), or the carrier sends it for ever.
[[nodiscard]] receipt read_receipt(std::string_view text, const tlv_view& tlvs) noexcept;

/// The octets that a message consists of: the TLV message_payload where there is one with octets, else short_message.
/// (The standard allows only one of them; 5.0 gives the TLV precedence.)
[[nodiscard]] std::span<const std::uint8_t> message_octets(std::span<const std::uint8_t> short_message,
                                                           const tlv_view& tlvs) noexcept;

}  // namespace trunkline::protocol
