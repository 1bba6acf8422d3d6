#include "engine/runtime/configuration_values.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

struct duration_case {
  const char* name;
  const char* text;
  std::optional<std::chrono::milliseconds> value;
};

class durations : public testing::TestWithParam<duration_case> {};

TEST_P(durations, are_numbers_with_units) { EXPECT_EQ(parse_duration(GetParam().text), GetParam().value); }

INSTANTIATE_TEST_SUITE_P(
    texts, durations,
    testing::Values(duration_case{"milliseconds", "500ms", 500ms}, duration_case{"seconds", "30s", 30s},
                    duration_case{"minutes", "2m", 2min}, duration_case{"hours", "48h", 48h},
                    duration_case{"days", "30d", 720h}, duration_case{"zero", "0s", 0ms},
                    duration_case{"several", "1h30m5s1ms", 5405001ms}, duration_case{"nothing", "", std::nullopt},
                    duration_case{"no_unit", "30", std::nullopt}, duration_case{"no_number", "s", std::nullopt},
                    duration_case{"space", "30 s", std::nullopt}, duration_case{"negative", "-1s", std::nullopt},
                    duration_case{"fraction", "1.5s", std::nullopt}, duration_case{"capital", "1S", std::nullopt},
                    duration_case{"trailing_number", "1s5", std::nullopt},
                    duration_case{"microseconds", "5us", std::nullopt},
                    duration_case{"a_century", "36600d", 36600 * 24h},
                    duration_case{"beyond_a_century", "36601d", std::nullopt},
                    duration_case{"sum_beyond_a_century", "36600d1ms", std::nullopt},
                    duration_case{"beyond_64_bits", "99999999999999999999s", std::nullopt}),
    [](const auto& c) { return std::string(c.param.name); });

struct size_case {
  const char* name;
  const char* text;
  std::optional<std::uint64_t> value;
};

class sizes : public testing::TestWithParam<size_case> {};

TEST_P(sizes, are_a_number_with_a_unit) { EXPECT_EQ(parse_size(GetParam().text), GetParam().value); }

INSTANTIATE_TEST_SUITE_P(texts, sizes,
                         testing::Values(size_case{"octets", "7B", 7}, size_case{"kibi", "2KiB", 2048},
                                         size_case{"mebi", "64MiB", 64ULL << 20}, size_case{"gibi", "3GiB", 3ULL << 30},
                                         size_case{"tebi", "1TiB", 1ULL << 40}, size_case{"mega", "5MB", 5'000'000},
                                         size_case{"zero", "0B", 0}, size_case{"no_unit", "64", std::nullopt},
                                         size_case{"space", "64 MiB", std::nullopt},
                                         size_case{"small_letters", "64mib", std::nullopt},
                                         size_case{"nothing", "", std::nullopt},
                                         size_case{"two_units", "1MiB1B", std::nullopt},
                                         size_case{"too_large", "8388608TiB", std::nullopt},
                                         size_case{"the_largest", "8388607TiB", 8388607ULL << 40}),
                         [](const auto& c) { return std::string(c.param.name); });

TEST(parse_mode, reads_what_chmod_reads) {
  EXPECT_EQ(parse_mode("2770"), 02770U);
  EXPECT_EQ(parse_mode("0640"), 0640U);
  EXPECT_EQ(parse_mode("640"), 0640U);
  for (const char* wrong : {"", "64", "06400", "0680", "rwx", "-640"}) EXPECT_FALSE(parse_mode(wrong)) << wrong;
}

TEST(is_plain_name, excludes_what_a_path_or_a_label_could_trip_over) {
  for (const char* good : {"acme", "a", "A.b-c_9", "-x"}) EXPECT_TRUE(is_plain_name(good)) << good;
  for (const char* wrong : {"", ".", "..", ".hidden", "a b", "a/b", "a:3", "\xc3\xbc"})
    EXPECT_FALSE(is_plain_name(wrong)) << wrong;
  EXPECT_TRUE(is_plain_name(std::string(64, 'x')));
  EXPECT_FALSE(is_plain_name(std::string(65, 'x')));
}

TEST(is_sender, takes_numbers_and_short_words) {
  for (const char* good : {"1", "123456789012345", "+491701234567", "+123456789012345", "ACME", "My Shop 24!"})
    EXPECT_TRUE(is_sender(good)) << good;
  for (const char* wrong : {"", "1234567890123456", "+1234567890123456", "TWELVE CHARS", "M\xc3\xbcller", "a\tb"})
    EXPECT_FALSE(is_sender(wrong)) << wrong;
}

TEST(nearest, finds_the_fewest_edits) {
  const std::string_view known[] = {"window", "sessions", "throughput", "port"};
  EXPECT_EQ(nearest("windw", known), "window");
  EXPECT_EQ(nearest("session", known), "sessions");
  EXPECT_EQ(nearest("troughput", known), "throughput");
  EXPECT_EQ(nearest("prot", known), "port");
  EXPECT_EQ(nearest("x", {}), "");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), known), "");
}

}  // namespace
}  // namespace trunkline::engine
