#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "engine/simulator/esme_account.hpp"
#include "engine/simulator/message_ids.hpp"
#include "engine/simulator/shared_pace.hpp"
#include "engine/simulator/simulator_options.hpp"

namespace trunkline::engine {

/// What all sessions of one simulated SMSC share: options, message ids, accounts and the pace of inbound messages. Has
/// no clock: it is told once what the wall clock showed at one steady time. Any thread; outlives all sessions.
class message_centre {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using wall_time = std::chrono::system_clock::time_point;

  message_centre(simulator_options options, time_point started, wall_time wall_started);

  /// What was told at the start.
  const simulator_options& options() const noexcept { return options_; }

  /// Which step of the scenario it is, from 0 (before the first one). The scenario begins with the first call that a
  /// session, or whoever takes connections, makes. Without a scenario: always 0.
  std::size_t step_at(time_point now) noexcept;
  /// The options of a step.
  const simulator_options& options_of(std::size_t step) const noexcept {
    return step == 0 ? options_ : options_.steps[step - 1].options;
  }
  /// When the step after this one begins; time_point::max() when there is none.
  time_point end_of(std::size_t step) const noexcept;
  message_id_source& ids() noexcept { return ids_; }

  /// Wall time, as it goes on from the start.
  wall_time wall_at(time_point now) const noexcept {
    return wall_started_ + std::chrono::duration_cast<wall_time::duration>(now - started_);
  }

  /// The account of a system_id, made when it is first asked for; stays where it is.
  esme_account& account_of(std::string_view system_id);

  /// The number, from 1, of the next message of a mobile, when the step lets one go now; otherwise 0.
  std::uint64_t take_inbound(std::size_t step, time_point now) noexcept;
  /// When the next one may go, seen from now; time_point::max() when there will be none in this step.
  time_point next_inbound(std::size_t step) const noexcept;

  /// Called when a delivery was left at an account that no session may be waiting for yet; set before sessions start.
  /// The owner of the sessions then lets each of them fill() or asks for its next_deadline().
  std::function<void()> on_mail = [] {};

 private:
  const simulator_options options_;
  const time_point started_;
  const wall_time wall_started_;
  message_id_source ids_;
  std::atomic<time_point::rep> script_began_{0};    ///< 0: not yet
  std::deque<std::optional<shared_pace>> inbound_;  ///< of messages of mobiles, one a step
  std::atomic<std::uint64_t> inbound_count_{0};
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<esme_account>, std::less<>> accounts_;
};

}  // namespace trunkline::engine
