// The default alphabet by table: one array from septet to character, and from it, at compile time, the way back for the
// two ranges in which its characters lie (below U+0100, and Greek). The euro sign is the only character outside of
// both.
#include "protocol/gsm_alphabet.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/gsm_kernel.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

constexpr std::array<char16_t, 128> main_table{
    0x0040, 0x00A3, 0x0024, 0x00A5, 0x00E8, 0x00E9, 0x00F9, 0x00EC, 0x00F2, 0x00C7, 0x000A, 0x00D8, 0x00F8,
    0x000D, 0x00C5, 0x00E5, 0x0394, 0x005F, 0x03A6, 0x0393, 0x039B, 0x03A9, 0x03A0, 0x03A8, 0x03A3, 0x0398,
    0x039E, 0x00A0, 0x00C6, 0x00E6, 0x00DF, 0x00C9, 0x0020, 0x0021, 0x0022, 0x0023, 0x00A4, 0x0025, 0x0026,
    0x0027, 0x0028, 0x0029, 0x002A, 0x002B, 0x002C, 0x002D, 0x002E, 0x002F, 0x0030, 0x0031, 0x0032, 0x0033,
    0x0034, 0x0035, 0x0036, 0x0037, 0x0038, 0x0039, 0x003A, 0x003B, 0x003C, 0x003D, 0x003E, 0x003F, 0x00A1,
    0x0041, 0x0042, 0x0043, 0x0044, 0x0045, 0x0046, 0x0047, 0x0048, 0x0049, 0x004A, 0x004B, 0x004C, 0x004D,
    0x004E, 0x004F, 0x0050, 0x0051, 0x0052, 0x0053, 0x0054, 0x0055, 0x0056, 0x0057, 0x0058, 0x0059, 0x005A,
    0x00C4, 0x00D6, 0x00D1, 0x00DC, 0x00A7, 0x00BF, 0x0061, 0x0062, 0x0063, 0x0064, 0x0065, 0x0066, 0x0067,
    0x0068, 0x0069, 0x006A, 0x006B, 0x006C, 0x006D, 0x006E, 0x006F, 0x0070, 0x0071, 0x0072, 0x0073, 0x0074,
    0x0075, 0x0076, 0x0077, 0x0078, 0x0079, 0x007A, 0x00E4, 0x00F6, 0x00F1, 0x00FC, 0x00E0};

struct extension {
  std::uint8_t code;
  char16_t character;
};
constexpr std::array<extension, 10> extensions{{{0x0A, 0x000C},
                                                {0x14, 0x005E},
                                                {0x28, 0x007B},
                                                {0x29, 0x007D},
                                                {0x2F, 0x005C},
                                                {0x3C, 0x005B},
                                                {0x3D, 0x007E},
                                                {0x3E, 0x005D},
                                                {0x40, 0x007C},
                                                {0x65, 0x20AC}}};
constexpr char32_t euro_sign = 0x20AC;
constexpr std::uint8_t euro_code = 0x65;

constexpr std::array<char16_t, 128> extension_table = [] {
  std::array<char16_t, 128> table = main_table;
  table[gsm_escape] = u' ';
  for (const extension& e : extensions) table[e.code] = e.character;
  return table;
}();

// From character to code: a septet, escaped_bit | code, or no_code.
constexpr std::uint8_t no_code = 0xFF;
constexpr std::uint8_t escaped_bit = 0x80;
constexpr char32_t greek_first = 0x0393;
constexpr char32_t greek_last = 0x03A9;

template <std::size_t Size>
constexpr std::array<std::uint8_t, Size> reverse(char32_t first) {
  std::array<std::uint8_t, Size> table{};
  for (auto& code : table) code = no_code;
  for (std::size_t septet = 0; septet < main_table.size(); ++septet) {
    const char32_t at = main_table[septet] - first;
    if (septet != gsm_escape && main_table[septet] >= first && at < Size) table[at] = static_cast<std::uint8_t>(septet);
  }
  for (const extension& e : extensions) {
    const char32_t at = e.character - first;
    if (e.character >= first && at < Size) table[at] = static_cast<std::uint8_t>(e.code | escaped_bit);
  }
  return table;
}
constexpr auto latin_codes = reverse<256>(0);
constexpr auto greek_codes = reverse<greek_last - greek_first + 1>(greek_first);

constexpr std::uint8_t find_code(char32_t character) noexcept {
  if (character < latin_codes.size()) return latin_codes[character];
  if (character >= greek_first && character <= greek_last) return greek_codes[character - greek_first];
  return character == euro_sign ? std::uint8_t{euro_code | escaped_bit} : no_code;
}

const std::uint8_t* octets_of(std::string_view text) noexcept {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

}  // namespace

gsm_code find_gsm_code(char32_t character) noexcept {
  const std::uint8_t code = find_code(character);
  if (code == no_code) return {};
  if ((code & escaped_bit) != 0) return {2, static_cast<std::uint8_t>(code & 0x7F)};
  return {1, code};
}

char32_t gsm_character(std::uint8_t septet) noexcept { return main_table[septet & 0x7F]; }
char32_t gsm_extension_character(std::uint8_t septet) noexcept { return extension_table[septet & 0x7F]; }

std::optional<std::size_t> gsm_septets(std::string_view utf8) noexcept {
  std::size_t septets = 0;
  for (std::size_t at = 0; at < utf8.size();) {
    const utf8_step step = utf8_decode(utf8, at);
    const std::uint8_t code = step.valid ? find_code(step.value) : no_code;
    if (code == no_code) return std::nullopt;
    septets += (code & escaped_bit) != 0 ? 2 : 1;
    at += step.length;
  }
  return septets;
}

tl::expected<std::size_t, errc> encode_gsm7(std::string_view utf8, std::span<std::uint8_t> out) noexcept {
  const std::uint8_t* const in = octets_of(utf8);
  std::size_t at = 0;
  std::size_t written = 0;
  for (;;) {
    const std::size_t limit = std::min(utf8.size() - at, out.size() - written);
    const std::size_t run = detail::copy_common(in + at, limit, out.data() + written);
    at += run;
    written += run;
    // What stopped the run is written here, as long as special characters follow each other.
    do {
      if (at == utf8.size()) return written;
      const utf8_step step = utf8_decode(utf8, at);
      if (!step.valid) return tl::unexpected(errc::bad_text);
      const std::uint8_t code = find_code(step.value);
      if (code == no_code) return tl::unexpected(errc::cannot_encode);
      const std::size_t septets = (code & escaped_bit) != 0 ? 2 : 1;
      if (out.size() - written < septets) return tl::unexpected(errc::no_space);
      if (septets == 2) out[written++] = gsm_escape;
      out[written++] = code & 0x7F;
      at += step.length;
    } while (at < utf8.size() && in[at] >= 0x80);
  }
}

tl::expected<std::size_t, errc> decode_gsm7(std::span<const std::uint8_t> septets, std::span<char> out) noexcept {
  std::size_t at = 0;
  std::size_t written = 0;
  for (;;) {
    const std::size_t limit = std::min(septets.size() - at, out.size() - written);
    const std::size_t run =
        detail::copy_common(septets.data() + at, limit, reinterpret_cast<std::uint8_t*>(out.data()) + written);
    at += run;
    written += run;
    if (at == septets.size()) return written;

    const std::uint8_t septet = septets[at++];
    char32_t character = replacement_character;
    if (septet == gsm_escape) {
      character = U' ';
      if (at < septets.size()) {
        character = septets[at] < 0x80 ? extension_table[septets[at]] : replacement_character;
        ++at;
      }
    } else if (septet < 0x80) {
      character = main_table[septet];
    }
    std::array<char, max_utf8_octets> utf8{};
    const std::size_t size = utf8_encode(character, utf8.data());
    if (out.size() - written < size) return tl::unexpected(errc::no_space);
    std::memcpy(out.data() + written, utf8.data(), size);
    written += size;
  }
}

}  // namespace trunkline::protocol
