#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "engine/dispatch/carrier.hpp"
#include "engine/dispatch/outcomes.hpp"
#include "engine/runtime/clock.hpp"
#include "engine/smpp/options.hpp"

namespace trunkline::engine {

/// All SMPP sessions of the engine, over several network threads: per carrier as many binds as its configuration says,
/// kept up by themselves until the carrier is removed or the service stops.
class smpp_service {
 public:
  /// Starts the threads. `queues` (with its wake slots set) and `time` must outlive the service.
  smpp_service(smpp_options options, outcome_queues& queues, const clock& time);
  /// stop() without patience.
  ~smpp_service();
  smpp_service(const smpp_service&) = delete;
  smpp_service& operator=(const smpp_service&) = delete;

  /// Registers the probes of the carrier's sessions and starts them. Not for an id that was added before.
  void add(std::shared_ptr<carrier> c);

  /// Closes the carrier and its sessions in two phases (drain to a deadline, then unbind and close), and gives what is
  /// left in its lanes back as return_reason::elsewhere. Returns at once. The caller pushes nothing to the carrier any
  /// more.
  void remove(std::uint16_t carrier_id);

  /// Tells the carrier's sessions that it was disabled (they drain, unbind and rest) or enabled again.
  void look_again(std::uint16_t carrier_id);
  /// Ends the carrier's sessions in order and starts them anew at once; also where a login was refused.
  void reconnect(std::uint16_t carrier_id);
  /// Tells the carrier's sessions of its new configuration (carrier::reconfigure).
  void reconfigure(std::uint16_t carrier_id);

  /// Closes everything in the same way and waits for it, at most `patience` and the little that an unbind takes. Every
  /// message that sessions and lanes held has been handed to the journal or given back when it returns, and the
  /// threads have ended.
  void stop(std::chrono::milliseconds patience);

  /// Wakes every parked session of every carrier: durability credit came back.
  void wake_all() noexcept;

  [[nodiscard]] unsigned threads() const noexcept;

 private:
  struct implementation;
  std::unique_ptr<implementation> implementation_;
};

}  // namespace trunkline::engine
