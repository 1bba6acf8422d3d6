#include <gtest/gtest.h>

#include <array>
#include <string>

#include "protocol/gsm_alphabet.hpp"
#include "protocol/text_smart.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

TEST(text_smart, replaces_what_word_processors_write) {
  struct {
    const char* name;
    std::string text, expected;
    std::size_t replacements;
  } const cases[] = {
      {"nothing to do", "plain \xC3\xA9 text", "plain \xC3\xA9 text", 0},
      {"quotes",
       "\xE2\x80\x9CHi\xE2\x80\x9D \xE2\x80\x98you\xE2\x80\x99 \xC2\xAB"
       "a\xC2\xBB",
       "\"Hi\" 'you' \"a\"", 6},
      {"dashes and ellipsis",
       "a\xE2\x80\x93"
       "b\xE2\x80\x94"
       "c\xE2\x80\xA6",
       "a-b-c...", 3},
      {"spaces",
       "a\xC2\xA0"
       "b\xE2\x80\xAF"
       "c\xE3\x80\x80"
       "d",
       "a b c d", 3},
      {"invisible",
       "a\xE2\x80\x8B"
       "b\xEF\xBB\xBF"
       "c\xC2\xAD",
       "abc", 3},
      {"full width", "\xEF\xBC\xA1\xEF\xBC\x91\xEF\xBD\x80", "A1'", 3},
      {"emoji joiners are left alone", "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9",
       "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9", 0},
      {"letters are left alone", "\xC3\xA7\xD0\x96", "\xC3\xA7\xD0\x96", 0},
      {"backtick", "`", "'", 1},
      {"nothing", "", "", 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::string out(c.text.size(), '\0');
    const auto result = replace_smart(c.text, out);
    ASSERT_TRUE(result);
    out.resize(result->octets);
    EXPECT_EQ(out, c.expected);
    EXPECT_EQ(result->replacements, c.replacements);
    std::string in_place = c.text;
    const auto again = replace_smart(in_place, in_place);
    ASSERT_TRUE(again);
    in_place.resize(again->octets);
    EXPECT_EQ(in_place, c.expected);
  }
}

TEST(text_smart, every_replacement_is_gsm_and_no_longer) {
  std::size_t count = 0;
  for (char32_t character = 0; character <= 0x10FFFF; ++character) {
    const auto smart = find_smart_replacement(character);
    if (!smart.replaced) continue;
    ++count;
    std::array<char, max_utf8_octets> utf8{};
    EXPECT_LE(smart.text.size(), utf8_encode(character, utf8.data()));
    EXPECT_TRUE(gsm_septets(smart.text));
    EXPECT_EQ(find_gsm_code(character).septets, 0) << "a GSM character must not be replaced";
  }
  EXPECT_GT(count, 150U);
}

TEST(text_smart, errors) {
  std::array<char, 2> out{};
  EXPECT_EQ(replace_smart("abc", out).error(), errc::no_space);
  EXPECT_EQ(replace_smart("a\xFF", out).error(), errc::bad_text);
}

}  // namespace
}  // namespace trunkline::protocol
