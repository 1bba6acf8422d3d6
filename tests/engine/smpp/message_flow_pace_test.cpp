// What slows a carrier, whom a sender's pace holds up, and the window that finds its size, all through message_flow.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <optional>

#include "engine/smpp/message_flow.hpp"
#include "protocol/framing.hpp"
#include "tests/engine/smpp/message_fixture.hpp"

namespace trunkline::engine::test {
namespace {

using protocol::command_status;
using std::chrono::milliseconds;
using std::chrono::seconds;
using slowed_by = router::pace::slowed_by;

struct nobody final : acknowledger {
  void acknowledge(std::uint32_t, bool) noexcept override {}
  bool announced(std::unique_ptr<intent_list>&) noexcept override { return false; }
};

struct flow_pace_test : testing::Test {
  void bound(carrier_config config) {
    target = make_carrier(std::move(config));
    tokens.emplace(*target);
    flow = std::make_unique<message_flow>(*target, probe, sink, options, "test");
    flow->connected(std::make_shared<nobody>(), now);
    const auto bind = build();
    ASSERT_EQ(bind.size(), 1U);
    protocol::bind_resp resp;
    resp.id = protocol::response_of(bind[0].header.id);
    hear(resp, bind[0].header.sequence_number);
    ASSERT_TRUE(flow->logged_in());
  }
  void push(std::uint32_t count, std::uint8_t parts = 1, router::priority priority = router::priority::bulk) {
    for (std::uint32_t i = 0; i < count; ++i) {
      message* m = around.make(next_line++, parts);
      m->priority = priority;
      target->push(lane_of(priority), {&m, 1}, *tokens);
    }
  }
  /// "line N part M" of a submit_sm.
  static std::string text_of(const protocol::frame& pdu) {
    const auto submit = protocol::decode<protocol::submit_sm>(pdu);
    if (!submit) return "";
    return {reinterpret_cast<const char*>(submit->short_message.data()), submit->short_message.size()};
  }
  std::vector<protocol::frame> build() {
    const auto written = flow->build(now, wall);
    (void)flow->end_turn();
    std::vector<protocol::frame> frames;
    for (std::size_t at = 0; at < written.size(); at += frames.back().octets.size())
      frames.push_back(protocol::next_frame(written.subspan(at)).frame);
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
    protocol::submit_sm_resp resp;
    if (status == command_status::rok) resp.message_id = "id";
    hear(resp, to.header.sequence_number, status);
  }
  /// As SMPP 5.0 answers: with congestion_state.
  void answer_congested(const protocol::frame& to, std::uint8_t state) {
    protocol::submit_sm_resp resp;
    resp.message_id = "id";
    std::array<std::uint8_t, 8> octets{};
    protocol::octet_writer tlvs(octets);
    protocol::write_tlv_u8(tlvs, protocol::tlv_tag::congestion_state, state);
    resp.tlvs = protocol::tlv_view(tlvs.written());
    hear(resp, to.header.sequence_number);
  }
  router::pace& pace() { return target->pacing(); }

  message_flow::time_point now{std::chrono::hours(100)};
  std::int64_t wall = 1'800'000'000'000;
  stage around;
  smpp_options options;
  session_probe probe;
  outcome_sink sink{around.queues};
  std::shared_ptr<carrier> target;
  std::optional<carrier::producer> tokens;
  std::unique_ptr<message_flow> flow;
  std::uint32_t next_line = 1;
};

TEST_F(flow_pace_test, congestion_state_slows_the_carrier_and_accepts_the_message) {
  auto config = test_config();
  config.throughput = 100;
  bound(config);
  push(3);
  const auto sent = build();
  ASSERT_EQ(sent.size(), 3U);
  answer_congested(sent[0], 80);
  EXPECT_FALSE(pace().recovering(now));
  answer_congested(sent[1], 95);
  EXPECT_NEAR(pace().rate(now), 80, 0.1);
  EXPECT_FALSE(pace().paused(now));
  EXPECT_EQ(pace().reason(), slowed_by::congestion);
  answer(sent[2]);
  around.collect();
  EXPECT_EQ(around.finals.size(), 3U);
}

TEST_F(flow_pace_test, a_throttled_message_comes_first_and_after_the_pause) {
  auto config = test_config();
  config.window = 1;
  bound(config);
  push(3);
  const auto first = build();
  const auto refused = first.at(0);
  const std::vector<std::uint8_t> body(refused.body.begin(), refused.body.end());
  answer(refused, command_status::rthrottled);
  EXPECT_TRUE(build().empty());
  EXPECT_EQ(flow->waits_for(), flow_wait::pace);
  now += milliseconds(999);
  EXPECT_TRUE(build().empty());
  now += milliseconds(2);
  const auto again = build();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_TRUE(std::equal(body.begin(), body.end(), again[0].body.begin(), again[0].body.end()));
}

TEST_F(flow_pace_test, what_was_taken_and_not_begun_lets_urgent_ones_by) {
  auto config = test_config();
  config.window = 9;
  bound(config);
  push(9, 3);
  const auto first = build();
  ASSERT_EQ(first.size(), 9U) << "three messages; the other six were taken, too, and went back";
  EXPECT_EQ(target->queued(lane::bulk_again), 6U);
  push(1, 1, router::priority::urgent);
  for (const auto& pdu : std::vector(first.begin(), first.begin() + 3)) answer(pdu);
  const auto second = build();
  ASSERT_EQ(second.size(), 3U);
  EXPECT_EQ(text_of(second[0]), "line 10 part 0");
  EXPECT_EQ(text_of(second[1]), "line 4 part 0") << "and they keep their place before the others of their priority";
}

TEST_F(flow_pace_test, throttled_bulk_lets_urgent_ones_by) {
  auto config = test_config();
  config.window = 4;
  bound(config);
  push(6);
  for (const auto& pdu : build()) answer(pdu, command_status::rthrottled);
  push(1, 1, router::priority::urgent);
  now += milliseconds(1100);
  std::vector<std::string> order;
  for (int step = 0; step < 200 && order.size() < 7; ++step) {
    for (const auto& pdu : build()) order.push_back(text_of(pdu)), answer(pdu);
    now += milliseconds(100);
  }
  ASSERT_EQ(order.size(), 7U);
  EXPECT_EQ(order[0], "line 7 part 0");
  EXPECT_EQ(order[1], "line 1 part 0");
  EXPECT_EQ(order[6], "line 6 part 0");
}

TEST_F(flow_pace_test, few_full_queues_delay_their_messages_only) {
  auto config = test_config();
  config.throughput = 1000;
  config.window = 100;
  bound(config);
  for (int round = 0; round < 20; ++round) {
    push(50);
    now += milliseconds(100);
    const auto sent = build();
    ASSERT_EQ(sent.size(), 50U);
    for (std::size_t i = 0; i < sent.size(); ++i)
      answer(sent[i], i == 49 ? command_status::rmsgqful : command_status::rok);
  }
  EXPECT_FALSE(pace().recovering(now)) << "2 % of the answers";
  around.collect();
  ASSERT_EQ(around.returned.size(), 20U);
  EXPECT_EQ(around.returned[0].why, return_reason::retry);
  EXPECT_GE(around.returned[0].due - now, -milliseconds(1000));
}

TEST_F(flow_pace_test, many_full_queues_slow_the_carrier) {
  auto config = test_config();
  config.throughput = 1000;
  config.window = 100;
  bound(config);
  push(50);
  const auto sent = build();
  for (std::size_t i = 0; i < sent.size(); ++i) answer(sent[i], i < 3 ? command_status::rmsgqful : command_status::rok);
  EXPECT_TRUE(pace().recovering(now));
  EXPECT_FALSE(pace().paused(now));
  EXPECT_NEAR(pace().rate(now), 500, 1);
  EXPECT_EQ(pace().reason(), slowed_by::full_queue);
  EXPECT_FALSE(pace().recovering(now + seconds(10))) << "full again ten seconds after the last";
}

TEST_F(flow_pace_test, a_sender_over_its_pace_waits_and_is_no_attempt_the_poorer) {
  auto config = test_config();
  config.throughput_per_sender = 10;
  config.window = 100;
  bound(config);
  push(10);
  const auto sent = build();
  EXPECT_EQ(sent.size(), 2U) << "a tenth of a second's worth, and one";
  around.collect();
  ASSERT_EQ(around.returned.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(around.returned[i].why, return_reason::retry);
    EXPECT_EQ(around.returned[i].subject->attempts, 0);
    EXPECT_EQ(around.returned[i].due, now + (i + 1) * milliseconds(100)) << "one behind the other";
  }
  EXPECT_EQ(around.queues.credit.outstanding(), 2);
  // In their time they all go.
  for (std::size_t i = 0; i < 8; ++i) {
    now = around.returned[i].due;
    target->push_again(around.returned[i].subject);
    EXPECT_EQ(build().size(), 1U) << i;
  }
}

TEST_F(flow_pace_test, parts_count_for_their_sender) {
  auto config = test_config();
  config.throughput_per_sender = 10;
  config.window = 100;
  bound(config);
  push(2, 3);
  EXPECT_EQ(build().size(), 3U);
  around.collect();
  ASSERT_EQ(around.returned.size(), 1U);
  EXPECT_EQ(around.returned[0].due, now + milliseconds(200));
}

TEST_F(flow_pace_test, the_window_grows_as_far_as_it_helps) {
  auto config = test_config();
  config.window.automatic = true;
  config.window.max = 200;
  bound(config);
  EXPECT_EQ(probe.window_size.load(), 10U);
  push(30'000);
  // A carrier that answers 500 a second, 100 ms after each submit_sm at the soonest: rate x latency is 50.
  struct waiting {
    std::uint32_t sequence;
    message_flow::time_point sent;
  };
  std::deque<waiting> queue;
  for (int step = 0; step < 40'000; ++step) {
    now += milliseconds(1);
    if (step % 2 == 0 && !queue.empty() && now - queue.front().sent >= milliseconds(100)) {
      protocol::submit_sm_resp resp;
      resp.message_id = "id";
      hear(resp, queue.front().sequence);
      queue.pop_front();
    }
    for (const auto& pdu : build()) {
      if (pdu.header.id == protocol::command_id::submit_sm) queue.push_back({pdu.header.sequence_number, now});
    }
    ASSERT_LE(queue.size(), 200U);
    if (step % 1000 == 0) around.collect();
  }
  EXPECT_GE(probe.window_size.load(), 50U);
  EXPECT_LE(probe.window_size.load(), 90U);
  around.collect();
  EXPECT_GE(around.finals.size(), 500U * 38);
}

TEST_F(flow_pace_test, a_reload_changes_window_and_times_of_the_connection) {
  auto config = test_config();
  config.window = 2;
  bound(config);
  push(100);
  const auto sent = build();
  EXPECT_EQ(sent.size(), 2U);
  const std::uint32_t first = sent[0].header.sequence_number;
  config.window = 40;
  config.response_timeout = milliseconds(100);
  target->reconfigure(std::make_shared<const carrier_config>(config));
  flow->reconfigure(config.window);
  EXPECT_EQ(probe.window_size.load(), 40U);
  EXPECT_EQ(build().size(), 38U);
  protocol::submit_sm_resp resp;
  resp.message_id = "id";
  hear(resp, first);
  around.collect();
  EXPECT_EQ(around.finals.size(), 1U) << "what was under way is still known";
  config.window = 3;
  flow->reconfigure(config.window);
  EXPECT_TRUE(build().empty());
  EXPECT_EQ(flow->machine().in_flight(), 39U);
  now += milliseconds(101);
  flow->tick(now, wall);
  EXPECT_EQ(flow->machine().in_flight(), 0U) << "the new response_timeout";
}

}  // namespace
}  // namespace trunkline::engine::test
