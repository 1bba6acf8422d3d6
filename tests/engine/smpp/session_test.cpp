// Sessions over real sockets on loopback, against an SMSC whose every reaction is scripted.
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/smpp/scripted_smsc.hpp"
#include "tests/engine/smpp/session_fixture.hpp"

namespace trunkline::engine::test {
namespace {

using protocol::command_id;
using protocol::command_status;
using router::message_status;
using std::chrono::milliseconds;

TEST_F(session_test, sends_ten_thousand_messages) {
  struct row {
    const char* name;
    unsigned sessions;
    unsigned window;
  };
  for (const row& r : {row{"one session, window 1", 1, 1}, row{"one session, window 10", 1, 10},
                       row{"four sessions, window 100", 4, 100}}) {
    SCOPED_TRACE(r.name);
    scripted_smsc smsc;
    auto config = test_config();
    config.port = smsc.port;
    config.sessions = r.sessions;
    config.window = r.window;
    start(config, options());
    push(10'000);
    ASSERT_TRUE(finals(10'000));
    std::set<std::uint32_t> lines;
    for (const message* m : around.finals) {
      EXPECT_EQ(m->status, message_status::sent);
      EXPECT_EQ(m->attempts, 1);
      EXPECT_EQ(m->flags, 0);
      lines.insert(m->line);
    }
    EXPECT_EQ(lines.size(), 10'000U);
    EXPECT_EQ(smsc.submits, 10'000U);
    EXPECT_EQ(smsc.binds, r.sessions);
    EXPECT_EQ(stage::id_of(*around.finals.front()).substr(0, 2), "id");
    service->stop(std::chrono::seconds(5));
    around.collect();
    EXPECT_EQ(smsc.unbinds, r.sessions);
    EXPECT_EQ(around.queues.credit.outstanding(), 0);
    service.reset();
    around.finals.clear();
    target.reset();
  }
}

TEST_F(session_test, long_messages_arrive_whole_and_in_order) {
  std::mutex mutex;
  std::map<std::string, std::vector<std::string>> texts;  // line -> parts, in order of arrival
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id == command_id::submit_sm) {
      const auto body = protocol::decode<protocol::submit_sm>(pdu);
      const std::string text(body->short_message.begin(), body->short_message.end());
      const std::lock_guard lock(mutex);
      texts[text.substr(0, text.find(" part"))].push_back(text.substr(text.find("part")));
    }
    c.answer(pdu);
  });
  auto config = test_config();
  config.port = smsc.port;
  config.sessions = 3;
  config.window = 4;
  start(config, options());
  push(300, 7);
  ASSERT_TRUE(finals(300));
  EXPECT_EQ(texts.size(), 300U);
  for (const auto& [line, parts] : texts) {
    ASSERT_EQ(parts.size(), 7U) << line;
    for (std::size_t i = 0; i < parts.size(); ++i) EXPECT_EQ(parts[i], "part " + std::to_string(i)) << line;
  }
  EXPECT_EQ(around.parts.size(), 300U * 6);
  EXPECT_TRUE(all_credit_is_back());
}

TEST_F(session_test, goes_on_with_little_credit_shared_by_two_carriers) {
  around.queues.credit.set_limit(3);
  scripted_smsc smsc;
  auto config = test_config();
  config.port = smsc.port;
  config.sessions = 2;
  config.window = 50;
  start(config, options());
  auto second = make_carrier(config, 1);
  carrier::producer to_second(*second);
  service->add(second);
  push(1000, 2);
  std::vector<message*> more;
  for (int i = 0; i < 1000; ++i) more.push_back(around.make(next_line++));
  second->push(lane::bulk, more, to_second);
  ASSERT_TRUE(finals(2000));
  EXPECT_TRUE(all_credit_is_back());
}

TEST_F(session_test, a_connection_that_breaks_in_mid_window) {
  std::atomic<int> count{0};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id == command_id::submit_sm && ++count % 250 == 0) return c.close();
    c.answer(pdu);
  });
  auto config = test_config();
  config.port = smsc.port;
  config.sessions = 2;
  config.window = 20;
  auto o = options();
  o.unknown_resends = 50;
  start(config, o);
  push(2000);
  ASSERT_TRUE(finals(2000));
  std::size_t flagged = 0;
  for (const message* m : around.finals) {
    EXPECT_EQ(m->status, message_status::sent);
    if ((m->flags & flag_maybe_duplicate) != 0) ++flagged;
  }
  EXPECT_GT(flagged, 0U);
  EXPECT_LE(smsc.submits - 2000, flagged * 10) << "what was repeated is flagged";
  EXPECT_GT(probe(0).reconnects.value() + probe(1).reconnects.value(), 2U);
  EXPECT_TRUE(all_credit_is_back());
}

TEST_F(session_test, pages_of_errors_end_as_the_policy_says) {
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    static const std::array<command_status, 4> statuses = {command_status::rok, command_status::rinvdstadr,
                                                           command_status::rsyserr, command_status::rsubmitfail};
    c.answer(pdu,
             pdu.header.id == command_id::submit_sm ? statuses[pdu.header.sequence_number % 4] : command_status::rok);
  });
  auto config = test_config();
  config.port = smsc.port;
  start(config, options());
  push(400);
  ASSERT_TRUE(eventually([&] { return around.finals.size() + around.returned.size() == 400; }));
  const auto with = [&](message_status s) {
    return std::count_if(around.finals.begin(), around.finals.end(), [&](const message* m) { return m->status == s; });
  };
  EXPECT_EQ(with(message_status::sent), 100);
  EXPECT_EQ(with(message_status::failed), 100);
  const auto back = [&](return_reason r) {
    return std::count_if(around.returned.begin(), around.returned.end(), [&](const auto& b) { return b.why == r; });
  };
  EXPECT_EQ(back(return_reason::retry), 100);
  EXPECT_EQ(back(return_reason::reroute), 100);
  std::map<std::uint32_t, std::uint64_t> counted;
  probe().responses.for_each([&](std::uint32_t status, std::uint64_t n) { counted[status] = n; });
  EXPECT_EQ(counted.size(), 4U);
  EXPECT_EQ(counted[0], 100U);
}

TEST_F(session_test, a_throttled_message_is_sent_again_after_the_pause) {
  std::atomic<int> throttles{3};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    const bool throttle = pdu.header.id == command_id::submit_sm && throttles-- > 0;
    c.answer(pdu, throttle ? command_status::rthrottled : command_status::rok);
  });
  auto config = test_config();
  config.port = smsc.port;
  config.window = 1;
  start(config, options());
  push(5);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(finals(5));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(900));
  for (const message* m : around.finals) EXPECT_EQ(m->attempts, 1);
  EXPECT_EQ(probe().throttled.value(), 3U);
}

TEST_F(session_test, the_pace_of_the_account_holds_over_all_sessions) {
  scripted_smsc smsc;
  auto config = test_config();
  config.port = smsc.port;
  config.sessions = 4;
  config.window = 100;
  config.throughput = 400;
  start(config, options());
  push(400);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(finals(400));
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_GE(took, 0.93) << "one second, less the burst";
  EXPECT_LE(took, 3.0);
}

TEST_F(session_test, an_answer_that_never_comes) {
  std::atomic<int> dropped{0};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id == command_id::submit_sm) {
      const auto body = protocol::decode<protocol::submit_sm>(pdu);
      const std::string text(body->short_message.begin(), body->short_message.end());
      if (text.starts_with("line 3 ")) {
        ++dropped;
        return;
      }
    }
    c.answer(pdu);
  });
  auto config = test_config();
  config.port = smsc.port;
  config.response_timeout = milliseconds(150);
  config.enquire_link = milliseconds(40);
  start(config, options());
  push(10);
  ASSERT_TRUE(finals(10));
  for (const message* m : around.finals) {
    EXPECT_EQ(m->status, m->line == 3 ? message_status::unknown : message_status::sent);
    EXPECT_EQ((m->flags & flag_maybe_duplicate) != 0, m->line == 3);
  }
  EXPECT_EQ(dropped, 2) << "sent, and resent once";
  EXPECT_EQ(smsc.accepted, 1U) << "the session lives";
  EXPECT_GT(smsc.enquiries, 0U);
  EXPECT_EQ(probe().last_state.load(), session_last_state::timeout);
}

TEST_F(session_test, a_half_open_connection_is_found_and_left) {
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (c.index != 0 || pdu.header.id == command_id::bind_transceiver) c.answer(pdu);
  });
  auto config = test_config();
  config.port = smsc.port;
  config.response_timeout = milliseconds(100);
  config.enquire_link = milliseconds(50);
  start(config, options());
  ASSERT_TRUE(eventually([&] { return smsc.binds >= 2; }));
  EXPECT_EQ(probe().reconnects.value(), 1U);
  ASSERT_TRUE(eventually([&] { return probe().state.load() == session_state::logged_in; }));
  push(5);
  ASSERT_TRUE(finals(5));
}

TEST_F(session_test, a_deliver_sm_is_answered_when_it_is_stored) {
  std::atomic<int> answered{0};
  std::atomic<int> refused{0};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id == command_id::deliver_sm_resp) {
      ++(pdu.header.status == command_status::rok ? answered : refused);
      return;
    }
    c.answer(pdu);
    if (pdu.header.id != command_id::bind_transceiver) return;
    for (std::uint32_t i = 1; i <= 100; ++i) {
      protocol::deliver_sm d;
      d.source_addr = "491700000000";
      c.send(d, i);
    }
  });
  auto config = test_config();
  config.port = smsc.port;
  start(config, options());
  ASSERT_TRUE(eventually([&] { return around.received.size() == 100; }));
  EXPECT_EQ(answered, 0) << "not before";
  std::vector<std::uint32_t> stored;
  for (const auto& pdu : around.received) {
    if (pdu->sequence_number % 10 == 0) {
      pdu->from->acknowledge(pdu->sequence_number, pdu->sequence_number % 20 == 0);
    } else {
      stored.push_back(pdu->sequence_number);
    }
  }
  around.received.front()->from->acknowledge_all(stored);
  ASSERT_TRUE(eventually([&] { return answered + refused == 100; }));
  EXPECT_EQ(refused, 5);
  EXPECT_EQ(probe().delivers.value(), 100U);
  smsc.at(0)->close();
  ASSERT_TRUE(eventually([&] { return smsc.binds == 2; }));
  // An acknowledgement for a connection that is gone harms nobody.
  around.received.front()->from->acknowledge(1, true);
  around.received.front()->from->acknowledge_all(stored);
  ASSERT_TRUE(eventually([&] { return around.received.size() == 200; }));
  EXPECT_EQ(answered + refused, 100);
}

TEST_F(session_test, stops_in_two_phases) {
  std::mutex mutex;
  std::vector<std::function<void()>> held;
  std::atomic<bool> slow{true};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id == command_id::submit_sm && slow) {
      const std::lock_guard lock(mutex);
      held.push_back([&c, sequence = pdu.header.sequence_number] {
        protocol::submit_sm_resp resp;
        resp.message_id = "late";
        c.send(resp, sequence);
      });
      return;
    }
    c.answer(pdu);
  });
  auto config = test_config();
  config.port = smsc.port;
  config.window = 10;
  start(config, options());
  push(50);
  ASSERT_TRUE(eventually([&] { return smsc.submits == 10; }));
  std::thread stopper([&] { service->stop(std::chrono::seconds(20)); });
  ASSERT_TRUE(eventually([&] { return target->closed(); }));
  EXPECT_EQ(smsc.unbinds, 0U) << "answers are waited for";
  {
    const std::lock_guard lock(mutex);
    for (const auto& answer : held) answer();
  }
  stopper.join();
  around.collect();
  EXPECT_EQ(around.finals.size(), 10U);
  EXPECT_EQ(around.returned.size(), 40U);
  for (const auto& back : around.returned) {
    EXPECT_EQ(back.why, return_reason::elsewhere);
    EXPECT_EQ(back.subject->flags, 0);
    EXPECT_EQ(back.subject->attempts, 0);
  }
  EXPECT_EQ(smsc.unbinds, 1U);
  EXPECT_EQ(smsc.submits, 10U);
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
}

TEST_F(session_test, a_stop_waits_no_longer_than_its_deadline) {
  scripted_smsc smsc([](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id == command_id::bind_transceiver) c.answer(pdu);
  });
  auto config = test_config();
  config.port = smsc.port;
  start(config, options());
  push(15);
  ASSERT_TRUE(eventually([&] { return smsc.submits == 10; }));
  const auto begin = std::chrono::steady_clock::now();
  service->stop(milliseconds(100));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  around.collect();
  ASSERT_EQ(around.returned.size(), 15U);
  EXPECT_EQ(std::count_if(around.returned.begin(), around.returned.end(),
                          [](const auto& b) { return b.subject->flags == flag_maybe_duplicate; }),
            10);
}

TEST_F(session_test, stops_while_it_cannot_connect) {
  auto config = test_config();
  config.port = 1;
  config.sessions = 3;
  config.reconnect_min = config.reconnect_max = std::chrono::minutes(5);
  start(config, options());
  push(5);
  ASSERT_TRUE(eventually([&] { return probe().state.load() == session_state::error; }));
  service->stop(std::chrono::seconds(10));
  around.collect();
  EXPECT_EQ(around.returned.size(), 5U);
}

TEST_F(session_test, a_removed_carrier_gives_back_what_it_holds) {
  auto config = test_config();
  config.port = 1;
  start(config, options());
  push(7);
  service->remove(0);
  ASSERT_TRUE(eventually([&] { return around.returned.size() == 7; }));
  EXPECT_EQ(around.returned[0].why, return_reason::elsewhere);
}

TEST_F(session_test, one_session_probes_after_a_wrong_password) {
  std::atomic<bool> good{false};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    c.answer(pdu,
             good || pdu.header.id != command_id::bind_transceiver ? command_status::rok : command_status::rinvpaswd);
  });
  auto config = test_config();
  config.port = smsc.port;
  config.sessions = 4;
  auto o = options();
  o.login_probes = {milliseconds(150), milliseconds(300), milliseconds(600), milliseconds(1200)};
  start(config, o);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] { return smsc.binds == 3; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(450))
      << "one session, and it waits longer each time";
  ASSERT_TRUE(eventually([&] {
    for (std::size_t i = 0; i < 4; ++i) {
      if (probe(i).state.load() != session_state::login_failed ||
          probe(i).last_state.load() != session_last_state::invalid_password ||
          probe(i).address() != "127.0.0.1:" + std::to_string(smsc.port)) {
        return false;
      }
    }
    return true;
  })) << "those that did not try say why";
  const std::size_t before = smsc.binds;
  good = true;
  ASSERT_TRUE(eventually([&] { return target->sendable() == 4; })) << "the others follow at once";
  EXPECT_LE(smsc.binds, before + 5);
}

TEST_F(session_test, what_an_operator_sees_after_each_refusal) {
  struct row {
    const char* name;
    command_status status;
    session_last_state expected;
  };
  for (const row& r : {row{"password", command_status::rinvpaswd, session_last_state::invalid_password},
                       row{"system_id", command_status::rinvsysid, session_last_state::invalid_username},
                       row{"bind failed", command_status::rbindfail, session_last_state::login_error},
                       row{"system error", command_status::rsyserr, session_last_state::login_error},
                       row{"already bound", command_status::ralybnd, session_last_state::login_error}}) {
    SCOPED_TRACE(r.name);
    scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) { c.answer(pdu, r.status); });
    auto config = test_config();
    config.port = smsc.port;
    const auto begin = std::chrono::steady_clock::now();
    start(config, options());
    EXPECT_TRUE(eventually([&] {
      return probe().state.load() == session_state::login_failed && probe().last_state.load() == r.expected;
    }));
    if (r.status == command_status::ralybnd) {
      EXPECT_TRUE(eventually([&] { return smsc.binds == 2; }));
      EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(150)) << "longer than the usual delay";
    }
    service.reset();
  }
}

TEST_F(session_test, a_transmitter_logs_in_when_there_is_something_to_send) {
  scripted_smsc smsc;
  auto config = test_config();
  config.port = smsc.port;
  config.bind = bind_mode::transmitter;
  config.idle_unbind = milliseconds(80);
  start(config, options());
  EXPECT_TRUE(eventually([&] { return target->usable(time.steady(), milliseconds(0)); }));
  EXPECT_EQ(probe().state.load(), session_state::idle);
  EXPECT_EQ(smsc.accepted, 0U);
  for (std::size_t round = 1; round <= 3; ++round) {
    push(20);
    ASSERT_TRUE(finals(20 * round));
    ASSERT_TRUE(eventually([&] { return smsc.unbinds == round && probe().state.load() == session_state::idle; }));
    EXPECT_EQ(probe().last_state.load(), session_last_state::ok);
    EXPECT_TRUE(target->usable(time.steady(), milliseconds(0)));
  }
  EXPECT_EQ(smsc.binds, 3U);
}

TEST_F(session_test, a_receiver_stays_and_never_sends) {
  scripted_smsc smsc;
  auto config = test_config();
  config.port = smsc.port;
  config.bind = bind_mode::receiver;
  start(config, options());
  ASSERT_TRUE(eventually([&] { return probe().state.load() == session_state::logged_in; }));
  EXPECT_EQ(target->sendable(), 0);
  EXPECT_FALSE(target->usable(time.steady(), std::chrono::hours(1)));
}

TEST_F(session_test, a_session_that_is_refused_binds_again) {
  std::atomic<int> refusals{1};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    const bool refuse = pdu.header.id == command_id::submit_sm && refusals-- > 0;
    c.answer(pdu, refuse ? command_status::rinvbndsts : command_status::rok);
  });
  auto config = test_config();
  config.port = smsc.port;
  start(config, options());
  push(1);
  ASSERT_TRUE(eventually([&] { return around.returned.size() == 1; }));
  EXPECT_EQ(around.returned[0].why, return_reason::elsewhere);
  ASSERT_TRUE(eventually([&] { return smsc.binds == 2; }));
  EXPECT_EQ(smsc.unbinds, 1U);
}

TEST_F(session_test, a_peer_that_unbinds_is_answered_and_left) {
  std::atomic<int> answered{0};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id == command_id::unbind_resp) ++answered;
    c.answer(pdu);
    if (pdu.header.id == command_id::bind_transceiver && c.index == 0) c.send(protocol::unbind{}, 77);
  });
  auto config = test_config();
  config.port = smsc.port;
  start(config, options());
  ASSERT_TRUE(eventually([&] { return smsc.binds == 2 && answered == 1; }));
  ASSERT_TRUE(eventually([&] { return target->sendable() == 1; }));
}

TEST_F(session_test, garbage_ends_the_connection_and_nothing_else) {
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (c.index == 0) {
      const std::string_view http = "HTTP/1.1 400 Bad Request\r\n\r\n";
      return c.send({reinterpret_cast<const std::uint8_t*>(http.data()), http.size()});
    }
    c.answer(pdu);
  });
  auto config = test_config();
  config.port = smsc.port;
  start(config, options());
  push(3);
  ASSERT_TRUE(finals(3));
  EXPECT_EQ(probe().pdu_errors[static_cast<std::size_t>(pdu_error::unframeable)].value(), 1U);
}

TEST_F(session_test, names_are_looked_up_and_every_address_is_tried) {
  scripted_smsc smsc;  // on 127.0.0.1 only; localhost may be ::1 first
  auto config = test_config();
  config.host = "localhost";
  config.port = smsc.port;
  start(config, options());
  push(3);
  ASSERT_TRUE(finals(3));
  EXPECT_EQ(probe().address(), "127.0.0.1:" + std::to_string(smsc.port));
}

// The peer's buffer is small and the window is large: most writes end in the middle of a PDU, and the rest follows
// later.
TEST_F(session_test, what_the_socket_does_not_take_at_once_follows) {
  std::mutex mutex;
  std::map<std::string, int> texts;
  scripted_smsc smsc(
      [&](scripted_smsc::connection& c, const protocol::frame& pdu) {
        if (pdu.header.id == command_id::submit_sm) {
          const auto body = protocol::decode<protocol::submit_sm>(pdu);
          const std::lock_guard lock(mutex);
          ++texts[std::string(body->short_message.begin(), body->short_message.end())];
        }
        c.answer(pdu);
      },
      4096);
  auto config = test_config();
  config.port = smsc.port;
  config.sessions = 1;
  config.window = 30'000;
  start(config, options());
  std::vector<message*> messages;
  for (int i = 0; i < 30'000; ++i) messages.push_back(around.make(next_line++, 1, 200));
  target->push(lane::bulk, messages, *tokens);
  ASSERT_TRUE(finals(30'000));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(texts.size(), 30'000U);
  EXPECT_EQ(smsc.submits, 30'000U);
  EXPECT_EQ(probe().reconnects.value(), 0U);
}

TEST_F(session_test, a_slow_reader_does_not_stop_the_stop) {
  // Binds, and then neither reads nor answers: our writes fill the buffers of both machines.
  std::atomic<bool> go{false};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    c.answer(pdu);
    if (pdu.header.id == command_id::submit_sm) {
      while (!go) std::this_thread::sleep_for(milliseconds(1));
    }
  });
  auto config = test_config();
  config.port = smsc.port;
  config.window = 50'000;
  start(config, options());
  push(40'000);
  ASSERT_TRUE(eventually([&] { return smsc.submits >= 1; }));
  service->stop(milliseconds(50));
  go = true;
  around.collect();
  EXPECT_EQ(around.finals.size() + around.returned.size(), 40'000U);
}

}  // namespace
}  // namespace trunkline::engine::test
