// Counts and sizes of parts, against two independent implementations (segmentation-cases.json) and by property.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "protocol/gsm_alphabet.hpp"
#include "protocol/segmentation.hpp"

namespace trunkline::protocol {
namespace {

struct planned {
  encoding used;
  std::size_t units;
  std::vector<std::size_t> parts;
};

tl::expected<planned, errc> plan(std::string_view text, segment_limits limits = {long_mode::udh, 255, 0},
                                 std::optional<encoding> requested = automatic) {
  std::vector<std::uint8_t> octets(text.size() * 2);
  const auto encoded = encode_text(text, requested, octets);
  if (!encoded) return tl::unexpected(encoded.error());
  octets.resize(encoded->octets);
  const auto cuts = plan_segments(octets, encoded->used, limits);
  if (!cuts) return tl::unexpected(cuts.error());
  planned result{encoded->used, encoded->units, {}};
  for (std::size_t i = 0; i < cuts->count(); ++i) result.parts.push_back(units_of(encoded->used, cuts->length(i)));
  return result;
}

TEST(segmentation, agrees_with_the_oracles) {
  std::ifstream in(std::string(TRUNKLINE_TEST_DATA) + "/segmentation-cases.json");
  const auto cases = nlohmann::json::parse(in);
  ASSERT_GE(cases.size(), 70U);
  for (const auto& c : cases) {
    SCOPED_TRACE(c["name"].get<std::string>());
    const auto result = plan(c["text"].get<std::string>());
    ASSERT_TRUE(result);
    EXPECT_EQ(result->used, c["encoding"] == "GSM-7" ? encoding::gsm7 : encoding::ucs2);
    EXPECT_EQ(result->units, c["units"].get<std::size_t>());
    EXPECT_EQ(result->parts, c["per_segment_units"].get<std::vector<std::size_t>>());
  }
}

TEST(segmentation, capacities) {
  struct {
    const char* name;
    encoding used;
    long_mode mode;
    std::uint8_t others;
    std::size_t single, part;
  } const cases[] = {
      {"gsm7", encoding::gsm7, long_mode::udh, 0, 160, 153},
      {"gsm7, 16 bits", encoding::gsm7, long_mode::udh16, 0, 160, 152},
      {"gsm7, sar", encoding::gsm7, long_mode::sar, 0, 160, 153},
      {"gsm7, one shift", encoding::gsm7, long_mode::udh, 3, 155, 149},
      {"gsm7, two shifts", encoding::gsm7, long_mode::udh, 6, 152, 146},
      {"gsm7, one shift, 16 bits", encoding::gsm7, long_mode::udh16, 3, 155, 148},
      {"gsm7, two shifts, 16 bits", encoding::gsm7, long_mode::udh16, 6, 152, 145},
      {"gsm7, ports", encoding::gsm7, long_mode::udh, 6, 152, 146},
      {"ucs2", encoding::ucs2, long_mode::udh, 0, 70, 67},
      {"ucs2, 16 bits", encoding::ucs2, long_mode::udh16, 0, 70, 66},
      {"ucs2, ports", encoding::ucs2, long_mode::udh, 6, 66, 64},
      {"latin1", encoding::latin1, long_mode::udh, 0, 140, 134},
      {"binary, 16 bits", encoding::binary, long_mode::udh16, 0, 140, 133},
      {"binary, ports", encoding::binary, long_mode::udh, 6, 133, 128},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::size_t unit = c.used == encoding::ucs2 ? 2 : 1;
    const segment_limits limits{c.mode, 255, c.others};
    const std::vector<std::uint8_t> octets(c.part * 255 * unit, 0);
    const auto count = [&](std::size_t units) {
      const auto cuts = plan_segments(std::span(octets).first(units * unit), c.used, limits);
      return cuts ? cuts->count() : 0;
    };
    EXPECT_EQ(count(0), 1U);
    EXPECT_EQ(count(c.single), 1U);
    EXPECT_EQ(count(c.single + 1), 2U);
    EXPECT_EQ(count(2 * c.part), 2U);
    EXPECT_EQ(count(2 * c.part + 1), 3U);
    EXPECT_EQ(count(255 * c.part), 255U);
  }
}

TEST(segmentation, refuses_what_is_too_long) {
  EXPECT_EQ(plan(std::string(153 * 10, 'a'), {long_mode::udh, 10, 0})->parts.size(), 10U);
  EXPECT_EQ(plan(std::string(153 * 10 + 1, 'a'), {long_mode::udh, 10, 0}).error(), errc::too_long);
  EXPECT_EQ(plan(std::string(161, 'a'), {long_mode::udh, 1, 0}).error(), errc::too_long);
  EXPECT_EQ(plan(std::string(161, 'a'), {long_mode::udh, 0, 0}).error(), errc::too_long);
  EXPECT_EQ(plan(std::string(160, 'a'), {long_mode::udh, 0, 0})->parts.size(), 1U);
  EXPECT_EQ(plan(std::string(153 * 255 + 1, 'a')).error(), errc::too_long);
  EXPECT_EQ(plan(std::string(200000, 'a')).error(), errc::too_long);
  // A header that leaves no room for two units.
  EXPECT_EQ(plan(std::string(300, 'a'), {long_mode::udh, 255, 133}).error(), errc::too_long);
  EXPECT_EQ(plan(std::string(300, 'a'), {long_mode::udh, 255, 255}).error(), errc::too_long);
}

TEST(segmentation, payload_is_one_part_but_counts_for_the_limit) {
  EXPECT_EQ(plan(std::string(160, 'a'), {long_mode::payload, 2, 0})->parts, (std::vector<std::size_t>{160}));
  EXPECT_EQ(plan(std::string(306, 'a'), {long_mode::payload, 2, 0})->parts, (std::vector<std::size_t>{306}));
  EXPECT_EQ(plan(std::string(307, 'a'), {long_mode::payload, 2, 0}).error(), errc::too_long);
  EXPECT_EQ(plan(std::string(153 * 255, 'a'), {long_mode::payload, 255, 0})->parts.size(), 1U);
  EXPECT_EQ(plan(std::string(70000, 'a'), {long_mode::payload, 255, 0}).error(), errc::too_long);
}

TEST(segmentation, half_a_unit_is_bad_text) {
  const std::array<std::uint8_t, 3> odd{0, 'a', 0};
  EXPECT_EQ(plan_segments(odd, encoding::ucs2, {}).error(), errc::bad_text);
  const std::vector<std::uint8_t> longer(301, 0);
  EXPECT_EQ(plan_segments(longer, encoding::ucs2, {}).error(), errc::bad_text);
}

TEST(segmentation, parts_cover_the_text_and_split_nothing) {
  for (std::uint32_t seed = 1; seed <= 600; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const bool gsm = random() % 2 == 0;
    const std::string special = gsm ? "\xE2\x82\xAC" : "\xF0\x9F\x98\x80";
    std::string text;
    const auto often = random() % 10 + 1;
    for (std::size_t i = 0, n = random() % 1200; i < n; ++i) text += random() % 10 < often ? special : "a";
    const encoding used = gsm ? encoding::gsm7 : encoding::ucs2;
    std::vector<std::uint8_t> octets(text.size() * 2);
    octets.resize(encode_text(text, used, octets)->octets);
    const segment_limits limits{random() % 2 == 0 ? long_mode::udh : long_mode::udh16, 255,
                                static_cast<std::uint8_t>(random() % 2 * 6)};
    const auto cuts = plan_segments(octets, used, limits);
    ASSERT_TRUE(cuts);
    const std::size_t room = segment_capacity(used, concatenation_header_octets(limits.mode, limits.other_elements));
    std::string back;
    std::size_t covered = 0;
    for (std::size_t i = 0; i < cuts->count(); ++i) {
      ASSERT_EQ(cuts->offset(i), covered);
      const auto part = cuts->part(octets, i);
      covered += part.size();
      if (cuts->count() > 1) {
        ASSERT_LE(units_of(used, part.size()), room);
        ASSERT_GT(part.size(), 0U);
      }
      append_text(part, used, back);  // each part decodes by itself
    }
    ASSERT_EQ(covered, octets.size());
    ASSERT_EQ(back, text);
    const segment_plan copy = *cuts;
    ASSERT_EQ(copy.count(), cuts->count());
    ASSERT_EQ(copy.length(copy.count() - 1), cuts->length(cuts->count() - 1));
  }
}

TEST(segmentation, clusters_are_cut_where_keeping_them_would_cost_a_part) {
  const std::string man = "\xF0\x9F\x91\xA8\xE2\x80\x8D";  // three units: man, joiner
  const auto repeat = [](std::string_view unit, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += unit;
    return text;
  };
  const std::string mark = "\xCC\x88";  // combining diaeresis
  struct {
    const char* name;
    std::string text;
    std::vector<std::size_t> parts;
  } const cases[] = {
      {"one cluster longer than a part", repeat(man, 40), {66, 54}},
      {"letter with marks longer than a part", "a" + repeat(mark, 100), {67, 34}},
      {"exactly full: no room to give", "\xD0\x96" + repeat("a", 65) + "b" + mark + repeat("c", 66), {67, 67}},
      {"CR LF stay together", "\xD0\x96" + repeat("a", 65) + "\r\n" + repeat("c", 10), {66, 12}},
      {"flags by pairs", repeat("\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA", 18), {64, 8}},
      {"Hangul syllable of jamo",
       repeat("\xEA\xB0\x80", 66) + "\xE1\x84\x80\xE1\x85\xA1" + repeat("\xEA\xB0\x80", 9),
       {66, 11}},
  };
  for (const auto& c : cases) {
    const auto result = plan(c.text);
    ASSERT_TRUE(result) << c.name;
    EXPECT_EQ(result->parts, c.parts) << c.name;
  }
}

TEST(segmentation, clusters_never_cost_a_part) {
  const char* const pieces[] = {"a",   "\xD0\x96", "\xF0\x9F\x91\xA8", "\xE2\x80\x8D", "\xCC\x88", "\xF0\x9F\x87\xA9",
                                "\r\n"};
  for (std::uint32_t seed = 1; seed <= 600; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::string text = "\xD0\x96";
    for (std::size_t i = 0, n = random() % 600; i < n; ++i) text += pieces[random() % std::size(pieces)];
    std::vector<std::uint8_t> octets(text.size() * 2);
    octets.resize(encode_text(text, encoding::ucs2, octets)->octets);
    const auto cuts = plan_segments(octets, encoding::ucs2, {long_mode::udh, 255, 0});
    ASSERT_TRUE(cuts);
    std::size_t plain = 1;
    if (octets.size() > 140)
      for (std::size_t begin = 0; octets.size() - begin > 134; ++plain) {
        begin += 134;
        if ((octets[begin - 2] & 0xFC) == 0xD8) begin -= 2;
      }
    ASSERT_EQ(cuts->count(), plain);
    std::string back;
    for (std::size_t i = 0; i < cuts->count(); ++i) {
      ASSERT_LE(cuts->length(i), cuts->count() > 1 ? 134U : 140U);
      append_text(cuts->part(octets, i), encoding::ucs2, back);
    }
    ASSERT_EQ(back, text);
  }
}

TEST(segmentation, names) {
  EXPECT_EQ(long_mode_name(long_mode::udh), "udh");
  EXPECT_EQ(long_mode_name(long_mode::udh16), "udh16");
  EXPECT_EQ(long_mode_name(long_mode::sar), "sar");
  EXPECT_EQ(long_mode_name(long_mode::payload), "payload");
  EXPECT_EQ(long_mode_name(static_cast<long_mode>(77)), "unknown");
}

}  // namespace
}  // namespace trunkline::protocol
