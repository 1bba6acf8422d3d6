#pragma once

#include <array>
#include <cstddef>

#include "protocol/text_grapheme.hpp"

namespace trunkline::protocol::detail {

/// Code points of one class; what no range holds is `other` or a Hangul syllable.
struct grapheme_range {
  char32_t first;
  char32_t last;
  grapheme_class value;
};

inline constexpr std::size_t grapheme_range_count = 651;
/// Sorted, without overlap. Written by deploy/tools/generate_graphemes.py.
extern const std::array<grapheme_range, grapheme_range_count> grapheme_ranges;

}  // namespace trunkline::protocol::detail
