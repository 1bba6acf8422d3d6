#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "protocol/tlv_table.hpp"
#include "tests/protocol/test_octets.hpp"

namespace trunkline::protocol {
namespace {

static_assert(std::forward_iterator<tlv_view::iterator>);

TEST(tlv, iterates_in_wire_order_and_finds_by_type) {
  const auto octets = test::from_hex("0427000102001e00044131423202040002beef00170004000001000381000431323334");
  const tlv_view view(octets);
  EXPECT_EQ(std::distance(view.begin(), view.end()), 5);
  EXPECT_TRUE(view.broken_tail().empty());
  EXPECT_FALSE(view.empty());
  EXPECT_EQ(view.find_u8(tlv_tag::message_state), 2);
  EXPECT_EQ(view.find_text(tlv_tag::receipted_message_id), "A1B2");
  EXPECT_EQ(view.find_u16(tlv_tag::user_message_reference), 0xBEEF);
  EXPECT_EQ(view.find_u32(tlv_tag::qos_time_to_live), 256U);
  EXPECT_EQ(view.find(tlv_tag::callback_num)->size(), 4U);
  EXPECT_EQ(view.find(tlv_tag::message_payload), std::nullopt);
  auto it = view.begin();
  EXPECT_EQ((*it++).tag, tlv_tag::message_state);
  EXPECT_EQ((*it).tag, tlv_tag::receipted_message_id);
}

TEST(tlv, a_value_of_a_wrong_size_counts_as_absent) {
  const auto octets = test::from_hex("042700020002020c000400000001001700010a");
  const tlv_view view(octets);
  EXPECT_EQ(view.find_u8(tlv_tag::message_state), std::nullopt);
  EXPECT_EQ(view.find_u16(tlv_tag::sar_msg_ref_num), std::nullopt);
  EXPECT_EQ(view.find_u32(tlv_tag::qos_time_to_live), std::nullopt);
  EXPECT_EQ(view.find_u8(tlv_tag::dpf_result), std::nullopt);
  EXPECT_EQ(view.find_u16(tlv_tag::dpf_result), std::nullopt);
  EXPECT_EQ(view.find_u32(tlv_tag::dpf_result), std::nullopt);
  EXPECT_EQ(view.find_text(tlv_tag::receipted_message_id), std::nullopt);
}

TEST(tlv, text_ends_at_its_first_nul_or_with_the_value) {
  struct {
    const char* name;
    const char* hex;
    const char* text;
  } const cases[] = {
      {"terminated", "001e0003413100", "A1"},
      {"not terminated", "001e00024131", "A1"},
      {"padded", "001e00054131000000", "A1"},
      {"empty", "001e0000", ""},
  };
  for (const auto& c : cases) {
    const auto octets = test::from_hex(c.hex);
    EXPECT_EQ(tlv_view(octets).find_text(tlv_tag::receipted_message_id), c.text) << c.name;
  }
}

TEST(tlv, the_first_of_a_repeated_tag_counts) {
  const auto octets = test::from_hex("04270001010427000102");
  EXPECT_EQ(tlv_view(octets).find_u8(tlv_tag::message_state), 1);
}

TEST(tlv, every_truncation_keeps_what_is_whole) {
  const auto octets = test::from_hex("0427000102001e0004413142320000000001");
  const std::size_t ends[] = {0, 5, 13, 17};
  for (std::size_t size = 0; size <= octets.size(); ++size) {
    const auto cut = test::exact(std::span(octets).first(size));
    const tlv_view view(cut);
    const auto whole = *std::prev(std::upper_bound(std::begin(ends), std::end(ends), size));
    EXPECT_EQ(view.broken_tail().size(), size - whole);
    EXPECT_EQ(view.octets().size(), size);
    std::size_t sum = 0;
    for (const tlv parameter : view) sum += tlv_header_bytes + parameter.value.size();
    EXPECT_EQ(sum, whole);
  }
}

TEST(tlv, writes_what_it_reads) {
  std::array<std::uint8_t, 64> out{};
  octet_writer to(out);
  write_tlv_u8(to, tlv_tag::message_state, 2);
  write_tlv_u16(to, tlv_tag::sar_msg_ref_num, 0x1234);
  write_tlv_u32(to, tlv_tag::qos_time_to_live, 3600);
  write_tlv_text(to, tlv_tag::receipted_message_id, "A1");
  write_tlv(to, static_cast<tlv_tag>(0x1400), test::from_hex("ff00"));
  const tlv_view view(to.written());
  EXPECT_EQ(std::get<std::uint32_t>(typed_value({tlv_tag::message_state, *view.find(tlv_tag::message_state)})), 2U);
  EXPECT_EQ(view.find_u16(tlv_tag::sar_msg_ref_num), 0x1234);
  EXPECT_EQ(view.find_u32(tlv_tag::qos_time_to_live), 3600U);
  EXPECT_EQ(view.find(tlv_tag::receipted_message_id)->size(), 3U);
  EXPECT_EQ(view.find(static_cast<tlv_tag>(0x1400))->size(), 2U);

  const test::octets huge(65'536);
  octet_writer refused(out);
  write_tlv(refused, tlv_tag::message_payload, huge);
  EXPECT_EQ(refused.error(), errc::too_long_field);
}

TEST(tlv, typed_value_falls_back_to_octets) {
  const auto two = test::from_hex("0002");
  EXPECT_EQ(std::get<std::span<const std::uint8_t>>(typed_value({tlv_tag::message_state, two})).size(), 2U);
  EXPECT_EQ(std::get<std::span<const std::uint8_t>>(typed_value({static_cast<tlv_tag>(0x1401), two})).size(), 2U);
  EXPECT_EQ(std::get<std::uint32_t>(typed_value({tlv_tag::alert_on_message_delivery, {}})), 0U);
  EXPECT_EQ(std::get<std::uint32_t>(typed_value({tlv_tag::source_telematics_id, two})), 2U);
  EXPECT_EQ(std::get<std::string_view>(typed_value({tlv_tag::receipted_message_id, two})), "");
}

}  // namespace
}  // namespace trunkline::protocol
