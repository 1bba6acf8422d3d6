#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace trunkline::engine {

/// How many octets at the beginning need no escape, by eights: a lower bound.
inline std::size_t plain_json_octets(std::string_view text) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = 0x8080808080808080;
  // The top bit of each octet that is zero. An octet behind such a one may be named wrongly; the first never is.
  const auto zero_octets = [](std::uint64_t v) { return (v - ones) & ~v & tops; };
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t v = 0;
    std::memcpy(&v, text.data() + at, 8);
    const std::uint64_t control = (v - ones * 0x20) & ~v & tops;
    if ((control | zero_octets(v ^ (ones * '"')) | zero_octets(v ^ (ones * '\\')) | zero_octets(v ^ (ones * 0x7f))) !=
        0)
      break;
  }
  return at;
}

/// Appends `text` (UTF-8) as a JSON string, quotes included.
inline void append_json(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t plain = 0;
  for (std::size_t i = plain_json_octets(text); i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
    out.append(text.data() + plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      default: {
        static constexpr char hex[] = "0123456789abcdef";
        out.append("\\u00");
        out.push_back(hex[c >> 4U]);
        out.push_back(hex[c & 15U]);
      }
    }
  }
  out.append(text.data() + plain, text.size() - plain);
  out.push_back('"');
}

/// Appends a number in decimal.
template <class Integer>
void append_number(std::string& out, Integer value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

/// Appends octets as lower-case hexadecimal.
inline void append_hex(std::string& out, const std::uint8_t* octets, std::size_t size) {
  static constexpr char hex[] = "0123456789abcdef";
  const std::size_t at = out.size();
  out.resize(at + 2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    out[at + 2 * i] = hex[octets[i] >> 4U];
    out[at + 2 * i + 1] = hex[octets[i] & 15U];
  }
}

}  // namespace trunkline::engine
