#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace trunkline::engine {

/// Where a received PDU goes.
enum class received_kind : std::uint8_t { receipt, inbound };

/// Appends the line of a deliver_sm or data_sm (a whole PDU) for receipts/ or inbound/, newline included: its decoded
/// fields, and `raw`, so that nothing is lost even where nothing could be read. Never fails. `batch` is null until receipts
/// are matched with their messages.
received_kind append_received_line(std::string& out, std::string_view carrier, std::int64_t received_at_ms,
                                   std::span<const std::uint8_t> pdu);

}  // namespace trunkline::engine
