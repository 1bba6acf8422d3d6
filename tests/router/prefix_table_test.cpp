#include "router/prefix_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace trunkline::router {
namespace {

TEST(prefix_table, an_empty_table_matches_nothing) {
  EXPECT_FALSE(prefix_table().longest("4917").found);
  EXPECT_FALSE(prefix_table(std::span<const prefix_table::entry>()).longest("").found);
}

const prefix_table::entry few[] = {{"", 1}, {"4", 2}, {"49", 3}, {"491", 4}, {"4917", 5}, {"491701234567890", 6},
                                   {"0", 7}};

struct look_up {
  const char* name;
  const char* number;
  std::uint32_t value;
  std::uint8_t length;
};

class prefixes : public testing::TestWithParam<look_up> {};

TEST_P(prefixes, the_longest_is_found) {
  const auto hit = prefix_table(few).longest(GetParam().number);
  EXPECT_TRUE(hit.found);
  EXPECT_EQ(hit.value, GetParam().value);
  EXPECT_EQ(hit.length, GetParam().length);
}

INSTANTIATE_TEST_SUITE_P(numbers, prefixes,
                         testing::Values(look_up{"nothing_else", "123456", 1, 0}, look_up{"an_empty_number", "", 1, 0},
                                         look_up{"one_digit", "4", 2, 1}, look_up{"two_digits", "49", 3, 2},
                                         look_up{"one_digit_of_many", "45123", 2, 1},
                                         look_up{"three_digits", "4915", 4, 3}, look_up{"four_digits", "49170", 5, 4},
                                         look_up{"fifteen_digits", "491701234567890", 6, 15},
                                         look_up{"sixteen_digits", "4917012345678901", 6, 15},
                                         look_up{"fourteen_digits", "49170123456789", 5, 4},
                                         look_up{"a_zero", "0123", 7, 1}, look_up{"zeros", "000", 7, 1},
                                         look_up{"up_to_a_letter", "49x17", 3, 2}),
                         [](const auto& c) { return std::string(c.param.name); });

TEST(prefix_table, the_first_of_equal_prefixes_stays_and_odd_ones_are_left_out) {
  const prefix_table::entry entries[] = {{"49", 1}, {"49", 2}, {"4x", 3}, {"1234567890123456", 4}, {"+49", 5}};
  const prefix_table table(entries);
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.longest("491").value, 1U);
  EXPECT_FALSE(table.longest("1234567890123456").found);
}

TEST(prefix_table, all_prefixes_come_longest_first_until_the_visitor_has_enough) {
  const prefix_table table(few);
  std::string seen;
  table.for_each("49170", [&](const prefix_table::match& hit) {
    seen += std::to_string(hit.value);
    return true;
  });
  EXPECT_EQ(seen, "54321");
  seen.clear();
  table.for_each("49170", [&](const prefix_table::match& hit) {
    seen += std::to_string(hit.value);
    return hit.value != 4;
  });
  EXPECT_EQ(seen, "54");
}

// Against the obvious implementation, with leading zeros and crowded neighbourhoods.
TEST(prefix_table, agrees_with_a_map) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const auto digits = [&](std::size_t longest) {
    std::string text(random() % (longest + 1), '0');
    for (char& c : text) c = static_cast<char>('0' + random() % (random() % 2 == 0 ? 2 : 10));
    return text;
  };
  for (int round = 0; round < 20; ++round) {
    std::map<std::string, std::uint32_t> model;
    for (int i = 0; i < 2000; ++i) model.emplace(digits(15), static_cast<std::uint32_t>(i));
    std::vector<prefix_table::entry> entries;
    for (const auto& [text, value] : model) entries.push_back({text, value});
    const prefix_table table(entries);
    ASSERT_EQ(table.size(), model.size());
    for (int i = 0; i < 2000; ++i) {
      const std::string number = digits(17);
      const auto hit = table.longest(number);
      bool found = false;
      for (std::size_t length = std::min<std::size_t>(number.size(), 15) + 1; length-- > 0 && !found;) {
        const auto expected = model.find(number.substr(0, length));
        if (expected == model.end()) continue;
        found = true;
        ASSERT_EQ(hit.value, expected->second) << number;
        ASSERT_EQ(hit.length, length) << number;
      }
      ASSERT_EQ(hit.found, found) << number;
    }
  }
}

TEST(prefix_table, a_million_prefixes_stay_within_34_megabytes) {
  std::vector<std::string> texts;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) texts.push_back(std::to_string(1'000'000 + i));
  std::vector<prefix_table::entry> entries;
  for (std::uint32_t i = 0; i < texts.size(); ++i) entries.push_back({texts[i], i});
  const prefix_table table(entries);
  EXPECT_EQ(table.size(), 1'000'000U);
  EXPECT_LE(table.memory_bytes(), 34U << 20);
  EXPECT_EQ(table.longest("1234567890").value, 234567U);
}

}  // namespace
}  // namespace trunkline::router
