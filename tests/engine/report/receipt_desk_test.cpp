#include <fstream>

#include "tests/engine/report/desk_fixture.hpp"

namespace trunkline::engine {
namespace {

TEST_F(desk_fixture, a_receipt_becomes_a_line_of_its_part_and_one_of_its_message) {
  send(12, {"0a1f"});
  time.advance(2s);
  receive_text("0a1f");
  const auto all = written();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["kind"], "part");
  EXPECT_EQ(all[0]["batch"], "b1.jsonl");
  EXPECT_EQ(all[0]["line"], 12);
  EXPECT_EQ(all[0]["message_id"], "0a1f");
  EXPECT_EQ(all[0]["done_at"], "2027-01-15T08:01:00.000Z");
  EXPECT_EQ(all[1]["kind"], "message");
  EXPECT_EQ(all[1]["message_ids"], json({"0a1f"}));
  EXPECT_EQ(all[1]["state"], "delivered");
  EXPECT_EQ(messages(protocol::message_state::delivered), 1U);
  EXPECT_EQ(acme->deliveries.duration.sum_us(), 7'000'000U);
}

TEST_F(desk_fixture, a_data_sm_is_a_receipt_as_well) {
  send(5, {"0a1f"});
  receipt_pdu pdu(text_of("0a1f"));
  pdu.data_sm = true;
  EXPECT_EQ(receive(pdu), receipt_desk::kind::receipt);
  EXPECT_EQ(written().size(), 2U);
  pdu.esm_class = 0;
  EXPECT_EQ(receive(pdu), receipt_desk::kind::message);
}

TEST_F(desk_fixture, states_only_move_forward_and_what_repeats_is_counted) {
  send(1, {"x"});
  receive_text("x", "ENROUTE");
  receive_text("x", "ENROUTE");
  receive_text("x", "ACCEPTD");
  receive_text("x", "ENROUTE");
  receive_text("x", "EXPIRED");
  receive_text("x", "EXPIRED");
  receive_text("x", "DELIVRD");
  std::vector<std::string> states;
  for (const auto& line : written())
    states.push_back(line["kind"].get<std::string>() + " " + line["state"].get<std::string>());
  EXPECT_EQ(states, (std::vector<std::string>{"part enroute", "part accepted", "part expired", "message expired"}));
  EXPECT_EQ(acme->deliveries.repeated.value(), 2U);
  EXPECT_EQ(acme->deliveries.stale.value(), 2U);
  EXPECT_EQ(acme->deliveries.receipts[2].value(), 1U);
}

TEST_F(desk_fixture, a_long_message_is_delivered_when_all_parts_are_and_failed_with_the_first) {
  send(1, {"a1", "a2", "a3"});
  receive_text("a3");
  receive_text("a1");
  EXPECT_EQ(written().size(), 2U);
  receive_text("a2");
  auto all = written();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["part"], 2);
  EXPECT_EQ(all[0]["parts"], 3);
  EXPECT_EQ(all[1]["state"], "delivered");
  EXPECT_EQ(all[1]["message_ids"], json({"a1", "a2", "a3"}));

  send(2, {"b1", "b2"});
  receive_text("b2", "UNDELIV");
  all = written();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1]["state"], "undeliverable");
  receive_text("b1", "EXPIRED");
  all = written();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["kind"], "part");
  EXPECT_EQ(messages(protocol::message_state::undeliverable), 1U);
  EXPECT_EQ(messages(protocol::message_state::expired), 0U);
}

TEST_F(desk_fixture, an_early_receipt_waits_for_its_message_also_over_a_crash) {
  receive_text("early");
  EXPECT_TRUE(written().empty());
  EXPECT_EQ(desk->parked.value(), 1U);
  ASSERT_TRUE(desk->checkpoint());
  files.crash();
  start();
  EXPECT_EQ(desk->parked.value(), 1U);
  send(5, {"early"});
  const auto all = written();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["line"], 5);
  EXPECT_EQ(desk->parked.value(), 0U);
}

TEST_F(desk_fixture, what_matches_nothing_is_written_when_its_time_is_over_or_too_many_wait) {
  config.max_parked = 3;
  config.park_time = 10min;
  start();
  for (int i = 0; i < 5; ++i) receive_text(fmt::format("none-{}", i));
  steps();
  EXPECT_EQ(unmatched.size(), 2U);
  EXPECT_EQ(desk->parked.value(), 3U);
  time.advance(10min);
  steps();
  EXPECT_EQ(unmatched.size(), 2U);
  time.advance(1ms);
  steps();
  EXPECT_EQ(unmatched.size(), 5U);
  EXPECT_EQ(acme->deliveries.unmatched.value(), 5U);
}

TEST_F(desk_fixture, what_cannot_be_read_is_written_at_once_and_what_is_no_receipt_is_left) {
  EXPECT_EQ(receive(receipt_pdu("no receipt at all")), receipt_desk::kind::receipt);
  EXPECT_EQ(receive(receipt_pdu(text_of("1", "BADSTAT"))), receipt_desk::kind::receipt);
  EXPECT_EQ(unmatched.size(), 2U);
  EXPECT_EQ(acme->deliveries.unreadable.value(), 2U);
  EXPECT_EQ(receive(receipt_pdu(text_of("1"), 0)), receipt_desk::kind::message);
  auto cut = receipt_pdu(text_of("1")).octets();
  cut.resize(30);
  EXPECT_EQ(desk->received("acme", now(), cut), receipt_desk::kind::message);
}

TEST_F(desk_fixture, receipts_without_an_esm_class_are_known_by_their_text_where_that_is_configured) {
  carrier_settings.receipt_detect = receipt_detection::text;
  start();
  send(1, {"77"});
  EXPECT_EQ(receive(receipt_pdu(text_of("77"), 0)), receipt_desk::kind::receipt);
  EXPECT_EQ(receive(receipt_pdu("hello id: 5", 0)), receipt_desk::kind::message);
  EXPECT_EQ(written().size(), 2U);
}

TEST_F(desk_fixture, what_a_phone_says_to_a_message_is_a_message_unless_it_reads_as_a_receipt) {
  std::uint32_t line = 0;
  for (const int type : {0x08, 0x10}) {
    const auto esm_class = static_cast<std::uint8_t>(type);
    EXPECT_EQ(receive(receipt_pdu("Yes, I will be there", esm_class)), receipt_desk::kind::message);
    EXPECT_EQ(receive(receipt_pdu("id:5 is my number", esm_class)), receipt_desk::kind::message) << "no state";
    const std::string id = fmt::format("id-{}", ++line);
    send(line, {id});
    EXPECT_EQ(receive(receipt_pdu(text_of(id), esm_class)), receipt_desk::kind::receipt);
    EXPECT_EQ(written().size(), 2U) << type;
  }
  EXPECT_EQ(acme->deliveries.unreadable.value(), 0U);
  EXPECT_TRUE(unmatched.empty());
}

TEST_F(desk_fixture, the_tlv_counts_where_the_text_says_otherwise) {
  send(1, {"77"});
  receipt_pdu pdu{text_of("77", "DELIVRD")};
  pdu.tlv_id = "77";
  pdu.tlv_state = 5;
  receive(pdu);
  EXPECT_EQ(written()[0]["state"], "undeliverable");
  EXPECT_EQ(acme->deliveries.contradictory.value(), 1U);
}

TEST_F(desk_fixture, the_tlv_wins_where_the_text_names_another_message_and_that_is_counted) {
  send(1, {"77"});
  send(2, {"88"});
  receipt_pdu pdu{text_of("88")};
  pdu.tlv_id = "77";
  receive(pdu);
  EXPECT_EQ(written()[0]["line"], 1);
  EXPECT_EQ(acme->deliveries.contradictory.value(), 1U);
}

TEST_F(desk_fixture, dates_are_in_the_time_zone_of_the_carrier) {
  carrier_settings.receipt_timezone = "Europe/Berlin";
  start();
  send(1, {"77"});
  receive_text("77");
  EXPECT_EQ(written()[0]["done_at"], "2027-01-15T07:01:00.000Z");
}

TEST_F(desk_fixture, a_receipt_in_ucs2_is_read) {
  send(1, {"77"});
  std::string wide;
  for (const char c : text_of("77")) wide += {'\0', c};
  for (const int data_coding : {0x08, 0x18, 0xE0}) {
    receipt_pdu pdu{wide};
    pdu.data_coding = static_cast<std::uint8_t>(data_coding);
    receive(pdu);
  }
  EXPECT_EQ(written().size(), 2U);
  EXPECT_EQ(acme->deliveries.unreadable.value(), 0U);
}

TEST_F(desk_fixture, a_receipt_in_ascii_is_read_whatever_its_data_coding_says) {
  send(1, {"77"});
  receipt_pdu pdu{text_of("77")};
  pdu.data_coding = 8;
  receive(pdu);
  EXPECT_EQ(written().size(), 2U);
}

// A line of values, of which only the carrier knows what they mean.
TEST_F(desk_fixture, states_of_a_carriers_own_are_read_as_it_is_configured) {
  carrier_settings.receipt_states = {{"00", protocol::message_state::delivered},
                                     {"11", protocol::message_state::undeliverable}};
  start();
  send(1, {"we2345678i9o03er45ty67u"});
  send(2, {"we2345678i9o03er45ty68u"});
  send(3, {"we2345678i9o03er45ty69u"});
  const auto line = [](const char* stat, const char* id) {
    return std::string(stat) + ",2701150801,2701150800,,491701234567,12345," + id;
  };
  receive(receipt_pdu{line("00", "we2345678i9o03er45ty67u")});
  receive(receipt_pdu{line("11", "we2345678i9o03er45ty68u")});
  receive(receipt_pdu{line("42", "we2345678i9o03er45ty69u")});
  const auto lines = written();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0]["state"], "delivered");
  EXPECT_EQ(lines[2]["state"], "undeliverable");
  EXPECT_EQ(unmatched.size(), 1U);
  EXPECT_EQ(acme->deliveries.unreadable.value(), 1U);
}

TEST_F(desk_fixture, learning_matches_the_receipts_that_waited_and_survives_a_restart) {
  for (std::uint32_t i = 1; i <= 25; ++i)
    send(i, {fmt::format("{:x}", 1'000'000'000 + i)}, 1, fmt::format("4917{:08}", i));
  const auto receipt = [&](std::uint32_t i) {
    receipt_pdu pdu{text_of(fmt::format("{}", 1'000'000'000 + i))};
    pdu.source = fmt::format("4917{:08}", i);
    receive(pdu);
  };
  for (std::uint32_t i = 1; i <= 19; ++i) receipt(i);
  EXPECT_TRUE(written().empty());
  receipt(20);
  EXPECT_EQ(written().size(), 40U);
  EXPECT_EQ(desk->parked.value(), 0U);
  EXPECT_EQ(acme->deliveries.id_relation.load(), static_cast<std::uint8_t>(id_relation::decimal_receipts));
  ASSERT_TRUE(desk->checkpoint());
  files.crash();
  start();
  receipt(21);
  EXPECT_EQ(written().size(), 2U);
  EXPECT_EQ(acme->deliveries.id_relation.load(), static_cast<std::uint8_t>(id_relation::decimal_receipts));
}

TEST_F(desk_fixture, the_file_of_a_batch_tells_the_whole_fate_when_the_last_part_is_known) {
  send(1, {"a"});
  send(2, {"b1", "b2"});
  send(3, {"c"}, 2);
  receive_text("a");
  receive_text("b1", "ENROUTE");
  receive_text("b1");
  desk->batch_closed(1);
  desk->batch_closed(2);
  steps();
  EXPECT_TRUE(file_of(1).empty());
  receive_text("b2", "EXPIRED");
  steps();
  const auto all = file_of(1);
  ASSERT_EQ(all.size(), 5U);
  std::map<std::string, int> seen;
  for (const auto& line : all)
    ++seen[fmt::format("{} {} {}", line["kind"].get<std::string>(), line["line"].get<int>(),
                       line["state"].get<std::string>())];
  EXPECT_EQ(seen, (std::map<std::string, int>{{"part 1 delivered", 1},
                                              {"message 1 delivered", 1},
                                              {"part 2 delivered", 1},
                                              {"part 2 expired", 1},
                                              {"message 2 expired", 1}}));
  EXPECT_EQ(desk->files_made.value(), 1U);
  EXPECT_TRUE(file_of(2).empty());
  // Late news of a batch that is over.
  receive_text("a", "EXPIRED");
  EXPECT_EQ(acme->deliveries.stale.value(), 1U);
}

TEST_F(desk_fixture, a_batch_that_is_still_open_gets_no_file_until_it_is_closed) {
  send(1, {"a"});
  receive_text("a");
  steps();
  EXPECT_TRUE(file_of(1).empty());
  desk->batch_closed(1);
  steps();
  EXPECT_EQ(file_of(1).size(), 2U);
}

TEST_F(desk_fixture, after_receipt_ttl_the_file_says_what_is_not_known) {
  send(1, {"a"});
  send(2, {"b1", "b2"});
  desk->batch_closed(1);
  receive_text("b1");
  ASSERT_TRUE(desk->checkpoint());
  time.advance(20h);
  steps();
  send(3, {"c"}, 2);  // another bucket
  time.advance(20h);
  steps();
  send(4, {"d"}, 2);
  time.advance(40h);
  steps();
  const auto all = file_of(1);
  ASSERT_EQ(all.size(), 3U);
  for (const auto& line : all) {
    if (line["kind"] == "part") {
      EXPECT_EQ(line["message_id"], "b1");
      continue;
    }
    EXPECT_EQ(line["state"], nullptr);
    EXPECT_EQ(line["final"], false);
  }
  time.advance(11s);
  steps();
  receive_text("a");
  EXPECT_EQ(desk->parked.value(), 1U);  // forgotten with its bucket
}

TEST_F(desk_fixture, a_crash_after_a_checkpoint_repeats_what_came_later_and_loses_nothing) {
  send(1, {"a"});
  send(2, {"b"});
  receive_text("a");
  ASSERT_TRUE(desk->checkpoint());
  receive_text("b");
  desk->batch_closed(1);
  steps();
  EXPECT_EQ(file_of(1).size(), 4U);
  written();
  files.crash();
  start();
  receive_text("a");  // as the journal tells it again
  receive_text("b");
  EXPECT_EQ(written().size(), 2U);  // only the lines of b
  steps();
  EXPECT_EQ(file_of(1).size(), 4U);
}

TEST_F(desk_fixture, messages_of_a_closed_batch_are_there_after_a_crash_without_a_checkpoint) {
  send(1, {"a"});
  ASSERT_TRUE(desk->sync_messages());
  desk->batch_closed(1);
  files.crash();
  start();
  receive_text("a");
  EXPECT_EQ(written().size(), 2U);
  steps();
  EXPECT_EQ(file_of(1).size(), 2U);
}

TEST_F(desk_fixture, a_large_file_is_written_in_pieces) {
  for (std::uint32_t i = 0; i < 12'000; ++i) send(i, {fmt::format("id-{}", i)});
  for (std::uint32_t i = 0; i < 12'000; ++i) receive_text(fmt::format("id-{}", i));
  desk->batch_closed(1);
  steps();
  const auto all = file_of(1);
  EXPECT_EQ(all.size(), 24'000U);
  std::set<std::uint32_t> seen;
  for (const auto& line : all) seen.insert(line["line"].get<std::uint32_t>());
  EXPECT_EQ(seen.size(), 12'000U);
}

TEST_F(desk_fixture, a_damaged_state_costs_no_message) {
  send(1, {"a"});
  ASSERT_TRUE(desk->checkpoint());
  desk.reset();
  auto f = files.open(paths.sent() + "/state", open_mode::read_write);
  ASSERT_TRUE(f);
  const std::uint8_t octet = 0xff;
  ASSERT_TRUE((*f)->write_at({&octet, 1}, 9));
  f->reset();
  shown = nullptr;
  const auto fatal = [](std::error_code, const std::string&) { FAIL(); };
  shown = std::make_unique<publisher>(files, 0640, fatal);
  lines = std::make_unique<rotating_output>(*shown, time, paths.receipts());
  desk = std::make_unique<receipt_desk>(
      files, time, config, 0ms, paths, *lines, *shown,
      receipt_desk::hooks{[](const parked_receipt&) {}, [this](std::string_view) { return acme.get(); }, fatal});
  auto problems = desk->recover();
  ASSERT_TRUE(problems);
  EXPECT_EQ(problems->size(), 1U);
  receive_text("a");
  EXPECT_EQ(written().size(), 2U);
}

/// Receipts of the field: each finds its message by the id it names, or is kept raw when it names no state.
TEST_F(desk_fixture, every_sample_of_real_receipts_ends_in_a_line) {
  std::ifstream in(std::string(TRUNKLINE_TEST_DATA) + "/dlr-samples.jsonl");
  std::uint32_t line = 0;
  std::size_t raw = 0;
  std::size_t matched = 0;
  for (std::string row; std::getline(in, row);) {
    const json sample = json::parse(row);
    const json& expected = sample["expected"];
    ++line;
    const std::string id = expected.contains("id") ? expected["id"].get<std::string>() : "";
    const std::string response = expected.contains("resp_id_hex") ? expected["resp_id_hex"].get<std::string>() : id;
    carrier_settings.response_ids = response == id ? id_format::automatic : id_format::hex;
    carrier_settings.receipt_ids = response == id ? id_format::automatic : id_format::dec;
    const std::size_t raw_before = unmatched.size();
    start();
    if (!response.empty()) send(line, {response});
    EXPECT_EQ(receive(receipt_pdu(sample["text"].get<std::string>())), receipt_desk::kind::receipt) << row;
    const auto all = written();
    if (all.empty()) {
      EXPECT_EQ(unmatched.size(), raw_before + 1) << row;
      ++raw;
      continue;
    }
    ++matched;
    EXPECT_EQ(all[0]["line"], line) << row;
    EXPECT_EQ(all[0]["message_id"], response) << row;
    if (expected["state"].is_number()) {
      const auto state = static_cast<protocol::message_state>(expected["state"].get<int>());
      EXPECT_EQ(all[0]["state"], protocol::name_of(state)) << row;
    }
    if (expected.contains("err")) {
      EXPECT_EQ(all[0]["error"], expected["err"]) << row;
    }
  }
  EXPECT_EQ(matched + raw, 25U);
  EXPECT_EQ(raw, 3U);  // two lines of values with numbers for states, and a stat that is no word
}

}  // namespace
}  // namespace trunkline::engine
