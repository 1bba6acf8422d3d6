// What answers, and missing answers, mean for messages: the flow with its machine, without sockets and with a clock
// that is only a number.
#include "engine/smpp/message_flow.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <set>
#include <sstream>

#include "engine/dispatch/optout_set.hpp"
#include "tests/engine/smpp/message_fixture.hpp"

namespace trunkline::engine::test {
namespace {

using protocol::command_id;
using protocol::command_status;
using router::message_status;
using router::reason;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct acknowledged final : acknowledger {
  void acknowledge(std::uint32_t, bool) noexcept override {}
  bool announced(std::unique_ptr<intent_list>& list) noexcept override {
    if (open) lists.push_back(std::move(list));
    return open;
  }
  std::vector<std::unique_ptr<intent_list>> lists;
  bool open = true;
};

struct flow_test : testing::Test {
  void make(carrier_config config = test_config(), smpp_options given = {}) {
    options = given;
    target = make_carrier(std::move(config));
    tokens.emplace(*target);
    probe = std::make_unique<session_probe>();
    sink = std::make_unique<outcome_sink>(around.queues);
    flow = std::make_unique<message_flow>(*target, *probe, *sink, options, "test");
  }
  /// `sc_interface_version`: what the answer to the bind says; 0: nothing.
  void connect(std::uint8_t sc_interface_version = 0) {
    answers = std::make_shared<acknowledged>();
    flow->connected(answers, now);
    const auto sent = build();
    ASSERT_EQ(sent.size(), 1U);
    protocol::bind_resp resp;
    resp.id = protocol::response_of(sent[0].header.id);
    const std::uint8_t tlv[] = {0x02, 0x10, 0x00, 0x01, sc_interface_version};
    if (sc_interface_version != 0) resp.tlvs = protocol::tlv_view(tlv);
    hear(resp, sent[0].header.sequence_number);
    ASSERT_TRUE(flow->logged_in());
  }
  void bound(carrier_config config = test_config(), smpp_options given = {}) {
    make(std::move(config), given);
    connect();
  }
  /// What it writes now; the octets stay valid until the next call.
  std::vector<protocol::frame> build() {
    take_announced();
    written = flow->build(now, wall);
    (void)flow->end_turn();
    std::vector<protocol::frame> frames;
    for (std::size_t at = 0; at < written.size();) {
      const auto cut = protocol::next_frame(written.subspan(at));
      EXPECT_EQ(cut.kind, protocol::frame_kind::complete);
      if (cut.kind != protocol::frame_kind::complete) break;
      frames.push_back(cut.frame);
      at += cut.frame.octets.size();
    }
    return frames;
  }
  template <typename Pdu>
  void hear(const Pdu& pdu, std::uint32_t sequence, command_status status = command_status::rok) {
    std::array<std::uint8_t, 512> out{};
    const std::size_t size = protocol::write_pdu(out, status, sequence, pdu);
    ASSERT_EQ(flow->on_bytes(std::span<const std::uint8_t>(out).first(size), now, wall), size);
    (void)flow->end_turn();
  }
  void answer(const protocol::frame& to, command_status status = command_status::rok) {
    answer(to.header.sequence_number, status);
  }
  void answer(std::uint32_t sequence, command_status status = command_status::rok) {
    protocol::submit_sm_resp resp;
    const std::string id = "id" + std::to_string(sequence);
    if (status == command_status::rok) resp.message_id = id;
    hear(resp, sequence, status);
  }
  message* push(std::uint8_t parts = 1, lane to = lane::bulk, bool validity = false) {
    message* m = around.make(next_line++, parts, 0, validity);
    target->push(to, {&m, 1}, *tokens);
    return m;
  }
  void take_announced() {
    for (auto& list : std::exchange(answers->lists, {})) flow->announced(std::move(list));
  }
  void disconnect(std::size_t transferred = static_cast<std::size_t>(-1)) {
    answers->open = false;
    take_announced();
    flow->disconnected(now, transferred == static_cast<std::size_t>(-1) ? std::span<const std::uint8_t>() : written,
                       transferred);
    (void)flow->end_turn();
    around.collect();
  }
  static std::string text_of(const protocol::frame& f) {
    const auto pdu = protocol::decode<protocol::submit_sm>(f);
    return pdu ? std::string(pdu->short_message.begin(), pdu->short_message.end()) : "undecodable";
  }

  message_flow::time_point now{std::chrono::hours(100)};
  std::int64_t wall = 1'800'000'000'000;
  stage around;
  smpp_options options;
  std::shared_ptr<carrier> target;
  std::optional<carrier::producer> tokens;
  std::unique_ptr<session_probe> probe;
  std::unique_ptr<outcome_sink> sink;
  std::unique_ptr<message_flow> flow;
  std::span<const std::uint8_t> written;
  std::shared_ptr<acknowledged> answers;
  std::uint32_t next_line = 1;
};

TEST_F(flow_test, an_accepted_message_is_final_with_its_id) {
  bound();
  message* m = push();
  const auto sent = build();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].header.id, command_id::submit_sm);
  EXPECT_EQ(text_of(sent[0]), "line 1 part 0");
  EXPECT_EQ(m->submitted_at_ms, wall);
  EXPECT_EQ(m->attempts, 1);
  EXPECT_EQ(probe->in_flight.load(), 1U);
  EXPECT_EQ(around.queues.credit.outstanding(), 1);
  answer(sent[0]);
  around.collect();
  ASSERT_EQ(around.finals.size(), 1U);
  EXPECT_EQ(m->status, message_status::sent);
  EXPECT_EQ(m->why, reason::none);
  EXPECT_EQ(m->credit, 1);
  EXPECT_EQ(stage::id_of(*m), "id" + std::to_string(sent[0].header.sequence_number));
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
  EXPECT_TRUE(flow->idle());
}

TEST_F(flow_test, takes_no_more_than_the_window) {
  bound();
  for (int i = 0; i < 25; ++i) push();
  EXPECT_EQ(build().size(), 10U);
  EXPECT_EQ(target->queued(), 15U) << "the rest belongs to no session";
  EXPECT_TRUE(build().empty());
  EXPECT_EQ(flow->waits_for(), flow_wait::window);
  answer(2);
  answer(3);
  EXPECT_EQ(build().size(), 2U);
}

TEST_F(flow_test, waits_for_what_is_missing) {
  auto config = test_config();
  config.throughput = 10;
  bound(config);
  EXPECT_TRUE(build().empty());
  EXPECT_EQ(flow->waits_for(), flow_wait::work);
  for (int i = 0; i < 5; ++i) push();
  const std::size_t first = build().size();
  EXPECT_LT(first, 5U) << "ten a second";
  EXPECT_TRUE(build().empty());
  EXPECT_EQ(flow->waits_for(), flow_wait::pace);
  EXPECT_GT(target->pacing().next_at(now), now);
  now = target->pacing().next_at(now);
  EXPECT_EQ(build().size(), 1U);

  around.queues.credit.set_limit(0);
  make();
  connect();
  push();
  EXPECT_TRUE(build().empty());
  EXPECT_EQ(flow->waits_for(), flow_wait::work);
  EXPECT_TRUE(around.queues.credit.give(100)) << "somebody waits";
  EXPECT_EQ(build().size(), 1U);
}

TEST_F(flow_test, unused_credit_and_pace_come_back_at_once) {
  auto config = test_config();
  config.throughput = 1000;
  bound(config);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(build().empty());
    EXPECT_EQ(around.queues.credit.outstanding(), 0);
  }
  push();
  EXPECT_EQ(build().size(), 1U);
  EXPECT_EQ(around.queues.credit.outstanding(), 1);
}

TEST_F(flow_test, validity_is_what_is_left_of_it) {
  struct row {
    const char* name;
    std::int64_t left_ms;
    const char* expected;
  };
  for (const row& r :
       {row{"two hours", 7'200'000, "000000020000000R"}, row{"a second", 1'000, "000000000001000R"},
        row{"less than a second", 1, "000000000001000R"}, row{"48 h less a bit", 172'799'999, "000001235959000R"},
        row{"100 days are 99", 8'640'000'000, "000099000000000R"}}) {
    SCOPED_TRACE(r.name);
    bound();
    message* m = around.make(1, 1, 0, true);
    m->expires_at_ms = wall + r.left_ms;
    target->push(lane::bulk, {&m, 1}, *tokens);
    const auto sent = build();
    ASSERT_EQ(sent.size(), 1U);
    const auto pdu = protocol::decode<protocol::submit_sm>(sent[0]);
    ASSERT_TRUE(pdu);
    EXPECT_EQ(pdu->validity_period, r.expected);
    EXPECT_EQ(text_of(sent[0]), "line 1 part 0");
  }
}

TEST_F(flow_test, what_must_not_be_sent_is_not) {
  bound();
  message* expired = push();
  expired->expires_at_ms = wall;
  EXPECT_TRUE(build().empty());
  around.collect();
  ASSERT_EQ(around.finals.size(), 1U);
  EXPECT_EQ(expired->status, message_status::expired);
  EXPECT_EQ(expired->why, reason::expired);
  EXPECT_EQ(expired->attempts, 0);
  EXPECT_EQ(expired->credit, 0);

  message* paused = push();
  around.batch.paused = true;
  EXPECT_TRUE(build().empty());
  around.collect();
  ASSERT_EQ(around.returned.size(), 1U);
  EXPECT_EQ(around.returned[0].subject, paused);
  EXPECT_EQ(around.returned[0].why, return_reason::elsewhere);
  around.batch.paused = false;

  around.batch.cancelled = true;
  message* cancelled = push();
  EXPECT_TRUE(build().empty());
  around.collect();
  EXPECT_EQ(cancelled->status, message_status::cancelled);
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
}

TEST_F(flow_test, somebody_who_opted_out_is_not_sent_to) {
  optout_set optouts;
  smpp_options given;
  given.optouts = &optouts;
  bound(test_config(), given);
  message* before = push();
  before->optout_key = optout_set::key_of("12345", "491701234567");
  EXPECT_FALSE(build().empty()) << "the list is empty";
  optouts.insert(before->optout_key);
  message* refused = push();
  refused->optout_key = before->optout_key;
  message* other = push();
  other->optout_key = optout_set::key_of("54321", "491701234567");
  message* confirmation = push();
  EXPECT_EQ(confirmation->optout_key, 0U);
  EXPECT_EQ(build().size(), 2U);
  around.collect();
  ASSERT_EQ(around.finals.size(), 1U);
  EXPECT_EQ(around.finals[0], refused);
  EXPECT_EQ(refused->status, message_status::rejected);
  EXPECT_EQ(refused->why, reason::opted_out);
  EXPECT_EQ(refused->credit, 0);
  EXPECT_EQ(refused->attempts, 0);
  // What went out in part is sent to its end.
  message* partly = push(2);
  partly->optout_key = before->optout_key;
  partly->parts_accepted = 1;
  EXPECT_FALSE(build().empty());
  around.collect();
  EXPECT_EQ(around.finals.size(), 1U);
}

/// One part, one answer, for each class of status.
TEST_F(flow_test, a_peer_that_is_older_than_configured_is_sent_no_parameters) {
  const std::uint8_t user_message_reference[] = {0x02, 0x04, 0x00, 0x02, 0x00, 0x07};
  const std::uint8_t payload[] = {0x04, 0x24, 0x00, 0x02, 'h', 'i'};
  for (const std::uint8_t answered : {std::uint8_t{0}, std::uint8_t{0x34}, std::uint8_t{0x33}}) {
    make();
    connect(answered);
    message* numbered = around.make(1, 1, 0, false, protocol::tlv_view(user_message_reference));
    message* long_text = around.make(2, 1, 0, false, protocol::tlv_view(payload));
    message* both[] = {numbered, long_text};
    target->push(lane::bulk, both, *tokens);
    const auto sent = build();
    ASSERT_EQ(sent.size(), answered == 0x33 ? 1U : 2U);
    const auto pdu = protocol::decode<protocol::submit_sm>(sent[0]);
    ASSERT_TRUE(pdu);
    EXPECT_EQ(pdu->tlvs.empty(), answered == 0x33);
    EXPECT_EQ(text_of(sent[0]), "line 1 part 0");
    for (const auto& f : sent) answer(f);
    around.collect();
    ASSERT_EQ(around.finals.size(), 2U);
    EXPECT_EQ(numbered->status, message_status::sent);
    EXPECT_EQ(stage::id_of(*numbered), "id" + std::to_string(sent[0].header.sequence_number));
    EXPECT_EQ(long_text->status, answered == 0x33 ? message_status::rejected : message_status::sent);
    EXPECT_EQ(long_text->why, answered == 0x33 ? reason::peer_version : reason::none);
    around.finals.clear();
    disconnect();
  }
}

TEST_F(flow_test, every_class_of_answer) {
  enum class fate { sent, failed, retried, rerouted, elsewhere, again };
  struct row {
    const char* name;
    command_status status;
    fate expected;
    std::uint16_t attempts;
  };
  for (const row& r : {row{"accepted", command_status::rok, fate::sent, 1},
                       row{"permanent", command_status::rinvdstadr, fate::failed, 1},
                       row{"temporary", command_status::rsyserr, fate::retried, 1},
                       row{"queue full", command_status::rmsgqful, fate::retried, 1},
                       row{"another carrier may", command_status::rsubmitfail, fate::rerouted, 1},
                       row{"unknown status", static_cast<command_status>(0x12345678), fate::rerouted, 1},
                       row{"session at fault", command_status::rinvbndsts, fate::elsewhere, 0},
                       row{"throttled", command_status::rthrottled, fate::again, 0}}) {
    SCOPED_TRACE(r.name);
    around.finals.clear();
    around.returned.clear();
    bound();
    message* m = push();
    const auto sent = build();
    ASSERT_EQ(sent.size(), 1U);
    answer(sent[0], r.status);
    around.collect();
    EXPECT_EQ(m->attempts, r.attempts);
    EXPECT_EQ(m->flags, 0);
    EXPECT_EQ(around.queues.credit.outstanding(), 0);
    EXPECT_EQ(flow->refused(), r.expected == fate::elsewhere);
    EXPECT_EQ(probe->throttled.value(), r.expected == fate::again ? 1U : 0U);
    if (r.expected == fate::sent || r.expected == fate::failed) {
      ASSERT_EQ(around.finals.size(), 1U);
      EXPECT_EQ(m->status, r.expected == fate::sent ? message_status::sent : message_status::failed);
      if (r.expected == fate::failed) {
        EXPECT_EQ(m->why, reason::command_status);
        EXPECT_EQ(m->error_value, static_cast<std::uint32_t>(r.status));
      }
      continue;
    }
    EXPECT_TRUE(around.finals.empty());
    if (r.expected == fate::again) {
      EXPECT_EQ(target->queued_again(), 1U);
      EXPECT_TRUE(target->pacing().paused(now));
      EXPECT_TRUE(build().empty());
      now += seconds(20);
      EXPECT_EQ(build().size(), 1U) << "again, and first";
      continue;
    }
    ASSERT_EQ(around.returned.size(), 1U);
    const auto why = r.expected == fate::retried    ? return_reason::retry
                     : r.expected == fate::rerouted ? return_reason::reroute
                                                    : return_reason::elsewhere;
    EXPECT_EQ(around.returned[0].why, why);
    if (why == return_reason::retry) {
      EXPECT_EQ(around.returned[0].due, now + seconds(1));
    }
    EXPECT_EQ(read_part(*m, 0).state, part_state::open);
  }
}

TEST_F(flow_test, retries_wait_longer_and_come_to_an_end) {
  auto config = test_config();
  config.policy = {{static_cast<std::uint32_t>(command_status::rsyserr),
                    static_cast<std::uint32_t>(command_status::rsyserr),
                    {router::submit_action::retry, milliseconds(100), 4}}};
  bound(config);
  message* m = push();
  for (const int delay : {100, 200, 400}) {
    answer(build().at(0), command_status::rsyserr);
    around.collect();
    ASSERT_EQ(around.returned.size(), 1U);
    EXPECT_EQ(around.returned[0].due, now + milliseconds(delay));
    around.returned.clear();
    target->push(lane::bulk, {&m, 1}, *tokens);
  }
  answer(build().at(0), command_status::rsyserr);
  around.collect();
  ASSERT_EQ(around.finals.size(), 1U);
  EXPECT_EQ(m->status, message_status::failed);
  EXPECT_EQ(m->error_value, static_cast<std::uint32_t>(command_status::rsyserr));
  EXPECT_EQ(m->attempts, 4);
}

TEST_F(flow_test, parts_go_out_together_as_slots_come_free) {
  auto config = test_config();
  config.window = 2;
  bound(config);
  message* m = push(5);
  message* other = push(1);
  auto sent = build();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(text_of(sent[1]), "line 1 part 1");
  answer(sent[0].header.sequence_number);
  around.collect();
  EXPECT_EQ(around.parts, (std::vector<std::pair<std::uint32_t, std::uint8_t>>{{1, 0}}));
  sent = build();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(text_of(sent[0]), "line 1 part 2");
  for (std::uint32_t sequence = 3; m->parts_accepted < 5; ++sequence) {
    answer(sequence);
    (void)build();
  }
  around.collect();
  EXPECT_EQ(m->status, message_status::sent);
  EXPECT_EQ(m->attempts, 1);
  EXPECT_EQ(around.parts.size(), 4U) << "the last one comes with the final outcome";
  for (std::uint8_t part = 0; part < 5; ++part) EXPECT_EQ(stage::id_of(*m, part), "id" + std::to_string(2 + part));
  EXPECT_EQ(around.finals.size(), 1U);
  answer(7);
  around.collect();
  EXPECT_EQ(other->status, message_status::sent);
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
}

TEST_F(flow_test, one_part_refused_for_good_fails_the_message_with_what_was_accepted) {
  bound();
  message* m = push(3);
  const auto sent = build();
  ASSERT_EQ(sent.size(), 3U);
  answer(2);
  answer(3, command_status::rinvdstadr);
  around.collect();
  EXPECT_TRUE(around.finals.empty()) << "one part is still under way";
  answer(4);
  around.collect();
  ASSERT_EQ(around.finals.size(), 1U);
  EXPECT_EQ(m->status, message_status::failed);
  EXPECT_EQ(m->error_value, static_cast<std::uint32_t>(command_status::rinvdstadr));
  EXPECT_EQ(m->parts_accepted, 2);
  EXPECT_EQ(stage::id_of(*m, 2), "id4");
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
}

TEST_F(flow_test, accepted_parts_are_not_sent_again_and_hold_the_message_at_its_carrier) {
  bound();
  message* m = push(3);
  (void)build();
  answer(2);
  answer(3, command_status::rsubmitfail);  // reroute, but a part is here already
  answer(4);
  around.collect();
  ASSERT_EQ(around.returned.size(), 1U);
  EXPECT_EQ(around.returned[0].why, return_reason::retry);
  target->push(lane::bulk, {&m, 1}, *tokens);
  const auto sent = build();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(text_of(sent[0]), "line 1 part 1");
  answer(sent[0]);
  around.collect();
  EXPECT_EQ(m->status, message_status::sent);
  EXPECT_EQ(stage::id_of(*m, 0), "id2");
  EXPECT_EQ(m->attempts, 2);
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
}

TEST_F(flow_test, a_refusal_stops_the_parts_behind_it) {
  auto config = test_config();
  config.window = 1;
  bound(config);
  message* m = push(4);
  answer(build().at(0), command_status::rinvdstadr);
  EXPECT_TRUE(build().empty());
  around.collect();
  EXPECT_EQ(m->status, message_status::failed);
  EXPECT_EQ(m->parts_accepted, 0);
}

TEST_F(flow_test, a_message_that_expires_between_its_parts) {
  auto config = test_config();
  config.window = 1;
  bound(config);
  message* m = push(3);
  m->expires_at_ms = wall + 1000;
  answer(build().at(0));
  wall += 1000;
  EXPECT_TRUE(build().empty());
  around.collect();
  ASSERT_EQ(around.finals.size(), 1U);
  EXPECT_EQ(m->status, message_status::expired);
  EXPECT_EQ(m->parts_accepted, 1);
  EXPECT_TRUE(flow->idle());
}

TEST_F(flow_test, a_lost_connection_flags_what_may_have_gone_out) {
  bound();
  std::vector<message*> messages;
  for (int i = 0; i < 12; ++i) messages.push_back(push());
  EXPECT_EQ(build().size(), 10U);
  answer(2);
  disconnect();
  EXPECT_EQ(around.finals.size(), 1U);
  EXPECT_EQ(target->queued_again(), 9U);
  EXPECT_EQ(probe->maybe_duplicates.value(), 9U);
  EXPECT_EQ(messages[0]->flags, 0);
  EXPECT_EQ(messages[1]->flags, flag_maybe_duplicate);
  EXPECT_EQ(messages[10]->flags, 0);
  EXPECT_EQ(messages[1]->attempts, 0) << "no answer, no attempt";
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
  EXPECT_TRUE(flow->idle());
  connect();
  const auto again = build();
  ASSERT_EQ(again.size(), 10U);
  EXPECT_EQ(text_of(again[0]), "line 2 part 0") << "what was lost comes first";
  disconnect();
  // The second answer lost: unknown_resends is 1.
  EXPECT_EQ(std::count_if(around.finals.begin(), around.finals.end(),
                          [](const message* m) { return m->status == message_status::unknown; }),
            9);
  EXPECT_EQ(messages[1]->why, reason::no_response);
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
}

TEST_F(flow_test, hold_means_unknown_at_once) {
  bound();
  message* m = push();
  m->flags = flag_hold;
  EXPECT_TRUE(build().empty()) << "its intent is not durable yet";
  EXPECT_FALSE(flow->idle());
  around.collect();
  EXPECT_EQ(build().size(), 1U);
  disconnect();
  ASSERT_EQ(around.finals.size(), 1U);
  EXPECT_EQ(m->status, message_status::unknown);
  EXPECT_EQ(m->flags, flag_hold | flag_intent | flag_maybe_duplicate);
  EXPECT_EQ(around.intents, 1U);
  EXPECT_EQ(around.intents_returned, 0U);
}

TEST_F(flow_test, an_error_that_is_not_final_withdraws_the_intent) {
  bound();
  message* m = push();
  m->flags = flag_hold;
  ASSERT_TRUE(build().empty());
  around.collect();
  answer(build().at(0), command_status::rthrottled);
  EXPECT_EQ(m->part_events.load(), 1) << "the journal has not read it yet";
  around.collect();
  EXPECT_EQ(around.intents_returned, 1U);
  EXPECT_EQ(m->flags, flag_hold);
  now += seconds(30);
  ASSERT_TRUE(build().empty());
  around.collect();
  EXPECT_EQ(around.intents, 2U);
  answer(build().at(0));
  around.collect();
  EXPECT_EQ(m->status, message_status::sent);
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
}

TEST_F(flow_test, announced_messages_go_back_when_nothing_was_written) {
  bound();
  message* first = push();
  message* second = push();
  first->flags = second->flags = flag_hold;
  ASSERT_TRUE(build().empty());
  around.collect();
  flow->announced(std::move(answers->lists.front()));
  answers->lists.clear();
  flow->close_admission(true);
  EXPECT_TRUE(build().empty());
  EXPECT_TRUE(flow->idle());
  around.collect();
  EXPECT_EQ(around.intents_returned, 2U);
  EXPECT_EQ(target->queued_again(), 2U);
  EXPECT_EQ(first->flags, flag_hold);
  EXPECT_EQ(first->attempts, 0);
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
}

TEST_F(flow_test, a_lost_connection_leaves_the_journal_to_give_intents_back) {
  bound();
  message* m = push();
  m->flags = flag_hold;
  ASSERT_TRUE(build().empty());
  disconnect();
  ASSERT_EQ(around.returned.size(), 1U);
  EXPECT_EQ(around.returned[0].subject, m);
  EXPECT_EQ(around.returned[0].why, return_reason::elsewhere);
  EXPECT_TRUE(flow->idle());
}

TEST_F(flow_test, log_lines_show_no_more_of_a_pdu_than_its_header) {
  for (const bool mask : {true, false}) {
    std::ostringstream log;
    const auto before = spdlog::default_logger();
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
    smpp_options given;
    given.mask_numbers = mask;
    bound(test_config(), given);
    protocol::submit_sm wrong;  // only an ESME may send it
    wrong.destination_addr = "491701234567";
    hear(wrong, 77);
    protocol::alert_notification alert;
    alert.source_addr = "491709999999";
    hear(alert, 78);
    spdlog::set_default_logger(before);
    EXPECT_EQ(log.str().find("491709999999") != std::string::npos, !mask) << log.str();
    EXPECT_NE(log.str().find("can be reached again"), std::string::npos) << log.str();
    const bool shown = log.str().find("343931373031323334353637") != std::string::npos;
    EXPECT_EQ(shown, !mask) << log.str();
    EXPECT_NE(log.str().find("00000004000000000000004d"), std::string::npos) << "its header: " << log.str();
  }
}

TEST_F(flow_test, held_and_other_messages_share_the_window) {
  auto config = test_config();
  config.window = 6;
  bound(config);
  for (int i = 0; i < 4; ++i) push()->flags = flag_hold;
  for (int i = 0; i < 4; ++i) push();
  EXPECT_EQ(build().size(), 2U) << "four slots are kept for those that are announced";
  around.collect();
  const auto held = build();
  ASSERT_EQ(held.size(), 4U);
  EXPECT_EQ(text_of(held[0]), "line 1 part 0");
  EXPECT_EQ(target->queued(), 2U);
}

TEST_F(flow_test, what_never_reached_the_socket_is_not_flagged) {
  bound();
  std::vector<message*> messages;
  for (int i = 0; i < 4; ++i) messages.push_back(push());
  messages.push_back(push(3));
  const auto sent = build();
  ASSERT_EQ(sent.size(), 7U);
  const auto end_of = [&](std::size_t i) {
    return static_cast<std::size_t>(sent[i].octets.data() + sent[i].octets.size() - written.data());
  };
  disconnect(end_of(1) + 5);  // two whole PDUs and a piece of the third
  EXPECT_EQ(messages[0]->flags, flag_maybe_duplicate);
  EXPECT_EQ(messages[1]->flags, flag_maybe_duplicate);
  for (std::size_t i = 2; i < 5; ++i) EXPECT_EQ(messages[i]->flags, 0) << i;
  EXPECT_EQ(target->queued_again(), 5U);
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
  EXPECT_TRUE(around.finals.empty());
}

TEST_F(flow_test, a_message_half_written_when_the_connection_breaks_comes_back_whole) {
  auto config = test_config();
  config.window = 2;
  bound(config);
  message* m = push(5);
  EXPECT_EQ(build().size(), 2U);
  answer(2);
  answer(3);
  disconnect();  // nothing under way, three parts not written
  EXPECT_EQ(m->flags, 0);
  ASSERT_EQ(target->queued_again(), 1U);
  connect();
  auto sent = build();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(text_of(sent[0]), "line 1 part 2");
  disconnect();
  EXPECT_EQ(m->flags, flag_maybe_duplicate);
  EXPECT_EQ(m->parts_accepted, 2);
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
}

TEST_F(flow_test, a_submit_that_times_out_is_resent_once) {
  auto config = test_config();
  config.enquire_link = milliseconds(0);
  bound(config);
  message* m = push();
  const auto first = build();
  ASSERT_EQ(first.size(), 1U);
  now += seconds(30);
  hear(protocol::enquire_link{}, 1);
  now += seconds(30);
  flow->tick(now, wall);
  (void)flow->end_turn();
  EXPECT_EQ(m->flags, flag_maybe_duplicate);
  EXPECT_EQ(probe->last_state.load(), session_last_state::timeout);
  const auto again = build();
  ASSERT_EQ(again.size(), 2U) << "the answer to enquire_link, and the message";
  answer(2);  // the late answer to the first one
  around.collect();
  EXPECT_TRUE(around.finals.empty());
  EXPECT_EQ(probe->pdu_errors[static_cast<std::size_t>(pdu_error::late_response)].value(), 1U);
  answer(again[1]);
  around.collect();
  EXPECT_EQ(m->status, message_status::sent);
  EXPECT_EQ(probe->last_state.load(), session_last_state::ok);
}

TEST_F(flow_test, received_pdus_go_to_the_journal_whole) {
  bound();
  protocol::deliver_sm pdu;
  pdu.source_addr = "491700000000";
  hear(pdu, 99);
  around.collect();
  ASSERT_EQ(around.received.size(), 1U);
  const received_pdu& got = *around.received[0];
  EXPECT_EQ(got.sequence_number, 99U);
  EXPECT_EQ(got.received_at_ms, wall);
  EXPECT_EQ(got.octets().size(), protocol::load_u32(got.octets().data()));
  EXPECT_TRUE(got.from);
  EXPECT_EQ(probe->delivers.value(), 1U);
  EXPECT_TRUE(build().empty()) << "not before it is stored";
}

TEST_F(flow_test, closed_admission_finishes_what_was_begun) {
  auto config = test_config();
  config.window = 1;
  bound(config);
  message* m = push(2);
  push();
  answer(build().at(0));
  flow->close_admission(true);
  EXPECT_FALSE(flow->idle());
  answer(build().at(0));
  around.collect();
  EXPECT_EQ(m->status, message_status::sent);
  EXPECT_TRUE(flow->idle());
  EXPECT_TRUE(build().empty());
  EXPECT_EQ(target->queued(), 1U);
}

/// Any answers, losses and disconnections, in any order: every message is in one place, credit adds up.
TEST_F(flow_test, nothing_is_ever_lost_or_doubled) {
  const std::vector<command_status> statuses = {
      command_status::rok,        command_status::rok,        command_status::rok,       command_status::rok,
      command_status::rinvdstadr, command_status::rthrottled, command_status::rmsgqful,  command_status::rsubmitfail,
      command_status::rsyserr,    command_status::rinvbndsts, command_status::rinvsysid, command_status::rok};
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    around.finals.clear();
    around.returned.clear();
    around.parts.clear();
    auto config = test_config();
    config.window = static_cast<unsigned>(1 + random() % 12);
    config.enquire_link = milliseconds(0);
    bound(config);
    std::set<message*> all;
    std::vector<std::uint32_t> unanswered;
    const std::size_t total = 60;
    for (int step = 0; step < 100'000 && around.finals.size() < total; ++step) {
      now += milliseconds(random() % 50);
      wall += static_cast<std::int64_t>(random() % 50);
      if (all.size() < total && random() % 3 == 0) {
        message* m = push(static_cast<std::uint8_t>(1 + random() % 4), static_cast<lane>(1 + random() % 3));
        if (random() % 10 == 0) m->flags = flag_hold;
        if (random() % 10 == 0) m->expires_at_ms = wall + static_cast<std::int64_t>(random() % 5000);
        all.insert(m);
      }
      for (const auto& f : build()) {
        if (f.header.id == command_id::submit_sm) unanswered.push_back(f.header.sequence_number);
      }
      for (std::size_t n = random() % 4; n != 0 && !unanswered.empty(); --n) {
        const std::size_t at = random() % unanswered.size();
        if (random() % 40 != 0) answer(unanswered[at], statuses[random() % statuses.size()]);
        if (random() % 10 != 0) unanswered.erase(unanswered.begin() + static_cast<std::ptrdiff_t>(at));
      }
      if (random() % 150 == 0 || flow->refused()) {
        disconnect(random() % 2 == 0 && !written.empty() ? random() % (written.size() + 1)
                                                         : static_cast<std::size_t>(-1));
        unanswered.clear();
        connect();
      } else {
        flow->tick(now, wall);
        (void)flow->end_turn();
        if (flow->machine().ended()) {
          disconnect();
          unanswered.clear();
          connect();
        }
      }
      if (random() % 3 != 0) around.collect();
      for (const returned_message& back : std::exchange(around.returned, {})) {
        message* m = back.subject;
        ASSERT_EQ(m->parts_in_flight, 0);
        target->push(lane::normal, {&m, 1}, *tokens);
      }
    }
    ASSERT_EQ(around.finals.size(), total);
    EXPECT_EQ(std::set<message*>(around.finals.begin(), around.finals.end()), all);
    EXPECT_EQ(target->queued(), 0U);
    around.collect();
    EXPECT_EQ(around.queues.credit.outstanding(), 0);
    for (const message* m : all) {
      EXPECT_EQ(m->parts_in_flight, 0);
      EXPECT_EQ(m->part_events.load(), 0);
      EXPECT_EQ(m->status == message_status::sent, m->parts_accepted == m->parts);
    }
  }
}

}  // namespace
}  // namespace trunkline::engine::test
