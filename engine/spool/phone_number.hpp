#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace trunkline::engine {

/// The fewest and most digits of a destination (ITU-T E.164, 6: at most 15).
inline constexpr std::size_t min_number_digits = 3;
inline constexpr std::size_t max_number_digits = 15;

/// Digits of a destination, and where to put them.
using number_buffer = std::array<char, max_number_digits + 1>;

/// Why a text is no destination.
enum class number_fault : std::uint8_t { none, empty, odd_character, too_short, too_long, national };

struct normalized_number {
  std::string_view digits;  ///< in the caller's buffer
  number_fault fault = number_fault::none;
  std::size_t offset = 0;  ///< of an odd character
};

/// The digits of `to` without spaces, '-', '.', '(', ')' and a leading '+' or "00". A single leading 0 is `national`
/// unless `calling_code` is given, which then takes its place.
normalized_number normalize_number(std::string_view to, std::string_view calling_code, number_buffer& buffer) noexcept;

/// The calling code of a country ("DE" is "49"), for `[engine] default_country`. Nothing for what is not an upper-case
/// ISO 3166-1 code in use, or has no code of its own. Static storage.
std::optional<std::string_view> calling_code(std::string_view country) noexcept;

}  // namespace trunkline::engine
