#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

// The national language tables as data (3GPP TS 23.038, annex A). Written by deploy/tools/generate_gsm_national.py.
namespace trunkline::protocol::detail {

/// Language identifiers 0 (the default alphabet) to 13.
inline constexpr std::size_t gsm_language_count = 14;

/// A character for each septet; 0 where the table has none, and for the escape.
using gsm_table = std::array<char16_t, 128>;
extern const std::array<gsm_table, gsm_language_count> locking_tables;
extern const std::array<gsm_table, gsm_language_count> single_tables;

/// Which tables have a character: bit n for language n.
struct gsm_coverage {
  char16_t character;
  std::uint16_t locking;
  std::uint16_t single;
};
inline constexpr std::size_t gsm_coverage_count = 1072;
/// Every character of any table, sorted.
extern const std::array<gsm_coverage, gsm_coverage_count> gsm_characters;

}  // namespace trunkline::protocol::detail
