#include "protocol/text_smart.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

/// Characters `first` to `last` that one text replaces.
struct range {
  char16_t first;
  char16_t last;
  std::string_view text;
};

// Sorted. Three octets of UTF-8 (from U+0800 on) leave room for three characters, two octets for two.
constexpr std::array ranges{
    range{0x0060, 0x0060, "'"},    // grave accent
    range{0x00A0, 0x00A0, " "},    // no-break space
    range{0x00AB, 0x00AB, "\""},   // left guillemet
    range{0x00AD, 0x00AD, ""},     // soft hyphen
    range{0x00B4, 0x00B4, "'"},    // acute accent
    range{0x00BB, 0x00BB, "\""},   // right guillemet
    range{0x02B9, 0x02B9, "'"},    // prime as a letter
    range{0x02BA, 0x02BA, "\""},   // double prime as a letter
    range{0x02BB, 0x02BD, "'"},    // commas as letters
    range{0x02C6, 0x02C6, "^"},    // circumflex as a letter
    range{0x02C8, 0x02C8, "'"},    // vertical line as a letter
    range{0x02DC, 0x02DC, "~"},    // small tilde
    range{0x1680, 0x1680, " "},    // ogham space
    range{0x180E, 0x180E, ""},     // Mongolian vowel separator
    range{0x2000, 0x200A, " "},    // spaces by width
    range{0x200B, 0x200B, ""},     // zero width space
    range{0x2010, 0x2015, "-"},    // hyphens and dashes
    range{0x2018, 0x201B, "'"},    // single quotes
    range{0x201C, 0x201F, "\""},   // double quotes
    range{0x2022, 0x2022, "-"},    // bullet
    range{0x2024, 0x2024, "."},    // one dot leader
    range{0x2025, 0x2025, ".."},   // two dot leader
    range{0x2026, 0x2026, "..."},  // ellipsis
    range{0x2027, 0x2027, "-"},    // hyphenation point
    range{0x2028, 0x2029, "\n"},   // line and paragraph separator
    range{0x202A, 0x202E, ""},     // directional embeddings
    range{0x202F, 0x202F, " "},    // narrow no-break space
    range{0x2032, 0x2032, "'"},    // prime
    range{0x2033, 0x2033, "\""},   // double prime
    range{0x2035, 0x2035, "'"},    // reversed prime
    range{0x2036, 0x2036, "\""},   // reversed double prime
    range{0x2039, 0x2039, "<"},    // single guillemets
    range{0x203A, 0x203A, ">"},    //
    range{0x203C, 0x203C, "!!"},   // double exclamation mark
    range{0x2043, 0x2043, "-"},    // hyphen bullet
    range{0x2044, 0x2044, "/"},    // fraction slash
    range{0x205F, 0x205F, " "},    // mathematical space
    range{0x2060, 0x2060, ""},     // word joiner
    range{0x2066, 0x2069, ""},     // directional isolates
    range{0x2212, 0x2212, "-"},    // minus
    range{0x2215, 0x2215, "/"},    // division slash
    range{0x2216, 0x2216, "\\"},   // set minus
    range{0x2217, 0x2217, "*"},    // asterisk operator
    range{0x2223, 0x2223, "|"},    // divides
    range{0x2236, 0x2236, ":"},    // ratio
    range{0x223C, 0x223C, "~"},    // tilde operator
    range{0x3000, 0x3000, " "},    // ideographic space
    range{0xFE50, 0xFE50, ","},    // small comma
    range{0xFE52, 0xFE52, "."},    // small full stop
    range{0xFE58, 0xFE58, "-"},    // small em dash
    range{0xFE63, 0xFE63, "-"},    // small hyphen-minus
    range{0xFEFF, 0xFEFF, ""},     // byte order mark, zero width no-break space
};
static_assert(std::is_sorted(ranges.begin(), ranges.end(),
                             [](const range& a, const range& b) { return a.last < b.first; }));
static_assert(std::all_of(ranges.begin(), ranges.end(), [](const range& r) {
  return r.text.size() <= (r.first < 0x80 ? 1U : r.first < 0x800 ? 2U : 3U);
}));

constexpr char32_t first_full_width = 0xFF01;  // U+0021 to U+007E once more
constexpr char32_t last_full_width = 0xFF5E;
constexpr auto ascii = [] {
  std::array<char, last_full_width - first_full_width + 1> characters{};
  for (std::size_t i = 0; i < characters.size(); ++i) characters[i] = static_cast<char>('!' + i);
  characters['`' - '!'] = '\'';  // which GSM lacks
  return characters;
}();

}  // namespace

smart_replacement find_smart_replacement(char32_t character) noexcept {
  if (character < 0x80 && character != U'`') return {};
  if (character >= first_full_width && character <= last_full_width)
    return {true, std::string_view(&ascii[character - first_full_width], 1)};
  const auto found = std::lower_bound(ranges.begin(), ranges.end(), character,
                                      [](const range& r, char32_t wanted) { return r.last < wanted; });
  if (found == ranges.end() || found->first > character) return {};
  return {true, found->text};
}

tl::expected<smart_result, errc> replace_smart(std::string_view utf8, std::span<char> out) noexcept {
  smart_result result;
  for (std::size_t at = 0; at < utf8.size();) {
    const utf8_step step = utf8_decode(utf8, at);
    if (!step.valid) return tl::unexpected(errc::bad_text);
    const smart_replacement smart = find_smart_replacement(step.value);
    const std::string_view text = smart.replaced ? smart.text : utf8.substr(at, step.length);
    if (out.size() - result.octets < text.size()) return tl::unexpected(errc::no_space);
    if (!text.empty()) std::memmove(out.data() + result.octets, text.data(), text.size());
    result.octets += text.size();
    result.replacements += smart.replaced ? 1 : 0;
    at += step.length;
  }
  return result;
}

}  // namespace trunkline::protocol
