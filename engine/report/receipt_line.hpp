#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/receipts/sent_message.hpp"

namespace trunkline::engine {

/// What is known of a message as a whole, from its parts.
struct message_fate {
  std::optional<protocol::message_state> state;  ///< nothing: no part is known, or some are not
  bool final = false;
};

/// Delivered when every part is; failed, in the state of the first such part, as soon as one is for good; else the
/// state that is furthest behind, once every part has one. `parts`: of those that were accepted. A message of which not
/// all parts were accepted (`complete` false) is never delivered.
message_fate fate_of_message(std::span<const std::optional<protocol::message_state>> parts, bool complete) noexcept;

/// Whether a part that is in one state may go to the other: forward only, and final is final.
bool moves_forward(std::optional<protocol::message_state> from, protocol::message_state to) noexcept;

/// Appends the line of a part: what its receipt said. `part` counts from 0.
void append_part_line(std::string& out, const sent_message& m, std::uint8_t part, std::string_view message_id,
                      const part_fate& fate);
/// Appends the line of a message; `because`: what decided it, or null.
void append_message_line(std::string& out, const sent_message& m, const message_fate& fate, const part_fate* because);

}  // namespace trunkline::engine
