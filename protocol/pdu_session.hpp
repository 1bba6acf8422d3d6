#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/command_id.hpp"
#include "protocol/tlv.hpp"

namespace trunkline::protocol {

/// The longest password that is written, its NUL included. The standard's maximum is 9, and carriers are known to give
/// out longer ones all the same.
inline constexpr std::size_t max_password_bytes = 65;

/// The three bind requests, which differ in nothing but their command_id (SMPP 3.4, 4.1.1, 4.1.3, 4.1.5).
struct bind_request {
  command_id id = command_id::bind_transceiver;  ///< which of the three; not part of the body

  std::string_view system_id;
  std::string_view password;
  std::string_view system_type;
  std::uint8_t interface_version = 0x34;
  std::uint8_t addr_ton = 0;
  std::uint8_t addr_npi = 0;
  std::string_view address_range;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.text("system_id", pdu.system_id, 16);
    visit.text("password", pdu.password, max_password_bytes);
    visit.text("system_type", pdu.system_type, 13);
    visit.u8("interface_version", pdu.interface_version);
    visit.u8("addr_ton", pdu.addr_ton);
    visit.u8("addr_npi", pdu.addr_npi);
    visit.text("address_range", pdu.address_range, 41);
    visit.tlvs(pdu.tlvs);
  }
};

/// The answer to a bind (SMPP 3.4, 4.1.2). The TLV sc_interface_version tells what the peer speaks; absent means 3.3.
struct bind_resp {
  command_id id = command_id::bind_transceiver_resp;  ///< which of the three; not part of the body
  static constexpr bool omits_body_on_error = true;

  std::string_view system_id;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.response_text("system_id", pdu.system_id, 16);
    visit.tlvs(pdu.tlvs);
  }
};

/// An SMSC asks an ESME to bind (SMPP 3.4, 4.1.7). Has no response; the ESME binds as receiver.
struct outbind {
  static constexpr command_id id = command_id::outbind;

  std::string_view system_id;
  std::string_view password;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.text("system_id", pdu.system_id, 16);
    visit.text("password", pdu.password, max_password_bytes);
    visit.tlvs(pdu.tlvs);
  }
};

/// Asks to end the session (SMPP 3.4, 4.2.1).
struct unbind {
  static constexpr command_id id = command_id::unbind;

  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.tlvs(pdu.tlvs);
  }
};

/// SMPP 3.4, 4.2.2. The connection is closed after it.
struct unbind_resp {
  static constexpr command_id id = command_id::unbind_resp;

  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.tlvs(pdu.tlvs);
  }
};

/// Asks whether the peer is alive (SMPP 3.4, 4.11.1).
struct enquire_link {
  static constexpr command_id id = command_id::enquire_link;

  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.tlvs(pdu.tlvs);
  }
};

/// SMPP 3.4, 4.11.2.
struct enquire_link_resp {
  static constexpr command_id id = command_id::enquire_link_resp;

  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.tlvs(pdu.tlvs);
  }
};

/// Refuses a PDU that could not be read (SMPP 3.4, 4.3.1). Never answered.
struct generic_nack {
  static constexpr command_id id = command_id::generic_nack;

  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.tlvs(pdu.tlvs);
  }
};

/// An SMSC tells that a mobile became reachable (SMPP 3.4, 4.12.1). Has no response.
struct alert_notification {
  static constexpr command_id id = command_id::alert_notification;

  std::uint8_t source_addr_ton = 0;
  std::uint8_t source_addr_npi = 0;
  std::string_view source_addr;
  std::uint8_t esme_addr_ton = 0;
  std::uint8_t esme_addr_npi = 0;
  std::string_view esme_addr;
  tlv_view tlvs;

  template <class Self, class Visitor>
  static constexpr void fields(Self& pdu, Visitor& visit) {
    visit.u8("source_addr_ton", pdu.source_addr_ton);
    visit.u8("source_addr_npi", pdu.source_addr_npi);
    visit.text("source_addr", pdu.source_addr, 65);
    visit.u8("esme_addr_ton", pdu.esme_addr_ton);
    visit.u8("esme_addr_npi", pdu.esme_addr_npi);
    visit.text("esme_addr", pdu.esme_addr, 65);
    visit.tlvs(pdu.tlvs);
  }
};

}  // namespace trunkline::protocol
