#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "protocol/utf16.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

TEST(utf8, round_trips_every_scalar_value) {
  for (char32_t value = 0; value <= 0x10FFFF; ++value) {
    std::array<char, max_utf8_octets> octets{};
    const std::size_t size = utf8_encode(value, octets.data());
    const utf8_step step = utf8_decode({octets.data(), size}, 0);
    ASSERT_TRUE(step.valid);
    ASSERT_EQ(step.length, size);
    ASSERT_EQ(step.value, is_surrogate(value) ? replacement_character : value);
    for (std::size_t cut = 1; cut < size; ++cut) {
      const utf8_step torn = utf8_decode({octets.data(), cut}, 0);
      ASSERT_FALSE(torn.valid);
      ASSERT_EQ(torn.length, cut == 3 ? 3U : cut);
    }
  }
  std::array<char, max_utf8_octets> octets{};
  EXPECT_EQ(std::string(octets.data(), utf8_encode(0x110000, octets.data())), "\xEF\xBF\xBD");
}

TEST(utf8, refuses_what_is_ill_formed) {
  struct {
    const char* name;
    std::string text;
    std::size_t valid_prefix, length;
  } const cases[] = {
      {"stray continuation", "a\x80", 1, 1},
      {"overlong slash", "\xC0\xAF", 0, 1},
      {"overlong in three", "\xE0\x80\xAF", 0, 1},
      {"overlong in four", "\xF0\x80\x80\xAF", 0, 1},
      {"surrogate", "\xED\xA0\x80", 0, 1},
      {"beyond U+10FFFF", "\xF4\x90\x80\x80", 0, 1},
      {"F5", "\xF5\x80\x80\x80", 0, 1},
      {"two of three", "ab\xE2\x82", 2, 2},
      {"two of three, then ASCII", "ab\xE2\x82x", 2, 2},
      {"three of four", "\xF0\x9F\x98", 0, 3},
      {"lead, then lead", "\xC3\xC3", 0, 1},
  };
  for (const auto& c : cases) {
    EXPECT_FALSE(valid_utf8(c.text)) << c.name;
    EXPECT_EQ(valid_utf8_prefix(c.text), c.valid_prefix) << c.name;
    EXPECT_EQ(utf8_decode(c.text, c.valid_prefix).length, c.length) << c.name;
  }
  EXPECT_TRUE(valid_utf8(""));
  EXPECT_TRUE(valid_utf8("\xF0\x9F\x98\x80 ok"));
}

std::vector<std::uint8_t> encode(std::string_view text) {
  std::vector<std::uint8_t> out(text.size() * 2);
  out.resize(encode_utf16be(text, out).value());
  return out;
}

std::string decode(std::span<const std::uint8_t> octets) {
  std::string out(utf16be_utf8_bound(octets.size()), '\0');
  out.resize(decode_utf16be(octets, out).value());
  return out;
}

TEST(utf16, round_trips_every_scalar_value_among_ascii) {
  for (char32_t value = 0; value <= 0x10FFFF; value += value < 0x11000 ? 1 : 251) {
    if (is_surrogate(value)) continue;
    std::array<char, max_utf8_octets> octets{};
    std::string text(value % 40, 'a');
    text.append(octets.data(), utf8_encode(value, octets.data()));
    text.append(value % 37, 'b');
    const auto units = encode(text);
    ASSERT_EQ(units.size(), 2 * (value % 40 + value % 37 + (value > 0xFFFF ? 2 : 1)));
    ASSERT_EQ(decode(units), text);
    std::vector<std::uint8_t> small(units.size() - 1);
    ASSERT_EQ(encode_utf16be(text, small).error(), errc::no_space);
    std::string short_text(text.size() - 1, '\0');
    ASSERT_EQ(decode_utf16be(units, short_text).error(), errc::no_space);
  }
}

TEST(utf16, writes_big_endian) {
  EXPECT_EQ(encode("A\xD0\x96\xF0\x9F\x98\x80"),
            (std::vector<std::uint8_t>{0x00, 0x41, 0x04, 0x16, 0xD8, 0x3D, 0xDE, 0x00}));
}

TEST(utf16, replaces_lone_surrogates_and_odd_octets) {
  struct {
    const char* name;
    std::vector<std::uint8_t> octets;
    const char* text;
  } const cases[] = {
      {"lone high",
       {0xD8, 0x3D, 0x00, 0x41},
       "\xEF\xBF\xBD"
       "A"},
      {"lone low",
       {0xDE, 0x00, 0x00, 0x41},
       "\xEF\xBF\xBD"
       "A"},
      {"high at the end", {0x00, 0x41, 0xD8, 0x3D}, "A\xEF\xBF\xBD"},
      {"high twice, then low", {0xD8, 0x3D, 0xD8, 0x3D, 0xDE, 0x00}, "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
      {"odd octet", {0x00, 0x41, 0x00}, "A\xEF\xBF\xBD"},
      {"one octet", {0xD8}, "\xEF\xBF\xBD"},
      {"nothing", {}, ""},
  };
  for (const auto& c : cases) EXPECT_EQ(decode(c.octets), c.text) << c.name;
  std::array<std::uint8_t, 8> out{};
  EXPECT_EQ(encode_utf16be("a\xC3", out).error(), errc::bad_text);
  std::array<char, 2> small{};
  const std::array<std::uint8_t, 1> odd{0x41};
  EXPECT_EQ(decode_utf16be(odd, small).error(), errc::no_space);
}

}  // namespace
}  // namespace trunkline::protocol
