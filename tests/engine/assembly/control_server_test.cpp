// The control socket over real Unix sockets in a directory of its own, with the client that the program uses, and with
// a raw one for what no honest client does.
#include "engine/assembly/control_server.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include <nlohmann/json.hpp>

#include "engine/cli/control_client.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class control_server_test : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "control-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = directory_ + "/control.sock";
    server_.add("echo", [](const json& request) { return json{{"said", request.value("say", "")}}; });
    server_.add("refuse", [](const json&) -> json { throw control_error("not today"); });
  }
  void TearDown() override {
    server_.stop();
    std::filesystem::remove_all(directory_);
  }
  void start() { ASSERT_EQ(server_.start(path_), ""); }

  /// A client without manners.
  struct raw {
    explicit raw(const std::string& path) : descriptor(::socket(AF_UNIX, SOCK_STREAM, 0)) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::memcpy(address.sun_path, path.data(), path.size());
      connected = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    ~raw() { ::close(descriptor); }
    void say(std::string_view octets) const {
      while (!octets.empty()) {
        const auto sent = ::send(descriptor, octets.data(), octets.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        octets.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
    /// One line; empty when the server has closed the connection.
    std::string line() {
      std::string got;
      char octet = 0;
      while (::recv(descriptor, &octet, 1, 0) == 1 && octet != '\n') got += octet;
      return got;
    }
    bool closed_within(std::chrono::milliseconds wait) const {
      pollfd watched{descriptor, POLLIN, 0};
      char octet = 0;
      return ::poll(&watched, 1, static_cast<int>(wait.count())) == 1 && ::recv(descriptor, &octet, 1, 0) <= 0;
    }
    int descriptor;
    bool connected = false;
  };

  std::string directory_;
  std::string path_;
  control_server server_;
};

TEST_F(control_server_test, answers_a_command_and_refuses_in_words) {
  start();
  const auto said = ask_engine(directory_, json{{"command", "echo"}, {"say", "grüße\n\"x\""}});
  ASSERT_TRUE(said) << said.error().text;
  EXPECT_EQ(said->at("said"), "grüße\n\"x\"");
  EXPECT_EQ(said->at("ok"), true);
  const auto refused = ask_engine(directory_, json{{"command", "refuse"}});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().running);
  EXPECT_EQ(refused.error().text, "not today");
  const auto unknown = ask_engine(directory_, json{{"command", "fly"}});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().text, "this engine has no command \"fly\"");
}

TEST_F(control_server_test, commands_that_are_added_while_it_runs_are_served) {
  start();
  ASSERT_FALSE(ask_engine(directory_, json{{"command", "late"}}));
  server_.add("late", [](const json&) { return json::object(); });
  EXPECT_TRUE(ask_engine(directory_, json{{"command", "late"}}));
}

TEST_F(control_server_test, many_requests_on_one_connection_are_answered_in_order) {
  start();
  raw client(path_);
  std::string all;
  for (int i = 0; i < 500; ++i) all += json{{"command", "echo"}, {"say", std::to_string(i)}}.dump() + "\n";
  client.say(all);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(json::parse(client.line())["said"], std::to_string(i));
}

TEST_F(control_server_test, what_is_no_request_gets_an_error_and_the_connection_goes_on) {
  start();
  raw client(path_);
  for (const std::string_view line :
       {"", "x", "[]", "\"echo\"", "{\"command\":7}", "{}", "{\"command\":\"echo\"", "\xff\xfe", "null"}) {
    client.say(std::string(line) + "\n");
    const json reply = json::parse(client.line());
    EXPECT_EQ(reply["ok"], false) << line;
    EXPECT_TRUE(reply["error"].is_string()) << line;
  }
  client.say("{\"command\":\"echo\",\"say\":\"still here\"}\n");
  EXPECT_EQ(json::parse(client.line())["said"], "still here");
}

TEST_F(control_server_test, a_request_without_end_is_refused_and_costs_no_memory) {
  start();
  raw client(path_);
  client.say(std::string(control_server::longest_request + 8192, 'x'));
  EXPECT_EQ(json::parse(client.line())["ok"], false);
  EXPECT_TRUE(client.closed_within(2s));
  EXPECT_TRUE(ask_engine(directory_, json{{"command", "echo"}}));
}

TEST_F(control_server_test, silent_clients_keep_nobody_out_and_are_closed) {
  start();
  std::vector<std::unique_ptr<raw>> silent;
  for (std::size_t i = 0; i < control_server::most_connections - 1; ++i) {
    silent.push_back(std::make_unique<raw>(path_));
    silent.back()->say("{\"comm");
  }
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(ask_engine(directory_, json{{"command", "echo"}}));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
  // One more, so that no place is left: the next waits for as long as the silent ones have, and is served.
  silent.push_back(std::make_unique<raw>(path_));
  const auto late = ask_engine(directory_, json{{"command", "echo"}}, 30s);
  EXPECT_TRUE(late) << late.error().text;
  EXPECT_TRUE(silent.front()->closed_within(10s));
}

TEST_F(control_server_test, the_file_is_private_replaces_a_stale_one_and_goes_with_the_server) {
  start();
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_TRUE(S_ISSOCK(found.st_mode));
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  // A killed engine leaves its file: here the same name under which nobody listens any more.
  std::filesystem::create_hard_link(path_, directory_ + "/kept");
  server_.stop();
  EXPECT_FALSE(std::filesystem::exists(path_));
  std::filesystem::rename(directory_ + "/kept", path_);
  const auto dead = ask_engine(directory_, json{{"command", "echo"}});
  ASSERT_FALSE(dead);
  EXPECT_FALSE(dead.error().running);
  EXPECT_EQ(dead.error().text, "no engine is running on " + directory_);
  start();
  EXPECT_TRUE(ask_engine(directory_, json{{"command", "echo"}}));
}

TEST_F(control_server_test, without_a_socket_the_engine_is_not_running) {
  const auto nobody = ask_engine(directory_, json{{"command", "echo"}});
  ASSERT_FALSE(nobody);
  EXPECT_FALSE(nobody.error().running);
}

TEST_F(control_server_test, says_why_it_cannot_listen) {
  const std::string deep = directory_ + "/" + std::string(120, 'd');
  EXPECT_NE(server_.start(deep + "/control.sock").find("longer than the 107 octets"), std::string::npos);
  const auto too_long = ask_engine(deep, json{{"command", "echo"}});
  ASSERT_FALSE(too_long);
  EXPECT_NE(too_long.error().text.find("too long"), std::string::npos);
  std::ofstream(path_) << "somebody's";
  EXPECT_EQ(server_.start(path_), path_ + " is there, and is no socket");
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
  EXPECT_NE(server_.start(directory_ + "/missing/control.sock").find("No such file or directory"), std::string::npos);
}

TEST_F(control_server_test, stop_waits_for_the_command_that_runs) {
  std::atomic<bool> entered{false};
  std::atomic<bool> stopping{false};
  std::atomic<bool> left{false};
  server_.add("slow", [&](const json&) {
    entered = true;
    while (!stopping) std::this_thread::yield();
    // Time for a stop that does not wait to be found out.
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();
    left = true;
    return json::object();
  });
  start();
  raw client(path_);
  client.say("{\"command\":\"slow\"}\n");
  while (!entered) std::this_thread::yield();
  stopping = true;
  server_.stop();
  EXPECT_TRUE(left);
}

}  // namespace
}  // namespace trunkline::engine
