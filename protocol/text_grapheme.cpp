#include "protocol/text_grapheme.hpp"

#include <algorithm>

#include "protocol/text_grapheme_table.hpp"

namespace trunkline::protocol {
namespace {

constexpr char32_t first_syllable = 0xAC00;
constexpr char32_t last_syllable = 0xD7A3;
constexpr char32_t syllables_per_vowel = 28;

bool is_control(grapheme_class c) noexcept {
  return c == grapheme_class::control || c == grapheme_class::cr || c == grapheme_class::lf;
}

/// GB6 to GB8: the jamo of one syllable.
bool joins_hangul(grapheme_class before, grapheme_class after) noexcept {
  using enum grapheme_class;
  if (before == hangul_l) return after == hangul_l || after == hangul_v || after == hangul_lv || after == hangul_lvt;
  if (before == hangul_lv || before == hangul_v) return after == hangul_v || after == hangul_t;
  return (before == hangul_lvt || before == hangul_t) && after == hangul_t;
}

}  // namespace

grapheme_class find_grapheme_class(char32_t character) noexcept {
  if (character >= U' ' && character < 0x7F) return grapheme_class::other;
  if (character >= first_syllable && character <= last_syllable)
    return (character - first_syllable) % syllables_per_vowel == 0 ? grapheme_class::hangul_lv
                                                                   : grapheme_class::hangul_lvt;
  const auto& ranges = detail::grapheme_ranges;
  const auto found = std::lower_bound(ranges.begin(), ranges.end(), character,
                                      [](const detail::grapheme_range& r, char32_t c) { return r.last < c; });
  return found != ranges.end() && found->first <= character ? found->value : grapheme_class::other;
}

grapheme_verdict grapheme_pair(grapheme_class before, grapheme_class after) noexcept {
  using enum grapheme_class;
  if (before == cr && after == lf) return grapheme_verdict::joined;                          // GB3
  if (is_control(before) || is_control(after)) return grapheme_verdict::boundary;            // GB4, GB5
  if (joins_hangul(before, after)) return grapheme_verdict::joined;                          // GB6 to GB8
  if (after == extend || after == zwj || after == spacing) return grapheme_verdict::joined;  // GB9, GB9a
  if (before == prepend) return grapheme_verdict::joined;                                    // GB9b
  if (before == zwj && after == pictographic) return grapheme_verdict::depends;              // GB11
  if (before == regional && after == regional) return grapheme_verdict::depends;             // GB12, GB13
  return grapheme_verdict::boundary;                                                         // GB999
}

bool grapheme_breaker::begins_cluster(char32_t character) noexcept {
  const grapheme_class now = find_grapheme_class(character);
  bool begins = true;
  if (started_) {
    const grapheme_verdict verdict = grapheme_pair(last_, now);
    begins = verdict == grapheme_verdict::boundary;
    if (verdict == grapheme_verdict::depends)
      begins = now == grapheme_class::regional ? !odd_regional_ : emoji_ != emoji::joined;
  }
  odd_regional_ = now == grapheme_class::regional && !(last_ == grapheme_class::regional && odd_regional_);
  if (now == grapheme_class::pictographic) {
    emoji_ = emoji::base;
  } else if (now == grapheme_class::zwj && emoji_ == emoji::base) {
    emoji_ = emoji::joined;
  } else if (now != grapheme_class::extend || emoji_ != emoji::base) {
    emoji_ = emoji::none;
  }
  started_ = true;
  last_ = now;
  return begins;
}

}  // namespace trunkline::protocol
