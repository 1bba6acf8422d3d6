#include "engine/simulator/message_centre.hpp"

#include <utility>

namespace trunkline::engine {

message_centre::message_centre(simulator_options options, time_point started, wall_time wall_started)
    : options_(std::move(options)), started_(started), wall_started_(wall_started), ids_(wall_started) {
  using namespace std::chrono_literals;
  // A tenth of a second of arrears is made up for, so that timers that fire late do not lower the rate.
  for (std::size_t step = 0; step <= options_.steps.size(); ++step) {
    auto& pace = inbound_.emplace_back();
    if (const double rate = options_of(step).inbound_per_second; rate > 0) pace.emplace(rate, 100ms);
  }
}

std::size_t message_centre::step_at(time_point now) noexcept {
  if (options_.steps.empty()) return 0;
  time_point::rep began = script_began_.load(std::memory_order_relaxed);
  if (began == 0) {
    const time_point::rep at = now.time_since_epoch().count();
    if (script_began_.compare_exchange_strong(began, at, std::memory_order_relaxed)) began = at;
  }
  const auto since = now - time_point(time_point::duration(began));
  std::size_t step = 0;
  while (step < options_.steps.size() && options_.steps[step].at <= since) ++step;
  return step;
}

message_centre::time_point message_centre::end_of(std::size_t step) const noexcept {
  const time_point::rep began = script_began_.load(std::memory_order_relaxed);
  if (began == 0 || step >= options_.steps.size()) return time_point::max();
  return time_point(time_point::duration(began)) + options_.steps[step].at;
}

std::uint64_t message_centre::take_inbound(std::size_t step, time_point now) noexcept {
  auto& pace = inbound_[step];
  if (!pace) return 0;
  const std::uint64_t most = options_of(step).inbound_count;
  if (most != 0 && inbound_count_.load(std::memory_order_relaxed) >= most) return 0;
  if (!pace->try_take(now)) return 0;
  const std::uint64_t number = inbound_count_.fetch_add(1, std::memory_order_relaxed) + 1;
  return most == 0 || number <= most ? number : 0;
}

message_centre::time_point message_centre::next_inbound(std::size_t step) const noexcept {
  const auto& pace = inbound_[step];
  const std::uint64_t most = options_of(step).inbound_count;
  if (!pace || (most != 0 && inbound_count_.load(std::memory_order_relaxed) >= most)) return time_point::max();
  return pace->next();
}

esme_account& message_centre::account_of(std::string_view system_id) {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(system_id);
  if (found != accounts_.end()) return *found->second;
  return *accounts_.emplace(std::string(system_id), std::make_unique<esme_account>(options_)).first->second;
}

}  // namespace trunkline::engine
