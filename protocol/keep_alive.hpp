#pragma once

#include <chrono>
#include <cstdint>

namespace trunkline::protocol {

/// When to ask a silent peer whether it is alive, and when to give it up: a pure function of what was heard and the
/// time.
///
/// An enquire_link goes out only after `interval` without any octets from the peer: on a busy link none is ever sent,
/// and one whose answer queues behind a full window does not kill a healthy session, because everything that is heard
/// counts as the answer. A peer that stays silent for `timeout` after being asked is dead.
class keep_alive {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  enum class action : std::uint8_t { none, ask, dead };

  /// `interval` of zero or less: never ask. `timeout`: how long an answer may take.
  constexpr keep_alive(duration interval, duration timeout) noexcept : interval_(interval), timeout_(timeout) {}

  constexpr void set_times(duration interval, duration timeout) noexcept {
    interval_ = interval;
    timeout_ = timeout;
  }

  /// The session is bound, or the peer sent something.
  constexpr void heard(time_point now) noexcept {
    last_heard_ = now;
    asked_ = false;
  }

  /// What to do now. `ask`: send an enquire_link and call asked().
  [[nodiscard]] constexpr action due(time_point now) const noexcept {
    if (!enabled()) return action::none;
    if (asked_) return now - asked_at_ >= timeout_ ? action::dead : action::none;
    return now - last_heard_ >= interval_ ? action::ask : action::none;
  }

  /// The enquire_link was staged.
  constexpr void asked(time_point now) noexcept {
    asked_ = true;
    asked_at_ = now;
  }

  /// When due() has to be asked again; time_point::max() when never.
  [[nodiscard]] constexpr time_point deadline() const noexcept {
    if (!enabled()) return time_point::max();
    return asked_ ? asked_at_ + timeout_ : last_heard_ + interval_;
  }

  [[nodiscard]] constexpr bool enabled() const noexcept { return interval_ > duration::zero(); }
  /// When the peer was last heard.
  [[nodiscard]] constexpr time_point last_heard() const noexcept { return last_heard_; }

 private:
  duration interval_;
  duration timeout_;
  time_point last_heard_{};
  time_point asked_at_{};
  bool asked_ = false;
};

}  // namespace trunkline::protocol
