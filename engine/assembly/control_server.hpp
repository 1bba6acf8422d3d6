#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include <nlohmann/json_fwd.hpp>

namespace trunkline::engine {

/// What a control command throws to refuse a request: its text, for people, is the answer's `error`.
class control_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The local control socket: how `trunkline batch` and its like talk to a running engine. A Unix stream socket of mode
/// 0600 that serves only the engine's own user and root. One JSON object a line in, one a line out, in order:
///
///     {"command": "batch_pause", "name": "x.jsonl"}   ->   {"ok": true, …} or {"ok": false, "error": "…"}
///
/// Requests are bounded in size, connections in number and in time, so that no client can hold it up for longer than
/// one command takes. Commands run one after the other, on the server's own thread.
class control_server {
 public:
  /// Takes the whole request and returns an object, to which `"ok": true` is added. May wait for a few seconds. What it
  /// throws becomes the answer's `error`.
  using command = std::function<nlohmann::json(const nlohmann::json& request)>;

  control_server();
  /// Stops.
  ~control_server();
  control_server(const control_server&) = delete;
  control_server& operator=(const control_server&) = delete;

  /// Any thread, before or after `start`. A name that is there already is replaced. What `run` uses must live until
  /// `stop` has returned.
  void add(const std::string& name, command run);
  /// Listens at `path` and starts the thread. A socket file that an earlier run has left is replaced: the caller holds
  /// the lock of the directory. Returns why it cannot, for people; empty when it listens. The engine runs on without.
  std::string start(const std::string& path);
  /// Answers the command that is running, closes everything and removes the socket file. Idempotent.
  void stop();

  /// Octets of one request at most.
  static constexpr std::size_t longest_request = 64 * 1024;
  /// A connection on which nothing moves for so long is closed.
  static constexpr std::chrono::milliseconds patience{5000};
  static constexpr std::size_t most_connections = 16;

 private:
  struct connection;
  void run();
  void accept_one();
  /// False: the connection has ended.
  bool serve(connection& c, short events);
  std::string answer(std::string_view line) const;

  mutable std::mutex mutex_;  // commands_
  std::map<std::string, command, std::less<>> commands_;
  std::string path_;
  int listener_ = -1;
  int wake_ = -1;
  std::map<int, std::unique_ptr<connection>> connections_;  // by descriptor; server thread
  std::thread thread_;
};

}  // namespace trunkline::engine
