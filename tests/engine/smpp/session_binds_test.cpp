// Several kinds of sessions at one carrier, and the carrier that connects to us (outbind).
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tests/engine/smpp/scripted_smsc.hpp"
#include "tests/engine/smpp/session_fixture.hpp"

namespace trunkline::engine::test {
namespace {

using protocol::command_id;
using protocol::command_status;

struct session_binds_test : session_test {};

TEST_F(session_binds_test, four_transmitters_and_a_receiver_on_other_ports) {
  std::atomic<int> wrong{0};
  scripted_smsc sending([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id == command_id::bind_receiver || pdu.header.id == command_id::bind_transceiver) ++wrong;
    c.answer(pdu);
  });
  scripted_smsc receiving([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id == command_id::bind_transmitter || pdu.header.id == command_id::bind_transceiver) ++wrong;
    c.answer(pdu);
  });
  carrier_config config = test_config();
  config.host = "192.0.2.1";  // documentation only: nobody may go there
  config.binds = {{bind_mode::transmitter, "127.0.0.1", sending.port, "", {}, 4, 30},
                  {bind_mode::receiver, "127.0.0.1", receiving.port, "", {}, 1, 7}};
  start(config, options());
  ASSERT_EQ(target->probes().size(), 5U);
  EXPECT_EQ(probe(0).window_size.load(), 30U);
  EXPECT_EQ(probe(4).window_size.load(), 0U);
  ASSERT_TRUE(eventually([&] { return probe(4).state.load() == session_state::logged_in; }));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(probe(i).state.load(), session_state::idle) << "nothing to send";
  push(4000);
  ASSERT_TRUE(finals(4000));
  EXPECT_EQ(sending.submits, 4000U);
  EXPECT_EQ(receiving.submits, 0U);
  EXPECT_EQ(receiving.binds, 1U);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(probe(4).address(), "127.0.0.1:" + std::to_string(receiving.port));
  EXPECT_EQ(target->config().windows(), 120U);
}

TEST_F(session_binds_test, a_dead_host_does_not_take_the_others_along) {
  scripted_smsc smsc;
  carrier_config config = test_config();
  config.binds = {{bind_mode::transmitter, "127.0.0.1", 1, "", {}, 1, 10},
                  {bind_mode::transmitter, "127.0.0.1", smsc.port, "", {}, 1, 10}};
  config.idle_unbind = milliseconds(50);
  start(config, options());
  for (std::size_t round = 1; round <= 3; ++round) {
    push(50);
    ASSERT_TRUE(finals(50 * round));
    ASSERT_TRUE(eventually([&] { return probe(1).state.load() == session_state::idle; }));
    EXPECT_TRUE(target->usable(time.steady(), milliseconds(0))) << "the other one can log in";
  }
  EXPECT_EQ(smsc.submits, 150U);
}

TEST_F(session_binds_test, alerts_are_counted) {
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    c.answer(pdu);
    if (pdu.header.id != command_id::bind_receiver) return;
    protocol::alert_notification alert;
    alert.source_addr = "491701234567";
    alert.esme_addr = "12345";
    c.send(alert, 5);
    c.send(alert, 6);
  });
  carrier_config config = test_config();
  config.port = smsc.port;
  config.bind = bind_mode::receiver;
  start(config, options());
  ASSERT_TRUE(eventually([&] { return probe().alerts.value() == 2; }));
  for (const auto& errors : probe().pdu_errors) EXPECT_EQ(errors.value(), 0U);
}

/// An SMSC that connects to us.
class caller {
 public:
  explicit caller(std::uint16_t port) {
    for (int i = 0; i < 2000 && !connected_; ++i) {
      if (fd_ >= 0) ::close(fd_);
      fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      to.sin_port = htons(port);
      connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
      if (!connected_) std::this_thread::sleep_for(milliseconds(5));
    }
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~caller() { ::close(fd_); }
  caller(const caller&) = delete;
  caller& operator=(const caller&) = delete;

  template <typename Pdu>
  void say(const Pdu& pdu, std::uint32_t sequence) {
    std::array<std::uint8_t, 1024> out{};
    const std::size_t size = protocol::write_pdu(out, command_status::rok, sequence, pdu);
    EXPECT_EQ(::send(fd_, out.data(), size, MSG_NOSIGNAL), static_cast<ssize_t>(size));
  }
  void say_octets(std::string_view octets) { (void)!::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL); }
  void greet(std::string_view system_id, std::string_view password) {
    protocol::outbind greeting;
    greeting.system_id = system_id;
    greeting.password = password;
    say(greeting, 1);
  }
  /// The next PDU's header; id 0 when the connection has ended.
  protocol::pdu_header hear() {
    std::vector<std::uint8_t> octets(protocol::header_bytes);
    if (!fill(octets, 0)) return {};
    const auto header = protocol::read_header(std::span<const std::uint8_t>(octets).first<protocol::header_bytes>());
    octets.resize(header.command_length);
    return fill(octets, protocol::header_bytes) ? header : protocol::pdu_header{};
  }

 private:
  bool fill(std::vector<std::uint8_t>& into, std::size_t at) {
    while (at < into.size()) {
      const ssize_t n = ::recv(fd_, into.data() + at, into.size() - at, 0);
      if (n <= 0) return false;
      at += static_cast<std::size_t>(n);
    }
    return true;
  }
  int fd_ = -1;
  bool connected_ = false;
};

struct outbind_test : session_test {
  void listen() {
    {
      const scripted_smsc for_its_port;
      port = for_its_port.port;
    }
    carrier_config config = test_config();
    config.host.clear();
    config.bind = bind_mode::receiver;
    config.outbind = {"127.0.0.1", port};
    config.outbind_system_id = "smsc";
    config.outbind_password = secret("key");
    config.bind_timeout = milliseconds(300);
    config.enquire_link = milliseconds(100);
    config.response_timeout = milliseconds(400);
    start(config, options());
  }
  std::uint16_t port = 0;
};

TEST_F(outbind_test, is_answered_with_bind_receiver) {
  listen();
  for (int round = 0; round < 3; ++round) {
    caller smsc(port);
    smsc.greet("smsc", "key");
    const auto bind = smsc.hear();
    ASSERT_EQ(bind.id, command_id::bind_receiver);
    protocol::bind_resp accepted;
    accepted.id = command_id::bind_receiver_resp;
    accepted.system_id = "smsc";
    smsc.say(accepted, bind.sequence_number);
    ASSERT_TRUE(eventually([&] { return probe().state.load() == session_state::logged_in; }));
    protocol::deliver_sm message;
    message.source_addr = "491701234567";
    message.destination_addr = "12345";
    smsc.say(message, 7);
    const std::size_t before = around.received.size();
    ASSERT_TRUE(eventually([&] { return around.received.size() == before + 1; }));
    // Both ask each other whether they are there.
    smsc.say(protocol::enquire_link{}, 8);
    command_id heard = smsc.hear().id;
    if (heard == command_id::enquire_link) heard = smsc.hear().id;
    EXPECT_EQ(heard, command_id::enquire_link_resp);
    smsc.say(protocol::unbind{}, 9);
    while (heard != command_id::unbind_resp && heard != command_id{}) heard = smsc.hear().id;
    EXPECT_EQ(heard, command_id::unbind_resp);
    ASSERT_TRUE(eventually([&] { return probe().state.load() == session_state::idle; })) << "listens again";
  }
}

TEST_F(outbind_test, who_cannot_be_trusted_is_not_told_our_password) {
  captured_log log;
  listen();
  struct row {
    const char* name;
    std::function<void(caller&)> greet;
    const char* said;
  };
  std::vector<const char*> expected;
  for (const row& r :
       {row{"another password", [](caller& c) { c.greet("smsc", "guess"); }, "are not the ones expected"},
        row{"another name", [](caller& c) { c.greet("other", "key"); }, "system_id \"other\""},
        row{"another PDU", [](caller& c) { c.say(protocol::enquire_link{}, 1); }, "something else"},
        row{"garbage", [](caller& c) { c.say_octets("GET / HTTP/1.0\r\n\r\n"); }, "something else"},
        row{"nothing", [](caller&) {}, "nothing came in time"}}) {
    SCOPED_TRACE(r.name);
    caller smsc(port);
    r.greet(smsc);
    EXPECT_EQ(smsc.hear().id, command_id{});
    expected.push_back(r.said);
    // It says why after it has closed the connection, and nothing any more once it stops.
    ASSERT_TRUE(eventually([&] { return probe().state.load() != session_state::connecting; }));
  }
  service.reset();
  for (const char* said : expected) EXPECT_NE(log.text().find(said), std::string::npos) << said << "\n" << log.text();
}

TEST_F(outbind_test, stops_while_it_listens_and_while_it_waits_for_the_greeting) {
  listen();
  ASSERT_TRUE(eventually([&] { return probe().state.load() == session_state::idle; }));
  caller smsc(port);
  ASSERT_TRUE(eventually([&] { return probe().state.load() == session_state::connecting; }));
  const auto begin = std::chrono::steady_clock::now();
  service->stop(std::chrono::seconds(10));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace trunkline::engine::test
