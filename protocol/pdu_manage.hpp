#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/command_id.hpp"
#include "protocol/tlv.hpp"

namespace trunkline::protocol {

/// Asks for the state of a message (SMPP 3.4, 4.8.1).
struct query_sm {
  static constexpr command_id id = command_id::query_sm;

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

/// SMPP 3.4, 4.8.2. final_date is empty as long as the state is not final.
struct query_sm_resp {
  static constexpr command_id id = command_id::query_sm_resp;
  static constexpr bool omits_body_on_error = true;

  std::string_view message_id;
  std::string_view final_date;
  std::uint8_t message_state = 0;
  std::uint8_t error_code = 0;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.response_text("message_id", pdu.message_id, 65);
    visit.time("final_date", pdu.final_date);
    visit.u8("message_state", pdu.message_state);
    visit.u8("error_code", pdu.error_code);
    visit.tlvs(pdu.tlvs);
  }
};

/// Cancels one message, or all between two addresses when message_id is empty (SMPP 3.4, 4.9.1).
struct cancel_sm {
  static constexpr command_id id = command_id::cancel_sm;

  std::string_view service_type;
  std::string_view message_id;
  std::uint8_t source_addr_ton = 0;
  std::uint8_t source_addr_npi = 0;
  std::string_view source_addr;
  std::uint8_t dest_addr_ton = 0;
  std::uint8_t dest_addr_npi = 0;
  std::string_view destination_addr;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.text("service_type", pdu.service_type, 6);
    visit.text("message_id", pdu.message_id, 65);
    visit.u8("source_addr_ton", pdu.source_addr_ton);
    visit.u8("source_addr_npi", pdu.source_addr_npi);
    visit.text("source_addr", pdu.source_addr, 21);
    visit.u8("dest_addr_ton", pdu.dest_addr_ton);
    visit.u8("dest_addr_npi", pdu.dest_addr_npi);
    visit.text("destination_addr", pdu.destination_addr, 21);
    visit.tlvs(pdu.tlvs);
  }
};

/// SMPP 3.4, 4.9.2.
struct cancel_sm_resp {
  static constexpr command_id id = command_id::cancel_sm_resp;

  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.tlvs(pdu.tlvs);
  }
};

/// Replaces a message that was not delivered yet; data_coding and esm_class stay (SMPP 3.4, 4.10.1).
struct replace_sm {
  static constexpr command_id id = command_id::replace_sm;

  std::string_view message_id;
  std::uint8_t source_addr_ton = 0;
  std::uint8_t source_addr_npi = 0;
  std::string_view source_addr;
  std::string_view schedule_delivery_time;
  std::string_view validity_period;
  std::uint8_t registered_delivery = 0;
  std::uint8_t sm_default_msg_id = 0;
  std::span<const std::uint8_t> short_message;  ///< sm_length octets, a UDH included
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.text("message_id", pdu.message_id, 65);
    visit.u8("source_addr_ton", pdu.source_addr_ton);
    visit.u8("source_addr_npi", pdu.source_addr_npi);
    visit.text("source_addr", pdu.source_addr, 21);
    visit.time("schedule_delivery_time", pdu.schedule_delivery_time);
    visit.time("validity_period", pdu.validity_period);
    visit.u8("registered_delivery", pdu.registered_delivery);
    visit.u8("sm_default_msg_id", pdu.sm_default_msg_id);
    visit.counted("sm_length", "short_message", pdu.short_message);
    visit.tlvs(pdu.tlvs);
  }
};

/// SMPP 3.4, 4.10.2.
struct replace_sm_resp {
  static constexpr command_id id = command_id::replace_sm_resp;

  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.tlvs(pdu.tlvs);
  }
};

}  // namespace trunkline::protocol
