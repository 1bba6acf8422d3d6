#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "protocol/command_status.hpp"

namespace trunkline::engine {

/// Keeps wrong credentials from locking an account: who of a carrier's sessions may try to log in, and when.
///
/// The first login of a carrier is tried by one session, the others follow when it succeeded (or when it did not get so
/// far as to be refused). After the carrier has refused the credentials, again only one session probes, after 1, 5, 15
/// and 60 minutes. Any thread; never blocks for long.
class login_gate {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using delays = std::array<std::chrono::milliseconds, 4>;

  /// `changed` is called without a lock whenever the others should ask again: it wakes them.
  login_gate(delays probes, std::function<void()> changed) : probes_(probes), changed_(std::move(changed)) {}

  /// Whether session `index` may log in now. Otherwise `wait` is how long to wait before asking again, unless
  /// `changed` comes first.
  struct verdict {
    bool go;
    /// The credentials were refused before, with this: shown as "Login failed" by all sessions of the carrier.
    std::optional<protocol::command_status> refused;
    std::chrono::milliseconds wait;
  };
  verdict ask(std::size_t index, time_point now);

  /// The login was accepted.
  void succeeded(std::size_t index);
  /// The credentials were refused.
  void refused(std::size_t index, time_point now, protocol::command_status with);
  /// An operator wants it to be tried now: the next session that asks probes.
  void retry();
  /// It came to no answer about the credentials (no connection, another error).
  void undecided(std::size_t index, time_point now);

 private:
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);
  enum class mood { untried, open, refused };

  std::mutex mutex_;
  delays probes_;
  std::function<void()> changed_;
  mood mood_ = mood::untried;
  protocol::command_status refused_with_{};
  std::size_t prober_ = nobody;
  std::size_t step_ = 0;
  time_point next_{};
};

}  // namespace trunkline::engine
