#include "engine/smpp/peer_version.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "protocol/pdu.hpp"
#include "protocol/tlv.hpp"

namespace trunkline::engine {
namespace {

using protocol::interface_version;
using protocol::tlv_tag;

constexpr auto vendor = static_cast<tlv_tag>(0x1501);

/// A submit_sm with these TLVs, each with a value of its own.
std::vector<std::uint8_t> submit_with(const std::vector<tlv_tag>& tags) {
  std::array<std::uint8_t, 256> tlv_octets{};
  protocol::octet_writer tlvs(tlv_octets);
  for (const auto tag : tags) protocol::write_tlv_u8(tlvs, tag, static_cast<std::uint8_t>(tag));
  protocol::submit_sm pdu;
  pdu.source_addr = "12345";
  pdu.destination_addr = "491701234567";
  static constexpr std::uint8_t text[] = {'h', 'i'};
  pdu.short_message = text;
  pdu.tlvs = protocol::tlv_view(tlvs.written());
  std::vector<std::uint8_t> out(512);
  out.resize(protocol::write_pdu(out, protocol::command_status::rok, 7, pdu));
  return out;
}

std::vector<tlv_tag> tags_of(std::span<const std::uint8_t> octets) {
  const auto cut = protocol::next_frame(octets);
  EXPECT_EQ(cut.kind, protocol::frame_kind::complete);
  EXPECT_EQ(cut.frame.octets.size(), octets.size());
  EXPECT_EQ(cut.frame.header.sequence_number, 7U);
  const auto pdu = protocol::decode<protocol::submit_sm>(cut.frame);
  EXPECT_TRUE(pdu);
  std::vector<tlv_tag> tags;
  if (!pdu) return tags;
  EXPECT_EQ(pdu->destination_addr, "491701234567");
  EXPECT_EQ(pdu->short_message.size(), 2U);
  for (const auto& parameter : pdu->tlvs) {
    EXPECT_EQ(parameter.value[0], static_cast<std::uint8_t>(parameter.tag));
    tags.push_back(parameter.tag);
  }
  return tags;
}

TEST(peer_version, an_older_answer_rules_and_none_means_what_is_configured) {
  EXPECT_EQ(ruling_version(0x34, std::nullopt), interface_version::v34);
  EXPECT_EQ(ruling_version(0x50, std::nullopt), interface_version::v50);
  EXPECT_EQ(ruling_version(0x50, 0x34), interface_version::v34);
  EXPECT_EQ(ruling_version(0x34, 0x33), interface_version::v33);
  EXPECT_EQ(ruling_version(0x34, 0x00), interface_version::v33);
  EXPECT_EQ(ruling_version(0x33, 0x50), interface_version::v33) << "a newer peer still gets what was asked for";
}

TEST(peer_version, takes_out_what_the_peer_does_not_know) {
  const std::vector<tlv_tag> all{tlv_tag::user_message_reference, tlv_tag::billing_identification, vendor,
                                 tlv_tag::dest_network_id, tlv_tag::dest_addr_subunit};
  const std::vector<tlv_tag> of_34{tlv_tag::user_message_reference, vendor, tlv_tag::dest_addr_subunit};
  struct {
    const char* name;
    interface_version version;
    std::vector<tlv_tag> left;
  } const cases[] = {
      {"5.0 knows all", interface_version::v50, all},
      {"3.4 lacks those of 5.0", interface_version::v34, of_34},
      {"3.3 knows none", interface_version::v33, {}},
  };
  for (const auto& c : cases) {
    auto pdu = submit_with(all);
    pdu.resize(fit_to_version(pdu, c.version));
    EXPECT_EQ(tags_of(pdu), c.left) << c.name;
  }
  auto bare = submit_with({});
  EXPECT_EQ(fit_to_version(bare, interface_version::v33), bare.size());
}

TEST(peer_version, a_text_in_a_parameter_cannot_go_to_a_peer_without_parameters) {
  for (const auto tag :
       {tlv_tag::message_payload, tlv_tag::sar_msg_ref_num, tlv_tag::sar_total_segments, tlv_tag::sar_segment_seqnum}) {
    const auto pdu = submit_with({vendor, tag});
    const auto cut = protocol::next_frame(pdu);
    EXPECT_TRUE(needs_newer_version(cut.frame, interface_version::v33));
    EXPECT_FALSE(needs_newer_version(cut.frame, interface_version::v34));
  }
  const auto pdu = submit_with({vendor});
  EXPECT_FALSE(needs_newer_version(protocol::next_frame(pdu).frame, interface_version::v33));
}

}  // namespace
}  // namespace trunkline::engine
