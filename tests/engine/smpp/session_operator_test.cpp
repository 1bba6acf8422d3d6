// What an operator does to sessions while they run: disable, enable, reconnect, reload.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/engine/smpp/scripted_smsc.hpp"
#include "tests/engine/smpp/session_fixture.hpp"

namespace trunkline::engine::test {
namespace {

using protocol::command_id;
using protocol::command_status;

struct operator_test : session_test {
  bool in_state(session_state wanted, std::size_t sessions) {
    return eventually([&] {
      for (std::size_t i = 0; i < sessions; ++i)
        if (probe(i).state.load() != wanted) return false;
      return true;
    });
  }
  void disable(bool disabled) {
    target->set_disabled(disabled);
    service->look_again(target->id());
  }
};

TEST_F(operator_test, disabled_sessions_finish_unbind_and_rest) {
  std::atomic<bool> answers{false};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id == command_id::submit_sm) answers.wait(false);
    c.answer(pdu);
  });
  const auto let_go = [&answers] {
    answers = true;
    answers.notify_all();
  };
  const std::shared_ptr<void> at_the_end(nullptr, [&](void*) { let_go(); });
  auto config = test_config();
  config.port = smsc.port;
  config.sessions = 2;
  config.window = 1;
  start(config, options());
  ASSERT_TRUE(in_state(session_state::logged_in, 2));
  push(20);
  ASSERT_TRUE(eventually([&] { return smsc.submits >= 2; }));
  disable(true);
  let_go();
  ASSERT_TRUE(in_state(session_state::idle, 2));
  EXPECT_EQ(smsc.unbinds, 2U);
  EXPECT_EQ(probe().last_state.load(), session_last_state::ok);
  EXPECT_FALSE(target->usable(time.steady(), std::chrono::hours(1)));
  const std::size_t sent = smsc.submits;
  EXPECT_EQ(sent, 2U) << "a message of each session was under way";
  around.collect();
  EXPECT_EQ(around.finals.size(), sent) << "what was under way got its answer";
  EXPECT_EQ(probe().maybe_duplicates.value() + probe(1).maybe_duplicates.value(), 0U);
  EXPECT_EQ(smsc.binds, 2U) << "and stay away";
  disable(false);
  ASSERT_TRUE(finals(20));
  EXPECT_EQ(smsc.submits, 20U);
  EXPECT_TRUE(eventually([&] { return smsc.binds == 4; }));
}

TEST_F(operator_test, a_carrier_that_cannot_be_reached_is_left_alone_while_disabled) {
  std::uint16_t closed_port = 0;
  {
    scripted_smsc gone;
    closed_port = gone.port;
  }
  auto config = test_config();
  config.port = closed_port;
  config.reconnect_min = std::chrono::hours(1);
  config.reconnect_max = std::chrono::hours(2);
  start(config, options());
  ASSERT_TRUE(in_state(session_state::error, 1));
  disable(true);
  ASSERT_TRUE(in_state(session_state::idle, 1));
  disable(false);
  ASSERT_TRUE(in_state(session_state::error, 1)) << "tried at once, without waiting an hour";
  disable(true);
  service->stop(milliseconds(0));
}

TEST_F(operator_test, disabled_in_the_middle_of_a_login) {
  scripted_smsc smsc([](scripted_smsc::connection&, const protocol::frame&) {});  // never answers
  auto config = test_config();
  config.port = smsc.port;
  start(config, options());
  ASSERT_TRUE(in_state(session_state::logging_in, 1));
  disable(true);
  ASSERT_TRUE(in_state(session_state::idle, 1));
}

TEST_F(operator_test, an_idle_transmitter_rests_and_comes_back) {
  scripted_smsc smsc;
  auto config = test_config();
  config.port = smsc.port;
  config.bind = bind_mode::transmitter;
  start(config, options());
  ASSERT_TRUE(eventually([&] { return target->usable(time.steady(), milliseconds(0)); }));
  disable(true);
  EXPECT_FALSE(target->usable(time.steady(), milliseconds(0)));
  push(3);
  disable(false);
  ASSERT_TRUE(finals(3));
}

TEST_F(operator_test, reconnect_ends_in_order_and_binds_at_once) {
  scripted_smsc smsc;
  auto config = test_config();
  config.port = smsc.port;
  config.sessions = 3;
  config.reconnect_min = std::chrono::hours(1);
  config.reconnect_max = std::chrono::hours(2);
  start(config, options());
  ASSERT_TRUE(in_state(session_state::logged_in, 3));
  push(5'000);
  service->reconnect(target->id());
  ASSERT_TRUE(finals(5'000));
  ASSERT_TRUE(eventually([&] { return smsc.binds == 6; }));
  ASSERT_TRUE(in_state(session_state::logged_in, 3));
  EXPECT_EQ(smsc.unbinds, 3U);
  EXPECT_EQ(smsc.submits, 5'000U) << "nothing twice";
}

TEST_F(operator_test, reconnect_tries_a_refused_login_at_once) {
  std::atomic<bool> wrong{true};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    c.answer(pdu, wrong ? command_status::rinvpaswd : command_status::rok);
  });
  auto config = test_config();
  config.port = smsc.port;
  config.sessions = 3;
  auto o = options();
  o.login_probes.fill(std::chrono::hours(1));
  start(config, o);
  ASSERT_TRUE(in_state(session_state::login_failed, 3));
  EXPECT_TRUE(target->credentials_refused());
  EXPECT_EQ(smsc.binds, 1U);
  wrong = false;
  service->reconnect(target->id());
  ASSERT_TRUE(in_state(session_state::logged_in, 3));
  EXPECT_FALSE(target->credentials_refused());
  EXPECT_EQ(smsc.binds, 4U) << "one probe, then the others";
}

TEST_F(operator_test, a_reload_reaches_the_sessions_that_run) {
  scripted_smsc smsc([](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id != command_id::submit_sm) c.answer(pdu);
  });
  auto config = test_config();
  config.port = smsc.port;
  config.window = 5;
  start(config, options());
  push(100);
  ASSERT_TRUE(eventually([&] { return smsc.submits == 5; }));
  config.window = 30;
  target->reconfigure(std::make_shared<const carrier_config>(config));
  service->reconfigure(target->id());
  ASSERT_TRUE(eventually([&] { return smsc.submits == 30; }));
  EXPECT_EQ(smsc.binds, 1U);
  EXPECT_EQ(probe().window_size.load(), 30U);
  config.response_timeout = milliseconds(50);
  target->reconfigure(std::make_shared<const carrier_config>(config));
  service->reconfigure(target->id());
  ASSERT_TRUE(eventually([&] { return probe().last_state.load() == session_last_state::timeout; }))
      << "not in a minute";
}

}  // namespace
}  // namespace trunkline::engine::test
