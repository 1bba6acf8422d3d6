// National language tables against gsm-shift-tables.csv, their choice and segmentation against an independent
// implementation (segmentation-national-cases.json), and the choice against trying all tables.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "protocol/gsm_alphabet.hpp"
#include "protocol/gsm_national.hpp"
#include "protocol/segmentation.hpp"
#include "protocol/text_encoding.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

std::string utf8(char32_t character) {
  std::array<char, max_utf8_octets> octets{};
  return {octets.data(), utf8_encode(character, octets.data())};
}

using table = std::map<std::uint8_t, char32_t>;
struct language_tables {
  std::map<unsigned, table> locking, single;
};

language_tables read_tables() {
  language_tables all;
  for (const char* file : {"/gsm0338.csv", "/gsm-shift-tables.csv"}) {
    std::ifstream in(std::string(TRUNKLINE_TEST_DATA) + file);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream cells(line);
      std::array<std::string, 5> cell;
      for (auto& c : cell) std::getline(cells, c, ',');
      if (cell[3] == "1B") continue;
      auto& tables = cell[0] == "lock" ? all.locking : all.single;
      tables[static_cast<unsigned>(std::stoul(cell[1]))][static_cast<std::uint8_t>(std::stoul(cell[3], nullptr, 16))] =
          static_cast<char32_t>(std::stoul(cell[4], nullptr, 16));
    }
  }
  all.locking[2] = all.locking[0];
  return all;
}

tl::expected<std::vector<std::uint8_t>, errc> encode(std::string_view text, gsm_tables tables) {
  std::vector<std::uint8_t> out(text.size() * 2);
  const auto size = encode_gsm7(text, tables, out);
  if (!size) return tl::unexpected(size.error());
  out.resize(*size);
  return out;
}

std::string decode(const std::vector<std::uint8_t>& septets, gsm_tables tables) {
  std::string text;
  append_gsm7(septets, tables, text);
  return text;
}

TEST(gsm_national, agrees_with_the_tables_both_ways) {
  const auto all = read_tables();
  ASSERT_EQ(all.locking.size(), 14U);
  ASSERT_EQ(all.single.size(), 14U);
  for (std::uint8_t locking = 0; locking < 14; ++locking)
    for (std::uint8_t single = 0; single < 14; ++single) {
      const gsm_tables tables{locking, single};
      const table& lock = all.locking.at(locking);
      const table& shift = all.single.at(single);
      for (const auto& [code, character] : lock) {
        EXPECT_EQ(decode({code}, tables), utf8(character));
        const auto septets = encode(utf8(character), tables);
        ASSERT_TRUE(septets);
        ASSERT_EQ(septets->size(), 1U);
        EXPECT_EQ(decode(*septets, tables), utf8(character));
      }
      for (const auto& [code, character] : shift) {
        EXPECT_EQ(decode({gsm_escape, code}, tables), utf8(character));
        const auto septets = encode(utf8(character), tables);
        ASSERT_TRUE(septets);
        EXPECT_EQ(decode(*septets, tables), utf8(character));
      }
      for (std::uint8_t code = 0; code < 128; ++code) {
        if (code == gsm_escape) continue;
        const bool locked = lock.contains(code);
        const std::string main = locked ? utf8(lock.at(code)) : "\xEF\xBF\xBD";
        EXPECT_EQ(decode({code}, tables), main);
        const std::string shifted = shift.contains(code) ? utf8(shift.at(code)) : main;
        EXPECT_EQ(decode({gsm_escape, code}, tables), shifted);
      }
    }
}

TEST(gsm_national, decodes_odd_sequences) {
  const gsm_tables turkish{1, 1};
  EXPECT_EQ(decode({'A', gsm_escape}, turkish), "A ");
  EXPECT_EQ(decode({gsm_escape, gsm_escape, 'A'}, turkish), " A");
  EXPECT_EQ(decode({gsm_escape, 0x80, 'A'}, turkish),
            "\xEF\xBF\xBD"
            "A");
  EXPECT_EQ(decode({0x80}, turkish), "\xEF\xBF\xBD");
  EXPECT_EQ(decode({0x1D}, {200, 200}), "\xC3\xA6");
  EXPECT_EQ(decode({}, turkish), "");
  std::array<char, 1> small{};
  const std::array<std::uint8_t, 1> g_breve{0x0C};
  EXPECT_EQ(decode_gsm7(g_breve, turkish, small).error(), errc::no_space);
}

TEST(gsm_national, encoding_errors) {
  std::array<std::uint8_t, 1> out{};
  EXPECT_EQ(encode_gsm7("\xD0\x96", {1, 1}, out).error(), errc::cannot_encode);
  EXPECT_EQ(encode_gsm7("a\xFF", {1, 1}, out).error(), errc::bad_text);
  EXPECT_EQ(encode_gsm7("ab", {1, 0}, out).error(), errc::no_space);
  EXPECT_EQ(encode_gsm7("{", {1, 0}, out).error(), errc::no_space);
  EXPECT_EQ(encode_gsm7("a", {14, 0}, out).error(), errc::bad_value);
  EXPECT_EQ(encode_gsm7("a", {0, 14}, out).error(), errc::bad_value);
}

TEST(gsm_national, language_codes) {
  for (std::uint8_t language = 1; language < 14; ++language)
    EXPECT_EQ(find_gsm_language(gsm_language_code(language)), language);
  EXPECT_EQ(find_gsm_language("as"), 4);
  EXPECT_FALSE(find_gsm_language("de"));
  EXPECT_FALSE(find_gsm_language(""));
  EXPECT_EQ(gsm_language_code(0), "");
  EXPECT_EQ(gsm_language_code(14), "");
  EXPECT_TRUE(gsm_languages{}.empty());
  EXPECT_TRUE(gsm_languages{1}.empty());
  EXPECT_FALSE(gsm_languages::all().empty());
}

gsm_languages allow(std::string_view mode) {
  if (mode == "all") return gsm_languages::all();
  gsm_languages languages;
  languages.add(find_gsm_language(mode.substr(0, 2)).value());
  return languages;
}

TEST(gsm_national, agrees_with_the_oracle) {
  std::ifstream in(std::string(TRUNKLINE_TEST_DATA) + "/segmentation-national-cases.json");
  const auto cases = nlohmann::json::parse(in);
  ASSERT_GE(cases.size(), 14U);
  for (const auto& c : cases) {
    SCOPED_TRACE(c["name"].get<std::string>());
    const auto text = c["text"].get<std::string>();
    const auto mode = c["mode"].get<std::string>();
    std::vector<std::uint8_t> octets(text.size() * 2);
    encoded_text encoded;
    if (mode == "trlock" || mode == "trshift") {  // the oracle was told which table to use
      encoded.tables = mode == "trlock" ? gsm_tables{1, 0} : gsm_tables{0, 1};
      encoded.octets = encode_gsm7(text, encoded.tables, octets).value();
    } else {
      encoded = encode_text(text, text_request{automatic, allow(mode), 5}, octets).value();
    }
    EXPECT_EQ(encoded.used, c["encoding"] == "GSM-7" ? encoding::gsm7 : encoding::ucs2);
    EXPECT_EQ(encoded.tables.locking, c["locking"].get<unsigned>());
    EXPECT_EQ(encoded.tables.single, c["single"].get<unsigned>());
    octets.resize(encoded.octets);
    const std::uint8_t elements = encoded.tables.header_elements();
    const auto plan = plan_segments(octets, encoded.used, {long_mode::udh, 255, elements});
    ASSERT_TRUE(plan);
    std::vector<std::size_t> units;
    for (std::size_t i = 0; i < plan->count(); ++i) units.push_back(units_of(encoded.used, plan->length(i)));
    EXPECT_EQ(units, c["per_segment_units"].get<std::vector<std::size_t>>());
    const std::size_t header = plan->count() > 1 ? concatenation_header_octets(long_mode::udh, elements)
                               : elements == 0   ? 0
                                                 : elements + 1U;
    EXPECT_EQ(header, c["udh_octets"][0].get<std::size_t>());
  }
}

TEST(gsm_national, chooses_as_if_all_had_been_tried) {
  const auto all = read_tables();
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    gsm_languages allowed;
    for (int i = 0; i < 3; ++i) allowed.add(static_cast<std::uint8_t>(random() % 13 + 1));
    const auto language = static_cast<unsigned>(random() % 14);
    const table& source = random() % 2 == 0 ? all.locking.at(language) : all.single.at(language);
    std::string text;
    for (std::size_t i = 0, n = random() % 500; i < n; ++i) {
      if (random() % 3 != 0) {
        text += 'a';
        continue;
      }
      auto at = source.begin();
      std::advance(at, static_cast<std::ptrdiff_t>(random() % source.size()));
      text += utf8(at->second);
    }
    std::optional<std::pair<std::size_t, std::size_t>> cheapest;
    for (std::uint8_t locking = 0; locking < 14; ++locking)
      for (std::uint8_t single = 0; single < 14; ++single) {
        if ((locking != 0 && !allowed.has(locking)) || (single != 0 && !allowed.has(single))) continue;
        const gsm_tables tables{static_cast<std::uint8_t>(locking == 2 ? 0 : locking), single};
        const auto septets = encode(text, tables);
        if (!septets) continue;
        const std::uint8_t elements = tables.header_elements();
        const std::size_t parts = plan_segments(*septets, encoding::gsm7, {long_mode::udh, 255, elements})->count();
        const std::size_t header = parts > 1 ? elements + 6U : elements == 0 ? 0 : elements + 1U;
        const std::pair cost{parts, septets->size() * 7 + parts * header * 8};
        if (!cheapest || cost < *cheapest) cheapest = cost;
      }
    const auto choice = choose_gsm_tables(text, allowed);
    ASSERT_EQ(choice.has_value(), cheapest.has_value());
    if (!choice) continue;
    const auto septets = encode(text, choice->tables);
    ASSERT_TRUE(septets);
    ASSERT_EQ(choice->septets, septets->size());
    ASSERT_EQ(choice->parts, cheapest->first);
    const std::uint8_t elements = choice->tables.header_elements();
    ASSERT_EQ(choice->parts, plan_segments(*septets, encoding::gsm7, {long_mode::udh, 255, elements})->count());
    const std::size_t header = choice->parts > 1 ? elements + 6U : elements == 0 ? 0 : elements + 1U;
    ASSERT_EQ(choice->septets * 7 + choice->parts * header * 8, cheapest->second);
    ASSERT_EQ(decode(*septets, choice->tables), text);
  }
  EXPECT_FALSE(choose_gsm_tables("a\xFF", gsm_languages::all()));
  EXPECT_FALSE(choose_gsm_tables("\xF0\x9F\x98\x80", gsm_languages::all()));
}

TEST(gsm_national, automatic_prefers_what_is_shorter) {
  const auto used = [](std::string_view text, text_request request) {
    std::vector<std::uint8_t> out(text.size() * 2);
    const auto result = encode_text(text, request, out);
    return result ? std::string(encoding_name(result->used)) + std::to_string(result->tables.locking) +
                        std::to_string(result->tables.single)
                  : std::string(name_of(result.error()));
  };
  const auto turkish = allow("tr");
  EXPECT_EQ(used("plain", {automatic, turkish, 5}), "gsm700");
  EXPECT_EQ(used("\xC4\x9F", {automatic, turkish, 5}), "ucs200");  // one character: the header costs more than it saves
  EXPECT_EQ(used("\xC4\x9F\xC4\x9F\xC4\x9F\xC4\x9F\xC4\x9F", {automatic, turkish, 5}), "gsm710");
  EXPECT_EQ(used("\xC4\x9F\xC4\x9F\xC4\x9F\xC4\x9F\xC4\x9F", {automatic, {}, 5}), "ucs200");
  EXPECT_EQ(used("\xC4\x9F", {encoding::gsm7, turkish, 5}), "gsm710");
  EXPECT_EQ(used("\xD0\x96", {encoding::gsm7, turkish, 5}), "cannot_encode");
  EXPECT_EQ(used("\xD0\x96", {automatic, turkish, 5}), "ucs200");
  EXPECT_EQ(used("\xC4\x9F", {encoding::ucs2, turkish, 5}), "ucs200");
  EXPECT_EQ(used("\xFF", {automatic, turkish, 5}), "bad_text");
  std::array<std::uint8_t, 3> out{};
  EXPECT_EQ(encode_text("\xC4\x9F\xC4\x9F\xC4\x9F\xC4\x9F\xC4\x9F", text_request{automatic, turkish, 5}, out).error(),
            errc::no_space);
}

}  // namespace
}  // namespace trunkline::protocol
