#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/command_id.hpp"
#include "protocol/tlv.hpp"

namespace trunkline::protocol {

/// A message to all mobiles of an area (SMPP 5.0, 4.4.1). The area, content type, repetitions and interval are
/// mandatory TLVs.
struct broadcast_sm {
  static constexpr command_id id = command_id::broadcast_sm;

  std::string_view service_type;
  std::uint8_t source_addr_ton = 0;
  std::uint8_t source_addr_npi = 0;
  std::string_view source_addr;
  std::string_view message_id;
  std::uint8_t priority_flag = 0;
  std::string_view schedule_delivery_time;
  std::string_view validity_period;
  std::uint8_t replace_if_present_flag = 0;
  std::uint8_t data_coding = 0;
  std::uint8_t sm_default_msg_id = 0;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.text("service_type", pdu.service_type, 6);
    visit.u8("source_addr_ton", pdu.source_addr_ton);
    visit.u8("source_addr_npi", pdu.source_addr_npi);
    visit.text("source_addr", pdu.source_addr, 21);
    visit.text("message_id", pdu.message_id, 65);
    visit.u8("priority_flag", pdu.priority_flag);
    visit.time("schedule_delivery_time", pdu.schedule_delivery_time);
    visit.time("validity_period", pdu.validity_period);
    visit.u8("replace_if_present_flag", pdu.replace_if_present_flag);
    visit.u8("data_coding", pdu.data_coding);
    visit.u8("sm_default_msg_id", pdu.sm_default_msg_id);
    visit.tlvs(pdu.tlvs);
  }
};

/// SMPP 5.0, 4.4.2.
struct broadcast_sm_resp {
  static constexpr command_id id = command_id::broadcast_sm_resp;
  static constexpr bool omits_body_on_error = true;

  std::string_view message_id;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.response_text("message_id", pdu.message_id, 65);
    visit.tlvs(pdu.tlvs);
  }
};

/// SMPP 5.0, 4.6.1.
struct query_broadcast_sm {
  static constexpr command_id id = command_id::query_broadcast_sm;

  std::string_view message_id;
  std::uint8_t source_addr_ton = 0;
  std::uint8_t source_addr_npi = 0;
  std::string_view source_addr;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.text("message_id", pdu.message_id, 65);
    visit.u8("source_addr_ton", pdu.source_addr_ton);
    visit.u8("source_addr_npi", pdu.source_addr_npi);
    visit.text("source_addr", pdu.source_addr, 21);
    visit.tlvs(pdu.tlvs);
  }
};

/// SMPP 5.0, 4.6.2. State, areas and success are TLVs.
struct query_broadcast_sm_resp {
  static constexpr command_id id = command_id::query_broadcast_sm_resp;
  static constexpr bool omits_body_on_error = true;

  std::string_view message_id;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.response_text("message_id", pdu.message_id, 65);
    visit.tlvs(pdu.tlvs);
  }
};

/// SMPP 5.0, 4.6.3.
struct cancel_broadcast_sm {
  static constexpr command_id id = command_id::cancel_broadcast_sm;

  std::string_view service_type;
  std::string_view message_id;
  std::uint8_t source_addr_ton = 0;
  std::uint8_t source_addr_npi = 0;
  std::string_view source_addr;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.text("service_type", pdu.service_type, 6);
    visit.text("message_id", pdu.message_id, 65);
    visit.u8("source_addr_ton", pdu.source_addr_ton);
    visit.u8("source_addr_npi", pdu.source_addr_npi);
    visit.text("source_addr", pdu.source_addr, 21);
    visit.tlvs(pdu.tlvs);
  }
};

/// SMPP 5.0, 4.6.4.
struct cancel_broadcast_sm_resp {
  static constexpr command_id id = command_id::cancel_broadcast_sm_resp;

  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.tlvs(pdu.tlvs);
  }
};

}  // namespace trunkline::protocol
