#include "router/inbound_rules.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

namespace trunkline::router {
namespace {

constexpr local_minute monday_noon{0, 12 * 60};

inbound_query query() {
  static const local_minute local[] = {monday_noon, {6, 23 * 60 + 30}};
  inbound_query q;
  q.carrier = "acme";
  q.from = "491701234567";
  q.to = "12345";
  q.text = "Stop it please";
  q.local = local;
  return q;
}

text_pattern pattern(std::string_view source, bool ignore_case = false) {
  std::string problem;
  return text_pattern::compile(source, ignore_case, problem).value();
}

TEST(inbound_rules, each_condition) {
  struct test_case {
    const char* name;
    std::function<void(inbound_rule&)> set;
    bool expected;
  };
  const test_case cases[] = {
      {"none", [](inbound_rule&) {}, true},
      {"not enabled", [](inbound_rule& r) { r.enabled = false; }, false},
      {"carrier",
       [](inbound_rule& r) {
         r.carriers = {"other", "acme"};
       },
       true},
      {"another carrier", [](inbound_rule& r) { r.carriers = {"acm"}; }, false},
      {"receiver", [](inbound_rule& r) { r.to = {"12345"}; }, true},
      {"receiver is no prefix", [](inbound_rule& r) { r.to = {"1234"}; }, false},
      {"receiver by prefix", [](inbound_rule& r) { r.to = {"123*"}; }, true},
      {"receiver by mask",
       [](inbound_rule& r) {
         r.to = {"99*", "1?3?5"};
       },
       true},
      {"sender", [](inbound_rule& r) { r.from = {"49*"}; }, true},
      {"sender by mask", [](inbound_rule& r) { r.from = {"49170???????"}; }, true},
      {"sender, one digit too many", [](inbound_rule& r) { r.from = {"49170????????"}; }, false},
      {"all must hold", [](inbound_rule& r) { r.from = {"49*"}, r.to = {"9"}; }, false},
      {"text prefix, whatever the case", [](inbound_rule& r) { r.text_prefix = {"STOP"}; }, true},
      {"text prefix, case matters", [](inbound_rule& r) { r.text_prefix = {"STOP"}, r.case_sensitive = true; }, false},
      {"one of several prefixes",
       [](inbound_rule& r) {
         r.text_prefix = {"HELP", "stop IT"};
       },
       true},
      {"text prefix not there", [](inbound_rule& r) { r.text_prefix = {"top"}; }, false},
      {"a prefix is no pattern", [](inbound_rule& r) { r.text_prefix = {"S.op"}; }, false},
      {"pattern", [](inbound_rule& r) { r.regex = pattern("it\\s+p"); }, true},
      {"pattern, case matters", [](inbound_rule& r) { r.regex = pattern("IT"); }, false},
      {"pattern, whatever the case", [](inbound_rule& r) { r.regex = pattern("(?i)IT"); }, true},
      {"anchored pattern", [](inbound_rule& r) { r.regex = pattern("^it"); }, false},
      {"time", [](inbound_rule& r) { r.time = {*parse_day_window("08:00-17:00")}; }, true},
      {"end of time is outside", [](inbound_rule& r) { r.time = {*parse_day_window("08:00-12:00")}; }, false},
      {"begin of time is inside", [](inbound_rule& r) { r.time = {*parse_day_window("12:00-13:00")}; }, true},
      {"one of two times",
       [](inbound_rule& r) {
         r.time = {*parse_day_window("08:00-09:00"), *parse_day_window("11:00-13:00")};
       },
       true},
      {"over midnight, outside", [](inbound_rule& r) { r.time = {*parse_day_window("22:00-06:00")}; }, false},
      {"another zone, over midnight", [](inbound_rule& r) { r.time = {*parse_day_window("22:00-06:00")}, r.zone = 1; },
       true},
      {"a zone that nobody converted", [](inbound_rule& r) { r.days = 1, r.zone = 2; }, false},
      {"day", [](inbound_rule& r) { r.days = 1; }, true},
      {"another day", [](inbound_rule& r) { r.days = 2; }, false},
      {"day elsewhere", [](inbound_rule& r) { r.days = 1U << 6U, r.zone = 1; }, true},
      {"answers nothing", [](inbound_rule& r) { r.batch = {"*"}; }, false},
  };
  for (const auto& c : cases) {
    inbound_rule rule;
    rule.name = "only";
    c.set(rule);
    const inbound_rules rules({rule});
    EXPECT_EQ(rules.match(query()).has_value(), c.expected) << c.name;
    const auto traces = rules.explain(query());
    ASSERT_EQ(traces.size(), 1U);
    EXPECT_EQ(traces[0].winner, c.expected) << c.name;
    EXPECT_FALSE(traces[0].why.empty());
  }
}

TEST(inbound_rules, leading_space_and_case_of_other_scripts) {
  inbound_rule rule;
  rule.text_prefix = {"СТОП"};
  const inbound_rules rules({rule});
  auto q = query();
  for (const char* text : {"стоп", "  Стоп!", "\t\nсТоП сейчас", "\u00a0стоп"}) {
    q.text = text;
    EXPECT_TRUE(rules.match(q)) << text;
  }
  q.text = "не стоп";
  EXPECT_FALSE(rules.match(q));
}

TEST(inbound_rules, a_text_that_could_not_be_read_matches_no_condition_on_texts) {
  inbound_rule prefix;
  prefix.text_prefix = {""};
  inbound_rule regex;
  regex.regex = pattern("");
  inbound_rule any;
  const inbound_rules rules({prefix, regex, any});
  auto q = query();
  EXPECT_EQ(rules.match(q), 0U);
  q.text.reset();
  EXPECT_EQ(rules.match(q), 2U);
}

TEST(inbound_rules, the_answered_message) {
  inbound_rule by_batch;
  by_batch.batch = {"march-*.jsonl"};
  inbound_rule by_name;
  by_name.batch_name = {"spring"};
  inbound_rule by_tags;
  by_tags.batch_tags = {{"campaign", "x"}, {"team", "y"}};
  const inbound_rules rules({by_batch, by_name, by_tags});
  EXPECT_TRUE(rules.needs_reply_to());
  EXPECT_FALSE(rules.needs_time());
  auto q = query();
  EXPECT_EQ(rules.match(q), std::nullopt);
  const std::pair<std::string, std::string> tags[] = {{"team", "y"}, {"campaign", "x"}, {"more", ""}};
  answered_message sent{"march-1.jsonl", "spring", tags};
  q.answers = &sent;
  EXPECT_EQ(rules.match(q), 0U);
  sent.batch = "april.jsonl";
  EXPECT_EQ(rules.match(q), 1U);
  sent.batch_name = "";
  EXPECT_EQ(rules.match(q), 2U);
  sent.tags = std::span(tags).first(1);
  EXPECT_EQ(rules.match(q), std::nullopt);
}

TEST(inbound_rules, the_first_match_wins) {
  inbound_rule a;
  a.name = "a";
  a.enabled = false;
  inbound_rule b;
  b.name = "b";
  b.from = {"49*"};
  inbound_rule c;
  c.name = "c";
  const inbound_rules rules({a, b, c});
  EXPECT_EQ(rules.match(query()), 1U);
  const auto traces = rules.explain(query());
  EXPECT_FALSE(traces[0].matched);
  EXPECT_TRUE(traces[1].winner);
  EXPECT_TRUE(traces[2].matched);
  EXPECT_FALSE(traces[2].winner);
  EXPECT_EQ(inbound_rules().match(query()), std::nullopt);
}

TEST(inbound_rules, over_midnight_belongs_to_the_day_before) {
  inbound_rule rule;
  rule.time = {*parse_day_window("22:00-06:00")};
  rule.days = 1U << 4U;  // Friday
  const inbound_rules rules({rule});
  const auto at = [&](std::uint8_t weekday, unsigned hour) {
    const local_minute local[] = {{weekday, static_cast<std::uint16_t>(hour * 60)}};
    auto q = query();
    q.local = local;
    return rules.match(q).has_value();
  };
  EXPECT_TRUE(at(4, 22));
  EXPECT_TRUE(at(4, 23));
  EXPECT_TRUE(at(5, 0));
  EXPECT_TRUE(at(5, 5));
  EXPECT_FALSE(at(5, 6));
  EXPECT_FALSE(at(5, 22));
  EXPECT_FALSE(at(4, 5));
  EXPECT_FALSE(at(4, 21));
}

TEST(inbound_rules, times_and_days_as_people_write_them) {
  EXPECT_EQ(parse_day_window("08:00-17:00"), (day_window{480, 1020}));
  EXPECT_EQ(parse_day_window("00:00-24:00"), (day_window{0, 1440}));
  for (const char* bad : {"", "8:00-17:00", "08:00", "08:00-17:0", "08:00-25:00", "24:00-01:00", "08:60-09:00",
                          "08:00-24:01", "08:00 17:00", "08:00-17:000", "ab:cd-ef:gh"})
    EXPECT_FALSE(parse_day_window(bad)) << bad;
  EXPECT_EQ(parse_weekday("mon"), 0);
  EXPECT_EQ(parse_weekday("Sunday"), 6);
  EXPECT_EQ(parse_weekday("WED"), 2);
  for (const char* bad : {"", "mo", "mond", "montag", "sundays"}) EXPECT_FALSE(parse_weekday(bad)) << bad;
}

TEST(inbound_rules, masks) {
  struct test_case {
    const char* mask;
    const char* text;
    bool expected;
  };
  const test_case cases[] = {{"", "", true},         {"", "a", false},       {"*", "", true},
                             {"*", "abc", true},     {"?", "", false},       {"?", "a", true},
                             {"a*c", "abbbc", true}, {"a*c", "abbb", false}, {"*a*b*", "xxaxxbxx", true},
                             {"**", "x", true},      {"*?", "", false},      {"a?c*", "abcd", true}};
  for (const auto& c : cases) EXPECT_EQ(matches_mask(c.mask, c.text), c.expected) << c.mask << " " << c.text;
}

TEST(inbound_rules, hostile_masks_and_patterns_take_linear_time) {
  const std::string text(100'000, 'a');
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_FALSE(matches_mask("*a*a*a*a*b", std::string_view(text).substr(0, 2000)));
  // What makes a backtracking engine run for ever, or overflow the stack.
  EXPECT_FALSE(pattern("(a*)*b").found_in(text));
  EXPECT_FALSE(pattern("(a|aa)+$b").found_in(text));
  EXPECT_FALSE(pattern("^(([a-z])+.)+[A-Z]([a-z])+$").found_in(text));
  EXPECT_TRUE(pattern("(x+x+)+y|a{100}").found_in(text));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  std::string problem;
  for (const char* bad : {"(", "[a", "a{2,1}", "(?P<n>a", "\\1", "(?=a)", "*a", "\xff"}) {
    problem.clear();
    EXPECT_FALSE(text_pattern::compile(bad, false, problem)) << bad;
    EXPECT_FALSE(problem.empty());
  }
  EXPECT_FALSE(text_pattern::compile("((((a{100}){100}){100}){100})", false, problem));
}

TEST(inbound_rules, whole_words) {
  const std::vector<std::string> words{"STOP", "END", "ОТПИСКА", "a+b"};
  const auto keyword = text_pattern::whole_word(words);
  for (const char* text : {"STOP", " stop ", "Stop.", "\"END!\"", "«end»", "отписка", "A+B"})
    EXPECT_TRUE(keyword.found_in(text)) << text;
  for (const char* text : {"", "please stop", "stopp", "STOP ALL", "aab"}) EXPECT_FALSE(keyword.found_in(text)) << text;
}

}  // namespace
}  // namespace trunkline::router
