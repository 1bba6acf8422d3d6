// First match wins: the rules are walked in the order of the file, the cheapest conditions of each first. Texts are
// matched by RE2, whose time is linear in the text for every pattern, since both texts and patterns come from outside.
#include "router/inbound_rules.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace trunkline::router {
namespace {

constexpr std::int64_t max_pattern_bytes = 1 << 20;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool any_mask(const std::vector<std::string>& masks, std::string_view text) noexcept {
  return std::any_of(masks.begin(), masks.end(), [&](const std::string& mask) { return matches_mask(mask, text); });
}

bool in_window(const day_window& window, std::uint8_t days, local_minute now) noexcept {
  const auto on = [&](unsigned weekday) { return days == 0 || (days >> weekday & 1U) != 0; };
  if (window.begin == window.end) return on(now.weekday);
  if (window.begin < window.end) return on(now.weekday) && now.minute >= window.begin && now.minute < window.end;
  if (now.minute >= window.begin) return on(now.weekday);
  return now.minute < window.end && on((now.weekday + 6U) % 7U);
}

bool in_time(const inbound_rule& rule, local_minute now) noexcept {
  if (rule.time.empty()) return in_window({}, rule.days, now);
  return std::any_of(rule.time.begin(), rule.time.end(),
                     [&](const day_window& window) { return in_window(window, rule.days, now); });
}

bool tags_hold(const inbound_rule& rule, const answered_message& answered) noexcept {
  return std::all_of(rule.batch_tags.begin(), rule.batch_tags.end(), [&](const auto& wanted) {
    return std::find(answered.tags.begin(), answered.tags.end(), wanted) != answered.tags.end();
  });
}

/// The first condition that does not hold, for people; empty when all do. Static storage.
std::string_view refusal(const inbound_rule& rule, const inbound_query& query) {
  if (!rule.enabled) return "it is not enabled";
  if (!rule.carriers.empty() &&
      std::find(rule.carriers.begin(), rule.carriers.end(), query.carrier) == rule.carriers.end())
    return "another carrier";
  if (!rule.to.empty() && !any_mask(rule.to, query.to)) return "another receiver";
  if (!rule.from.empty() && !any_mask(rule.from, query.from)) return "another sender";
  if (!rule.time.empty() || rule.days != 0) {
    if (rule.zone >= query.local.size() || !in_time(rule, query.local[rule.zone])) return "another time";
  }
  if (rule.needs_reply_to()) {
    if (query.answers == nullptr) return "it answers no message that was sent";
    if (!rule.batch.empty() && !any_mask(rule.batch, query.answers->batch)) return "it answers another batch";
    if (!rule.batch_name.empty() && !any_mask(rule.batch_name, query.answers->batch_name))
      return "it answers a batch of another name";
    if (!tags_hold(rule, *query.answers)) return "it answers a message with other tags";
  }
  if (rule.prefix.set() || rule.regex.set()) {
    if (!query.text) return "its text could not be read";
    if (rule.prefix.set() && !rule.prefix.found_in(*query.text)) return "the text begins otherwise";
    if (rule.regex.set() && !rule.regex.found_in(*query.text)) return "the text does not match";
  }
  return {};
}

std::string conditions_of(const inbound_rule& rule) {
  std::string all;
  const auto name = [&](bool there, std::string_view what) {
    if (!there) return;
    if (!all.empty()) all += ", ";
    all += what;
  };
  name(!rule.carriers.empty(), "carrier");
  name(!rule.to.empty(), "receiver");
  name(!rule.from.empty(), "sender");
  name(!rule.time.empty(), "time");
  name(rule.days != 0, "day");
  name(!rule.batch.empty(), "batch");
  name(!rule.batch_name.empty(), "name of the batch");
  name(!rule.batch_tags.empty(), "tags");
  name(rule.prefix.set(), "beginning of the text");
  name(rule.regex.set(), "pattern");
  return all.empty() ? "it has no conditions" : all + (all.find(',') == std::string::npos ? " matches" : " match");
}

}  // namespace

std::optional<day_window> parse_day_window(std::string_view text) noexcept {
  const auto time_at = [&](std::size_t at) -> std::optional<std::uint16_t> {
    const auto digit = [&](std::size_t i) { return text[at + i] >= '0' && text[at + i] <= '9'; };
    if (!digit(0) || !digit(1) || text[at + 2] != ':' || !digit(3) || !digit(4)) return std::nullopt;
    const int hour = (text[at] - '0') * 10 + (text[at + 1] - '0');
    const int minute = (text[at + 3] - '0') * 10 + (text[at + 4] - '0');
    if (minute > 59 || hour * 60 + minute > 24 * 60) return std::nullopt;
    return static_cast<std::uint16_t>(hour * 60 + minute);
  };
  if (text.size() != 11 || text[5] != '-') return std::nullopt;
  const auto begin = time_at(0);
  const auto end = time_at(6);
  if (!begin || !end || *begin == 24 * 60) return std::nullopt;
  return day_window{*begin, *end};
}

std::optional<std::uint8_t> parse_weekday(std::string_view text) noexcept {
  constexpr std::array<std::string_view, 7> names{"monday", "tuesday",  "wednesday", "thursday",
                                                  "friday", "saturday", "sunday"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (text.size() != 3 && text.size() != names[i].size()) continue;
    if (std::equal(text.begin(), text.end(), names[i].begin(), [](char a, char b) { return lower(a) == b; }))
      return static_cast<std::uint8_t>(i);
  }
  return std::nullopt;
}

bool matches_mask(std::string_view mask, std::string_view text) noexcept {
  std::size_t m = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // the last one seen, and where its characters end
  std::size_t resume = 0;
  while (t < text.size()) {
    if (m < mask.size() && mask[m] == '*') {
      star = m++;
      resume = t;
    } else if (m < mask.size() && (mask[m] == '?' || mask[m] == text[t])) {
      ++m;
      ++t;
    } else if (star != std::string_view::npos) {
      m = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (m < mask.size() && mask[m] == '*') ++m;
  return m == mask.size();
}

struct text_pattern::implementation {
  implementation(const std::string& source, const RE2::Options& options) : re(source, options) {}
  RE2 re;
};

std::optional<text_pattern> text_pattern::compile(std::string_view source, bool ignore_case, std::string& problem) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_case_sensitive(!ignore_case);
  options.set_max_mem(max_pattern_bytes);
  auto made = std::make_shared<const implementation>(std::string(source), options);
  if (!made->re.ok()) {
    problem = made->re.error();
    return std::nullopt;
  }
  text_pattern pattern;
  pattern.compiled_ = std::move(made);
  return pattern;
}

text_pattern text_pattern::any_prefix(std::span<const std::string> prefixes, bool case_sensitive) {
  std::string source = "^[\\s\\pZ]*(?:";
  for (const std::string& prefix : prefixes) {
    if (&prefix != prefixes.data()) source += '|';
    source += RE2::QuoteMeta(prefix);
  }
  std::string problem;
  return compile(source + ")", !case_sensitive, problem).value_or(text_pattern());
}

text_pattern text_pattern::whole_word(std::span<const std::string> words) {
  std::string source = "^[\\s\\pZ\\pP]*(?:";
  for (const std::string& word : words) {
    if (&word != words.data()) source += '|';
    source += RE2::QuoteMeta(word);
  }
  std::string problem;
  return compile(source + ")[\\s\\pZ\\pP]*$", true, problem).value_or(text_pattern());
}

bool text_pattern::found_in(std::string_view text) const {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled_->re);
}

std::string text_pattern::source() const { return compiled_ ? compiled_->re.pattern() : std::string(); }

inbound_rules::inbound_rules(std::vector<inbound_rule> rules) : rules_(std::move(rules)) {
  for (inbound_rule& rule : rules_) {
    if (!rule.text_prefix.empty() && !rule.prefix.set())
      rule.prefix = text_pattern::any_prefix(rule.text_prefix, rule.case_sensitive);
    if (!rule.enabled) continue;
    needs_time_ |= !rule.time.empty() || rule.days != 0;
    needs_reply_to_ |= rule.needs_reply_to();
  }
}

std::optional<std::size_t> inbound_rules::match(const inbound_query& query) const {
  for (std::size_t i = 0; i < rules_.size(); ++i)
    if (refusal(rules_[i], query).empty()) return i;
  return std::nullopt;
}

std::vector<inbound_trace> inbound_rules::explain(const inbound_query& query) const {
  std::vector<inbound_trace> traces;
  bool taken = false;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const std::string_view why = refusal(rules_[i], query);
    const bool matched = why.empty();
    traces.push_back({i, matched, matched && !taken, matched ? conditions_of(rules_[i]) : std::string(why)});
    taken |= matched;
  }
  return traces;
}

}  // namespace trunkline::router
