// The shell on a real socket: what the machine tests cannot see.
#include "engine/simulator/simulator.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/simulator/smsc_harness.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

/// A blocking socket that reads PDUs and gives up after ten seconds.
class blocking_client {
 public:
  explicit blocking_client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("connect");
  }
  blocking_client(const blocking_client&) = delete;
  blocking_client& operator=(const blocking_client&) = delete;
  ~blocking_client() { ::close(socket_); }

  void send(std::span<const std::uint8_t> octets) const {
    while (!octets.empty()) {
      const ssize_t sent = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("send");
      octets = octets.subspan(static_cast<std::size_t>(sent));
    }
  }

  kept_pdu receive() const {
    std::uint8_t header[protocol::header_bytes];
    fill(header);
    kept_pdu one{.header = protocol::read_header(header), .body = {}};
    one.body.resize(one.header.command_length - protocol::header_bytes);
    fill(one.body);
    return one;
  }

  bool closed_by_peer() const {
    char octet;
    return ::recv(socket_, &octet, 1, 0) == 0;
  }

  void bind() const {
    protocol::bind_request request;
    request.system_id = "esme";
    send(octets_of(request, 1));
    if (receive().header.status != command_status::rok) throw std::runtime_error("bind");
  }

 private:
  void fill(std::span<std::uint8_t> out) const {
    while (!out.empty()) {
      const ssize_t got = ::recv(socket_, out.data(), out.size(), 0);
      if (got <= 0) throw std::runtime_error("recv");
      out = out.subspan(static_cast<std::size_t>(got));
    }
  }

  int socket_;
};

simulator_options on_any_port() {
  simulator_options options;
  options.port = 0;
  return options;
}

TEST(Simulator, AnswersSeveralSessionsOnSeveralThreadsAndStopsInOrder) {
  auto options = on_any_port();
  options.threads = 2;
  simulator smsc(options);
  const std::uint16_t port = smsc.start();
  std::vector<std::unique_ptr<blocking_client>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<blocking_client>(port));
    clients.back()->bind();
  }
  for (auto& client : clients) {
    std::vector<std::uint8_t> burst;
    for (std::uint32_t i = 0; i < 1000; ++i) {
      const auto one = octets_of(a_message(), 2 + i);
      burst.insert(burst.end(), one.begin(), one.end());
    }
    client->send(burst);
  }
  for (auto& client : clients) {
    for (std::uint32_t i = 0; i < 1000; ++i) {
      const auto answer = client->receive();
      ASSERT_EQ(answer.header.sequence_number, 2 + i);
      ASSERT_EQ(answer.header.status, command_status::rok);
    }
  }
  EXPECT_EQ(smsc.totals().accepted, 4000U);
  EXPECT_EQ(smsc.totals().sessions, 4U);
  std::thread stopper([&] { smsc.stop(); });
  for (auto& client : clients) {
    const auto last = client->receive();
    EXPECT_EQ(last.header.id, command_id::unbind);
    client->send(octets_of(protocol::unbind_resp{}, last.header.sequence_number));
    EXPECT_TRUE(client->closed_by_peer());
  }
  stopper.join();
  EXPECT_EQ(smsc.totals().sessions, 0U);
}

TEST(Simulator, HoldsAnswersAndSendsReceiptsByItsTimers) {
  auto options = on_any_port();
  options.latency = 30ms;
  options.receipts = 20ms;
  simulator smsc(options);
  blocking_client client(smsc.start());
  client.bind();
  const auto start = std::chrono::steady_clock::now();
  client.send(octets_of(a_message(1), 2));
  EXPECT_EQ(client.receive().header.id, command_id::submit_sm_resp);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
  EXPECT_EQ(client.receive().header.id, command_id::deliver_sm);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
}

TEST(Simulator, WakesTheReceiverForATransmittersReceipts) {
  auto options = on_any_port();
  options.threads = 2;  // the two sessions are on different threads
  options.receipts = 1ms;
  simulator smsc(options);
  const std::uint16_t port = smsc.start();
  blocking_client transmitter(port), receiver(port);
  protocol::bind_request request;
  request.system_id = "esme";
  request.id = command_id::bind_transmitter;
  transmitter.send(octets_of(request, 1));
  EXPECT_EQ(transmitter.receive().header.status, command_status::rok);
  request.id = command_id::bind_receiver;
  receiver.send(octets_of(request, 1));
  EXPECT_EQ(receiver.receive().header.status, command_status::rok);
  for (std::uint32_t i = 0; i < 20; ++i) {
    transmitter.send(octets_of(a_message(1), 2 + i));
    const auto receipt = receiver.receive();
    EXPECT_EQ(receipt.header.id, command_id::deliver_sm);
    receiver.send(octets_of(protocol::deliver_sm_resp{}, receipt.header.sequence_number));
  }
}

TEST(Simulator, SurvivesAPeerThatReadsNothing) {
  simulator smsc(on_any_port());
  const std::uint16_t port = smsc.start();
  blocking_client deaf(port);
  deaf.bind();
  std::vector<std::uint8_t> burst;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    const auto one = octets_of(a_message(), 2 + i);
    burst.insert(burst.end(), one.begin(), one.end());
  }
  // More answers (11 MB) than the sockets between us hold.
  for (int i = 0; i < 40; ++i) deaf.send(burst);
  blocking_client other(port);
  other.bind();
  other.send(octets_of(a_message(), 2));
  EXPECT_EQ(other.receive().header.sequence_number, 2U);
  for (std::uint32_t i = 0; i < 400'000; ++i) {
    ASSERT_EQ(deaf.receive().header.sequence_number, 2 + i % 10'000);
  }
}

TEST(Simulator, WritesTheLogBeforeTheAnswerWhenTold) {
  const std::string path = testing::TempDir() + "simulator_log_" + std::to_string(::getpid()) + ".jsonl";
  auto options = on_any_port();
  options.log_file = path;
  options.log_sync = true;
  simulator smsc(options);
  blocking_client client(smsc.start());
  client.bind();
  for (std::uint32_t i = 0; i < 50; ++i) {
    client.send(octets_of(a_message(), 2 + i));
    const std::string id = client.receive().message_id();
    std::ifstream log(path);
    std::string line, last;
    std::uint32_t lines = 0;
    for (; std::getline(log, line); ++lines) last = line;
    EXPECT_EQ(lines, i + 1);
    EXPECT_NE(last.find(id), std::string::npos);
  }
  std::remove(path.c_str());
}

TEST(Simulator, WritesTheLogWhenIdleOtherwise) {
  const std::string path = testing::TempDir() + "simulator_idle_log_" + std::to_string(::getpid()) + ".jsonl";
  auto options = on_any_port();
  options.log_file = path;
  simulator smsc(options);
  {
    blocking_client client(smsc.start());
    client.bind();
    client.send(octets_of(a_message(), 2));
    client.receive();
  }
  smsc.stop();
  std::ifstream log(path);
  std::string line;
  EXPECT_TRUE(std::getline(log, line));
  std::remove(path.c_str());
}

TEST(Simulator, SaysWhyItCannotListen) {
  simulator first(on_any_port());
  auto options = on_any_port();
  options.port = first.start();
  simulator second(options);
  EXPECT_THROW(second.start(), std::system_error);
}

}  // namespace
}  // namespace trunkline::engine
