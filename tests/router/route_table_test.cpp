#include "router/route_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace trunkline::router {
namespace {

using tag_map = std::map<std::string, std::string, std::less<>>;

std::string_view find_tag(const void* tags, std::string_view key) noexcept {
  const auto& map = *static_cast<const tag_map*>(tags);
  const auto found = map.find(key);
  return found == map.end() ? std::string_view() : std::string_view(found->second);
}

route make(std::string name, std::int32_t rank, std::vector<std::string> prefixes) {
  route rule;
  rule.name = std::move(name);
  rule.rank = rank;
  rule.prefixes = std::move(prefixes);
  rule.to = {{0, 1}};
  return rule;
}

std::vector<route> sample() {
  std::vector<route> rules;
  rules.push_back(make("everything", 10, {}));
  rules.push_back(make("germany", 0, {"49"}));
  rules.push_back(make("germany-mobile", 0, {"4915", "4916", "4917"}));
  rules.push_back(make("germany-again", 0, {"49"}));
  rules.push_back(make("bank", 0, {"49"}));
  rules.back().from = {"BANK", "ACME"};
  rules.push_back(make("alerts", -1, {}));
  rules.back().priorities = 1U << static_cast<unsigned>(priority::urgent);
  rules.push_back(make("campaign", -2, {"43", "49170"}));
  rules.back().tags = {{"campaign", "x"}, {"team", "blue"}};
  return rules;
}

struct route_case {
  const char* name;
  const char* number;
  const char* from;
  router::priority priority;
  tag_map tags;
  const char* winner;
};

class routes : public testing::TestWithParam<route_case> {};

TEST_P(routes, lower_rank_then_longest_prefix_then_order) {
  const route_case& c = GetParam();
  const route_table table(sample());
  const route_query query{c.number, c.from, c.priority, {&c.tags, find_tag}};
  const route* found = table.match(query);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->name, c.winner);
  // The explanation comes to the same end.
  for (const route_trace& trace : table.explain(query))
    EXPECT_EQ(trace.winner, trace.rule == found) << trace.rule->name;
}

INSTANTIATE_TEST_SUITE_P(
    cases, routes,
    testing::Values(
        route_case{"the_rest", "33123456", "", priority::bulk, {}, "everything"},
        route_case{"a_prefix", "4930123456", "", priority::bulk, {}, "germany"},
        route_case{"a_longer_prefix", "491712345", "", priority::bulk, {}, "germany-mobile"},
        route_case{"order_decides", "4930123456", "BANK", priority::bulk, {}, "germany"},
        route_case{"priority_of_lower_rank", "491712345", "", priority::urgent, {}, "alerts"},
        route_case{"all_tags", "4917055", "", priority::urgent, {{"campaign", "x"}, {"team", "blue"}}, "campaign"},
        route_case{"one_tag_missing", "4917055", "", priority::urgent, {{"campaign", "x"}}, "alerts"},
        route_case{
            "another_value", "4917055", "", priority::bulk, {{"campaign", "x"}, {"team", "red"}}, "germany-mobile"},
        route_case{"tags_but_another_prefix",
                   "4917155",
                   "",
                   priority::bulk,
                   {{"campaign", "x"}, {"team", "blue"}},
                   "germany-mobile"}),
    [](const auto& c) { return std::string(c.param.name); });

TEST(route_table, nothing_matches_where_no_route_holds) {
  EXPECT_EQ(route_table().match({"49170", "", priority::bulk, {}}), nullptr);
  std::vector<route> rules;
  rules.push_back(make("austria", 0, {"43"}));
  const route_table table(std::move(rules));
  EXPECT_EQ(table.match({"49170", "", priority::bulk, {}}), nullptr);
  const auto traces = table.explain({"49170", "", priority::bulk, {}});
  ASSERT_EQ(traces.size(), 1U);
  EXPECT_FALSE(traces[0].matched);
  EXPECT_NE(traces[0].why.find("prefix"), std::string::npos);
}

TEST(route_table, a_sender_condition_needs_a_sender) {
  std::vector<route> rules;
  rules.push_back(make("bank", 0, {}));
  rules.back().from = {"ZED", "BANK"};
  const route_table table(std::move(rules));
  EXPECT_EQ(table.match({"49170", "", priority::bulk, {}}), nullptr);
  EXPECT_EQ(table.match({"49170", "bank", priority::bulk, {}}), nullptr);
  EXPECT_NE(table.match({"49170", "BANK", priority::bulk, {}}), nullptr);
  EXPECT_NE(table.match({"49170", "ZED", priority::bulk, {}}), nullptr);
}

TEST(route_table, an_explanation_names_every_rule_in_order_of_evaluation) {
  const route_table table(sample());
  const auto traces = table.explain({"491712345", "", priority::bulk, {}});
  std::string order;
  for (const auto& trace : traces) order += trace.rule->name + (trace.winner ? "! " : trace.matched ? "+ " : " ");
  EXPECT_EQ(order, "campaign alerts germany-mobile! germany+ germany-again+ bank everything+ ");
  for (const auto& trace : traces) EXPECT_FALSE(trace.why.empty()) << trace.rule->name;
}

// Random tables against the definition, read literally.
TEST(route_table, agrees_with_a_linear_search) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const auto digits = [&](std::size_t most) {
    std::string text(random() % (most + 1), '0');
    for (char& c : text) c = static_cast<char>('1' + random() % 3);
    return text;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<route> rules;
    for (std::size_t i = 0; i < random() % 30; ++i) {
      rules.push_back(make(std::to_string(i), static_cast<std::int32_t>(random() % 3) - 1, {}));
      for (std::size_t p = random() % 4; p > 0; --p) rules.back().prefixes.push_back(digits(4) + "1");
      if (random() % 3 == 0) rules.back().from = {random() % 2 == 0 ? "A" : "B", "C"};
      if (random() % 3 == 0) rules.back().priorities = static_cast<std::uint8_t>(random() % 8);
      if (random() % 4 == 0) rules.back().tags = {{"k", random() % 2 == 0 ? "v" : "w"}};
    }
    const route_table table(rules);
    for (int i = 0; i < 100; ++i) {
      const std::string number = digits(8);
      const std::string from = std::array{"", "A", "B", "C", "D"}[random() % 5];
      const auto value = static_cast<priority>(random() % 3);
      const tag_map tags = random() % 2 == 0 ? tag_map{} : tag_map{{"k", "v"}};
      const route* expected = nullptr;
      int expected_length = -1;
      for (const route& rule : table.routes()) {
        int length = rule.prefixes.empty() ? 0 : -1;
        for (const auto& prefix : rule.prefixes)
          if (number.starts_with(prefix)) length = std::max(length, static_cast<int>(prefix.size()));
        if (length < 0) continue;
        if (!rule.from.empty() && std::count(rule.from.begin(), rule.from.end(), from) == 0) continue;
        if (rule.priorities != 0 && (rule.priorities >> static_cast<unsigned>(value) & 1) == 0) continue;
        if (!rule.tags.empty() && (tags.empty() || tags.at("k") != rule.tags[0].second)) continue;
        const bool better = expected == nullptr || rule.rank < expected->rank ||
                            (rule.rank == expected->rank && length > expected_length);
        if (better) expected = &rule, expected_length = length;
      }
      ASSERT_EQ(table.match({number, from, value, {&tags, find_tag}}), expected) << round << ' ' << number;
    }
  }
}

TEST(route_strategy, names_read_back) {
  for (const auto s : {route_strategy::failover, route_strategy::weighted, route_strategy::round_robin})
    EXPECT_EQ(parse_route_strategy(name(s)), s);
  EXPECT_FALSE(parse_route_strategy("random").has_value());
}

}  // namespace
}  // namespace trunkline::router
