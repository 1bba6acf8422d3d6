#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/command_id.hpp"
#include "protocol/pdu_list.hpp"
#include "protocol/tlv.hpp"

namespace trunkline::protocol {

/// One message to many numbers and distribution lists (SMPP 3.4, 4.5.1).
struct submit_multi {
  static constexpr command_id id = command_id::submit_multi;

  std::string_view service_type;
  std::uint8_t source_addr_ton = 0;
  std::uint8_t source_addr_npi = 0;
  std::string_view source_addr;
  entry_list<dest_address> dest_addresses;
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
    visit.list("number_of_dests", "dest_address", pdu.dest_addresses);
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

/// The answer to submit_multi, with the destinations that were refused (SMPP 3.4, 4.5.2).
struct submit_multi_resp {
  static constexpr command_id id = command_id::submit_multi_resp;
  static constexpr bool omits_body_on_error = true;

  std::string_view message_id;
  entry_list<unsuccess_sme> unsuccess_smes;  ///< may be incomplete()
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.response_text("message_id", pdu.message_id, 65);
    visit.list("no_unsuccess", "unsuccess_sme", pdu.unsuccess_smes);
    visit.tlvs(pdu.tlvs);
  }
};

}  // namespace trunkline::protocol
