#include "protocol/pdu.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "protocol/esm_class.hpp"
#include "protocol/pdu_dispatch.hpp"
#include "tests/protocol/pdu_json.hpp"
#include "tests/protocol/test_octets.hpp"

namespace trunkline::protocol {
namespace {

/// Gives every field a distinct value of its largest size.
class filler {
 public:
  void u8(std::string_view, std::uint8_t& value) { value = ++next_; }
  void u32(std::string_view, std::uint32_t& value) { value = 0x01020304U + ++next_; }
  void text(std::string_view name, std::string_view& value, std::size_t max) {
    texts_.push_back(std::make_unique<std::string>(max - 1, name.front()));
    value = *texts_.back();
  }
  void time(std::string_view, std::string_view& value) { value = "261122203015400+"; }
  void response_text(std::string_view name, std::string_view& value, std::size_t max) { text(name, value, max); }
  void counted(std::string_view, std::string_view, std::span<const std::uint8_t>& value) { value = message_; }
  void list(std::string_view, std::string_view, entry_list<dest_address>& value) {
    octet_writer to(list_);
    write_entry(to, dest_address{1, 1, 1, "4915100000001", {}});
    write_entry(to, dest_address{2, 0, 0, {}, "friends"});
    value = entry_list<dest_address>(to.written(), 2);
  }
  void list(std::string_view, std::string_view, entry_list<unsuccess_sme>& value) {
    octet_writer to(list_);
    write_entry(to, unsuccess_sme{1, 1, "4915100000001", 0xB});
    value = entry_list<unsuccess_sme>(to.written(), 1);
  }
  void tlvs(tlv_view& value) { value = tlv_view(tlvs_); }

 private:
  std::uint8_t next_ = 0;
  std::vector<std::unique_ptr<std::string>> texts_;
  test::octets message_ = test::octets(255, 0xAB);
  test::octets list_ = test::octets(100);
  test::octets tlvs_ = test::from_hex("14000002beef");
};

template <class Pdu>
class every_pdu : public testing::Test {};

using pdu_types =
    testing::Types<bind_request, bind_resp, outbind, unbind, unbind_resp, enquire_link, enquire_link_resp, generic_nack,
                   alert_notification, submit_sm, submit_sm_resp, deliver_sm, deliver_sm_resp, data_sm, data_sm_resp,
                   submit_multi, submit_multi_resp, query_sm, query_sm_resp, cancel_sm, cancel_sm_resp, replace_sm,
                   replace_sm_resp, broadcast_sm, broadcast_sm_resp, query_broadcast_sm, query_broadcast_sm_resp,
                   cancel_broadcast_sm, cancel_broadcast_sm_resp>;
TYPED_TEST_SUITE(every_pdu, pdu_types);

template <class Pdu>
nlohmann::json as_json(const Pdu& pdu) {
  auto out = nlohmann::json::object();
  test::json_visitor visit(out);
  Pdu::fields(pdu, visit);
  return out;
}

TYPED_TEST(every_pdu, full_fields_read_back_and_no_octet_is_written_past_the_end) {
  TypeParam pdu;
  filler fill;
  TypeParam::fields(pdu, fill);
  test::octets out(2'000);
  const std::size_t size = write_pdu(out, command_status::rok, 7, pdu);
  ASSERT_GE(size, header_bytes + 6);
  const auto framed = next_frame(std::span(out).first(size));
  ASSERT_EQ(framed.kind, frame_kind::complete);
  EXPECT_EQ(framed.frame.header.id, pdu.id);
  EXPECT_EQ(framed.frame.octets.size(), size);
  const auto back = decode<TypeParam>(framed.frame);
  ASSERT_TRUE(back) << name_of(back.error());
  EXPECT_EQ(as_json(*back), as_json(pdu));

  for (std::size_t room = 0; room < size; ++room) {
    test::octets small(room);
    EXPECT_EQ(write_pdu(small, command_status::rok, 7, pdu), 0U);
  }
}

TYPED_TEST(every_pdu, truncated_at_every_octet_reads_or_fails_within_its_octets) {
  TypeParam pdu;
  filler fill;
  TypeParam::fields(pdu, fill);
  test::octets out(2'000);
  out.resize(write_pdu(out, command_status::rok, 7, pdu));
  const auto body = std::span<const std::uint8_t>(out).subspan(header_bytes);
  const std::size_t mandatory = body.size() - 6;
  for (std::size_t size = 0; size < body.size(); ++size) {
    const auto cut = test::exact(body.first(size));
    const auto back = decode<TypeParam>(std::span<const std::uint8_t>(cut));
    if (size >= mandatory) {
      EXPECT_TRUE(back) << size;  // a broken tail of TLVs is dropped
      continue;
    }
    const bool is_one_text = requires { TypeParam::omits_body_on_error; }
    || pdu.id == command_id::deliver_sm_resp;
    // A response may have no body, and its first text may lack its NUL.
    EXPECT_TRUE(is_one_text || !back) << size;
  }
}

TYPED_TEST(every_pdu, trailing_octets_are_tlvs_or_dropped) {
  TypeParam pdu;
  test::octets out(2'000);
  out.resize(write_pdu(out, command_status::rok, 7, pdu));
  const auto before = as_json(pdu);
  for (const char* trailing : {"00", "0000", "000000", "00000001"}) {
    auto octets = out;
    const auto more = test::from_hex(trailing);
    octets.insert(octets.end(), more.begin(), more.end());
    const auto body = std::span<const std::uint8_t>(octets).subspan(header_bytes);
    const auto back = decode<TypeParam>(body);
    ASSERT_TRUE(back) << trailing;
    EXPECT_EQ(as_json(*back), before);
  }
  const auto congestion = test::from_hex("0428000120");
  out.insert(out.end(), congestion.begin(), congestion.end());
  const auto back = decode<TypeParam>(std::span<const std::uint8_t>(out).subspan(header_bytes));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->tlvs.find_u8(tlv_tag::congestion_state), 0x20);
}

TEST(pdu, responses_with_an_error_are_read_in_every_form_that_is_in_use) {
  struct {
    const char* name;
    const char* body;
    const char* message_id;
  } const cases[] = {
      {"no body", "", ""},
      {"lone NUL", "00", ""},
      {"full id", "413100", "A1"},
      {"id without its NUL", "413142", "A1B"},
      {"id of octets that are no text", "c3a980ff00", "\xC3\xA9\x80\xFF"},
      {"id and TLV", "4131000428000120", "A1"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto body = test::from_hex(c.body);
    EXPECT_EQ(decode<submit_sm_resp>(body)->message_id, c.message_id);
    EXPECT_EQ(decode<deliver_sm_resp>(body)->message_id, c.message_id);
    EXPECT_EQ(decode<data_sm_resp>(body)->message_id, c.message_id);
    EXPECT_EQ(decode<bind_resp>(body)->system_id, c.message_id);
  }
  EXPECT_TRUE(decode<query_sm_resp>(std::span<const std::uint8_t>()));
  EXPECT_TRUE(decode<submit_multi_resp>(test::from_hex("00")));
}

TEST(pdu, an_error_response_that_says_nothing_is_written_without_a_body) {
  std::array<std::uint8_t, 64> out{};
  EXPECT_EQ(write_pdu(out, command_status::rthrottled, 1, submit_sm_resp{}), 16U);
  EXPECT_EQ(write_pdu(out, command_status::rok, 1, submit_sm_resp{}), 17U);
  EXPECT_EQ(write_pdu(out, command_status::rthrottled, 1, submit_sm_resp{.message_id = "7", .tlvs = {}}), 18U);
  EXPECT_EQ(write_pdu(out, command_status::rinvpaswd, 1, bind_resp{}), 16U);
  EXPECT_EQ(write_pdu(out, command_status::rqueryfail, 1, query_sm_resp{}), 16U);
  EXPECT_EQ(write_pdu(out, command_status::rx_t_appn, 1, deliver_sm_resp{}), 17U);
}

TEST(pdu, bind_requests_know_which_of_the_three_they_are) {
  for (const auto id : {command_id::bind_transmitter, command_id::bind_receiver, command_id::bind_transceiver}) {
    std::array<std::uint8_t, 64> out{};
    bind_request bind;
    bind.id = id;
    bind.system_id = "esme";
    const std::size_t size = write_pdu(out, command_status::rok, 1, bind);
    const auto framed = next_frame(std::span<const std::uint8_t>(out).first(size)).frame;
    EXPECT_EQ(decode<bind_request>(framed)->id, id);
  }
}

TEST(pdu, fields_over_their_maximum_are_refused_when_written_and_taken_when_read) {
  const std::string digits(30, '4');
  submit_sm pdu;
  pdu.destination_addr = digits;
  std::array<std::uint8_t, 512> out{};
  octet_writer to(out);
  encode_body(to, pdu);
  EXPECT_EQ(to.error(), errc::too_long_field);
  pdu.destination_addr = std::string_view(digits).substr(0, 20);
  EXPECT_NE(write_pdu(out, command_status::rok, 1, pdu), 0U);

  for (const std::string_view time : {"1", "00000000000000R", "0000000000000000R"}) {
    pdu.validity_period = time;
    EXPECT_EQ(write_pdu(out, command_status::rok, 1, pdu), 0U) << time;
  }
  pdu.validity_period = {};
  const test::octets text(256);
  pdu.short_message = text;
  EXPECT_EQ(write_pdu(out, command_status::rok, 1, pdu), 0U);

  const auto body =
      test::from_hex("000101" + test::to_hex(test::octets(30, '4')) + "00" + "000000" + "0000000000000000000000");
  const auto read = decode<deliver_sm>(body);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->source_addr, digits);
}

TEST(pdu, validity_period_stands_where_the_offset_says) {
  submit_sm pdu;
  for (const std::string_view service : {"", "CMT"}) {
    for (const std::string_view schedule : {"", "261122203015400+"}) {
      pdu.service_type = service;
      pdu.source_addr = "Shop";
      pdu.destination_addr = "4915100000001";
      pdu.schedule_delivery_time = schedule;
      pdu.validity_period = "000000013000000R";
      std::array<std::uint8_t, 256> out{};
      octet_writer to(out);
      encode_body(to, pdu);
      ASSERT_TRUE(to.ok());
      const std::string_view text(reinterpret_cast<const char*>(out.data()), to.position());
      EXPECT_EQ(text.find(pdu.validity_period), validity_period_offset(pdu));
    }
  }
}

TEST(pdu, list_keeps_the_complete_entries_of_a_response_and_refuses_a_cut_request) {
  const auto response_body = test::from_hex("4131000501013439313531000000000b");
  const auto response = decode<submit_multi_resp>(response_body);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->unsuccess_smes.size(), 1U);
  EXPECT_FALSE(response->unsuccess_smes.complete());
  EXPECT_EQ((*response->unsuccess_smes.begin()).error_status_code, 0xBU);

  const auto request =
      decode<submit_multi>(test::from_hex("00000000"
                                          "02"
                                          "0101013100"));
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error(), errc::truncated);
  const auto flag =
      decode<submit_multi>(test::from_hex("00000000"
                                          "01"
                                          "0301013100000000000000000000"));
  EXPECT_FALSE(flag);
}

TEST(pdu, list_writes_at_most_255_entries) {
  test::octets octets(255 * 8);
  octet_writer to(octets);
  for (int i = 0; i < 255; ++i) write_entry(to, dest_address{1, 1, 1, "49", {}});
  submit_multi pdu;
  pdu.dest_addresses = entry_list<dest_address>(to.written(), 255);
  ASSERT_TRUE(pdu.dest_addresses.complete());
  test::octets out(4'000);
  const std::size_t size = write_pdu(out, command_status::rok, 1, pdu);
  ASSERT_NE(size, 0U);
  const auto back = decode<submit_multi>(std::span<const std::uint8_t>(out).subspan(header_bytes, size - header_bytes));
  ASSERT_TRUE(back);
  std::size_t count = 0;
  for (const auto& entry : back->dest_addresses) count += entry.destination_addr == "49" ? 1U : 0U;
  EXPECT_EQ(count, 255U);
}

TEST(esm_class, is_masked_not_compared) {
  for (const int receipt : {0x04, 0x44, 0x07, 0x84, 0x20, 0x60})
    EXPECT_TRUE(is_receipt(static_cast<std::uint8_t>(receipt)));
  for (const int other : {0x00, 0x03, 0x40, 0x08, 0x10, 0x18, 0x24})
    EXPECT_FALSE(is_receipt(static_cast<std::uint8_t>(other)));
  EXPECT_TRUE(has_udh(0x44));
  EXPECT_FALSE(has_udh(0x84));
}

}  // namespace
}  // namespace trunkline::protocol
