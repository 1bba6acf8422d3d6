#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/runtime/local_time.hpp"
#include "protocol/message_state.hpp"

namespace trunkline::engine {

/// What the `stat` of a carrier's own means (`receipt_states`).
using receipt_state_names = std::map<std::string, protocol::message_state, std::less<>>;

/// How receipts of a carrier are read.
struct receipt_reading {
  bool by_text = false;  ///< esm_class does not tell: what reads like a receipt is one (`receipt_detect = "text"`)
  local_time zone;       ///< of its dates (`receipt_timezone`)
  const receipt_state_names* states = nullptr;  ///< of its configuration, which outlives this; null: none
};

/// What a received PDU says as a delivery receipt. Views point into the PDU, or into `decoded`.
struct received_receipt {
  std::string_view message_id;  ///< empty: it does not say
  std::string_view other_id;    ///< what its text says where a TLV says something else; else empty
  std::optional<protocol::message_state> state;
  std::string_view source;       ///< address: the handset's, unless the carrier forgot to swap them
  std::string_view destination;  ///< ours
  std::string error;             ///< as it stands in the text, else the code of the TLV; may be empty
  std::int64_t done_at_ms = 0;   ///< 0: it does not say
  bool contradictory = false;    ///< TLV and text name different states or ids

  bool readable() const noexcept { return !message_id.empty() && state.has_value(); }
};

/// Reads a deliver_sm or data_sm, header included. Nothing when it is no receipt but a message of a phone, or when its
/// body is wrong. `decoded` keeps a text that had to be converted (receipts in UCS-2 exist).
std::optional<received_receipt> read_received_receipt(std::span<const std::uint8_t> pdu, receipt_reading& how,
                                                      std::int64_t received_at_ms, std::string& decoded);

/// Whether the address in a receipt is the number that a message went to.
enum class address_verdict : std::uint8_t {
  absent,  ///< it names none that could be compared
  agrees,
  contradicts,
};
/// Numbers agree in any form: with "+", "00", national, or with digits of a carrier in front.
address_verdict compare_address(std::string_view number, std::string_view source,
                                std::string_view destination) noexcept;

}  // namespace trunkline::engine
