#include "engine/receipts/correlator.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

using protocol::message_state;

struct correlator_fixture : ::testing::Test {
  memory_file_system files;
  sent_store store{files, "/d", {std::chrono::hours(72), false, 1U << 20, 1U << 20, 9}};
  correlator decide;
  std::uint32_t line = 0;

  void SetUp() override {
    ASSERT_TRUE(files.make_directory("/d"));
    ASSERT_TRUE(store.open({}, 0));
    ids("auto", "auto");
  }
  void ids(std::string_view responses, std::string_view receipts) {
    const auto format = [](std::string_view text) {
      return text == "text"  ? id_format::text
             : text == "hex" ? id_format::hex
             : text == "dec" ? id_format::dec
                             : id_format::automatic;
    };
    decide.of("acme").configure(format(responses), format(receipts));
  }
  /// Stores a message and says its line.
  std::uint32_t send(const std::string& id, const std::string& number = "491701234567") {
    std::vector<std::uint8_t> octets{0, static_cast<std::uint8_t>(id.size())};
    octets.insert(octets.end(), id.begin(), id.end());
    sent_message m;
    m.batch_id = 1;
    m.line = ++line;
    m.submitted_at_ms = line;
    m.parts = 1;
    m.receipt = m.complete = true;
    m.carrier = "acme";
    m.batch = "b";
    m.number = number;
    m.ids = octets;
    store.insert(m, 0);
    return line;
  }
  /// The line that a receipt finds, 0 for none.
  std::uint32_t find(std::string_view id, std::string_view source = "491701234567", std::string_view other = {}) {
    received_receipt r;
    r.message_id = id;
    r.other_id = other;
    r.state = message_state::delivered;
    r.source = source;
    r.destination = "ACME";
    auto found = decide.find(store, "acme", r);
    EXPECT_TRUE(found);
    learned = found->learned;
    if (!found->found) return 0;
    return store.message_at(found->found->message).value()->line;
  }
  bool learned = false;
};

TEST_F(correlator_fixture, matches_the_same_text_then_the_same_but_for_case_and_zeros) {
  const auto zeros = send("000abc");
  const auto plain = send("abc");
  EXPECT_EQ(find("000abc"), zeros);
  EXPECT_EQ(find("abc"), plain);
  EXPECT_EQ(find("ABC"), plain);  // the newer of two that are alike and have the right number
  EXPECT_EQ(find("abd"), 0U);
  EXPECT_EQ(find(""), 0U);
}

TEST_F(correlator_fixture, an_address_that_is_another_number_is_never_confirmed) {
  const auto one = send("77", "491700000001");
  EXPECT_EQ(find("77", "491700000002"), 0U);
  EXPECT_EQ(find("77", "491700000001"), one);
  EXPECT_EQ(find("77", "+491700000001"), one);
  EXPECT_EQ(find("77", "00491700000001"), one);
  EXPECT_EQ(find("77", "01700000001"), one);  // national
  EXPECT_EQ(find("77", ""), one);
  EXPECT_EQ(find("77", "ACME"), one);  // not swapped, and no number to compare
  EXPECT_EQ(find("77", "4917000xxxxx"), one);
  // An id that the carrier uses again: each receipt goes to the message of its number.
  const auto two = send("77", "491700000002");
  EXPECT_EQ(find("77", "491700000002"), two);
  EXPECT_EQ(find("77", "491700000001"), one);
  EXPECT_EQ(find("77", ""), two);
}

TEST_F(correlator_fixture, without_an_address_ids_that_are_only_alike_must_be_one_message) {
  send("0077", "491700000001");
  EXPECT_EQ(find("77", ""), 1U);
  send("00077", "491700000002");
  EXPECT_EQ(find("77", ""), 0U);
  EXPECT_EQ(find("77", "491700000001"), 1U);
}

TEST_F(correlator_fixture, text_means_that_zeros_count) {
  ids("text", "text");
  const auto one = send("0aB");
  EXPECT_EQ(find("0Ab"), one);
  EXPECT_EQ(find("ab"), 0U);
}

TEST_F(correlator_fixture, configured_conversions_apply_at_once_and_only_they) {
  const auto one = send("39EF8BB5");
  EXPECT_EQ(find("0972000181"), 0U);
  ids("hex", "dec");
  EXPECT_EQ(find("0972000181"), one);
  EXPECT_EQ(find("0972000181", ""), one);
  EXPECT_EQ(find("0972000181", "491709999999"), 0U);
  EXPECT_EQ(find("39EF8BB5"), 0U);
  const auto digits = send("12345678");
  EXPECT_EQ(find("12345678"), 0U);  // as a decimal it is bc614e
  EXPECT_EQ(find("305419896"), digits);
  ids("dec", "hex");
  const auto decimal = send("171026000000000000000000024531920");
  EXPECT_EQ(find("86EA6CF71474B47F1A8517653D0"), decimal);
  EXPECT_EQ(find("086ea6cf71474b47f1a8517653d0"), decimal);
  ids("hex", "hex");
  EXPECT_EQ(find("0039ef8bb5"), one);
}

TEST_F(correlator_fixture, a_conversion_is_learned_after_20_messages_whose_address_agrees) {
  for (std::uint32_t i = 1; i <= 20; ++i) send(fmt::format("{:x}", 1'000'000'000 + i), fmt::format("4917{:08}", i));
  for (std::uint32_t i = 1; i <= 19; ++i) {
    EXPECT_EQ(find(fmt::format("{}", 1'000'000'000 + i), fmt::format("4917{:08}", i)), 0U);
    EXPECT_FALSE(learned);
  }
  // The same receipt again is no new proof, nor is one without an address.
  EXPECT_EQ(find("1000000001", "491700000001"), 0U);
  EXPECT_EQ(find("1000000020", ""), 0U);
  EXPECT_FALSE(learned);
  EXPECT_EQ(find("1000000020", "491700000020"), 20U);
  EXPECT_TRUE(learned);
  EXPECT_EQ(decide.of("acme").learned(), id_relation::decimal_receipts);
  EXPECT_EQ(find("1000000007", "491700000007"), 7U);
  EXPECT_EQ(find("1000000007", "491700000008"), 0U);
  EXPECT_FALSE(learned);
}

TEST_F(correlator_fixture, one_contradiction_and_nothing_is_learned) {
  for (std::uint32_t i = 1; i <= 40; ++i) send(fmt::format("{:x}", 1'000'000'000 + i), fmt::format("4917{:08}", i));
  EXPECT_EQ(find("1000000040", "491799999999"), 0U);
  for (std::uint32_t i = 1; i <= 39; ++i)
    EXPECT_EQ(find(fmt::format("{}", 1'000'000'000 + i), fmt::format("4917{:08}", i)), 0U);
  EXPECT_TRUE(decide.of("acme").learning());
}

TEST_F(correlator_fixture, ids_that_match_as_texts_speak_against_a_conversion_and_are_learned_as_well) {
  for (std::uint32_t i = 1; i <= 20; ++i) send(fmt::format("{:x}", 2'882'400'000U + i), fmt::format("4917{:08}", i));
  EXPECT_NE(find(fmt::format("{:x}", 2'882'400'000U + 1), "491700000001"), 0U);
  for (std::uint32_t i = 2; i <= 20; ++i)
    EXPECT_EQ(find(fmt::format("{}", 2'882'400'000U + i), fmt::format("4917{:08}", i)), 0U);
  EXPECT_TRUE(decide.of("acme").learning());

  correlator fresh;
  std::swap(decide, fresh);
  ids("auto", "auto");
  for (std::uint32_t i = 1; i <= 20; ++i)
    EXPECT_EQ(find(fmt::format("{:x}", 2'882'400'000U + i), fmt::format("4917{:08}", i)), i);
  EXPECT_TRUE(learned);
  EXPECT_EQ(decide.of("acme").learned(), id_relation::text);
}

TEST_F(correlator_fixture, numbers_that_are_the_same_in_both_radixes_prove_nothing) {
  for (std::uint32_t i = 1; i <= 9; ++i) send(fmt::format("{}", i), fmt::format("4917{:08}", i));
  for (std::uint32_t i = 1; i <= 9; ++i) EXPECT_EQ(find(fmt::format("{}", i), fmt::format("4917{:08}", i)), i);
  EXPECT_TRUE(decide.of("acme").learning());
}

TEST_F(correlator_fixture, where_tlv_and_text_name_different_ids_both_are_tried) {
  ids("hex", "dec");
  const auto one = send("39EF8BB5");
  EXPECT_EQ(find("ffffffffff", "491701234567", "0972000181"), one);
}

TEST(response_key, converts_however_long_a_number_is) {
  std::array<char, 256> room;
  EXPECT_EQ(response_key("00000", id_relation::decimal_receipts, room), "0");
  EXPECT_EQ(response_key("0221000080", id_relation::decimal_receipts, room), "d2c3190");
  EXPECT_EQ(response_key("D2C3190", id_relation::hexadecimal_receipts, room), "221000080");
  EXPECT_EQ(response_key("0", id_relation::hexadecimal_receipts, room), "0");
  EXPECT_EQ(response_key(std::string(64, 'f'), id_relation::hexadecimal_receipts, room),
            "115792089237316195423570985008687907853269984665640564039457584007913129639935");
  EXPECT_EQ(response_key(std::string(65, '1'), id_relation::hexadecimal_receipts, room), "");
  EXPECT_EQ(response_key(std::string(65, '1'), id_relation::decimal_receipts, room), "");
  EXPECT_EQ(response_key("12x", id_relation::decimal_receipts, room), "");
  EXPECT_EQ(response_key("12x", id_relation::hexadecimal_receipts, room), "");
  EXPECT_EQ(response_key("00aB", id_relation::text, room), "ab");
  EXPECT_EQ(response_key("", id_relation::text, room), "");
}

}  // namespace
}  // namespace trunkline::engine
