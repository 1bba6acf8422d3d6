#include "router/outcome.hpp"

#include <gtest/gtest.h>

#include <set>

namespace trunkline::router {
namespace {

TEST(outcome, every_status_has_a_name_that_reads_back) {
  for (std::size_t i = 0; i < message_status_count; ++i) {
    const auto status = static_cast<message_status>(i);
    EXPECT_EQ(parse_message_status(name(status)), status) << i;
  }
  EXPECT_FALSE(parse_message_status("Sent").has_value());
}

TEST(outcome, every_priority_has_a_name_that_reads_back) {
  for (std::size_t i = 0; i < priority_count; ++i) {
    const auto value = static_cast<priority>(i);
    EXPECT_EQ(parse_priority(name(value)), value) << i;
  }
  EXPECT_FALSE(parse_priority("").has_value());
  EXPECT_FALSE(parse_priority("URGENT").has_value());
}

TEST(outcome, codes_are_distinct_and_described) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < reason_count; ++i) {
    const auto why = static_cast<reason>(i);
    EXPECT_TRUE(names.insert(name(why)).second) << name(why);
    EXPECT_FALSE(name(why).empty()) << i;
    EXPECT_FALSE(description(why).empty()) << name(why);
  }
}

// The numbers are in journals on disk.
TEST(outcome, numbers_do_not_move) {
  EXPECT_EQ(static_cast<int>(reason::no_route), 10);
  EXPECT_EQ(static_cast<int>(reason::file_changed), 18);
  EXPECT_EQ(static_cast<int>(reason::peer_version), static_cast<int>(reason_count) - 1);
  EXPECT_EQ(static_cast<int>(message_status::cancelled), 5);
}

TEST(outcome, numbers_from_a_damaged_journal_have_a_name_too) {
  EXPECT_FALSE(name(static_cast<reason>(250)).empty());
  EXPECT_FALSE(description(static_cast<reason>(250)).empty());
  EXPECT_EQ(name(static_cast<message_status>(250)), "unknown");
  EXPECT_EQ(name(static_cast<priority>(250)), "bulk");
}

}  // namespace
}  // namespace trunkline::router
