#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <tl/expected.hpp>

#include "protocol/errc.hpp"

// Replaces what word processors put into a text and what alone would make it UCS-2: typographic quotes, dashes,
// ellipsis, odd spaces, invisible characters, full-width forms. Letters are never changed.
namespace trunkline::protocol {

/// What stands for `character` in a text that is to be GSM 7-bit: up to three characters, possibly none (invisible
/// ones).
struct smart_replacement {
  bool replaced = false;
  std::string_view text;  ///< ASCII, static storage; meaningful when `replaced`
};
[[nodiscard]] smart_replacement find_smart_replacement(char32_t character) noexcept;

struct smart_result {
  std::size_t octets = 0;        ///< written to `out`
  std::size_t replacements = 0;  ///< characters that were replaced; 0: the text is as it was
};

/// Writes `utf8` with its replacements to `out`. `utf8.size()` octets always suffice: no replacement is longer than
/// what it replaces. `out` may be the text itself: replacing in place is fine. Errors: bad_text, no_space.
[[nodiscard]] tl::expected<smart_result, errc> replace_smart(std::string_view utf8, std::span<char> out) noexcept;

}  // namespace trunkline::protocol
