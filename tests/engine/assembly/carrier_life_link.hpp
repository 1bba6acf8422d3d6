#pragma once

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tests/engine/assembly/carrier_life.hpp"

// The inside of carrier_life: one session with its connection. Shared by carrier_life.cpp (what everybody does) and
// carrier_life_rules.cpp (what must hold).
namespace trunkline::engine::test {

struct carrier_life::acks final : acknowledger {
  void acknowledge(std::uint32_t sequence, bool stored) noexcept override { answers.emplace_back(sequence, stored); }
  bool announced(std::unique_ptr<intent_list>& list) noexcept override {
    if (open) lists.push_back(std::move(list));
    return open;
  }
  std::vector<std::pair<std::uint32_t, bool>> answers;
  std::vector<std::unique_ptr<intent_list>> lists;
  bool open = true;
};

struct carrier_life::link {
  link(carrier_life& life, std::size_t number)
      : index(number),
        sink(life.around_.queues),
        flow(*life.carrier_, probe, sink, life.options_, fmt::format("life/{}", number)),
        delays(std::chrono::milliseconds(100), std::chrono::seconds(20)) {}

  /// Octets on their way, in order.
  struct pipe {
    std::deque<std::pair<time_point, std::vector<std::uint8_t>>> chunks;
    std::vector<std::uint8_t> kept;  ///< arrived, and not a whole PDU yet
  };

  std::size_t index;
  session_probe probe;
  outcome_sink sink;
  message_flow flow;
  router::back_off delays;
  time_point retry_at{};
  bool at_gate = false;
  bool up = false;
  bool logged_in = false;
  bool told_to_leave = false;
  bool peer_gone = false;
  time_point leave_by = time_point::max();
  std::shared_ptr<acks> answers;
  std::unique_ptr<smsc_session_machine> peer;
  duration lateness{};
  pipe there;
  pipe back;
};

}  // namespace trunkline::engine::test
