#include "engine/simulator/message_centre.hpp"

#include <utility>

namespace trunkline::engine {

message_centre::message_centre(simulator_options options, time_point started, wall_time wall_started)
    : options_(std::move(options)), started_(started), wall_started_(wall_started), ids_(wall_started) {
  using namespace std::chrono_literals;
  // A tenth of a second of arrears is made up for, so that timers that fire late do not lower the rate.
  if (options_.inbound_per_second > 0) inbound_.emplace(options_.inbound_per_second, 100ms);
}

esme_account& message_centre::account_of(std::string_view system_id) {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(system_id);
  if (found != accounts_.end()) return *found->second;
  return *accounts_.emplace(std::string(system_id), std::make_unique<esme_account>(options_)).first->second;
}

}  // namespace trunkline::engine
