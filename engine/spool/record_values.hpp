#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/spool/record.hpp"

namespace trunkline::engine {

/// A decimal number without sign, at most `max`.
std::optional<std::uint64_t> parse_unsigned(std::string_view text, std::uint64_t max) noexcept;

/// "0x" and one to four hexadecimal digits, the tag of a TLV.
std::optional<std::uint16_t> parse_tlv_tag(std::string_view text) noexcept;

/// Where `decode_hex` found something that is no pair of hexadecimal digits; the text's size when it ends within one.
inline constexpr std::size_t hex_ok = static_cast<std::size_t>(-1);

/// Writes the octets of `hex` (either case) at `out`, which has room for half of its size. `hex_ok`, or the offset of
/// the fault.
std::size_t decode_hex(std::string_view hex, std::uint8_t* out) noexcept;

/// The encoding that a message asks for: "auto" (an empty optional inside), "gsm7", "latin1", "ucs2". Nothing for any
/// other word.
std::optional<std::optional<protocol::encoding>> parse_message_encoding(std::string_view word) noexcept;

}  // namespace trunkline::engine
