#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/simulator/smsc_session_machine.hpp"
#include "engine/smpp/login_gate.hpp"
#include "engine/smpp/message_flow.hpp"
#include "router/back_off.hpp"
#include "tests/engine/smpp/message_fixture.hpp"

namespace trunkline::engine::test {

/// A carrier's sessions against the simulated SMSC, both sides' real machines, on one thread and a clock that is only a
/// number: message flow, session machine, lanes, pace, login gate and back-off here, smsc_session_machine with a
/// scenario there, and between them a network that is late, tears writes and breaks. What the coroutines of a session
/// and the feeder do in the program is done here in a few lines. The same seed, the same life.
class carrier_life {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  explicit carrier_life(std::uint64_t seed);
  ~carrier_life();

  /// One turn of everybody, 10 ms; then looks whether all is as it must be.
  void step();
  /// Offers new messages, or not (the end of the test).
  void set_supply(bool on) noexcept { supply_ = on; }

  /// What was not as it must be, the first few of it.
  const std::vector<std::string>& broken() const noexcept { return broken_; }
  std::size_t alive() const noexcept { return live_.size(); }
  duration age() const noexcept { return now_ - begin_; }

  struct counts {
    std::uint64_t offered = 0;
    std::array<std::uint64_t, 6> ended{};  ///< by router::message_status
    std::uint64_t rerouted = 0;
    std::uint64_t binds = 0;
    std::uint64_t breaks = 0;  ///< connections that ended, in whatever way
    std::uint64_t submits = 0;
    std::uint64_t sent_parts = 0;
    std::uint64_t duplicates_flagged = 0;
  };
  const counts& count() const noexcept { return counts_; }
  const simulator_counters& smsc() const noexcept { return smsc_counters_; }
  std::string summary() const;

  /// How long the misbehaviour lasts; then the SMSC is well.
  static constexpr std::chrono::seconds hour{3600};
  /// Of the carrier, submit_sm a second; and the widest window that it ever has.
  static constexpr double throughput = 40;
  static constexpr unsigned largest_window = 24;

 private:
  struct acks;
  struct link;
  /// Where a message is that is not in a lane and not in a flow.
  struct fate {
    message* subject;
    bool waiting = false;
    time_point due{};
  };

  simulator_options scenario();
  carrier_config configuration();
  std::uint64_t draw(std::uint64_t below) { return random_() % below; }
  bool chance(double share) { return static_cast<double>(random_() >> 11U) * 0x1p-53 < share; }

  void offer();
  void come_back();
  void turn(link& l);
  void try_to_connect(link& l);
  void write(link& l);
  void leave(link& l);
  void peer_turn(link& l);
  void broken_off(link& l, std::span<const std::uint8_t> written = {}, std::size_t transferred = 0);
  std::chrono::milliseconds conclude(link& l);
  void collect();
  void check();
  void check_pace();
  void wrong(const std::string& what);

  std::mt19937_64 random_;
  const time_point begin_{std::chrono::hours(100)};
  time_point now_ = begin_;
  std::int64_t wall_ = 1'800'000'000'000;
  stage around_{1'000};
  smpp_options options_;
  std::shared_ptr<carrier> carrier_;
  std::unique_ptr<carrier::producer> tokens_;
  login_gate gate_;
  message_centre centre_;
  simulator_counters smsc_counters_;
  std::uint64_t connections_ = 0;
  std::vector<std::unique_ptr<link>> links_;
  std::unordered_map<std::uint32_t, fate> live_;  ///< by line
  bool supply_ = true;
  double arrivals_ = 0;  ///< messages a second, changes now and then
  std::uint32_t written_now_ = 0;
  std::deque<std::pair<time_point, std::uint32_t>> written_;  ///< of the last ten seconds
  counts counts_;
  std::uint32_t next_line_ = 1;
  std::vector<std::string> broken_;
};

}  // namespace trunkline::engine::test
