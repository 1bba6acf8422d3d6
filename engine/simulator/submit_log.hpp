#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/command_status.hpp"
#include "protocol/pdu_message.hpp"

namespace trunkline::engine {

/// Collects the lines of `--log` as text; whoever owns it writes them to the file. Not for several threads at once.
class submit_log {
 public:
  using wall_time = std::chrono::system_clock::time_point;

  /// Who sent the message and what became of it.
  struct context {
    wall_time received;
    std::string_view system_id;
    std::uint64_t session = 0;
    std::uint32_t sequence_number = 0;
    std::string_view message_id;  ///< empty: none was given, null in the line
    protocol::command_status status{};
    bool answered = true;  ///< false: the answer is withheld on purpose
  };

  /// Appends one line (docs/simulator.md lists its fields). Octets that are no printable ASCII are written as \u00XX.
  void add(const context& about, const protocol::submit_sm& message);

  bool empty() const noexcept { return lines_.empty(); }
  std::string_view lines() const noexcept { return lines_; }
  void clear() noexcept { lines_.clear(); }

 private:
  void add_time(wall_time at);

  std::string lines_;
  std::string second_text_;  // "2026-11-22T10:00:00", of second_
  std::chrono::sys_seconds second_{};
};

}  // namespace trunkline::engine
