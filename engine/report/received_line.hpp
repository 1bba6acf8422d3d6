#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/receipts/received_receipt.hpp"
#include "protocol/text_encoding.hpp"

namespace trunkline::engine {

/// Where a received PDU goes.
enum class received_kind : std::uint8_t { receipt, inbound };

/// What has to be known of the carrier that a PDU came from.
struct received_from {
  std::string_view carrier;                                        ///< its name; empty: not known any more
  protocol::encoding default_alphabet = protocol::encoding::gsm7;  ///< what data_coding 0 means there
  bool gsm_packed = false;  ///< GSM 7-bit texts of phones are packed; receipts never are
};

/// What a deliver_sm or data_sm (a whole PDU) is by its esm_class. What cannot be read is no receipt.
received_kind kind_of_received(std::span<const std::uint8_t> pdu) noexcept;

/// Appends the line of a deliver_sm or data_sm (a whole PDU) for receipts/ or inbound/, newline included: its decoded
/// fields, and `raw`, so that nothing is lost even where nothing could be read. The text is decoded as data_coding
/// (SMPP 3.4, 5.2.19; 3GPP TS 23.038, 4) and the national language tables of its header say; without `text` where they
/// say that it is none, or in a set that we do not read. Never fails. A receipt here is one that found no message: its
/// `batch` is null. `receipt`: what was read of it, when that is known already, else its esm_class tells.
received_kind append_received_line(std::string& out, const received_from& from, std::int64_t received_at_ms,
                                   std::span<const std::uint8_t> pdu, const received_receipt* receipt = nullptr);

}  // namespace trunkline::engine
