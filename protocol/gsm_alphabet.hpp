#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <tl/expected.hpp>

#include "protocol/errc.hpp"

// The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038, 6.2.1 and 6.2.1.1), unpacked: one septet an
// octet, which is how SMPP normally carries it. gsm_packing turns it into packed octets and back.
namespace trunkline::protocol {

/// The septet that announces a character of the extension (or national single shift) table.
inline constexpr std::uint8_t gsm_escape = 0x1B;

/// How the default alphabet writes one character.
struct gsm_code {
  std::uint8_t septets = 0;  ///< 0: not in the alphabet; 1: `code`; 2: gsm_escape, then `code`
  std::uint8_t code = 0;
};

/// The code of `character`; `septets == 0` when the alphabet lacks it. U+001B is lacking: a raw escape is not a
/// character.
[[nodiscard]] gsm_code find_gsm_code(char32_t character) noexcept;

/// The character of `septet` (below 0x80) in the main table; gsm_escape gives U+00A0 (TS 23.038, 6.2.1, note 1).
[[nodiscard]] char32_t gsm_character(std::uint8_t septet) noexcept;
/// The character of `septet` after an escape. Codes that the table leaves open give the main table's character, a
/// second escape a space (TS 23.038, 6.2.1.1).
[[nodiscard]] char32_t gsm_extension_character(std::uint8_t septet) noexcept;

/// How many septets `utf8` takes; nothing when it holds a character that the alphabet lacks, or is not valid UTF-8.
[[nodiscard]] std::optional<std::size_t> gsm_septets(std::string_view utf8) noexcept;

/// Writes `utf8` as unpacked septets and returns how many. Octets of `out` beyond them are unspecified afterwards.
/// Errors: cannot_encode (a character that the alphabet lacks), bad_text (not valid UTF-8), no_space (`out` is too
/// small; twice `utf8.size()` always suffices).
[[nodiscard]] tl::expected<std::size_t, errc> encode_gsm7(std::string_view utf8, std::span<std::uint8_t> out) noexcept;

/// Writes unpacked `septets` as UTF-8 and returns the octets written. An octet of 0x80 or more is no septet and becomes
/// U+FFFD; an escape at the end becomes a space.
/// Errors: no_space (`out` is too small; `gsm_utf8_bound` always suffices).
[[nodiscard]] tl::expected<std::size_t, errc> decode_gsm7(std::span<const std::uint8_t> septets,
                                                          std::span<char> out) noexcept;

/// The most octets of UTF-8 that `septets` septets can become, in any table of the standard.
constexpr std::size_t gsm_utf8_bound(std::size_t septets) noexcept { return septets * 3; }

}  // namespace trunkline::protocol
