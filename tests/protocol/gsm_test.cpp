// The default alphabet against the rows of gsm0338.csv, and the vector kernel against the plain one.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "protocol/gsm_alphabet.hpp"
#include "protocol/gsm_kernel.hpp"
#include "protocol/gsm_packing.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

struct row {
  bool shift;
  std::uint8_t code;
  char32_t character;
};

std::vector<row> read_rows() {
  std::ifstream in(std::string(TRUNKLINE_TEST_DATA) + "/gsm0338.csv");
  std::vector<row> rows;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream cells(line);
    std::array<std::string, 5> cell;
    for (auto& c : cell) std::getline(cells, c, ',');
    if (cell[3] == "1B") continue;
    rows.push_back({cell[0] == "shift", static_cast<std::uint8_t>(std::stoul(cell[3], nullptr, 16)),
                    static_cast<char32_t>(std::stoul(cell[4], nullptr, 16))});
  }
  return rows;
}

std::string utf8(char32_t character) {
  std::array<char, max_utf8_octets> octets{};
  return {octets.data(), utf8_encode(character, octets.data())};
}

std::string encode(std::string_view text) {
  std::string out(text.size() * 2, '\0');
  const auto size = encode_gsm7(text, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  if (!size) return std::string(name_of(size.error()));
  out.resize(*size);
  return out;
}

std::string decode(std::string_view septets) {
  std::string out(gsm_utf8_bound(septets.size()), '\0');
  const auto size = decode_gsm7({reinterpret_cast<const std::uint8_t*>(septets.data()), septets.size()}, out);
  if (!size) return std::string(name_of(size.error()));
  out.resize(*size);
  return out;
}

TEST(gsm_alphabet, agrees_with_the_table_both_ways) {
  const auto rows = read_rows();
  ASSERT_EQ(rows.size(), 127U + 10U);
  for (const row& r : rows) {
    const std::string text = utf8(r.character);
    std::string septets;
    if (r.shift) septets += '\x1B';
    septets += static_cast<char>(r.code);
    EXPECT_EQ(encode(text), septets) << text;
    EXPECT_EQ(decode(septets), text) << text;
    EXPECT_EQ(gsm_septets(text), septets.size());
    EXPECT_EQ(find_gsm_code(r.character).code, r.code);
    EXPECT_EQ(find_gsm_code(r.character).septets, septets.size());
    EXPECT_EQ(r.shift ? gsm_extension_character(r.code) : gsm_character(r.code), r.character);
  }
}

TEST(gsm_alphabet, has_no_character_beyond_the_table) {
  std::map<char32_t, int> known;
  for (const row& r : read_rows()) known[r.character] = 1;
  std::size_t lacking = 0;
  for (char32_t character = 0; character <= 0x10FFFF; ++character) {
    if (!is_scalar_value(character) || known.contains(character)) continue;
    ++lacking;
    ASSERT_EQ(find_gsm_code(character).septets, 0) << static_cast<unsigned>(character);
  }
  EXPECT_EQ(lacking, 0x110000U - 0x800U - 137U);
  for (const char32_t character : {U'\0', U'\x1B', U'`', U'\t', U'\xE7', char32_t{0x0391}, char32_t{0x2019}})
    EXPECT_EQ(encode(utf8(character)), "cannot_encode") << static_cast<unsigned>(character);
}

TEST(gsm_alphabet, decodes_what_the_table_leaves_open) {
  struct {
    std::string name, septets, text;
  } const cases[] = {
      {"unknown extension shows the main table",
       "\x1B"
       "A",
       "A"},
      {"escape twice",
       "\x1B\x1B"
       "A",
       " A"},
      {"escape at the end", "A\x1B", "A "},
      {"octet above 7F",
       "A\x80"
       "B",
       "A\xEF\xBF\xBD"
       "B"},
      {"octet above 7F after an escape",
       "\x1B\xFF"
       "B",
       "\xEF\xBF\xBD"
       "B"},
      {"page break", "\x1B\x0A", "\f"},
      {"@ is zero", std::string(2, '\0'), "@@"},
      {"nothing", "", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(decode(c.septets), c.text) << c.name;
}

TEST(gsm_alphabet, reports_errors) {
  std::array<std::uint8_t, 4> out{};
  EXPECT_EQ(encode_gsm7("abcde", out).error(), errc::no_space);
  EXPECT_EQ(encode_gsm7("abc{", out).error(), errc::no_space);
  EXPECT_EQ(encode_gsm7("ab{", out).value(), 4U);
  EXPECT_EQ(encode_gsm7("a\xFF", out).error(), errc::bad_text);
  EXPECT_EQ(encode_gsm7("a\xD0\x96", out).error(), errc::cannot_encode);
  EXPECT_FALSE(gsm_septets("a\xC3"));
  EXPECT_FALSE(gsm_septets("a\xD0\x96"));
  std::array<char, 2> text{};
  const std::array<std::uint8_t, 2> euro{0x1B, 0x65};
  EXPECT_EQ(decode_gsm7(euro, text).error(), errc::no_space);
  EXPECT_EQ(encode_gsm7("", {}).value(), 0U);
  EXPECT_EQ(decode_gsm7({}, {}).value(), 0U);
}

TEST(gsm_alphabet, round_trips_any_mixture_at_any_alignment) {
  const auto rows = read_rows();
  for (std::uint32_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::string text;
    std::string septets;
    const auto specials = random() % 20 + 1;
    const std::size_t length = random() % 200;
    for (std::size_t i = 0; i < length; ++i) {
      const row& r = rows[random() % rows.size()];
      if (random() % 20 < specials) {
        text += utf8(r.character);
        if (r.shift) septets += '\x1B';
        septets += static_cast<char>(r.code);
      } else {
        const char c = static_cast<char>('a' + random() % 26);
        text += c;
        septets += c;
      }
    }
    ASSERT_EQ(encode(text), septets);
    ASSERT_EQ(decode(septets), text);
    ASSERT_EQ(gsm_septets(text), septets.size());
    // Every output size: the exact one suffices, one octet less does not, and nothing is written behind the end.
    std::vector<std::uint8_t> out(septets.size() + 1, 0xEE);
    ASSERT_EQ(encode_gsm7(text, {out.data(), septets.size()}).value(), septets.size());
    ASSERT_EQ(out.back(), 0xEE);
    if (!septets.empty()) {
      ASSERT_EQ(encode_gsm7(text, {out.data(), septets.size() - 1}).error(), errc::no_space);
    }
  }
}

TEST(gsm_kernel, vector_and_plain_form_agree) {
  for (std::uint32_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<std::uint8_t> text(random() % 100);
    for (auto& octet : text) octet = static_cast<std::uint8_t>(random() % 50 == 0 ? random() : 'a' + random() % 26);
    std::vector<std::uint8_t> first(text.size()), second(text.size());
    const std::size_t run = detail::copy_common(text.data(), text.size(), first.data());
    ASSERT_EQ(run, detail::copy_common_portable(text.data(), text.size(), second.data()));
    ASSERT_TRUE(std::equal(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(run), first.begin()));
    ASSERT_TRUE(std::equal(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(run), second.begin()));
  }
  // Every octet at every place of every length around the vector sizes.
  for (const std::size_t size : {1U, 7U, 15U, 16U, 17U, 31U, 32U, 33U, 47U, 48U, 49U, 65U})
    for (std::size_t at = 0; at < size; ++at)
      for (unsigned octet = 0; octet < 256; ++octet) {
        std::vector<std::uint8_t> text(size, 'x'), out(size);
        text[at] = static_cast<std::uint8_t>(octet);
        const gsm_code code = find_gsm_code(octet);
        const bool common = octet < 0x80 && code.septets == 1 && code.code == octet;
        ASSERT_EQ(detail::copy_common(text.data(), size, out.data()), common ? size : at) << size << ' ' << octet;
      }
}

TEST(gsm_packing, packs_known_octets) {
  const std::string hello = "hellohello";
  const std::vector<std::uint8_t> expected{0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37};
  std::vector<std::uint8_t> out(9);
  EXPECT_EQ(pack_septets({reinterpret_cast<const std::uint8_t*>(hello.data()), hello.size()}, out), 9U);
  EXPECT_EQ(out, expected);
  EXPECT_EQ(pack_septets({reinterpret_cast<const std::uint8_t*>(hello.data()), hello.size()}, {out.data(), 8}), 0U);
}

TEST(gsm_packing, seven_spare_bits_are_a_carriage_return) {
  const auto pack = [](std::string_view text, unsigned fill = 0) {
    std::vector<std::uint8_t> out(packed_octets(text.size(), fill));
    EXPECT_EQ(pack_septets({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, out, fill), out.size());
    return out;
  };
  const auto unpack = [](std::span<const std::uint8_t> packed, unsigned fill = 0) {
    std::vector<std::uint8_t> out(septets_in(packed.size(), fill));
    out.resize(unpack_septets(packed, out, fill));
    return std::string(out.begin(), out.end());
  };
  struct {
    const char* name;
    std::string text;
    unsigned fill;
    std::uint8_t last_octet;
    std::string read;
  } const cases[] = {
      {"seven septets", "1234567", 0, 0x1A, "1234567"},
      {"the seventh has its high bit", "123456g", 0, 0x1B, "123456g"},
      {"fifteen", "1234567890abcdg", 0, 0x1B, "1234567890abcdg"},
      {"behind a header of six octets: one bit of fill, and eight septets", "1234567a", 1, 0x1B, "1234567a"},
      {"six: fourteen bits, nobody takes them for a septet and a half", "123456", 0, 0x00, "123456"},
      {"eight: no spare bit", "12345678", 0, 0x70, "12345678"},
      {"a last @ on the boundary cannot be told from a peer's zeros", std::string("1234567\0", 8), 0, 0x00, "1234567"},
      {"nor a last carriage return from padding", "1234567\r", 0, 0x1A, "1234567"},
      {"an @ before the boundary stays", std::string("12345\0", 6), 0, 0x00, std::string("12345\0", 6)},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto packed = pack(c.text, c.fill);
    EXPECT_EQ(packed.back() & 0xFE, c.last_octet & 0xFE);
    EXPECT_EQ(unpack(packed, c.fill), c.read);
  }
  EXPECT_EQ(unpack(std::array<std::uint8_t, 7>{0x31, 0xD9, 0x8C, 0x56, 0xB3, 0xDD, 0x00}), "1234567")
      << "zeros are padding too";
}

TEST(gsm_packing, fill_bits_follow_the_header) {
  EXPECT_EQ(fill_bits(0), 0U);
  EXPECT_EQ(fill_bits(6), 1U);
  EXPECT_EQ(fill_bits(7), 0U);
  EXPECT_EQ(fill_bits(4), 3U);
  EXPECT_EQ(fill_bits(9), 5U);
  EXPECT_EQ(packed_octets(153, fill_bits(6)), 134U);
  EXPECT_EQ(packed_octets(152, fill_bits(7)), 133U);
  EXPECT_EQ(packed_octets(160), 140U);
  EXPECT_EQ(septets_in(134, 1), 153U);
  EXPECT_EQ(septets_in(0, 3), 0U);
}

TEST(gsm_packing, round_trips_every_length_and_fill) {
  for (unsigned fill = 0; fill < 7; ++fill)
    for (std::size_t size = 0; size <= 161; ++size) {
      std::vector<std::uint8_t> septets(size);
      for (std::size_t i = 0; i < size; ++i) septets[i] = static_cast<std::uint8_t>((i * 37 + size * 11 + 1) % 127 + 1);
      if (size != 0 && septets.back() == '\r') septets.back() = 'r';  // a last one may count as padding
      std::vector<std::uint8_t> packed(packed_octets(size, fill));
      ASSERT_EQ(pack_septets(septets, packed, fill), packed.size());
      std::vector<std::uint8_t> back(size + 2, 0xEE);
      ASSERT_EQ(unpack_septets(packed, back, fill), size) << fill;
      back.resize(size);
      ASSERT_EQ(back, septets) << fill;
      if (size > 0) {
        std::vector<std::uint8_t> small(size - 1);
        ASSERT_EQ(unpack_septets(packed, small, fill), size - 1);
      }
    }
}

}  // namespace
}  // namespace trunkline::protocol
