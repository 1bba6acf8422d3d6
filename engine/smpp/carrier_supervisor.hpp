#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/dispatch/carrier.hpp"
#include "engine/dispatch/outcomes.hpp"
#include "engine/runtime/clock.hpp"
#include "engine/runtime/task_group.hpp"
#include "engine/runtime/worker.hpp"
#include "engine/smpp/login_gate.hpp"
#include "engine/smpp/name_resolver.hpp"
#include "engine/smpp/options.hpp"
#include "engine/smpp/session.hpp"

namespace trunkline::engine {

/// A worker with what its sessions share.
struct network_thread {
  network_thread(const std::string& name, outcome_queues& queues) : sink(queues), home(name), tasks(home.context()) {}

  outcome_sink sink;  ///< used on the thread only
  worker home;
  task_group tasks;
};

/// The sessions of one carrier, over several threads, from start to end.
class carrier_supervisor : public std::enable_shared_from_this<carrier_supervisor> {
 public:
  struct surroundings {
    name_resolver& names;
    const clock& time;
    const smpp_options& options;
    std::function<void()> wake_all;
    std::function<void()> ended;  ///< the last session has ended and the lanes are empty; on a network thread
  };

  /// One session for each of `homes`, as many as the carrier's binds have together. The threads, and what `around`
  /// refers to, outlive the supervisor's sessions.
  carrier_supervisor(std::shared_ptr<carrier> c, std::vector<network_thread*> homes, surroundings around);

  /// Once.
  void start();
  /// Closes the carrier; its sessions drain until `deadline` and end. Any thread, any number of times.
  void stop(std::chrono::steady_clock::time_point deadline);
  /// The carrier was disabled or enabled: its sessions leave, or come back.
  void look_again();
  /// Every session drains, unbinds and binds again; a login that was refused is tried at once.
  void reconnect();
  /// The carrier was reconfigured: its sessions take over windows and times.
  void reconfigure();
  void wake() noexcept { carrier_->wake_all(); }

 private:
  void session_ended(std::size_t index);
  void give_back_what_is_left(outcome_sink& sink);

  std::shared_ptr<carrier> carrier_;
  std::vector<network_thread*> homes_;
  surroundings around_;
  login_gate gate_;
  std::vector<std::shared_ptr<session>> sessions_;
  std::atomic<std::size_t> running_;
};

}  // namespace trunkline::engine
