// The session machine without sockets: what it says to whatever a peer may say, and what it does when nothing is said.
#include "protocol/session_machine.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "protocol/pdu.hpp"
#include "tests/protocol/session_fixture.hpp"
#include "tests/protocol/test_octets.hpp"

namespace trunkline::protocol {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::octets;
using test::recorder;
using test::time_point;
struct machine_test : test::machine_test {};

TEST_F(machine_test, binds_as_it_is_told) {
  struct row {
    const char* name;
    bind_type type;
    command_id id;
    std::uint32_t slots;
  };
  for (const row& r : {row{"transceiver", bind_type::transceiver, command_id::bind_transceiver, 10},
                       row{"transmitter", bind_type::transmitter, command_id::bind_transmitter, 10},
                       row{"receiver", bind_type::receiver, command_id::bind_receiver, 0}}) {
    SCOPED_TRACE(r.name);
    make({.bind = r.type, .system_id = "user", .password = "longer than 8", .system_type = "VMA", .addr_ton = 1});
    EXPECT_EQ(machine->phase(), session_phase::open);
    EXPECT_EQ(machine->free_slots(), 0U);
    machine->connected(now);
    EXPECT_EQ(machine->phase(), session_phase::binding);
    const auto sent = said();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].id, r.id);
    const auto body = decode<bind_request>(std::span<const std::uint8_t>(last_said).subspan(header_bytes));
    ASSERT_TRUE(body);
    EXPECT_EQ(body->system_id, "user");
    EXPECT_EQ(body->password, "longer than 8");
    EXPECT_EQ(body->system_type, "VMA");
    EXPECT_EQ(body->interface_version, 0x34);
    EXPECT_EQ(body->addr_ton, 1);
    EXPECT_EQ(machine->free_slots(), 0U) << "not before it is bound";
    bind_resp resp;
    resp.id = response_of(r.id);
    resp.system_id = "SMSC";
    const std::uint8_t version[] = {0x02, 0x10, 0x00, 0x01, 0x34};
    resp.tlvs = tlv_view(version);
    hear(pdu(resp, sent[0].sequence_number));
    EXPECT_TRUE(machine->bound());
    EXPECT_EQ(heard.bound, "SMSC");
    EXPECT_EQ(heard.peer_version, 0x34);
    EXPECT_EQ(machine->free_slots(), r.slots);
  }
}

TEST_F(machine_test, every_way_a_bind_can_fail) {
  struct row {
    const char* name;
    std::function<octets(std::uint32_t)> answer;
    session_end end;
    command_status status;
  };
  const auto resp = [](command_id id, command_status status) {
    return [=](std::uint32_t sequence) {
      bind_resp r;
      r.id = id;
      return pdu(r, sequence, status);
    };
  };
  const std::vector<row> rows = {
      {"wrong password", resp(command_id::bind_transceiver_resp, command_status::rinvpaswd), session_end::bind_refused,
       command_status::rinvpaswd},
      {"another bind's response", resp(command_id::bind_receiver_resp, command_status::rok), session_end::bind_invalid,
       command_status::rok},
      {"generic_nack", [](std::uint32_t s) { return pdu(generic_nack{}, s, command_status::rinvcmdid); },
       session_end::bind_nack, command_status::rinvcmdid},
      {"unbind", [](std::uint32_t) { return pdu(unbind{}, 77); }, session_end::unbound_by_peer, command_status::rok},
  };
  for (const row& r : rows) {
    SCOPED_TRACE(r.name);
    make({});
    kept.clear();
    machine->connected(now);
    hear(r.answer(said().at(0).sequence_number));
    EXPECT_TRUE(machine->ended());
    EXPECT_EQ(machine->end_reason(), r.end);
    EXPECT_EQ(machine->end_status(), r.status);
    EXPECT_FALSE(heard.bound);
  }
  make({});
  machine->connected(now);
  EXPECT_EQ(machine->next_deadline(), now + seconds(10));
  pass(seconds(10) - milliseconds(1));
  EXPECT_FALSE(machine->ended());
  pass(milliseconds(1));
  EXPECT_EQ(machine->end_reason(), session_end::bind_timeout);
}

TEST_F(machine_test, answers_reach_their_submit_once) {
  bind();
  const std::uint32_t first = submit(1);
  const std::uint32_t second = submit(2);
  EXPECT_EQ(machine->free_slots(), 8U);
  ASSERT_NE(machine->unanswered(second), nullptr);
  EXPECT_EQ(machine->unanswered(second)->part, 2U);
  EXPECT_EQ(machine->unanswered(second + 1), nullptr);
  now += milliseconds(20);
  octets both = submit_resp(second, "b");
  const octets other = submit_resp(first, "a");
  both.insert(both.end(), other.begin(), other.end());
  both.insert(both.end(), other.begin(), other.end());
  hear(both);
  ASSERT_EQ(heard.answers.size(), 2U);
  EXPECT_EQ(heard.answers[0].token.part, 2U);
  EXPECT_EQ(heard.answers[0].sequence_number, second);
  EXPECT_EQ(heard.answers[0].message_id, "b");
  EXPECT_EQ(heard.answers[0].duration, milliseconds(20));
  EXPECT_EQ(heard.answers[1].token.part, 1U);
  EXPECT_EQ(heard.faults[session_fault::late_response], 1) << "the duplicate";
  EXPECT_EQ(machine->free_slots(), 10U);
  EXPECT_TRUE(said().empty()) << "a response is never answered";
}

TEST_F(machine_test, an_error_is_read_with_and_without_a_body) {
  for (const char* body : {"", "00", "4142", "414200"}) {
    SCOPED_TRACE(body);
    bind();
    const std::uint32_t number = submit();
    octets resp = test::from_hex("00000010800000040000005800000000");
    const octets tail = test::from_hex(body);
    resp.insert(resp.end(), tail.begin(), tail.end());
    store_u32(resp.data(), static_cast<std::uint32_t>(resp.size()));
    store_u32(resp.data() + 12, number);
    hear(resp);
    ASSERT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(heard.answers[0].status, command_status::rthrottled);
  }
}

TEST_F(machine_test, a_nack_frees_its_slot) {
  bind();
  const std::uint32_t number = submit(5);
  hear(pdu(generic_nack{}, number, command_status::rok));
  ASSERT_EQ(heard.answers.size(), 1U);
  EXPECT_TRUE(heard.answers[0].nack);
  EXPECT_NE(heard.answers[0].status, command_status::rok) << "a nack is no success";
  EXPECT_EQ(machine->free_slots(), 10U);
  EXPECT_EQ(heard.faults[session_fault::nack], 1);
}

TEST_F(machine_test, a_submit_times_out_and_its_answer_comes_late) {
  bind({.response_timeout = seconds(60), .enquire_link = seconds(0)});
  const std::uint32_t number = submit(3);
  now += seconds(30);
  hear(pdu(enquire_link{}, 9));  // a sign of life
  EXPECT_EQ(machine->next_deadline(), now + seconds(30));
  pass(seconds(30) - milliseconds(1));
  EXPECT_TRUE(heard.timeouts.empty());
  pass(milliseconds(1));
  ASSERT_EQ(heard.timeouts.size(), 1U);
  EXPECT_EQ(heard.timeouts[0].part, 3U);
  EXPECT_EQ(machine->free_slots(), 10U);
  EXPECT_FALSE(machine->ended());
  hear(submit_resp(number, "late"));
  EXPECT_TRUE(heard.answers.empty());
  EXPECT_EQ(heard.faults[session_fault::late_response], 1);
}

TEST_F(machine_test, a_peer_that_says_nothing_at_all_is_left) {
  bind({.response_timeout = seconds(60), .enquire_link = seconds(0)});
  now += seconds(1);
  (void)submit();
  pass(seconds(60));
  EXPECT_EQ(heard.timeouts.size(), 1U);
  EXPECT_EQ(machine->end_reason(), session_end::peer_silent);
}

TEST_F(machine_test, asks_a_silent_peer_outside_the_window) {
  bind({.window = 1, .response_timeout = seconds(60), .enquire_link = seconds(30)});
  (void)submit();
  ASSERT_EQ(machine->free_slots(), 0U);
  pass(seconds(29));
  EXPECT_TRUE(said().empty());
  pass(seconds(1));
  auto sent = said();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].id, command_id::enquire_link);
  EXPECT_EQ(machine->free_slots(), 0U) << "not counted in the window";
  pass(seconds(10));
  EXPECT_TRUE(said().empty()) << "asked once";
  hear(pdu(enquire_link_resp{}, sent[0].sequence_number));
  pass(seconds(29));
  EXPECT_TRUE(said().empty());
  EXPECT_FALSE(machine->ended());
}

TEST_F(machine_test, an_unanswered_enquiry_ends_the_session) {
  bind({.response_timeout = seconds(60), .enquire_link = seconds(30)});
  pass(seconds(30));
  EXPECT_EQ(said().size(), 1U);
  EXPECT_EQ(machine->next_deadline(), now + seconds(60));
  pass(seconds(60));
  EXPECT_EQ(machine->end_reason(), session_end::peer_silent);
}

TEST_F(machine_test, no_enquiry_on_a_busy_link) {
  bind({.enquire_link = seconds(30)});
  for (int i = 0; i < 100; ++i) {
    pass(seconds(20));
    hear(submit_resp(submit(), "x"));
    EXPECT_TRUE(said().empty());
  }
}

TEST_F(machine_test, received_messages_are_answered_when_told) {
  bind();
  octets three = deliver(1);
  for (const std::uint32_t s : {2U, 3U}) {
    const octets more = deliver(s);
    three.insert(three.end(), more.begin(), more.end());
  }
  hear(three);
  EXPECT_EQ(heard.received, (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_TRUE(said().empty()) << "not before it is stored";
  EXPECT_TRUE(machine->answer(2, command_status::rok));
  EXPECT_TRUE(machine->answer(1, command_status::rx_t_appn));
  EXPECT_FALSE(machine->answer(1, command_status::rok)) << "once";
  EXPECT_FALSE(machine->answer(9, command_status::rok));
  const auto sent = said();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0], (pdu_header{17, command_id::deliver_sm_resp, command_status::rok, 2}));
  EXPECT_EQ(sent[1], (pdu_header{17, command_id::deliver_sm_resp, command_status::rx_t_appn, 1}));
  EXPECT_EQ(machine->unacknowledged(), 1U);
}

TEST_F(machine_test, what_is_not_stored_in_time_is_refused_for_now) {
  bind({.enquire_link = seconds(0)});
  hear(deliver(1));
  pass(seconds(4));
  hear(deliver(2));
  pass(seconds(6) - milliseconds(1));
  EXPECT_TRUE(said().empty());
  pass(milliseconds(1));
  auto sent = said();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0], (pdu_header{17, command_id::deliver_sm_resp, command_status::rx_t_appn, 1}));
  EXPECT_FALSE(machine->answer(1, command_status::rok)) << "too late: it comes again";
  EXPECT_TRUE(machine->answer(2, command_status::rok));
  pass(seconds(10));
  sent = said();
  EXPECT_EQ(sent.back().sequence_number, 2U);
  EXPECT_EQ(sent.back().status, command_status::rok);
}

TEST_F(machine_test, refuses_what_it_cannot_hold) {
  bind({.max_unacknowledged = 2});
  for (const std::uint32_t s : {1U, 2U, 3U}) hear(deliver(s));
  auto sent = said();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].sequence_number, 3U);
  EXPECT_EQ(sent[0].status, command_status::rx_t_appn);
  EXPECT_TRUE(machine->answer(1, command_status::rok));
  heard.takes = false;
  hear(deliver(4));
  sent = said();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].status, command_status::rx_t_appn);
  EXPECT_EQ(machine->unacknowledged(), 1U);
}

TEST_F(machine_test, many_unacknowledged_in_any_order) {
  bind({.max_unacknowledged = 5000});
  std::mt19937_64 random(3);
  std::vector<std::uint32_t> waiting;
  std::uint32_t next = 1;
  for (int i = 0; i < 20'000; ++i) {
    if (waiting.size() < 3000 && random() % 2 == 0) {
      hear(deliver(next));
      waiting.push_back(next++);
    } else if (!waiting.empty()) {
      const std::size_t at = random() % std::min<std::size_t>(waiting.size(), 5);
      EXPECT_TRUE(machine->answer(waiting[at], command_status::rok));
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (i % 100 == 0) (void)said();
  }
  EXPECT_EQ(machine->unacknowledged(), waiting.size());
}

TEST_F(machine_test, unbinds_when_told) {
  bind();
  machine->begin_unbind(now);
  EXPECT_EQ(machine->phase(), session_phase::unbinding);
  EXPECT_EQ(machine->free_slots(), 0U);
  const auto sent = said();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].id, command_id::unbind);
  hear(deliver(5));
  EXPECT_EQ(heard.received.size(), 1U) << "still bound until the answer";
  hear(pdu(unbind_resp{}, sent[0].sequence_number));
  EXPECT_EQ(machine->end_reason(), session_end::unbound);

  bind();
  machine->begin_unbind(now);
  EXPECT_EQ(machine->next_deadline(), now + seconds(5));
  pass(seconds(5));
  EXPECT_EQ(machine->end_reason(), session_end::unbind_timeout);
}

TEST_F(machine_test, a_peer_that_unbinds_may_answer_what_it_owes) {
  bind();
  const std::uint32_t number = submit();
  hear(pdu(unbind{}, 40));
  EXPECT_EQ(machine->free_slots(), 0U);
  EXPECT_FALSE(machine->ended());
  EXPECT_TRUE(said().empty());
  hear(submit_resp(number, "x"));
  EXPECT_EQ(machine->end_reason(), session_end::unbound_by_peer);
  auto sent = said();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0], (pdu_header{16, command_id::unbind_resp, command_status::rok, 40}));

  bind();
  (void)submit();
  hear(pdu(unbind{}, 41));
  EXPECT_EQ(machine->next_deadline(), now + seconds(1));
  pass(seconds(1));
  EXPECT_EQ(machine->end_reason(), session_end::unbound_by_peer);
  EXPECT_EQ(said().size(), 1U);
  std::size_t lost = 0;
  machine->drain([&](submit_token) { ++lost; });
  EXPECT_EQ(lost, 1U);
}

TEST_F(machine_test, gives_back_what_was_not_written_and_what_is_lost) {
  bind();
  const std::uint32_t first = submit(1);
  (void)submit(2);
  (void)submit(3);
  EXPECT_EQ(machine->withdraw_submit(first)->part, 1U);
  EXPECT_FALSE(machine->withdraw_submit(first));
  std::vector<std::uint32_t> lost;
  machine->drain([&](submit_token t) { lost.push_back(t.part); });
  EXPECT_EQ(lost, (std::vector<std::uint32_t>{2, 3}));
  EXPECT_EQ(machine->in_flight(), 0U);
}

TEST_F(machine_test, the_rest_of_a_pdu_must_come) {
  bind({.response_timeout = seconds(60), .enquire_link = seconds(0)});
  const octets whole = deliver(1);
  for (std::size_t i = 0; i + 1 < whole.size(); ++i) {
    hear({whole[i]});
    pass(seconds(1) / 2);  // a drop at a time is no progress
  }
  EXPECT_FALSE(machine->ended());
  pass(seconds(60));
  EXPECT_EQ(machine->end_reason(), session_end::stalled_pdu);
}

TEST_F(machine_test, alerts_are_told_and_never_answered) {
  bind();
  hear(pdu(alert_notification{}, 3));
  EXPECT_EQ(heard.alerts, 1);
  EXPECT_TRUE(said().empty());
}

TEST_F(machine_test, a_peer_that_floods_and_does_not_read_is_left) {
  bind();
  octets many;
  for (std::uint32_t i = 0; i < 4000; ++i) {
    const octets one = pdu(enquire_link{}, i + 1);
    many.insert(many.end(), one.begin(), one.end());
  }
  for (int i = 0; i < 40 && !machine->ended(); ++i) hear(many);
  EXPECT_EQ(machine->end_reason(), session_end::flooded);
}

TEST_F(machine_test, any_cut_of_the_stream_gives_the_same) {
  octets stream;
  const auto add = [&](const octets& more) { stream.insert(stream.end(), more.begin(), more.end()); };
  add(deliver(1));
  add(submit_resp(2, "abc"));  // number 1 was the bind
  add(pdu(enquire_link{}, 8));
  add(deliver(2));
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    bind();
    kept.clear();
    ASSERT_EQ(submit(), 2U);
    for (std::size_t at = 0; at < stream.size(); at += step) {
      hear({stream.begin() + static_cast<std::ptrdiff_t>(at),
            stream.begin() + static_cast<std::ptrdiff_t>(std::min(at + step, stream.size()))});
    }
    EXPECT_EQ(heard.received.size(), 2U);
    EXPECT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(said().size(), 1U);
    EXPECT_TRUE(kept.empty());
  }
}

/// Malformed input with the reaction that is expected, or one of the reactions that are as good.
TEST_F(machine_test, reacts_to_malformed_input_as_expected) {
  // Where we do something else than the first choice of the table, and why that is as good.
  const std::map<std::string, std::string> ours = {
      {"deliver_on_tx", "answer"},  // a receipt is worth more than the rule
      {"len_64k_plus_1", "close"},  // the limit is higher: a payload of 65,535 octets is legal
  };
  std::ifstream file(TRUNKLINE_TEST_DATA "/pdus/malformed.jsonl");
  ASSERT_TRUE(file);
  std::string line;
  int rows = 0;
  while (std::getline(file, line)) {
    const auto row = nlohmann::json::parse(line);
    const auto name = row.at("name").get<std::string>();
    const auto state = row.at("state").get<std::string>();
    SCOPED_TRACE(name + " (" + state + ")");
    // We never send these.
    if (state.find("submit_multi") != std::string::npos || state.find("query_sm") != std::string::npos) continue;
    ++rows;
    const auto& expect = row.at("expect");
    auto action = expect.at("action").get<std::string>();
    if (const auto other = ours.find(name); other != ours.end()) action = other->second;
    const std::string status = expect.at("status").is_null() ? "" : expect.at("status").get<std::string>();
    kept.clear();
    const bool open = state.starts_with("OPEN") && state.find("any") == std::string::npos;
    if (open) {
      make({});
      machine->connected(now);
      ASSERT_EQ(said().at(0).sequence_number, 1U);
    } else {
      bind({.bind = state.starts_with("BOUND_TX") ? bind_type::transmitter : bind_type::transceiver});
      if (state.starts_with("unbind sent")) machine->begin_unbind(now);
      (void)said();
    }
    octets input = test::from_hex(row.at("hex").get<std::string>());
    if (state.find("submit_sm seq 1 outstanding") != std::string::npos) {
      // Ours has the number 2, since the bind has 1.
      ASSERT_EQ(submit(), 2U);
      for (std::size_t at = 0; at + header_bytes <= input.size(); at += load_u32(input.data() + at)) {
        store_u32(input.data() + at + 12, 2);
      }
    }
    const int faults_before = static_cast<int>(heard.faults.size());
    hear(input);
    for (const std::uint32_t s : heard.received) machine->answer(s, command_status::rok);
    const auto sent = said();
    const auto expected_status = status_of(status.substr(0, status.find(',')));
    if (action == "nack_close") {
      EXPECT_EQ(machine->end_reason(), session_end::unframeable);
      ASSERT_EQ(sent.size(), 1U);
      EXPECT_EQ(sent[0].id, command_id::generic_nack);
      EXPECT_EQ(sent[0].status, expected_status);
      const auto wanted = expect.at("sequence").get<std::uint32_t>();
      EXPECT_TRUE(sent[0].sequence_number == wanted || sent[0].sequence_number == 0 ||
                  sent[0].sequence_number == load_u32(input.data() + 12));
    } else if (action == "nack_keep" || action == "resp_error") {
      EXPECT_FALSE(machine->ended());
      ASSERT_EQ(sent.size(), 1U);
      EXPECT_EQ(sent[0].id, action == "nack_keep" ? command_id::generic_nack
                                                  : response_of(static_cast<command_id>(load_u32(input.data() + 4))));
      EXPECT_EQ(sent[0].status, expected_status);
      EXPECT_EQ(sent[0].sequence_number, expect.at("sequence").get<std::uint32_t>());
      EXPECT_FALSE(heard.faults.empty());
    } else if (action == "answer") {
      ASSERT_FALSE(sent.empty());
      EXPECT_EQ(sent[0].id, response_of(static_cast<command_id>(load_u32(input.data() + 4))));
      EXPECT_EQ(sent[0].status, command_status::rok);
      EXPECT_EQ(sent[0].sequence_number, expect.at("sequence").get<std::uint32_t>());
      EXPECT_EQ(machine->ended(), name == "unbind_before_bind");
      if (name == "hundred_enquires") {
        EXPECT_EQ(sent.size(), 100U);
      }
    } else if (action == "accept") {
      EXPECT_FALSE(machine->ended());
      EXPECT_TRUE(sent.empty());
      if (open) {
        EXPECT_TRUE(machine->bound());
      } else {
        ASSERT_EQ(heard.answers.size(), 1U);
        EXPECT_EQ(machine->in_flight(), 0U);
        const std::size_t hex = status.find("0x");
        const auto number = hex == std::string::npos
                                ? static_cast<std::uint32_t>(expected_status.value_or(
                                      status.empty() ? command_status::rok : command_status::runknownerr))
                                : static_cast<std::uint32_t>(std::stoul(status.substr(hex), nullptr, 16));
        EXPECT_EQ(static_cast<std::uint32_t>(heard.answers[0].status), number);
      }
    } else if (action == "ignore_count") {
      EXPECT_TRUE(sent.empty());
      EXPECT_FALSE(machine->ended());
      EXPECT_GT(static_cast<int>(heard.faults.size()), faults_before);
      EXPECT_TRUE(heard.answers.empty());
    } else if (action == "close") {
      EXPECT_TRUE(sent.empty());
      pass(seconds(60));
      EXPECT_EQ(machine->end_reason(), session_end::stalled_pdu);
    } else {
      ADD_FAILURE() << "unknown action " << action;
    }
  }
  EXPECT_GT(rows, 90);
}

/// Octets of all kinds, cut anywhere, with time going on: no submit is answered twice or forgotten.
TEST_F(machine_test, survives_random_conversations) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    bind({.window = static_cast<std::uint32_t>(1 + random() % 20), .enquire_link = seconds(random() % 3 * 10)});
    kept.clear();
    std::size_t opened = 0;
    for (int step = 0; step < 400 && !machine->ended(); ++step) {
      while (machine->free_slots() != 0 && random() % 3 != 0) {
        ASSERT_NE(submit(), 0U);
        ++opened;
      }
      octets more;
      switch (random() % 8) {
        case 0:
          more = deliver(static_cast<std::uint32_t>(random() % 100));
          break;
        case 1:
          more = pdu(generic_nack{}, static_cast<std::uint32_t>(random() % 300), command_status::rinvcmdid);
          break;
        case 2:
          more = pdu(enquire_link{}, static_cast<std::uint32_t>(random()));
          break;
        case 3:
          if (random() % 200 == 0) more = pdu(unbind{}, 5);
          break;
        default:
          more = submit_resp(static_cast<std::uint32_t>(random() % 300), "id",
                             random() % 3 == 0 ? command_status::rsyserr : command_status::rok);
      }
      if (random() % 50 == 0 && !more.empty())
        more[4 + random() % (more.size() - 4)] ^= static_cast<std::uint8_t>(random());
      if (!more.empty()) hear(more);
      for (const std::uint32_t s : std::exchange(heard.received, {})) machine->answer(s, command_status::rok);
      (void)said();
      pass(milliseconds(random() % 5000));
      ASSERT_EQ(opened, machine->in_flight() + heard.answers.size() + heard.timeouts.size());
      ASSERT_GE(machine->next_deadline(), now - milliseconds(1));
    }
  }
}

TEST_F(machine_test, every_end_has_a_name) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(session_end::flooded); ++i) names.insert(name_of(static_cast<session_end>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(session_end::flooded) + 1);
  EXPECT_EQ(name_of(static_cast<session_end>(200)), "unknown");
}

TEST_F(machine_test, does_nothing_before_it_is_connected_and_after_its_end) {
  EXPECT_EQ(machine->next_deadline(), time_point::max());
  pass(seconds(1000));
  EXPECT_FALSE(machine->has_staged());
  machine->begin_unbind(now);
  EXPECT_EQ(machine->end_reason(), session_end::unbound);
  machine->connected(now);
  EXPECT_FALSE(machine->has_staged());
  EXPECT_EQ(machine->on_bytes(deliver(1), now), deliver(1).size());
  EXPECT_TRUE(heard.received.empty());
  pass(seconds(1000));
  EXPECT_EQ(machine->next_deadline(), time_point::max());

  make({});
  machine->connected(now);
  machine->begin_unbind(now);
  EXPECT_EQ(machine->end_reason(), session_end::unbound) << "while binding";
  bind();
  EXPECT_EQ(machine->on_bytes({}, now), 0U);
}

TEST_F(machine_test, a_bind_that_cannot_be_written_ends_it) {
  make({.system_id = std::string(2000, 'x')});
  machine->connected(now);
  EXPECT_EQ(machine->end_reason(), session_end::bind_invalid);
  EXPECT_FALSE(machine->has_staged());
}

TEST_F(machine_test, what_nobody_asked_for_is_counted) {
  bind();
  hear(pdu(unbind_resp{}, 9));
  bind_resp again;
  again.id = command_id::bind_transceiver_resp;
  hear(pdu(again, 1));
  EXPECT_EQ(heard.faults[session_fault::unexpected], 2);
  hear(pdu(generic_nack{}, 4711, command_status::rinvcmdid));
  EXPECT_EQ(heard.faults[session_fault::nack], 1);
  EXPECT_TRUE(heard.answers.empty());
  EXPECT_TRUE(machine->bound());

  make({});
  machine->connected(now);
  (void)said();
  hear(pdu(alert_notification{}, 3));
  again.id = command_id::bind_transceiver_resp;
  hear(pdu(again, 99));
  EXPECT_EQ(heard.faults[session_fault::unexpected], 2);
  hear(pdu(generic_nack{}, 99));
  EXPECT_EQ(machine->phase(), session_phase::binding);
}

TEST_F(machine_test, an_unbind_that_is_nacked_is_done) {
  bind();
  machine->begin_unbind(now);
  const std::uint32_t number = said().at(0).sequence_number;
  machine->begin_unbind(now);
  EXPECT_FALSE(machine->has_staged()) << "once is enough";
  hear(pdu(generic_nack{}, number + 1));
  pass(seconds(1));
  EXPECT_FALSE(machine->ended());
  hear(pdu(generic_nack{}, number, command_status::rinvcmdid));
  EXPECT_EQ(machine->end_reason(), session_end::unbound);
}

TEST_F(machine_test, a_peer_that_unbinds_twice_is_answered_once) {
  bind();
  (void)submit();
  hear(pdu(unbind{}, 40));
  hear(pdu(unbind{}, 41));
  machine->begin_unbind(now);
  EXPECT_TRUE(said().empty());
  pass(seconds(1));
  const auto sent = said();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].sequence_number, 40U);
}

TEST_F(machine_test, a_bind_response_whose_body_cannot_be_read_binds_all_the_same) {
  make({});
  machine->connected(now);
  const auto sent = said();
  // A message_payload that is cut off makes the body unreadable, but the answer was yes.
  octets odd = test::from_hex("0000001d800000090000000000000001534d534300042400096162");
  odd.resize(27);
  odd[3] = 27;
  odd[15] = static_cast<std::uint8_t>(sent.at(0).sequence_number);
  hear(odd);
  EXPECT_TRUE(machine->bound());
  EXPECT_EQ(heard.bound, "SMSC");
  EXPECT_FALSE(heard.peer_version);
}

TEST_F(machine_test, a_data_sm_must_tell_something) {
  const auto data = [](auto write, std::uint32_t sequence) {
    octets tlvs(64);
    octet_writer out(tlvs);
    write(out);
    data_sm message;
    message.destination_addr = "1";
    message.tlvs = tlv_view(out.written());
    return pdu(message, sequence);
  };
  bind();
  hear(data([](octet_writer&) {}, 1));
  EXPECT_EQ(heard.faults[session_fault::malformed], 1);
  EXPECT_EQ(said().at(0).status, command_status::rmissingtlv);
  hear(data([](octet_writer& out) { write_tlv_u8(out, tlv_tag::message_state, 2); }, 2));
  hear(data([](octet_writer& out) { write_tlv_text(out, tlv_tag::receipted_message_id, "7"); }, 3));
  hear(data([](octet_writer& out) { write_tlv(out, tlv_tag::message_payload, {}); }, 4));
  EXPECT_EQ(heard.received, (std::vector<std::uint32_t>{2, 3, 4}));
  // Without a body when it is an error, as the standard has it for data_sm_resp.
  EXPECT_TRUE(machine->answer(2, command_status::rx_t_appn));
  EXPECT_TRUE(machine->answer(3, command_status::rok));
  EXPECT_FALSE(machine->answer(99, command_status::rok));
  const auto answers = said();
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].command_length, 16U);
  EXPECT_EQ(answers[1].command_length, 17U);
  hear(test::from_hex("000000130000010300000000000000050001ff"));
  EXPECT_EQ(said().at(0).status, command_status::rinvcmdlen);

  hear(pdu(unbind{}, 40));
  EXPECT_TRUE(machine->ended());
  (void)said();
  EXPECT_TRUE(machine->answer(4, command_status::rok));
  EXPECT_FALSE(machine->has_staged()) << "nobody is there to hear it";
}

TEST_F(machine_test, fills_as_much_as_there_is_room) {
  bind();
  hear(pdu(enquire_link{}, 5));
  octets piece(7);
  std::size_t total = 0;
  while (const std::size_t size = machine->fill(piece)) total += size;
  EXPECT_EQ(total, 16U);
  EXPECT_FALSE(machine->has_staged());
}

TEST_F(machine_test, the_deadline_of_half_a_pdu_counts) {
  bind({.response_timeout = seconds(5), .enquire_link = seconds(0)});
  hear({0, 0});
  EXPECT_EQ(machine->next_deadline(), now + seconds(5));
}

}  // namespace
}  // namespace trunkline::protocol
