#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "engine/dispatch/carrier.hpp"
#include "engine/dispatch/outcomes.hpp"
#include "engine/dispatch/session_probe.hpp"
#include "engine/runtime/clock.hpp"
#include "engine/runtime/worker.hpp"
#include "engine/smpp/login_gate.hpp"
#include "engine/smpp/name_resolver.hpp"
#include "engine/smpp/options.hpp"

namespace trunkline::engine {

class task_group;

/// What one session needs of its surroundings. References outlive the session.
struct session_setup {
  std::shared_ptr<carrier> from;
  std::shared_ptr<session_probe> probe;
  bind_config bind;    ///< which of the carrier's
  worker& home;        ///< the thread it lives on
  task_group& tasks;   ///< of that thread
  outcome_sink& sink;  ///< of that thread
  login_gate& gate;    ///< of its carrier
  name_resolver& names;
  const clock& time;
  const smpp_options& options;
  std::function<void()> wake_all;  ///< wakes the sessions of all carriers; any thread
  std::uint64_t seed = 0;          ///< of the jitter
};

/// One bind, kept up: connects, logs in, sends and receives, and starts again after whatever ended it. The shell around
/// message_flow and session_machine that moves octets: a connect loop, in which a reader, a writer and a ticker run
/// while there is a connection. Public calls may come from any thread.
class session {
 public:
  explicit session(session_setup setup);
  /// Only after `ended` was called, in a later turn of the home thread or when that thread has ended.
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Starts, once. `ended` is called on the home thread when the session has come to its end after stop().
  void start(std::function<void()> ended);

  /// Takes no more messages, waits for answers until `deadline`, then unbinds and closes.
  void stop(std::chrono::steady_clock::time_point deadline);

  /// Looks again at what it is waiting for (the login gate opened).
  void poke();

  /// The carrier was disabled (drains, unbinds, and rests as Idle) or enabled (goes on).
  void look_again();
  /// Drains, unbinds and binds again at once; tries at once when it was waiting to.
  void reconnect();
  /// A reload changed the carrier in what needs no new session.
  void reconfigure(bind_config bind);

 private:
  struct implementation;
  std::shared_ptr<implementation> implementation_;  // shared with what was posted to the thread
};

}  // namespace trunkline::engine
