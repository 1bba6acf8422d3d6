#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <tl/expected.hpp>

#include "protocol/errc.hpp"

// UTF-16BE, which is what SMPP's "UCS-2" (data_coding 8) is in practice.
namespace trunkline::protocol {

/// Writes `utf8` as UTF-16BE, characters beyond U+FFFF as surrogate pairs, and returns the octets written. Octets of
/// `out` beyond them are unspecified afterwards. Errors: bad_text (not valid UTF-8), no_space (`out` is too small;
/// twice `utf8.size()` always suffices).
[[nodiscard]] tl::expected<std::size_t, errc> encode_utf16be(std::string_view utf8,
                                                             std::span<std::uint8_t> out) noexcept;

/// Writes UTF-16BE `octets` as UTF-8 and returns the octets written. Lone surrogates, and an odd last octet, become
/// U+FFFD. Errors: no_space (`out` is too small; `utf16be_utf8_bound` always suffices).
[[nodiscard]] tl::expected<std::size_t, errc> decode_utf16be(std::span<const std::uint8_t> octets,
                                                             std::span<char> out) noexcept;

/// The most octets of UTF-8 that `octets` octets of UTF-16BE can become.
constexpr std::size_t utf16be_utf8_bound(std::size_t octets) noexcept { return (octets + 1) / 2 * 3; }

}  // namespace trunkline::protocol
