#pragma once

#include <cstdint>
#include <optional>

#include "protocol/command_id.hpp"
#include "protocol/tlv.hpp"

namespace trunkline::protocol {

/// Values of interface_version and sc_interface_version (SMPP 3.4, 5.2.4). Numbers below 0x33 mean 3.3.
enum class interface_version : std::uint8_t { v33 = 0x33, v34 = 0x34, v50 = 0x50 };

/// The version that rules a session: the lower one of what the ESME asked for in its bind and what the peer's
/// sc_interface_version says. Without that TLV the peer knows no optional parameters (SMPP 3.4, 1.4.1): 3.3. Numbers
/// between the versions count as the lower one, those above as 5.0.
[[nodiscard]] interface_version session_version(std::uint8_t asked,
                                                std::optional<std::uint8_t> sc_interface_version) noexcept;

/// Whether a peer of that version knows the command. 3.3 lacks bind_transceiver, data_sm, alert_notification and
/// outbind; before 5.0 there are no broadcasts.
[[nodiscard]] bool allows(interface_version version, command_id id) noexcept;

/// Whether a TLV may be sent to a peer of that version. To 3.3 none may; a vendor's or reserved one may be sent to
/// whoever knows TLVs.
[[nodiscard]] bool allows(interface_version version, tlv_tag tag) noexcept;

/// Octets that short_message may hold: 254, in 5.0 255 (SMPP 3.4, 5.2.22; 5.0, 4.7.25).
[[nodiscard]] std::uint8_t max_short_message_bytes(interface_version version) noexcept;

}  // namespace trunkline::protocol
