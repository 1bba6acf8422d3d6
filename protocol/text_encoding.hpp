#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "protocol/errc.hpp"
#include "protocol/gsm_national.hpp"

// Text of people (UTF-8) to and from the octets of a short message. What data_coding says about them is
// text_data_coding.
namespace trunkline::protocol {

/// The character sets of short messages. The octets of gsm7 are unpacked septets.
enum class encoding : std::uint8_t { gsm7, latin1, ucs2, ascii, binary, cyrillic, hebrew };

/// "gsm7", "latin1", "ucs2", ...: the words of configuration and reports.
[[nodiscard]] std::string_view encoding_name(encoding value) noexcept;
/// The encoding of that name; nothing for any other word ("auto" is not an encoding: see `automatic`).
[[nodiscard]] std::optional<encoding> find_encoding(std::string_view name) noexcept;

/// Asks encode_text to choose: GSM 7-bit if it has every character, else UCS-2.
inline constexpr std::optional<encoding> automatic = std::nullopt;

/// What encode_text wrote.
struct encoded_text {
  encoding used = encoding::gsm7;
  std::size_t octets = 0;
  std::size_t units = 0;   ///< what limits count: septets, 16-bit units, or octets
  gsm_tables tables = {};  ///< national language tables that the header of each part must name (gsm7 only)
};

/// A carrier's wishes for one text.
struct text_request {
  std::optional<encoding> requested = automatic;
  gsm_languages national = {};            ///< tables that may be used where the default alphabet does not do
  std::uint8_t concatenation_octets = 5;  ///< of the element that parts will have: 6 with 16-bit references
};

/// Writes `utf8` in the requested encoding to the front of `out`; octets of `out` beyond the result are unspecified.
/// With encoding::binary the octets are copied as they are.
/// Errors: cannot_encode (the requested encoding lacks a character), bad_text (not valid UTF-8), no_space (`out` is too
/// small; twice `utf8.size()` always suffices).
[[nodiscard]] tl::expected<encoded_text, errc> encode_text(std::string_view utf8, std::optional<encoding> requested,
                                                           std::span<std::uint8_t> out) noexcept;

/// The same, with national language tables (automatic and gsm7): automatic takes them where the default alphabet lacks
/// a character and they make fewer parts than UCS-2, or as many parts with fewer bits. `tables.header_elements()` of
/// the result then belong into segment_limits::other_elements, and the tables into udh_fields.
[[nodiscard]] tl::expected<encoded_text, errc> encode_text(std::string_view utf8, const text_request& request,
                                                           std::span<std::uint8_t> out) noexcept;

/// Writes `octets`, which are in encoding `from`, as valid UTF-8 and returns the octets written. Whatever the encoding
/// does not define becomes U+FFFD, and so does every octet of encoding::binary that is not ASCII. Errors: no_space
/// (`out` is too small; `utf8_bound` always suffices).
[[nodiscard]] tl::expected<std::size_t, errc> decode_text(std::span<const std::uint8_t> octets, encoding from,
                                                          std::span<char> out) noexcept;

/// The most octets of UTF-8 that `octets` octets in any encoding can become.
constexpr std::size_t utf8_bound(std::size_t octets) noexcept { return octets * 3; }

/// As decode_text, appended to `out`. Allocates, so that it may throw std::bad_alloc.
void append_text(std::span<const std::uint8_t> octets, encoding from, std::string& out);

/// As append_text for gsm7 in the tables that a header named.
void append_gsm7(std::span<const std::uint8_t> septets, gsm_tables tables, std::string& out);

/// Units (septets, 16-bit units, octets) of `octets` octets in encoding `used`.
constexpr std::size_t units_of(encoding used, std::size_t octets) noexcept {
  return used == encoding::ucs2 ? octets / 2 : octets;
}

}  // namespace trunkline::protocol
