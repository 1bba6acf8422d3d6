#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <tl/expected.hpp>

#include "protocol/errc.hpp"

// GSM 7-bit with national language tables (3GPP TS 23.038, 6.2.1.2 and annex A): a locking shift table replaces the
// default alphabet, a single shift table replaces its extension. The header of every part names them.
namespace trunkline::protocol {

/// Language identifiers of the tables in use; 0 is the default alphabet, or its extension.
struct gsm_tables {
  std::uint8_t locking = 0;
  std::uint8_t single = 0;

  /// Octets of the header elements that announce the tables (3GPP TS 23.040, 9.2.3.24.15 and .16), without UDHL.
  [[nodiscard]] constexpr std::uint8_t header_elements() const noexcept {
    return static_cast<std::uint8_t>((locking != 0 ? 3 : 0) + (single != 0 ? 3 : 0));
  }
  friend bool operator==(const gsm_tables&, const gsm_tables&) = default;
};

/// Languages that a carrier accepts: bit n for identifier n (1 Turkish to 13 Urdu).
struct gsm_languages {
  std::uint16_t bits = 0;

  [[nodiscard]] constexpr bool empty() const noexcept { return (bits & all().bits) == 0; }
  [[nodiscard]] constexpr bool has(std::uint8_t language) const noexcept { return (bits >> language & 1) != 0; }
  constexpr void add(std::uint8_t language) noexcept { bits = static_cast<std::uint16_t>(bits | 1U << language); }
  static constexpr gsm_languages all() noexcept { return {0x3FFE}; }
  friend bool operator==(const gsm_languages&, const gsm_languages&) = default;
};

/// The identifier of an ISO 639-1 code: tr es pt bn gu hi kn ml or pa ta te ur (and "as", which shares Bengali's
/// table).
[[nodiscard]] std::optional<std::uint8_t> find_gsm_language(std::string_view code) noexcept;
/// The code of `language`; "" for 0 and unknown ones.
[[nodiscard]] std::string_view gsm_language_code(std::uint8_t language) noexcept;

/// What a text costs in the tables that choose_gsm_tables found.
struct gsm_choice {
  gsm_tables tables;
  std::size_t septets = 0;
  std::size_t parts = 1;
};

/// The cheapest tables among the default ones and those of `allowed` that have every character of `utf8`: fewest parts,
/// then fewest bits with the header. Nothing when none has them all, or `utf8` is not valid. `concatenation_octets` is
/// the size of the concatenation element (5, or 6 for 16-bit references).
[[nodiscard]] std::optional<gsm_choice> choose_gsm_tables(std::string_view utf8, gsm_languages allowed,
                                                          std::size_t concatenation_octets = 5) noexcept;

/// As encode_gsm7, in the given tables.
/// Errors: as encode_gsm7; bad_value (no such table).
[[nodiscard]] tl::expected<std::size_t, errc> encode_gsm7(std::string_view utf8, gsm_tables tables,
                                                          std::span<std::uint8_t> out) noexcept;

/// As decode_gsm7, in the tables that a header named; unknown languages count as 0 (TS 23.038, 6.2.1.2.2). A code that
/// the locking table leaves open becomes U+FFFD.
[[nodiscard]] tl::expected<std::size_t, errc> decode_gsm7(std::span<const std::uint8_t> septets, gsm_tables tables,
                                                          std::span<char> out) noexcept;

}  // namespace trunkline::protocol
