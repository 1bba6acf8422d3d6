#include "router/outcome_policy.hpp"

#include <gtest/gtest.h>

#include "protocol/command_status.hpp"

namespace trunkline::router {
namespace {

using namespace std::chrono_literals;

struct default_case {
  const char* name;
  std::uint32_t status;
  submit_action action;
};

class default_policy : public testing::TestWithParam<default_case> {};

TEST_P(default_policy, follows_the_class_of_the_status) {
  const policy_rule rule = outcome_policy().for_submit(GetParam().status);
  EXPECT_EQ(rule.action, GetParam().action);
  EXPECT_EQ(rule.delay, 1s);
  EXPECT_EQ(rule.attempts, 20U);
}

INSTANTIATE_TEST_SUITE_P(statuses, default_policy,
                         testing::Values(default_case{"ok", 0x00, submit_action::sent},
                                         default_case{"bad_destination", 0x0B, submit_action::fail},
                                         default_case{"system_error", 0x08, submit_action::retry},
                                         default_case{"queue_full", 0x14, submit_action::retry},
                                         default_case{"submit_failed", 0x45, submit_action::reroute},
                                         default_case{"not_bound", 0x04, submit_action::stop_session},
                                         default_case{"bad_password", 0x0E, submit_action::stop_session},
                                         default_case{"throttled", 0x58, submit_action::throttle},
                                         default_case{"vendor", 0x421, submit_action::reroute},
                                         default_case{"reserved", 0xFFFFFFFF, submit_action::reroute}),
                         [](const auto& c) { return std::string(c.param.name); });

TEST(outcome_policy, the_first_override_that_covers_a_status_wins) {
  const policy_override overrides[] = {
      {0x14, 0x14, {submit_action::reroute, 250ms, 3}},
      {0x400, 0x4ff, {submit_action::fail, 1s, 20}},
      {0x410, 0x420, {submit_action::retry, 1s, 20}},
  };
  const outcome_policy policy(overrides);
  EXPECT_EQ(policy.for_submit(0x14), (policy_rule{submit_action::reroute, 250ms, 3}));
  EXPECT_EQ(policy.for_submit(0x3ff).action, submit_action::reroute);
  EXPECT_EQ(policy.for_submit(0x400).action, submit_action::fail);
  EXPECT_EQ(policy.for_submit(0x415).action, submit_action::fail);
  EXPECT_EQ(policy.for_submit(0x4ff).action, submit_action::fail);
  EXPECT_EQ(policy.for_submit(0x500).action, submit_action::reroute);
}

TEST(outcome_policy, success_and_throttling_cannot_be_overridden) {
  const policy_override everything[] = {{0, 0xFFFFFFFF, {submit_action::fail, 1s, 1}}};
  const outcome_policy policy(everything);
  EXPECT_EQ(policy.for_submit(0).action, submit_action::sent);
  EXPECT_EQ(policy.for_submit(0x58).action, submit_action::throttle);
  EXPECT_EQ(policy.for_submit(0x08).action, submit_action::fail);
}

TEST(outcome_policy, every_named_status_agrees_with_its_class) {
  using protocol::submit_class;
  for (std::uint32_t status = 1; status < 0x500; ++status) {
    if (status == 0x58) continue;
    const auto expected = protocol::class_for_submit(static_cast<protocol::command_status>(status));
    const submit_action action = outcome_policy().for_submit(status).action;
    EXPECT_EQ(action == submit_action::fail, expected == submit_class::permanent_message) << status;
    EXPECT_EQ(action == submit_action::retry, expected == submit_class::retry_later) << status;
    EXPECT_NE(action, submit_action::sent) << status;
  }
}

struct delay_case {
  const char* name;
  std::chrono::milliseconds base;
  std::uint32_t attempts;
  std::chrono::milliseconds expected;
};

class retry_delay : public testing::TestWithParam<delay_case> {};

TEST_P(retry_delay, doubles_up_to_a_minute) {
  EXPECT_EQ(next_delay(GetParam().base, GetParam().attempts), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(attempts, retry_delay,
                         testing::Values(delay_case{"before_any", 1s, 0, 1s}, delay_case{"first", 1s, 1, 1s},
                                         delay_case{"second", 1s, 2, 2s}, delay_case{"sixth", 1s, 6, 32s},
                                         delay_case{"bounded", 1s, 7, 60s},
                                         delay_case{"countless", 1s, 0xFFFFFFFF, 60s},
                                         delay_case{"odd_base", 700ms, 3, 2800ms}, delay_case{"zero", 0ms, 9, 0ms},
                                         delay_case{"negative", -5ms, 9, 0ms},
                                         delay_case{"longer_than_the_bound", 5min, 3, 5min}),
                         [](const auto& c) { return std::string(c.param.name); });

struct range_case {
  const char* name;
  const char* text;
  bool good;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

class status_ranges : public testing::TestWithParam<range_case> {};

TEST_P(status_ranges, are_names_numbers_or_ranges) {
  const auto parsed = parse_status_range(GetParam().text);
  ASSERT_EQ(parsed.has_value(), GetParam().good);
  if (!parsed) return;
  EXPECT_EQ(parsed->first, GetParam().first);
  EXPECT_EQ(parsed->last, GetParam().last);
}

INSTANTIATE_TEST_SUITE_P(
    texts, status_ranges,
    testing::Values(range_case{"a_name", "ESME_RMSGQFUL", true, 0x14, 0x14},
                    range_case{"hexadecimal", "0x0400", true, 0x400, 0x400},
                    range_case{"upper_case_hexadecimal", "0X04FF", true, 0x4ff, 0x4ff},
                    range_case{"decimal", "1025", true, 1025, 1025},
                    range_case{"a_range", "0x0400-0x04ff", true, 0x400, 0x4ff},
                    range_case{"a_spaced_range", " 0x400 - 0x4ff ", true, 0x400, 0x4ff},
                    range_case{"a_range_of_names", "ESME_RINVSRCADR-ESME_RINVDSTADR", true, 0x0a, 0x0b},
                    range_case{"the_largest", "0xFFFFFFFF", true, 0xFFFFFFFF, 0xFFFFFFFF},
                    range_case{"one_too_large", "0x100000000", false}, range_case{"backwards", "0x4ff-0x400", false},
                    range_case{"an_unknown_name", "ESME_RNOSUCH", false}, range_case{"no_prefix", "RMSGQFUL", false},
                    range_case{"empty", "", false}, range_case{"only_a_prefix", "0x", false},
                    range_case{"a_negative", "-5", false}, range_case{"an_open_range", "0x400-", false},
                    range_case{"three_ends", "1-2-3", false}, range_case{"trailing_text", "12abc", false}),
    [](const auto& c) { return std::string(c.param.name); });

}  // namespace
}  // namespace trunkline::router
