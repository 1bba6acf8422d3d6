#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/simulator/simulator_counters.hpp"
#include "engine/simulator/simulator_options.hpp"

namespace trunkline::engine {

/// An SMSC on real sockets: listens, runs one smsc_session_machine per connection on its own threads. For
/// `trunkline simulator` and for tests within one process.
class simulator {
 public:
  explicit simulator(simulator_options options);
  /// Cuts off whatever still runs.
  ~simulator();
  simulator(const simulator&) = delete;
  simulator& operator=(const simulator&) = delete;

  /// Listens and starts the threads; returns the port. Throws std::system_error when it cannot listen or open the log.
  /// Call once.
  std::uint16_t start();

  /// Takes no more connections, unbinds the sessions and ends them, those that do not answer after half a second, and
  /// waits for that; then the log is complete. Not for two threads at once; a second call does nothing.
  void stop();

  /// Any thread, before and after stop().
  simulator_totals totals() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// One line of JSON with all totals.
std::string to_json(const simulator_totals& totals);

}  // namespace trunkline::engine
