// Compiling routes: each distinct prefix leads to the list of routes that have it, by rank and order; routes without a
// prefix stand under the empty one. A look-up walks the prefixes of a number from the longest to the shortest and keeps
// the best route whose other conditions hold, so it costs by the lengths that occur, not by the number of routes.
#include "router/route_table.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>

namespace trunkline::router {
namespace {

bool sender_matches(const route& rule, std::string_view from) noexcept {
  return rule.from.empty() || std::binary_search(rule.from.begin(), rule.from.end(), from);
}

bool priority_matches(const route& rule, priority value) noexcept {
  return rule.priorities == 0 || (rule.priorities >> static_cast<unsigned>(value) & 1U) != 0;
}

bool tags_match(const route& rule, const tag_view& tags) noexcept {
  return std::all_of(rule.tags.begin(), rule.tags.end(),
                     [&](const auto& wanted) noexcept { return tags.has(wanted.first, wanted.second); });
}

/// All conditions but the prefix.
bool conditions_hold(const route& rule, const route_query& query) noexcept {
  return sender_matches(rule, query.from) && priority_matches(rule, query.priority) && tags_match(rule, query.tags);
}

/// The longest prefix of the rule that the number begins with; the empty prefix when the rule has none.
std::optional<std::string_view> matching_prefix(const route& rule, std::string_view number) noexcept {
  if (rule.prefixes.empty()) return std::string_view("");
  std::optional<std::string_view> best;
  for (const std::string& prefix : rule.prefixes)
    if (number.starts_with(prefix) && (!best || prefix.size() > best->size())) best = prefix;
  return best;
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

/// What a rule was found to be, in words; empty `why_not` when all conditions hold.
std::string why_not(const route& rule, const route_query& query, bool prefix_holds) {
  if (!prefix_holds) return "number " + std::string(query.number) + " begins with none of its prefixes";
  if (!sender_matches(rule, query.from))
    return query.from.empty() ? "the message names no sender, and the route asks for one"
                              : "sender " + quoted(query.from) + " is none of its senders";
  if (!priority_matches(rule, query.priority))
    return "priority " + std::string(name(query.priority)) + " is none of its priorities";
  for (const auto& [key, value] : rule.tags)
    if (!query.tags.has(key, value)) return "tag " + key + " is not " + quoted(value);
  return {};
}

std::string why_so(const route& rule, const route_query& query, std::string_view prefix) {
  std::string text = rule.prefixes.empty() ? "any number" : "prefix " + std::string(prefix);
  if (!rule.from.empty()) text += ", sender " + quoted(query.from);
  if (rule.priorities != 0) text += ", priority " + std::string(name(query.priority));
  for (const auto& [key, value] : rule.tags) text += ", tag " + key + " = " + quoted(value);
  return text;
}

}  // namespace

std::string_view name(route_strategy strategy) noexcept {
  switch (strategy) {
    case route_strategy::failover:
      return "failover";
    case route_strategy::weighted:
      return "weighted";
    case route_strategy::round_robin:
      return "round_robin";
  }
  return "failover";
}

std::optional<route_strategy> parse_route_strategy(std::string_view text) noexcept {
  for (const auto strategy : {route_strategy::failover, route_strategy::weighted, route_strategy::round_robin})
    if (name(strategy) == text) return strategy;
  return std::nullopt;
}

route_table::route_table(std::vector<route> routes) : routes_(std::move(routes)) {
  std::map<std::string_view, std::vector<std::uint32_t>> by_prefix;
  for (std::uint32_t i = 0; i < routes_.size(); ++i) {
    route& rule = routes_[i];
    rule.order = i;
    std::sort(rule.from.begin(), rule.from.end());
    if (rule.to.size() > route::max_targets) rule.to.resize(route::max_targets);
    if (rule.prefixes.empty()) by_prefix[""].push_back(i);
    for (const std::string& prefix : rule.prefixes) {
      auto& list = by_prefix[prefix];
      if (list.empty() || list.back() != i) list.push_back(i);
    }
  }
  std::vector<prefix_table::entry> entries;
  entries.reserve(by_prefix.size());
  for (auto& [prefix, list] : by_prefix) {
    std::stable_sort(list.begin(), list.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return routes_[a].rank < routes_[b].rank; });
    entries.push_back({prefix, static_cast<std::uint32_t>(lists_.size())});
    lists_.push_back({static_cast<std::uint32_t>(candidates_.size()), static_cast<std::uint32_t>(list.size())});
    candidates_.insert(candidates_.end(), list.begin(), list.end());
  }
  prefixes_ = prefix_table(entries);
  if (!routes_.empty())
    lowest_rank_ = std::min_element(routes_.begin(), routes_.end(), [](const route& a, const route& b) {
                     return a.rank < b.rank;
                   })->rank;
}

const route* route_table::match(const route_query& query) const noexcept {
  const route* best = nullptr;
  prefixes_.for_each(query.number, [&](const prefix_table::match& hit) noexcept {
    const candidate_list list = lists_[hit.value];
    for (std::uint32_t i = list.first; i < list.first + list.count; ++i) {
      const route& rule = routes_[candidates_[i]];
      // Lists are sorted: the first route that holds is the best of this prefix, and an equal rank under a longer
      // prefix has won already.
      if (best != nullptr && rule.rank >= best->rank) break;
      if (conditions_hold(rule, query)) {
        best = &rule;
        break;
      }
    }
    return best == nullptr || best->rank > lowest_rank_;
  });
  return best;
}

std::vector<route_trace> route_table::explain(const route_query& query) const {
  struct step {
    const route* rule;
    std::optional<std::string_view> prefix;
  };
  std::vector<step> steps;
  for (const route& rule : routes_) steps.push_back({&rule, matching_prefix(rule, query.number)});
  std::stable_sort(steps.begin(), steps.end(), [](const step& a, const step& b) {
    if (a.rule->rank != b.rule->rank) return a.rule->rank < b.rule->rank;
    const auto length = [](const step& s) { return s.prefix ? static_cast<int>(s.prefix->size()) : -1; };
    return length(a) > length(b);
  });
  std::vector<route_trace> traces;
  bool won = false;
  for (const auto& [rule, prefix] : steps) {
    route_trace trace{.rule = rule, .why = why_not(*rule, query, prefix.has_value())};
    trace.matched = trace.why.empty();
    if (trace.matched) {
      trace.winner = !won;
      trace.why = why_so(*rule, query, *prefix) + (won ? "; an earlier rule has taken it" : "");
      won = true;
    }
    traces.push_back(std::move(trace));
  }
  return traces;
}

}  // namespace trunkline::router
