// Malformed bodies within intact frames: what decode() must say so that a session can answer as the vectors expect.
// Rows about session state are the session machine's to test.
#include <gtest/gtest.h>

#include <set>

#include "protocol/pdu_dispatch.hpp"
#include "tests/protocol/test_octets.hpp"

namespace trunkline::protocol {
namespace {

TEST(pdu_malformed, bodies_are_refused_or_taken_as_the_vectors_expect) {
  const std::set<std::string> groups = {"response_body", "body", "tlv", "udh", "content", "size"};
  // Decoded although the vector prefers a refusal; it lists the answer as acceptable. A data_sm may be a receipt whose
  // content is in other TLVs, so that a missing message_payload is the caller's to judge.
  const std::set<std::string> taken = {"data_sm_no_payload"};
  // Refused because the request "completes with a decode error".
  const std::set<std::string> refused = {"query_resp_truncated"};
  std::size_t rows = 0;
  for (const auto& row : test::load_lines("pdus/malformed.jsonl")) {
    if (!groups.contains(row.at("group").get<std::string>())) continue;
    const auto name = row.at("name").get<std::string>();
    SCOPED_TRACE(name);
    ++rows;
    const auto octets = test::from_hex(row.at("hex").get<std::string>());
    const auto framed = next_frame(octets);
    ASSERT_EQ(framed.kind, frame_kind::complete);
    std::optional<errc> error;
    ASSERT_TRUE(with_pdu_type(framed.frame.header.id, [&]<class Pdu>(std::type_identity<Pdu>) {
      const auto pdu = decode<Pdu>(framed.frame);
      if (!pdu) error = pdu.error();
      return true;
    }));
    const auto& expect = row.at("expect");
    if (taken.contains(name)) {
      EXPECT_FALSE(error);
    } else if (refused.contains(name)) {
      EXPECT_TRUE(error);
    } else if (expect.at("action") == "resp_error") {
      ASSERT_TRUE(error);
      EXPECT_EQ(name_of(status_for(*error)), expect.at("status").get<std::string>());
    } else {
      EXPECT_FALSE(error) << name_of(*error);
    }
  }
  EXPECT_GE(rows, 55U);
}

TEST(pdu_malformed, what_is_kept_of_a_broken_body) {
  const auto find = [](std::string_view name) {
    for (const auto& row : test::load_lines("pdus/malformed.jsonl")) {
      if (row.at("name") == name) return test::from_hex(row.at("hex").get<std::string>());
    }
    std::abort();
  };
  const auto past_end = find("tlv_past_end");
  const auto kept = decode<deliver_sm>(next_frame(past_end).frame);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->tlvs.find_u8(tlv_tag::message_state), 2);
  EXPECT_EQ(kept->tlvs.broken_tail().size(), 10U);
  EXPECT_FALSE(kept->short_message.empty());

  const auto duplicate = find("tlv_duplicate_payload");
  const auto first = decode<deliver_sm>(next_frame(duplicate).frame)->tlvs.find(tlv_tag::message_payload);
  EXPECT_EQ(test::to_hex(*first), "6f6e65");

  const auto date = find("query_resp_bad_date");
  const auto query = decode<query_sm_resp>(next_frame(date).frame);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->message_state, 2);
  EXPECT_EQ(query->final_date, "20261122");

  const auto version = find("bind_resp_scver_len_2");
  EXPECT_EQ(decode<bind_resp>(next_frame(version).frame)->tlvs.find_u8(tlv_tag::sc_interface_version), std::nullopt);
}

}  // namespace
}  // namespace trunkline::protocol
