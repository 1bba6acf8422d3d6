#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/command_id.hpp"
#include "protocol/tlv.hpp"

namespace trunkline::protocol {

/// One message, or one part of one, to one number (SMPP 3.4, 4.4.1).
struct submit_sm {
  static constexpr command_id id = command_id::submit_sm;

  std::string_view service_type;
  std::uint8_t source_addr_ton = 0;
  std::uint8_t source_addr_npi = 0;
  std::string_view source_addr;
  std::uint8_t dest_addr_ton = 0;
  std::uint8_t dest_addr_npi = 0;
  std::string_view destination_addr;
  std::uint8_t esm_class = 0;
  std::uint8_t protocol_id = 0;
  std::uint8_t priority_flag = 0;
  std::string_view schedule_delivery_time;
  std::string_view validity_period;
  std::uint8_t registered_delivery = 0;
  std::uint8_t replace_if_present_flag = 0;
  std::uint8_t data_coding = 0;
  std::uint8_t sm_default_msg_id = 0;
  std::span<const std::uint8_t> short_message;  ///< sm_length octets, a UDH included
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.text("service_type", pdu.service_type, 6);
    visit.u8("source_addr_ton", pdu.source_addr_ton);
    visit.u8("source_addr_npi", pdu.source_addr_npi);
    visit.text("source_addr", pdu.source_addr, 21);
    visit.u8("dest_addr_ton", pdu.dest_addr_ton);
    visit.u8("dest_addr_npi", pdu.dest_addr_npi);
    visit.text("destination_addr", pdu.destination_addr, 21);
    visit.u8("esm_class", pdu.esm_class);
    visit.u8("protocol_id", pdu.protocol_id);
    visit.u8("priority_flag", pdu.priority_flag);
    visit.time("schedule_delivery_time", pdu.schedule_delivery_time);
    visit.time("validity_period", pdu.validity_period);
    visit.u8("registered_delivery", pdu.registered_delivery);
    visit.u8("replace_if_present_flag", pdu.replace_if_present_flag);
    visit.u8("data_coding", pdu.data_coding);
    visit.u8("sm_default_msg_id", pdu.sm_default_msg_id);
    visit.counted("sm_length", "short_message", pdu.short_message);
    visit.tlvs(pdu.tlvs);
  }
};

/// The answer to submit_sm (SMPP 3.4, 4.4.2). message_id is what a receipt will name.
struct submit_sm_resp {
  static constexpr command_id id = command_id::submit_sm_resp;
  static constexpr bool omits_body_on_error = true;

  std::string_view message_id;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.response_text("message_id", pdu.message_id, 65);
    visit.tlvs(pdu.tlvs);
  }
};

/// A receipt, or a message of a mobile (SMPP 3.4, 4.6.1).
struct deliver_sm {
  static constexpr command_id id = command_id::deliver_sm;

  std::string_view service_type;
  std::uint8_t source_addr_ton = 0;
  std::uint8_t source_addr_npi = 0;
  std::string_view source_addr;
  std::uint8_t dest_addr_ton = 0;
  std::uint8_t dest_addr_npi = 0;
  std::string_view destination_addr;
  std::uint8_t esm_class = 0;
  std::uint8_t protocol_id = 0;
  std::uint8_t priority_flag = 0;
  std::string_view schedule_delivery_time;
  std::string_view validity_period;
  std::uint8_t registered_delivery = 0;
  std::uint8_t replace_if_present_flag = 0;
  std::uint8_t data_coding = 0;
  std::uint8_t sm_default_msg_id = 0;
  std::span<const std::uint8_t> short_message;  ///< sm_length octets, a UDH included
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.text("service_type", pdu.service_type, 6);
    visit.u8("source_addr_ton", pdu.source_addr_ton);
    visit.u8("source_addr_npi", pdu.source_addr_npi);
    visit.text("source_addr", pdu.source_addr, 21);
    visit.u8("dest_addr_ton", pdu.dest_addr_ton);
    visit.u8("dest_addr_npi", pdu.dest_addr_npi);
    visit.text("destination_addr", pdu.destination_addr, 21);
    visit.u8("esm_class", pdu.esm_class);
    visit.u8("protocol_id", pdu.protocol_id);
    visit.u8("priority_flag", pdu.priority_flag);
    visit.time("schedule_delivery_time", pdu.schedule_delivery_time);
    visit.time("validity_period", pdu.validity_period);
    visit.u8("registered_delivery", pdu.registered_delivery);
    visit.u8("replace_if_present_flag", pdu.replace_if_present_flag);
    visit.u8("data_coding", pdu.data_coding);
    visit.u8("sm_default_msg_id", pdu.sm_default_msg_id);
    visit.counted("sm_length", "short_message", pdu.short_message);
    visit.tlvs(pdu.tlvs);
  }
};

/// The answer to deliver_sm (SMPP 3.4, 4.6.2); message_id is always empty when sent.
struct deliver_sm_resp {
  static constexpr command_id id = command_id::deliver_sm_resp;

  std::string_view message_id;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.response_text("message_id", pdu.message_id, 65);
    visit.tlvs(pdu.tlvs);
  }
};

/// A message without the fields of submit_sm that few need; its text is the TLV message_payload (SMPP 3.4, 4.7.1).
struct data_sm {
  static constexpr command_id id = command_id::data_sm;

  std::string_view service_type;
  std::uint8_t source_addr_ton = 0;
  std::uint8_t source_addr_npi = 0;
  std::string_view source_addr;
  std::uint8_t dest_addr_ton = 0;
  std::uint8_t dest_addr_npi = 0;
  std::string_view destination_addr;
  std::uint8_t esm_class = 0;
  std::uint8_t registered_delivery = 0;
  std::uint8_t data_coding = 0;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.text("service_type", pdu.service_type, 6);
    visit.u8("source_addr_ton", pdu.source_addr_ton);
    visit.u8("source_addr_npi", pdu.source_addr_npi);
    visit.text("source_addr", pdu.source_addr, 65);
    visit.u8("dest_addr_ton", pdu.dest_addr_ton);
    visit.u8("dest_addr_npi", pdu.dest_addr_npi);
    visit.text("destination_addr", pdu.destination_addr, 65);
    visit.u8("esm_class", pdu.esm_class);
    visit.u8("registered_delivery", pdu.registered_delivery);
    visit.u8("data_coding", pdu.data_coding);
    visit.tlvs(pdu.tlvs);
  }
};

/// The answer to data_sm (SMPP 3.4, 4.7.2).
struct data_sm_resp {
  static constexpr command_id id = command_id::data_sm_resp;
  static constexpr bool omits_body_on_error = true;

  std::string_view message_id;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.response_text("message_id", pdu.message_id, 65);
    visit.tlvs(pdu.tlvs);
  }
};

/// Where the validity_period stands in the body that encode_body() writes, for a caller that patches its 16 characters
/// later. Meaningful only when the field is not empty.
[[nodiscard]] constexpr std::size_t validity_period_offset(const submit_sm& pdu) noexcept {
  constexpr std::size_t nuls = 4;
  constexpr std::size_t integers = 7;
  return pdu.service_type.size() + pdu.source_addr.size() + pdu.destination_addr.size() +
         pdu.schedule_delivery_time.size() + nuls + integers;
}

}  // namespace trunkline::protocol
