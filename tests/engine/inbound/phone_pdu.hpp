#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/pdu.hpp"
#include "protocol/udh.hpp"

namespace trunkline::engine::test {

/// A deliver_sm, or data_sm, as a phone's message comes in one.
struct phone_pdu {
  std::string from = "491701234567";
  std::string to = "12345";
  std::string text;
  std::uint8_t data_coding = 0;
  std::uint8_t esm_class = 0;
  std::uint32_t sequence = 1;
  std::vector<std::uint8_t> header;  ///< user data header, if any
  std::vector<std::uint8_t> tlvs;
  bool data_sm = false;  ///< the text is its message_payload

  static std::vector<std::uint8_t> concatenated(std::uint8_t reference, std::uint8_t total, std::uint8_t number) {
    return {5, 0, 3, reference, total, number};
  }
  static std::vector<std::uint8_t> sar(std::uint8_t reference, std::uint8_t total, std::uint8_t number) {
    return {2, 0x0c, 0, 2, 0, reference, 2, 0x0e, 0, 1, total, 2, 0x0f, 0, 1, number};
  }

  std::vector<std::uint8_t> octets() const {
    std::vector<std::uint8_t> message = header;
    message.insert(message.end(), text.begin(), text.end());
    if (!data_sm) {
      protocol::deliver_sm pdu;
      pdu.short_message = message;
      return written(pdu, tlvs);
    }
    std::vector<std::uint8_t> room(8 + message.size());
    protocol::octet_writer payload(room);
    protocol::write_tlv(payload, protocol::tlv_tag::message_payload, message);
    std::vector<std::uint8_t> all(payload.written().begin(), payload.written().end());
    all.insert(all.end(), tlvs.begin(), tlvs.end());
    return written(protocol::data_sm(), all);
  }

 private:
  template <class Pdu>
  std::vector<std::uint8_t> written(Pdu pdu, const std::vector<std::uint8_t>& all_tlvs) const {
    pdu.source_addr = from;
    pdu.destination_addr = to;
    pdu.data_coding = data_coding;
    pdu.esm_class = static_cast<std::uint8_t>(esm_class | (header.empty() ? 0 : 0x40));
    pdu.tlvs = protocol::tlv_view(all_tlvs);
    std::vector<std::uint8_t> out(1024);
    out.resize(protocol::write_pdu(out, protocol::command_status::rok, sequence, pdu));
    return out;
  }
};

}  // namespace trunkline::engine::test
