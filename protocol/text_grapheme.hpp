#pragma once

#include <cstdint>

// What people see as one character (Unicode Standard Annex 29, extended grapheme clusters, version 15.0): an emoji of
// several code points, a flag, a letter with its marks.
namespace trunkline::protocol {

/// Grapheme_Cluster_Break, with Extended_Pictographic as one more value.
enum class grapheme_class : std::uint8_t {
  other,
  cr,
  lf,
  control,
  extend,
  zwj,
  regional,
  prepend,
  spacing,
  hangul_l,
  hangul_v,
  hangul_t,
  hangul_lv,
  hangul_lvt,
  pictographic,
};

[[nodiscard]] grapheme_class find_grapheme_class(char32_t character) noexcept;

/// What two neighbours say about the boundary between them.
enum class grapheme_verdict : std::uint8_t { boundary, joined, depends };

/// The rules of UAX 29 that need only two classes; `depends` where what stands before decides (flags, joined emoji).
[[nodiscard]] grapheme_verdict grapheme_pair(grapheme_class before, grapheme_class after) noexcept;

/// Finds boundaries in a text that is fed to it code point by code point.
class grapheme_breaker {
 public:
  /// Whether a cluster begins with `character`, which is the next one. True for the first one.
  bool begins_cluster(char32_t character) noexcept;

 private:
  enum class emoji : std::uint8_t { none, base, joined };  // seen so far: a pictograph and extenders, then a joiner

  bool started_ = false;
  bool odd_regional_ = false;
  emoji emoji_ = emoji::none;
  grapheme_class last_ = grapheme_class::other;
};

}  // namespace trunkline::protocol
