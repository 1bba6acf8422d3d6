#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "engine/runtime/counter.hpp"

namespace trunkline::engine {

/// Connection state of a session as an operator sees it (2N NetStar's words in `to_text`).
enum class session_state : std::uint8_t { idle, error, connecting, logging_in, logged_in, login_failed };
/// How its last operation ended.
enum class session_last_state : std::uint8_t {
  ok,
  disconnected,
  login_error,
  nack,
  timeout,
  invalid_password,
  invalid_username
};
/// Faulty PDUs by kind, for pdu_errors_total.
enum class pdu_error : std::uint8_t { unframeable, malformed, unexpected, unknown_command, late_response, nack };
inline constexpr std::size_t pdu_error_kinds = 6;

/// "Idle", "Error", "Connecting...", "Logging...", "Logged in", "Login failed".
const char* to_text(session_state s) noexcept;
/// "O.K.", "Disconnected", "SMPP error by login (Invalid response)", "SMPPNACK error", "Response timeout", "Invalid
/// password", "Invalid username".
const char* to_text(session_last_state s) noexcept;
/// Label values of the metrics: "idle", "logging_in", "invalid_password", ...
const char* to_label(session_state s) noexcept;
const char* to_label(session_last_state s) noexcept;
const char* to_label(pdu_error e) noexcept;

/// Answers counted by command_status: up to 64 distinct values, the rest together. One writer.
class status_counts {
 public:
  static constexpr std::size_t capacity = 64;
  void add(std::uint32_t status) noexcept {
    const auto used = used_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < used; ++i) {
      if (values_[i] == status) return counts_[i].add();
    }
    if (used == capacity) return other_.add();
    values_[used] = status;
    counts_[used].add();
    used_.store(used + 1, std::memory_order_release);
  }
  /// Any thread: calls f(status, count) for each status seen; the rest is `other()`.
  template <class F>
  void for_each(F f) const {
    const auto used = used_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < used; ++i) f(values_[i], counts_[i].value());
  }
  std::uint64_t other() const noexcept { return other_.value(); }

 private:
  std::array<std::uint32_t, capacity> values_{};
  std::array<counter, capacity> counts_;
  counter other_;
  std::atomic<std::size_t> used_{0};
};

/// What one session tells metrics, status pages and tests. Written by the session's thread, read by any. Survives
/// reconnects.
struct session_probe {
  std::uint32_t index = 0;  ///< label `session`
  std::atomic<session_state> state{session_state::idle};
  std::atomic<session_last_state> last_state{session_last_state::ok};
  std::atomic<std::uint32_t> window_size{0};
  std::atomic<std::uint32_t> in_flight{0};
  counter submits;             ///< submit_sm written
  status_counts responses;     ///< submit_sm_resp by command_status
  duration_histogram latency;  ///< write to answer
  counter throttled;
  counter reconnects;        ///< connection attempts after the first
  counter maybe_duplicates;  ///< messages flagged because an answer was lost
  counter delivers;          ///< deliver_sm and data_sm received
  counter alerts;            ///< alert_notification received
  counter opted_out;         ///< messages not sent because of the opt-out list
  std::array<counter, pdu_error_kinds> pdu_errors;

  void set_address(std::string text) {
    const std::lock_guard lock(mutex_);
    address_ = std::move(text);
  }
  std::string address() const {
    const std::lock_guard lock(mutex_);
    return address_;
  }

 private:
  mutable std::mutex mutex_;
  std::string address_;  // "192.0.2.1:2775" of the current or last connection
};

}  // namespace trunkline::engine
