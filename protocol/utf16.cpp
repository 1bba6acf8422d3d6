// ASCII runs go through the vector kernel; everything else one code point at a time.
#include "protocol/utf16.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/gsm_kernel.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

inline void put_unit(std::uint8_t* out, char32_t unit) noexcept {
  out[0] = static_cast<std::uint8_t>(unit >> 8);
  out[1] = static_cast<std::uint8_t>(unit & 0xFF);
}

}  // namespace

tl::expected<std::size_t, errc> encode_utf16be(std::string_view utf8, std::span<std::uint8_t> out) noexcept {
  const auto* const in = reinterpret_cast<const std::uint8_t*>(utf8.data());
  std::size_t at = 0;
  std::size_t written = 0;
  while (at < utf8.size()) {
    const std::size_t left = utf8.size() - at;
    const std::size_t room = out.size() - written;
    if (in[at] < 0x80 && (left < 2 || in[at + 1] < 0x80)) {
      const std::size_t run = detail::widen_ascii(in + at, std::min(left, room / 2), out.data() + written);
      if (run == 0) return tl::unexpected(errc::no_space);
      at += run;
      written += 2 * run;
      continue;
    }
    // Cyrillic, Greek, Arabic, Hebrew: two octets a character, with lone spaces between the words.
    while (at + 2 <= utf8.size() && written + 2 <= out.size()) {
      if (in[at] < 0x80) {
        if (in[at + 1] < 0x80) break;
        put_unit(&out[written], in[at++]);
      } else {
        if (in[at] < 0xC2 || in[at] > 0xDF || (in[at + 1] & 0xC0) != 0x80) break;
        put_unit(&out[written], static_cast<char32_t>((in[at] & 0x1FU) << 6 | (in[at + 1] & 0x3FU)));
        at += 2;
      }
      written += 2;
    }
    if (at == utf8.size()) break;
    if (in[at] < 0x80) {
      if (out.size() - written < 2) return tl::unexpected(errc::no_space);
      continue;
    }
    const utf8_step step = utf8_decode(utf8, at);
    if (!step.valid) return tl::unexpected(errc::bad_text);
    const std::size_t size = step.value > 0xFFFF ? 4 : 2;
    if (out.size() - written < size) return tl::unexpected(errc::no_space);
    if (size == 2) {
      put_unit(&out[written], step.value);
    } else {
      put_unit(&out[written], 0xD800 + ((step.value - 0x10000) >> 10));
      put_unit(&out[written + 2], 0xDC00 + ((step.value - 0x10000) & 0x3FF));
    }
    written += size;
    at += step.length;
  }
  return written;
}

tl::expected<std::size_t, errc> decode_utf16be(std::span<const std::uint8_t> octets, std::span<char> out) noexcept {
  const std::size_t units = octets.size() / 2;
  const auto unit = [&](std::size_t i) { return static_cast<char32_t>(octets[2 * i] << 8 | octets[2 * i + 1]); };
  std::size_t at = 0;
  std::size_t written = 0;
  const auto put = [&](char32_t character) {
    std::array<char, max_utf8_octets> utf8{};
    const std::size_t size = utf8_encode(character, utf8.data());
    if (out.size() - written < size) return false;
    std::memcpy(out.data() + written, utf8.data(), size);
    written += size;
    return true;
  };
  while (at < units) {
    char32_t character = unit(at);
    if (character < 0x80 && (at + 1 == units || unit(at + 1) < 0x80)) {
      const std::size_t limit = std::min(units - at, out.size() - written);
      const std::size_t run =
          detail::narrow_ascii(octets.data() + 2 * at, limit, reinterpret_cast<std::uint8_t*>(out.data()) + written);
      if (run == 0) return tl::unexpected(errc::no_space);
      at += run;
      written += run;
      continue;
    }
    // As in encode_utf16be: what takes two octets, with lone spaces between the words.
    while (character < 0x800 && out.size() - written >= 2) {
      if (character < 0x80) {
        if (at + 1 < units && unit(at + 1) < 0x80) break;
        out[written++] = static_cast<char>(character);
      } else {
        out[written++] = static_cast<char>(0xC0 | character >> 6);
        out[written++] = static_cast<char>(0x80 | (character & 0x3F));
      }
      if (++at == units) break;
      character = unit(at);
    }
    if (at == units) break;
    if (character < 0x800 && out.size() - written >= 2) continue;
    ++at;
    if (is_high_surrogate(character) && at < units && is_low_surrogate(unit(at))) {
      character = 0x10000 + ((character - 0xD800) << 10) + (unit(at) - 0xDC00);
      ++at;
    }
    if (!put(character)) return tl::unexpected(errc::no_space);
  }
  if (octets.size() % 2 != 0 && !put(replacement_character)) return tl::unexpected(errc::no_space);
  return written;
}

}  // namespace trunkline::protocol
