#include "protocol/smpp_time.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>

#include "tests/protocol/test_octets.hpp"

namespace trunkline::protocol {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::sys_days;

std::string iso(utc_time time) {
  const auto midnight = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss of_day(time - midnight);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(of_day.hours().count()), static_cast<int>(of_day.minutes().count()),
                static_cast<int>(of_day.seconds().count()), static_cast<int>(of_day.subseconds().count()));
  return text;
}

utc_time at(int y, unsigned m, unsigned d, milliseconds of_day = 0ms) {
  return sys_days(std::chrono::year(y) / std::chrono::month(m) / std::chrono::day(d)) + of_day;
}

TEST(smpp_time, reads_every_case_of_the_vectors) {
  // What the vectors leave open: the century of 99 is this one, a month is the calendar's, zero is now.
  const std::map<std::string, std::string> decided = {{"991231235959900+", "2099-12-31T23:59:59.900Z"},
                                                      {"000100000000000R", "+1 month"},
                                                      {"000000000000000R", "+0 s"},
                                                      {"", ""}};
  std::size_t rows = 0;
  for (const auto& row : test::load_lines("time-cases.jsonl")) {
    ++rows;
    const auto text = row.at("text").get<std::string>();
    SCOPED_TRACE(text);
    const auto time = parse_smpp_time(text);
    ASSERT_EQ(time.has_value(), row.at("valid").get<bool>());
    if (!time) continue;
    const auto expected = decided.contains(text) ? decided.at(text) : row.at("expected").get<std::string>();
    switch (time->kind) {
      case smpp_time_kind::empty:
        EXPECT_EQ(expected, "");
        break;
      case smpp_time_kind::absolute:
        EXPECT_EQ(iso(time->at), expected.substr(0, 24));
        break;
      case smpp_time_kind::relative:
        EXPECT_EQ(time->delta.years.count(), 0);
        if (expected == "+1 month") {
          EXPECT_EQ(time->delta.months.count(), 1);
        } else {
          EXPECT_EQ(time->delta.rest.count(), std::stol(expected)) << expected;
        }
        break;
    }
  }
  EXPECT_EQ(rows, 24U);
}

TEST(smpp_time, refuses_what_is_impossible_in_either_form) {
  for (const std::string_view text :
       {"x61122203015400+", "2611222030154 0+", "000000010000100R", "000000010000001R", "001300000000000R",
        "000000240000000R", "000000006000000R", "260022203015000+", "260100203015000+", "26112220301500R"}) {
    const auto time = parse_smpp_time(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error(), errc::bad_value);
  }
}

TEST(smpp_time, resolves_relative_times_by_the_calendar) {
  const auto now = at(2026, 1, 31, 12h);
  struct {
    std::string_view text;
    utc_time expected;
  } const cases[] = {
      {"000000010000000R", at(2026, 1, 31, 13h)}, {"000100000000000R", at(2026, 2, 28, 12h)},
      {"020100000000000R", at(2028, 2, 29, 12h)}, {"000001120000000R", at(2026, 2, 2)},
      {"011200000000000R", at(2028, 1, 31, 12h)}, {"261122203015400+", at(2026, 11, 22, 20h + 30min + 15'400ms)},
  };
  for (const auto& c : cases) EXPECT_EQ(resolve(*parse_smpp_time(c.text), now), c.expected) << c.text;
  EXPECT_EQ(resolve(smpp_time{}, now), std::nullopt);
}

TEST(smpp_time, writes_absolute_times) {
  const auto time = at(2026, 11, 22, 20h + 30min + 15'450ms);
  EXPECT_EQ(absolute_time_text(time)->view(), "261122203015400+");
  EXPECT_EQ(absolute_time_text(time, 23)->view(), "261123021515423+");
  EXPECT_EQ(absolute_time_text(time, -20)->view(), "261122153015420-");
  EXPECT_FALSE(absolute_time_text(time, 49));
  EXPECT_FALSE(absolute_time_text(time, -49));
  EXPECT_FALSE(absolute_time_text(at(1999, 12, 31)));
  EXPECT_FALSE(absolute_time_text(at(2100, 1, 1)));
  EXPECT_TRUE(absolute_time_text(at(2099, 12, 31, 23h)));
  for (int quarters = -48; quarters <= 48; ++quarters) {
    const auto back = parse_smpp_time(absolute_time_text(time, quarters)->view());
    EXPECT_EQ(back->at, time - 50ms) << quarters;
  }
}

TEST(smpp_time, writes_relative_times_in_days_and_less) {
  EXPECT_EQ(relative_time_text(90min)->view(), "000000013000000R");
  EXPECT_EQ(relative_time_text(days(7))->view(), "000007000000000R");
  EXPECT_EQ(relative_time_text(26h)->view(), "000001020000000R");
  EXPECT_EQ(relative_time_text(0s)->view(), "000000000000000R");
  EXPECT_EQ(relative_time_text(days(100) - 1s)->view(), "000099235959000R");
  EXPECT_FALSE(relative_time_text(days(100)));
  EXPECT_FALSE(relative_time_text(-1s));
  for (std::chrono::seconds duration : {1s, 59s, 60s, 86'399s, 86'400s, 8'639'999s}) {
    EXPECT_EQ(parse_smpp_time(relative_time_text(duration)->view())->delta.rest, duration);
  }
}

}  // namespace
}  // namespace trunkline::protocol
