#include "protocol/receipt.hpp"

namespace trunkline::protocol {

receipt read_receipt(std::string_view text, const tlv_view& tlvs) noexcept {
  receipt result;
  result.text = parse_receipt_text(text);

  // One walk over the TLVs; the first of a repeated tag counts, and one of a wrong length does not.
  std::string_view id;
  std::optional<message_state> state;
  for (const tlv parameter : tlvs) {
    const auto value = parameter.value;
    if (parameter.tag == tlv_tag::receipted_message_id && id.empty()) {
      const std::string_view padded(reinterpret_cast<const char*>(value.data()), value.size());
      id = padded.substr(0, padded.find('\0'));
    } else if (parameter.tag == tlv_tag::message_state && !state && value.size() == 1) {
      state = message_state_of(value[0]);
    } else if (parameter.tag == tlv_tag::network_error_code && !result.error && value.size() == 3) {
      result.error = network_error{value[0], static_cast<std::uint16_t>((value[1] << 8U) | value[2])};
    }
  }

  result.message_id = id.empty() ? result.text.id : id;
  result.ids_differ = !id.empty() && !result.text.id.empty() && id != result.text.id;
  const auto text_state = result.text.stat.empty() ? std::nullopt : message_state_of(result.text.stat);
  result.state = state ? state : text_state;
  result.states_differ = state && text_state && *state != *text_state;
  return result;
}

std::span<const std::uint8_t> message_octets(std::span<const std::uint8_t> short_message,
                                             const tlv_view& tlvs) noexcept {
  if (tlvs.empty()) return short_message;
  const auto payload = tlvs.find(tlv_tag::message_payload);
  return payload && !payload->empty() ? *payload : short_message;
}

}  // namespace trunkline::protocol
