#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace trunkline::engine {

class optout_set;

/// What all sessions of the engine have in common, with the defaults of docs/sessions.md.
struct smpp_options {
  using milliseconds = std::chrono::milliseconds;

  unsigned threads = 0;                 ///< network threads; 0: half of the cores, at least one
  std::uint32_t unknown_resends = 1;    ///< answers lost while the engine runs: so many resends, then `unknown`
  bool mask_numbers = true;             ///< log lines show no more of a PDU than its header
  const optout_set* optouts = nullptr;  ///< who must not be sent to; null: everybody may be
  std::uint64_t seed = 0;               ///< of the jitter; 0: from the system

  /// Waiting times of the one session that probes after the carrier refused the credentials; the last one repeats.
  std::array<milliseconds, 4> login_probes = {std::chrono::minutes(1), std::chrono::minutes(5),
                                              std::chrono::minutes(15), std::chrono::minutes(60)};
  /// Waiting time after ESME_RALYBND: the peer still holds our last connection, until its own inactivity time.
  milliseconds already_bound = std::chrono::seconds(75);
  milliseconds unbind_timeout = std::chrono::seconds(5);
  milliseconds unbind_grace = std::chrono::seconds(1);
  /// How long the sessions of a removed carrier may wait for answers.
  milliseconds remove_deadline = std::chrono::seconds(30);
  std::uint32_t max_unacknowledged = 1'000;  ///< deliver_sm of one session that are not on disk yet
};

}  // namespace trunkline::engine
