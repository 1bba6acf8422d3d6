#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "protocol/framing.hpp"
#include "protocol/version.hpp"

namespace trunkline::engine {

/// The version that rules what may be sent to a carrier: what the configuration says, or a lower one that the answer to
/// the bind names. That parameter's absence means nothing: many peers of 3.4 leave it out.
[[nodiscard]] protocol::interface_version ruling_version(std::uint8_t configured,
                                                         std::optional<std::uint8_t> sc_interface_version) noexcept;

/// Whether the text of a submit_sm needs TLVs that a peer of that version may not be sent: message_payload, or the
/// numbers of its parts. Such a message cannot go there.
[[nodiscard]] bool needs_newer_version(const protocol::frame& submit, protocol::interface_version version) noexcept;

/// Takes the TLVs that a peer of that version may not be sent out of a submit_sm with its header, in place, and
/// corrects command_length. Returns its new size.
[[nodiscard]] std::size_t fit_to_version(std::span<std::uint8_t> submit, protocol::interface_version version) noexcept;

}  // namespace trunkline::engine
