#include "engine/smpp/login_gate.hpp"

#include <algorithm>

namespace trunkline::engine {
namespace {

/// A session that waits for another's login looks again after this time, should nobody wake it.
constexpr std::chrono::milliseconds look_again = std::chrono::seconds(5);

}  // namespace

login_gate::verdict login_gate::ask(std::size_t index, time_point now) {
  const std::lock_guard lock(mutex_);
  if (mood_ == mood::open) return {true, {}, {}};
  const auto was_refused = mood_ == mood::refused ? std::optional(refused_with_) : std::nullopt;
  if (prober_ == index) return {true, was_refused, {}};
  if (prober_ != nobody) return {false, was_refused, look_again};
  if (was_refused && now < next_) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next_ - now);
    return {false, was_refused, wait};
  }
  prober_ = index;
  return {true, was_refused, {}};
}

void login_gate::succeeded(std::size_t) {
  {
    const std::lock_guard lock(mutex_);
    if (mood_ == mood::open) return;
    mood_ = mood::open;
    prober_ = nobody;
    step_ = 0;
  }
  changed_();
}

void login_gate::refused(std::size_t index, time_point now, protocol::command_status with) {
  {
    const std::lock_guard lock(mutex_);
    // Others that were logging in at the same moment tell nothing new.
    if (mood_ == mood::refused && prober_ != index) return;
    mood_ = mood::refused;
    refused_with_ = with;
    prober_ = nobody;
    next_ = now + probes_[std::min(step_, probes_.size() - 1)];
    ++step_;
  }
  changed_();
}

void login_gate::retry() {
  {
    const std::lock_guard lock(mutex_);
    step_ = 0;
    next_ = {};
  }
  changed_();
}

void login_gate::undecided(std::size_t index, time_point now) {
  {
    const std::lock_guard lock(mutex_);
    if (prober_ != index) return;
    prober_ = nobody;
    if (mood_ == mood::refused) {
      // The account was not touched; whoever comes first after a short time may try.
      next_ = now + std::min<std::chrono::milliseconds>(probes_[0], std::chrono::seconds(10));
      return;
    }
    // Nothing is wrong with the credentials as far as anybody knows.
    mood_ = mood::open;
  }
  changed_();
}

}  // namespace trunkline::engine
