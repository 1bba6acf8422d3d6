// TLS on the way to the carrier: OpenSSL's own server calls in front of an SMSC, certificates made for each test.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "tests/engine/smpp/scripted_smsc.hpp"
#include "tests/engine/smpp/session_fixture.hpp"
#include "tests/engine/smpp/tls_front.hpp"

namespace trunkline::engine::test {
namespace {

namespace fs = std::filesystem;

struct session_tls_test : session_test {
  session_tls_test() {
    fs::create_directories(folder);
    ca.write(folder / "ca.pem", false);
    other_ca.write(folder / "other_ca.pem", false);
    make_certificate("smsc", "DNS:localhost,DNS:smsc.example,IP:127.0.0.1", &ca).write(folder / "server.pem");
    make_certificate("smsc", "DNS:localhost", &ca, -60).write(folder / "expired.pem");
    make_certificate("smsc", "DNS:another.example", &ca).write(folder / "another.pem");
    const certificate client = make_certificate("esme", "DNS:esme.example", &ca);
    client.write(folder / "client.pem", false);
    client.write_key(folder / "client.key");
  }
  ~session_tls_test() override {
    service.reset();
    fs::remove_all(folder);
  }
  std::string file(const char* name) const { return folder / name; }
  tls_front::options front(const char* pem) const { return {.pem = file(pem), .client_ca = "", .max_version = 0}; }
  carrier_config tls_carrier(std::uint16_t port) const {
    carrier_config config = test_config();
    config.port = port;
    config.tls.enabled = true;
    config.tls.ca = file("ca.pem");
    return config;
  }

  const fs::path folder = fs::temp_directory_path() / ("trunkline-tls-" + std::to_string(::getpid()));
  const certificate ca = make_certificate("test CA", "");
  const certificate other_ca = make_certificate("other CA", "");
};

TEST_F(session_tls_test, sends_through_tls) {
  struct row {
    const char* name;
    std::function<void(carrier_config&)> change;
    const char* server_name;  // as the server saw it
  };
  for (const row& r : {row{"an address, which stands in the certificate", [](carrier_config&) {}, ""},
                       row{"a name", [](carrier_config& c) { c.host = "localhost"; }, "localhost"},
                       row{"the name of tls_server_name", [](carrier_config& c) { c.tls.server_name = "smsc.example"; },
                           "smsc.example"},
                       row{"not verified",
                           [&](carrier_config& c) {
                             c.tls.ca = file("other_ca.pem");
                             c.tls.insecure = true;
                           },
                           ""},
                       row{"small windows", [](carrier_config& c) { c.window = 1; }, ""},
                       row{"several sessions, large windows",
                           [](carrier_config& c) {
                             c.sessions = 3;
                             c.window = 1000;
                           },
                           ""}}) {
    SCOPED_TRACE(r.name);
    scripted_smsc smsc;
    tls_front tls(smsc.port, front("server.pem"));
    carrier_config config = tls_carrier(tls.port);
    r.change(config);
    start(config, options());
    push(3000);
    push(50, 7);
    ASSERT_TRUE(finals(3050));
    EXPECT_EQ(smsc.submits, 3350U);
    EXPECT_EQ(tls.server_name(), r.server_name);
    // One session may have sent everything before the others were through with their handshakes.
    ASSERT_TRUE(eventually([&] {
      for (std::uint32_t i = 0; i < config.sessions; ++i) {
        if (probe(i).state.load() != session_state::logged_in) return false;
      }
      return true;
    }));
    service->stop(std::chrono::seconds(5));
    around.collect();
    EXPECT_EQ(smsc.unbinds, config.sessions);
    EXPECT_EQ(around.queues.credit.outstanding(), 0);
    for (int i = 0; i < 500 && tls.orderly_ends != static_cast<int>(config.sessions); ++i) ::usleep(10'000);
    EXPECT_EQ(tls.orderly_ends, static_cast<int>(config.sessions)) << "close_notify";
    service.reset();
    around.finals.clear();
    target.reset();
  }
}

TEST_F(session_tls_test, what_is_wrong_is_an_error_and_says_so) {
  struct row {
    const char* name;
    const char* pem;
    std::function<void(carrier_config&, tls_front::options&)> change;
    const char* said;
  };
  const auto nothing = [](carrier_config&, tls_front::options&) {};
  for (const row& r : {
           row{"a CA that we do not trust", "server.pem",
               [&](carrier_config&c, tls_front::options&) { c.tls.ca = file("other_ca.pem"); },
               "certificate refused: unable to get local issuer certificate"},
           row{"the system's CAs do not know ours", "server.pem",
               [&](carrier_config&c, tls_front::options&) { c.tls.ca.clear(); }, "certificate refused: "},
           row{"another name", "another.pem", [](carrier_config&c, tls_front::options&) { c.host = "localhost"; },
               "certificate refused: hostname mismatch"},
           row{"another address", "another.pem", nothing, "certificate refused: IP address mismatch"},
           row{"expired", "expired.pem", [](carrier_config&c, tls_front::options&) { c.host = "localhost"; },
               "certificate refused: certificate has expired"},
           row{"TLS 1.1", "server.pem", [](carrier_config&, tls_front::options&o) { o.max_version = TLS1_1_VERSION; },
               "protocol"},
           row{"no client certificate", "server.pem",
               [&](carrier_config&, tls_front::options&o) { o.client_ca = file("ca.pem"); }, "certificate required"},
           row{"no client certificate, TLS 1.2", "server.pem",
               [&](carrier_config&, tls_front::options&o) {
                 o.client_ca = file("ca.pem");
                 o.max_version = TLS1_2_VERSION;
               },
               "no TLS with 127.0.0.1"},
           row{"no file", "server.pem", [&](carrier_config&c, tls_front::options&) { c.tls.ca = file("gone.pem"); },
               "tls_ca: "},
       }) {
    SCOPED_TRACE(r.name);
    captured_log log;
    scripted_smsc smsc;
    tls_front::options how = front(r.pem);
    carrier_config config = tls_carrier(0);
    r.change(config, how);
    tls_front tls(smsc.port, how);
    config.port = tls.port;
    config.reconnect_min = config.reconnect_max = std::chrono::minutes(1);
    start(config, options());
    push(1);
    EXPECT_TRUE(eventually([&] {
      return probe().state.load() == session_state::error &&
             probe().last_state.load() == session_last_state::disconnected;
    }));
    service.reset();
    around.collect();
    EXPECT_NE(log.text().find(r.said), std::string::npos) << log.text();
    EXPECT_EQ(smsc.binds, 0U) << "no password left the house";
    target.reset();
  }
}

TEST_F(session_tls_test, a_plain_peer_on_a_tls_port) {
  struct row {
    const char* name;
    const char* answer;
    const char* said;
  };
  for (const row& r : {row{"answers in SMPP", "\0\0\0\x10\x80\0\0\0\0\0\0\x02\0\0\0\0", "does not speak TLS"},
                       row{"answers in HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS"},
                       row{"says nothing", nullptr, "connect timeout in the handshake"}}) {
    SCOPED_TRACE(r.name);
    captured_log log;
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(listener, 4), 0);
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    std::thread plain([&] {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      std::array<char, 4096> hello{};
      (void)!::recv(fd, hello.data(), hello.size(), 0);
      if (r.answer != nullptr) (void)!::send(fd, r.answer, r.answer[0] == 'H' ? 28 : 16, MSG_NOSIGNAL);
      while (::recv(fd, hello.data(), hello.size(), 0) > 0) {
      }
      ::close(fd);
    });
    carrier_config config = tls_carrier(ntohs(address.sin_port));
    config.connect_timeout = r.answer == nullptr ? milliseconds(200) : std::chrono::seconds(20);
    config.reconnect_min = config.reconnect_max = std::chrono::minutes(1);
    start(config, options());
    EXPECT_TRUE(eventually([&] {
      return probe().state.load() == session_state::error &&
             probe().last_state.load() == session_last_state::disconnected;
    }));
    plain.join();
    ::close(listener);
    service.reset();
    EXPECT_NE(log.text().find(r.said), std::string::npos) << log.text();
    target.reset();
  }
}

TEST_F(session_tls_test, a_client_certificate_is_shown) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const bool one_file : {true, false}) {
      scripted_smsc smsc;
      tls_front::options how = front("server.pem");
      how.client_ca = file("ca.pem");
      how.max_version = version;
      tls_front tls(smsc.port, how);
      carrier_config config = tls_carrier(tls.port);
      config.tls.cert = one_file ? file("server.pem") : file("client.pem");
      if (!one_file) config.tls.key = file("client.key");
      start(config, options());
      push(10);
      EXPECT_TRUE(finals(10));
      service.reset();
      around.finals.clear();
      target.reset();
    }
  }
}

TEST_F(session_tls_test, files_are_read_again_for_each_connection) {
  scripted_smsc smsc;
  tls_front tls(smsc.port, front("server.pem"));
  carrier_config config = tls_carrier(tls.port);
  config.tls.ca = file("trusted.pem");
  other_ca.write(file("trusted.pem"), false);
  start(config, options());
  push(5);
  ASSERT_TRUE(eventually([&] { return probe().reconnects.value() >= 2; }));
  EXPECT_EQ(tls.handshakes, 0);
  ca.write(file("new.pem"), false);
  fs::rename(file("new.pem"), file("trusted.pem"));
  ASSERT_TRUE(finals(5));
}

TEST_F(session_tls_test, stops_in_the_middle_of_a_handshake) {
  // Accepted by the kernel, answered by nobody.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 4), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  start(tls_carrier(ntohs(address.sin_port)), options());
  ASSERT_TRUE(eventually([&] { return probe().state.load() == session_state::connecting; }));
  ::usleep(20'000);
  const auto begin = std::chrono::steady_clock::now();
  service->stop(std::chrono::seconds(10));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  ::close(listener);
}

TEST_F(session_tls_test, a_connection_that_breaks_in_mid_window) {
  std::atomic<int> count{0};
  scripted_smsc smsc([&](scripted_smsc::connection& c, const protocol::frame& pdu) {
    if (pdu.header.id == protocol::command_id::submit_sm && ++count % 250 == 0) return c.close();
    c.answer(pdu);
  });
  tls_front tls(smsc.port, front("server.pem"));
  carrier_config config = tls_carrier(tls.port);
  config.sessions = 2;
  config.window = 20;
  auto o = options();
  o.unknown_resends = 50;
  start(config, o);
  push(2000);
  ASSERT_TRUE(finals(2000));
  for (const message* m : around.finals) EXPECT_EQ(m->status, router::message_status::sent);
  EXPECT_EQ(around.queues.credit.outstanding(), 0);
}

}  // namespace
}  // namespace trunkline::engine::test
