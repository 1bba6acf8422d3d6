#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trunkline::router {

/// A moment on the clock of some place. Who asks converts: nothing here knows time zones.
struct local_minute {
  std::uint8_t weekday = 0;  ///< 0 is Monday
  std::uint16_t minute = 0;  ///< of the day, 0 to 1439
};

/// A part of the day: from `begin` up to, not including, `end`, in minutes. `begin` > `end` goes over midnight, and
/// what lies behind it belongs to the day before; equal ones are the whole day.
struct day_window {
  std::uint16_t begin = 0;
  std::uint16_t end = 0;
  friend bool operator==(const day_window&, const day_window&) = default;
};

/// "08:00-17:00", "22:00-06:00"; hours up to 24:00.
[[nodiscard]] std::optional<day_window> parse_day_window(std::string_view text) noexcept;
/// "mon" to "sun" (or the whole English word, any case) as 0 to 6.
[[nodiscard]] std::optional<std::uint8_t> parse_weekday(std::string_view text) noexcept;

/// True when `text` is what `mask` says: `*` any characters, `?` exactly one, everything else itself. Time is bounded
/// by the product of the lengths.
[[nodiscard]] bool matches_mask(std::string_view mask, std::string_view text) noexcept;

/// A pattern of the user's (RE2: linear in the text whatever it says), compiled once. Copies share it.
class text_pattern {
 public:
  text_pattern() = default;
  /// Nothing and `problem` when it is no pattern, or one that needs too much memory.
  static std::optional<text_pattern> compile(std::string_view source, bool ignore_case, std::string& problem);
  /// Matches texts that begin with one of `prefixes` after spaces.
  static text_pattern any_prefix(std::span<const std::string> prefixes, bool case_sensitive);
  /// Matches texts that are one of `words`, whatever their case, with nothing but spaces and punctuation around.
  static text_pattern whole_word(std::span<const std::string> words);
  [[nodiscard]] bool set() const noexcept { return compiled_ != nullptr; }
  /// Somewhere in `text`. Any thread.
  [[nodiscard]] bool found_in(std::string_view text) const;
  /// Source that was compiled.
  [[nodiscard]] std::string source() const;

 private:
  struct implementation;
  std::shared_ptr<const implementation> compiled_;
};

/// The conditions of one `[[inbound]]`; all that are not empty must hold. Numbers are digits; masks may stand for each
/// of them, so that "4917*" is a prefix.
struct inbound_rule {
  std::string name;
  bool enabled = true;
  std::vector<std::string> carriers;
  std::vector<std::string> to;    ///< masks of the number that the phone wrote to
  std::vector<std::string> from;  ///< masks of the phone's number
  std::vector<std::string> text_prefix;
  bool case_sensitive = false;  ///< of text_prefix
  text_pattern prefix;          ///< text_prefix, compiled
  text_pattern regex;
  std::vector<day_window> time;
  std::uint8_t days = 0;                                        ///< bit per weekday; 0: any
  std::uint16_t zone = 0;                                       ///< which of inbound_query::local
  std::vector<std::string> batch;                               ///< masks of the batch found by reply_to
  std::vector<std::string> batch_name;                          ///< masks of its `name`
  std::vector<std::pair<std::string, std::string>> batch_tags;  ///< all of them

  [[nodiscard]] bool needs_reply_to() const noexcept {
    return !batch.empty() || !batch_name.empty() || !batch_tags.empty();
  }
};

/// The message of ours that a received one answers.
struct answered_message {
  std::string_view batch;
  std::string_view batch_name;
  std::span<const std::pair<std::string, std::string>> tags;
};

/// What rules look at. Views must live through the call only.
struct inbound_query {
  std::string_view carrier;
  std::string_view from;
  std::string_view to;
  std::optional<std::string_view> text;  ///< nothing: it could not be read
  std::span<const local_minute> local;   ///< when it was received, for each zone that rules name
  const answered_message* answers = nullptr;
};

/// One line of an explanation.
struct inbound_trace {
  std::size_t rule = 0;
  bool matched = false;
  bool winner = false;
  std::string why;
};

/// The compiled rules: an immutable snapshot, replaced as a whole on reload. The first rule in the order of the file
/// whose conditions all hold takes the message; there is no default.
class inbound_rules {
 public:
  inbound_rules() = default;
  /// Takes the rules in the order of the file.
  explicit inbound_rules(std::vector<inbound_rule> rules);

  /// Index of the rule that takes the message, or nothing. Any thread.
  [[nodiscard]] std::optional<std::size_t> match(const inbound_query& query) const;
  /// Every rule with the verdict on it, for `trunkline route --inbound`. Cold.
  [[nodiscard]] std::vector<inbound_trace> explain(const inbound_query& query) const;

  [[nodiscard]] const std::vector<inbound_rule>& rules() const noexcept { return rules_; }
  /// Some enabled rule looks at the clock, or at the answered message: who asks may spare the work otherwise.
  [[nodiscard]] bool needs_time() const noexcept { return needs_time_; }
  [[nodiscard]] bool needs_reply_to() const noexcept { return needs_reply_to_; }

 private:
  std::vector<inbound_rule> rules_;
  bool needs_time_ = false;
  bool needs_reply_to_ = false;
};

}  // namespace trunkline::router
