#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "protocol/text_encoding.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

struct outcome {
  encoding used;
  std::size_t units;
  std::vector<std::uint8_t> octets;
};

tl::expected<outcome, errc> encode(std::string_view text, std::optional<encoding> requested) {
  std::vector<std::uint8_t> out(text.size() * 2);
  const auto result = encode_text(text, requested, out);
  if (!result) return tl::unexpected(result.error());
  out.resize(result->octets);
  return outcome{result->used, result->units, out};
}

TEST(text_encoding, chooses_gsm_or_ucs2) {
  struct {
    const char* name;
    std::string text;
    encoding used;
    std::size_t units, octets;
  } const cases[] = {
      {"nothing", "", encoding::gsm7, 0, 0},
      {"ascii", "Hello", encoding::gsm7, 5, 5},
      {"extension", "{\xE2\x82\xAC}", encoding::gsm7, 6, 6},
      {"backtick", "a`", encoding::ucs2, 2, 4},
      {"raw escape", "a\x1B", encoding::ucs2, 2, 4},
      {"zero octet", std::string("a\0b", 3), encoding::ucs2, 3, 6},
      {"cyrillic", "\xD0\x96", encoding::ucs2, 1, 2},
      {"emoji", "\xF0\x9F\x98\x80", encoding::ucs2, 2, 4},
      {"lower-case c cedilla", "\xC3\xA7", encoding::ucs2, 1, 2},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto result = encode(c.text, automatic);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->used, c.used);
    EXPECT_EQ(result->units, c.units);
    EXPECT_EQ(result->octets.size(), c.octets);
    std::string back;
    append_text(result->octets, result->used, back);
    EXPECT_EQ(back, c.text);
  }
}

TEST(text_encoding, keeps_to_a_requested_encoding) {
  EXPECT_EQ(encode("Hello", encoding::ucs2)->octets.size(), 10U);
  EXPECT_EQ(encode("\xD0\x96", encoding::gsm7).error(), errc::cannot_encode);
  EXPECT_EQ(encode("\xC3\xA7", encoding::latin1)->octets, (std::vector<std::uint8_t>{0xE7}));
  EXPECT_EQ(encode("\xC3\xA7", encoding::ascii).error(), errc::cannot_encode);
  EXPECT_EQ(encode("\xE2\x82\xAC", encoding::latin1).error(), errc::cannot_encode);
  EXPECT_EQ(encode("\xD0\x96", encoding::cyrillic)->octets, (std::vector<std::uint8_t>{0xB6}));
  EXPECT_EQ(encode("\xD7\x90", encoding::hebrew)->octets, (std::vector<std::uint8_t>{0xE0}));
  EXPECT_EQ(encode("\xFF\x01", encoding::binary)->octets, (std::vector<std::uint8_t>{0xFF, 0x01}));
  for (const auto requested :
       {automatic, std::optional(encoding::gsm7), std::optional(encoding::latin1), std::optional(encoding::ucs2)})
    EXPECT_EQ(encode("abc\xFF", requested).error(), errc::bad_text);
}

TEST(text_encoding, says_when_there_is_no_room) {
  std::array<std::uint8_t, 3> out{};
  for (const encoding e : {encoding::gsm7, encoding::latin1, encoding::ucs2, encoding::ascii, encoding::binary,
                           encoding::cyrillic, encoding::hebrew})
    EXPECT_EQ(encode_text("abcd", e, out).error(), errc::no_space) << encoding_name(e);
  EXPECT_EQ(encode_text("abcd", automatic, out).error(), errc::no_space);
  // The first three characters fit, and the fourth makes it UCS-2: no room either way, and never cannot_encode.
  EXPECT_EQ(encode_text("abc\xD0\x96", automatic, out).error(), errc::no_space);
  std::array<char, 2> text{};
  const std::array<std::uint8_t, 3> octets{'a', 'b', 'c'};
  for (const encoding e : {encoding::gsm7, encoding::latin1, encoding::ucs2, encoding::ascii, encoding::binary})
    EXPECT_EQ(decode_text(octets, e, text).error(), errc::no_space) << encoding_name(e);
}

TEST(text_encoding, eight_bit_sets_are_one_to_one) {
  for (const encoding e : {encoding::latin1, encoding::ascii, encoding::cyrillic, encoding::hebrew}) {
    std::size_t defined = 0;
    for (unsigned octet = 0; octet < 256; ++octet) {
      const std::array<std::uint8_t, 1> in{static_cast<std::uint8_t>(octet)};
      std::string text;
      append_text(in, e, text);
      ASSERT_TRUE(valid_utf8(text));
      if (text == "\xEF\xBF\xBD") {
        EXPECT_EQ(encode(text, e).error(), errc::cannot_encode);
        continue;
      }
      ++defined;
      ASSERT_EQ(encode(text, e)->octets, (std::vector<std::uint8_t>{in[0]})) << encoding_name(e) << ' ' << octet;
    }
    EXPECT_EQ(defined, e == encoding::ascii ? 128U : e == encoding::hebrew ? 220U : 256U) << encoding_name(e);
    // And no other character slips in.
    std::size_t found = 0;
    for (char32_t value = 0; value < 0x10000; ++value) {
      std::array<char, max_utf8_octets> utf8{};
      if (is_surrogate(value)) continue;
      found += encode({utf8.data(), utf8_encode(value, utf8.data())}, e).has_value() ? 1U : 0U;
    }
    EXPECT_EQ(found, defined) << encoding_name(e);
  }
}

TEST(text_encoding, known_characters_of_the_iso_sets) {
  struct {
    encoding set;
    std::uint8_t octet;
    char32_t character;
  } const cases[] = {
      {encoding::cyrillic, 0xA1, 0x0401}, {encoding::cyrillic, 0xB0, 0x0410}, {encoding::cyrillic, 0xEF, 0x044F},
      {encoding::cyrillic, 0xF0, 0x2116}, {encoding::cyrillic, 0xF1, 0x0451}, {encoding::cyrillic, 0xFD, 0x00A7},
      {encoding::cyrillic, 0xAD, 0x00AD}, {encoding::cyrillic, 0xFF, 0x045F}, {encoding::hebrew, 0xAA, 0x00D7},
      {encoding::hebrew, 0xBA, 0x00F7},   {encoding::hebrew, 0xDF, 0x2017},   {encoding::hebrew, 0xFA, 0x05EA},
      {encoding::hebrew, 0xFD, 0x200E},   {encoding::hebrew, 0xFE, 0x200F},   {encoding::hebrew, 0xBE, 0x00BE},
      {encoding::hebrew, 0xA1, 0xFFFD},   {encoding::hebrew, 0xBF, 0xFFFD},   {encoding::hebrew, 0xFB, 0xFFFD},
      {encoding::binary, 0x41, U'A'},     {encoding::binary, 0xE9, 0xFFFD},
  };
  for (const auto& c : cases) {
    const std::array<std::uint8_t, 1> in{c.octet};
    std::string text;
    append_text(in, c.set, text);
    EXPECT_EQ(utf8_decode(text, 0).value, c.character) << encoding_name(c.set) << ' ' << int{c.octet};
  }
}

TEST(text_encoding, names) {
  for (const encoding e : {encoding::gsm7, encoding::latin1, encoding::ucs2, encoding::ascii, encoding::binary,
                           encoding::cyrillic, encoding::hebrew})
    EXPECT_EQ(find_encoding(encoding_name(e)), e);
  EXPECT_FALSE(find_encoding("auto"));
  EXPECT_EQ(encoding_name(static_cast<encoding>(99)), "unknown");
}

TEST(text_encoding, long_texts_of_the_eight_bit_sets_come_back) {
  struct {
    const char* name;
    encoding set;
    std::string text;
  } const cases[] = {
      {"ASCII throughout", encoding::ascii, "The quick brown fox jumps over the lazy dog"},
      {"a letter in every word of eight", encoding::latin1,
       "seven x\xC3\xA9 eight xx\xC3\xBC nine xxxxxxx\xC3\xB1 end of it"},
      {"two alphabets", encoding::cyrillic,
       "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82, hello hello hello \xD0\xBC\xD0\xB8\xD1\x80"},
      {"right to left", encoding::hebrew, "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D hello hello hello"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto result = encode(c.text, c.set);
    ASSERT_TRUE(result);
    std::string back;
    append_text(result->octets, c.set, back);
    EXPECT_EQ(back, c.text);
    for (std::size_t room = 0; room < result->octets.size(); ++room) {
      std::vector<std::uint8_t> out(room);
      EXPECT_EQ(encode_text(c.text, c.set, out).error(), errc::no_space);
    }
  }
  EXPECT_EQ(encode("", encoding::binary)->octets.size(), 0U);
}

TEST(text_encoding, ucs2_is_taken_when_it_needs_fewer_parts_or_fewer_bits) {
  const auto with = [](std::string_view text, gsm_languages national) {
    std::vector<std::uint8_t> out(text.size() * 2);
    return encode_text(text, {.requested = automatic, .national = national}, out)->used;
  };
  std::string text;
  for (int i = 0; i < 70; ++i) text += "\xE0\xA4\xA8";  // a letter of Hindi
  EXPECT_EQ(with(text, {}), encoding::ucs2);
  EXPECT_EQ(with(text, gsm_languages::all()), encoding::gsm7);
  // The header with the table costs 32 bits: more than one letter gains.
  EXPECT_EQ(with("\xE0\xA4\xA8", gsm_languages::all()), encoding::ucs2);
  // No table has an emoji, and one that is beyond the first plane is two units.
  EXPECT_EQ(with(text + "\xF0\x9F\x98\x80", gsm_languages::all()), encoding::ucs2);
  // Every character in the single shift table: two septets each.
  std::string pairs;
  for (int i = 0; i < 20; ++i) pairs += "\xC3\xA1";  // a with acute, Spanish has no locking table
  gsm_languages spanish;
  spanish.add(2);
  EXPECT_EQ(with(pairs, spanish), encoding::gsm7);
}

}  // namespace
}  // namespace trunkline::protocol
