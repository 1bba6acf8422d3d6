#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// UTF-8 one code point at a time. Everything in the engine is UTF-8; the wire's alphabets are met only in
// text_encoding.
namespace trunkline::protocol {

/// What stands for anything that is not a Unicode scalar value.
inline constexpr char32_t replacement_character = 0xFFFD;
/// The most octets that utf8_encode writes.
inline constexpr std::size_t max_utf8_octets = 4;

/// One step of utf8_decode. `length` is how far to go on and is never 0, so that a decoding loop always ends.
struct utf8_step {
  char32_t value = replacement_character;
  std::uint8_t length = 1;
  bool valid = false;
};

constexpr bool is_surrogate(char32_t value) noexcept { return value >= 0xD800 && value <= 0xDFFF; }
constexpr bool is_high_surrogate(char32_t unit) noexcept { return unit >= 0xD800 && unit <= 0xDBFF; }
constexpr bool is_low_surrogate(char32_t unit) noexcept { return unit >= 0xDC00 && unit <= 0xDFFF; }
/// Whether `value` may stand in UTF-8 (Unicode, D76: neither a surrogate nor beyond U+10FFFF).
constexpr bool is_scalar_value(char32_t value) noexcept { return value <= 0x10FFFF && !is_surrogate(value); }

/// Reads the code point at `text[at]`; `at < text.size()`. Overlong forms, surrogates, values beyond U+10FFFF, stray
/// and missing continuation octets give `valid == false`, U+FFFD, and the length of the maximal ill-formed part
/// (Unicode, 3.9).
constexpr utf8_step utf8_decode(std::string_view text, std::size_t at) noexcept {
  const auto octet = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const std::size_t left = text.size() - at;
  const std::uint8_t first = octet(0);
  if (first < 0x80) return {first, 1, true};
  if (first < 0xC2 || first > 0xF4) return {};
  const auto tail = [](std::uint8_t o) { return (o & 0xC0) == 0x80; };
  if (left < 2) return {};
  const std::uint8_t second = octet(1);
  if (first < 0xE0) {
    if (!tail(second)) return {};
    return {static_cast<char32_t>((first & 0x1FU) << 6 | (second & 0x3FU)), 2, true};
  }
  // The second octet's range rules out overlong forms (E0, F0), surrogates (ED) and values beyond U+10FFFF (F4).
  const std::uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const std::uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (second < low || second > high) return {};
  if (left < 3 || !tail(octet(2))) return {replacement_character, 2, false};
  const char32_t upper = static_cast<char32_t>((second & 0x3FU) << 6 | (octet(2) & 0x3FU));
  if (first < 0xF0) return {static_cast<char32_t>((first & 0x0FU) << 12) | upper, 3, true};
  if (left < 4 || !tail(octet(3))) return {replacement_character, 3, false};
  return {static_cast<char32_t>((first & 0x07U) << 18) | upper << 6 | (octet(3) & 0x3FU), 4, true};
}

/// Writes `value` at `out` (room for max_utf8_octets) and returns how many octets it took. What is not a scalar value
/// is written as U+FFFD: nothing of ours ever emits invalid UTF-8.
constexpr std::size_t utf8_encode(char32_t value, char* out) noexcept {
  if (!is_scalar_value(value)) value = replacement_character;
  const auto octet = [](char32_t bits) { return static_cast<char>(static_cast<std::uint8_t>(bits)); };
  if (value < 0x80) {
    out[0] = octet(value);
    return 1;
  }
  if (value < 0x800) {
    out[0] = octet(0xC0 | value >> 6);
    out[1] = octet(0x80 | (value & 0x3F));
    return 2;
  }
  if (value < 0x10000) {
    out[0] = octet(0xE0 | value >> 12);
    out[1] = octet(0x80 | (value >> 6 & 0x3F));
    out[2] = octet(0x80 | (value & 0x3F));
    return 3;
  }
  out[0] = octet(0xF0 | value >> 18);
  out[1] = octet(0x80 | (value >> 12 & 0x3F));
  out[2] = octet(0x80 | (value >> 6 & 0x3F));
  out[3] = octet(0x80 | (value & 0x3F));
  return 4;
}

/// How many octets of `text`, from its start, are valid UTF-8; `text.size()` when all of it is.
constexpr std::size_t valid_utf8_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    const utf8_step step = utf8_decode(text, at);
    if (!step.valid) break;
    at += step.length;
  }
  return at;
}

constexpr bool valid_utf8(std::string_view text) noexcept { return valid_utf8_prefix(text) == text.size(); }

}  // namespace trunkline::protocol
