#include "engine/runtime/rfc3339.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <limits>
#include <random>

namespace trunkline::engine {
namespace {

TEST(rfc3339, formats) {
  const struct {
    const char* name;
    std::int64_t ms;
    const char* text;
  } cases[] = {
      {"epoch", 0, "1970-01-01T00:00:00.000Z"},
      {"a time of our days", 1'795'341'600'123, "2026-11-22T10:00:00.123Z"},
      {"one millisecond before the epoch", -1, "1969-12-31T23:59:59.999Z"},
      {"leap day", 1'709'164'800'000, "2024-02-29T00:00:00.000Z"},
      {"no leap day in 2100", 4'107'542'400'000, "2100-03-01T00:00:00.000Z"},
      {"last of year 9999", 253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
      {"beyond is clamped", std::numeric_limits<std::int64_t>::max(), "9999-12-31T23:59:59.999Z"},
      {"year 0", -62'167'219'200'000, "0000-01-01T00:00:00.000Z"},
      {"before year 0 is clamped", std::numeric_limits<std::int64_t>::min(), "0000-01-01T00:00:00.000Z"},
      {"epoch again, out of the cache", 0, "1970-01-01T00:00:00.000Z"},
  };
  for (const auto& c : cases) EXPECT_EQ(format_rfc3339_ms(c.ms), c.text) << c.name;
}

TEST(rfc3339, parses) {
  const struct {
    const char* name;
    const char* text;
    std::optional<std::int64_t> ms;
  } cases[] = {
      {"utc", "2026-11-22T10:00:00Z", 1'795'341'600'000},
      {"milliseconds", "2026-11-22T10:00:00.123Z", 1'795'341'600'123},
      {"one digit of fraction", "2026-11-22T10:00:00.5Z", 1'795'341'600'500},
      {"more digits are cut off", "2026-11-22T10:00:00.123999999999Z", 1'795'341'600'123},
      {"offset east", "2026-11-22T11:00:00+01:00", 1'795'341'600'000},
      {"offset west", "2026-11-22T04:30:00-05:30", 1'795'341'600'000},
      {"unknown local offset", "2026-11-22T10:00:00-00:00", 1'795'341'600'000},
      {"small letters", "2026-11-22t10:00:00z", 1'795'341'600'000},
      {"space", "2026-11-22 10:00:00Z", 1'795'341'600'000},
      {"leap second", "2016-12-31T23:59:60Z", 1'483'228'800'000},
      {"leap day", "2024-02-29T00:00:00Z", 1'709'164'800'000},
      {"before the epoch", "1969-12-31T23:59:59.999Z", -1},
      {"no offset", "2026-11-22T10:00:00", std::nullopt},
      {"fraction without digits", "2026-11-22T10:00:00.Z", std::nullopt},
      {"fraction without offset", "2026-11-22T10:00:00.1", std::nullopt},
      {"offset without colon", "2026-11-22T10:00:00+0100", std::nullopt},
      {"offset of hours only", "2026-11-22T10:00:00+01", std::nullopt},
      {"offset too large", "2026-11-22T10:00:00+24:00", std::nullopt},
      {"month 13", "2026-13-22T10:00:00Z", std::nullopt},
      {"month 0", "2026-00-22T10:00:00Z", std::nullopt},
      {"day 0", "2026-11-00T10:00:00Z", std::nullopt},
      {"31 November", "2026-11-31T10:00:00Z", std::nullopt},
      {"29 February of no leap year", "2100-02-29T10:00:00Z", std::nullopt},
      {"hour 24", "2026-11-22T24:00:00Z", std::nullopt},
      {"minute 60", "2026-11-22T10:60:00Z", std::nullopt},
      {"second 61", "2026-11-22T10:00:61Z", std::nullopt},
      {"letters", "2026-11-2xT10:00:00Z", std::nullopt},
      {"trailing octet", "2026-11-22T10:00:00Z ", std::nullopt},
      {"date only", "2026-11-22", std::nullopt},
      {"empty", "", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_rfc3339_ms(c.text), c.ms) << c.name;
}

TEST(rfc3339, no_prefix_of_a_time_is_one) {
  const std::string_view whole = "2026-11-22T10:00:00.123+01:00";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(parse_rfc3339_ms(whole.substr(0, size)), std::nullopt) << size;
  }
}

TEST(rfc3339, agrees_with_the_c_library_and_itself) {
  const unsigned seed = 3339;
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto ms = static_cast<std::int64_t>(random() % 253'402'300'800'000);
    const std::time_t second = ms / 1'000;
    std::tm parts{};
    ASSERT_NE(gmtime_r(&second, &parts), nullptr);
    char expected[32];
    std::strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.", &parts);
    const std::string text = format_rfc3339_ms(ms);
    ASSERT_EQ(text.substr(0, 20), expected) << "seed " << seed << ", " << ms;
    ASSERT_EQ(parse_rfc3339_ms(text), ms) << "seed " << seed;
  }
}

}  // namespace
}  // namespace trunkline::engine
