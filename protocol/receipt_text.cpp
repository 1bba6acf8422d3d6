// Receipt texts are read by their keys, not by position: carriers reorder, drop, add and capitalise fields. One pass
// goes from colon to colon; a key counts only where a word starts, so that an id or a text may contain one's letters.

#include "protocol/receipt_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocol/ascii.hpp"

namespace trunkline::protocol {
namespace {

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

enum class key : std::uint8_t { none, id, sub, dlvrd, submit_date, done_date, stat, err, text };

struct key_name {
  std::string_view name;
  key field;
};

/// A key and the blank-free spelling some carriers give the dates, in lower case.
constexpr auto keys = std::to_array<key_name>({
    {"id", key::id},
    {"sub", key::sub},
    {"dlvrd", key::dlvrd},
    {"submit date", key::submit_date},
    {"done date", key::done_date},
    {"stat", key::stat},
    {"err", key::err},
    {"text", key::text},
    {"submitdate", key::submit_date},
    {"donedate", key::done_date},
    {"submit_date", key::submit_date},
    {"done_date", key::done_date},
});

/// The key that ends right before the colon at `colon`, or none.
key key_before(std::string_view text, std::size_t colon) noexcept {
  const std::string_view before = text.substr(0, colon);
  if (before.empty()) return key::none;
  const char last = to_lower(before.back());
  for (const key_name& known : keys) {
    const std::size_t size = known.name.size();
    if (known.name.back() != last || before.size() < size) continue;
    if (before.size() > size && !is_space(before[before.size() - size - 1])) continue;
    if (equals_in_any_case(before.substr(before.size() - size), known.name)) return known.field;
  }
  return key::none;
}

/// Where the next field with that key starts its value, at or after `from`; npos when there is none.
std::size_t find_value(std::string_view text, std::size_t from, key wanted) noexcept {
  for (std::size_t colon = text.find(':', from); colon != std::string_view::npos; colon = text.find(':', colon + 1)) {
    if (key_before(text.substr(from), colon - from) == wanted) return colon + 1;
  }
  return std::string_view::npos;
}

std::size_t skip_spaces(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

/// The word at `at`, after blanks; empty when what follows the blanks is the next field.
std::string_view word_at(std::string_view text, std::size_t at) noexcept {
  const std::size_t begin = skip_spaces(text, at);
  std::size_t end = begin;
  while (end < text.size() && !is_space(text[end])) ++end;
  const std::string_view word = text.substr(begin, end - begin);
  if (begin == at) return word;
  if (const std::size_t colon = word.find(':'); colon != std::string_view::npos) {
    return key_before(text, begin + colon) == key::none ? word : std::string_view();
  }
  // "done date:" is two words.
  const std::size_t colon = text.find(':', end);
  const bool next_is_date = colon != std::string_view::npos && key_before(text, colon) != key::none &&
                            skip_spaces(text, end) + 4 == colon && (word.size() == 4 || word.size() == 6);
  return next_is_date ? std::string_view() : word;
}

std::optional<std::uint32_t> number(std::string_view word) noexcept {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (word.empty() || error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

bool all_digits(std::string_view text) noexcept { return std::all_of(text.begin(), text.end(), is_digit); }

/// status,done,submitted,error,to,from,id: seven values of which the first three are digits.
std::optional<receipt_text> parse_line_of_values(std::string_view text) noexcept {
  std::array<std::string_view, 7> values;
  std::size_t count = 0;
  for (;;) {
    const std::size_t comma = text.find(',');
    if (count == values.size()) return std::nullopt;
    values[count++] = text.substr(0, comma);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  const auto is_date = [](std::string_view value) {
    return (value.size() == 10 || value.size() == 12 || value.size() == 14) && all_digits(value);
  };
  if (count != values.size() || values[0].empty() || values[0].size() > 3 || !all_digits(values[0]) ||
      !is_date(values[1]) || !is_date(values[2]) || values[6].empty()) {
    return std::nullopt;
  }
  receipt_text receipt;
  receipt.stat = values[0];
  receipt.done_date = values[1];
  receipt.submit_date = values[2];
  receipt.err = values[3];
  receipt.id = values[6];
  return receipt;
}

}  // namespace

receipt_text parse_receipt_text(std::string_view text) noexcept {
  receipt_text receipt;
  std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return parse_line_of_values(text).value_or(receipt);
  std::size_t from = 0;
  for (; colon != std::string_view::npos; colon = text.find(':', from)) {
    const key field = key_before(text, colon);
    const std::size_t at = colon + 1;
    from = at;
    if (field == key::none) continue;
    if (field == key::text) {
      if (receipt.text) continue;
      // Some carriers put fields behind the text. A user's text may say "stat:" too: then the real one came before.
      const std::size_t stat = receipt.stat.empty() ? find_value(text, at, key::stat) : std::string_view::npos;
      if (stat == std::string_view::npos) {
        receipt.text = text.substr(at);
        break;
      }
      const std::size_t stat_key = stat - std::string_view("stat:").size();
      receipt.text = text.substr(at, stat_key > at ? stat_key - 1 - at : 0);
      receipt.stat = word_at(text, stat);
      from = stat;
      continue;
    }
    const std::string_view word = word_at(text, at);
    if (!word.empty()) from = static_cast<std::size_t>(word.data() - text.data()) + word.size();
    // The first of a repeated field counts.
    const auto keep = [word](std::string_view& value) {
      if (value.empty()) value = word;
    };
    switch (field) {
      case key::id:
        keep(receipt.id);
        break;
      case key::sub:
        if (!receipt.sub) receipt.sub = number(word);
        break;
      case key::dlvrd:
        if (!receipt.dlvrd) receipt.dlvrd = number(word);
        break;
      case key::submit_date:
        keep(receipt.submit_date);
        break;
      case key::done_date:
        keep(receipt.done_date);
        break;
      case key::stat:
        keep(receipt.stat);
        break;
      case key::err:
        keep(receipt.err);
        break;
      case key::none:
      case key::text:
        break;
    }
  }
  return receipt;
}

namespace {

/// A date of digits alone with a year of `year_digits`, or nothing when there is no such date.
std::optional<utc_time> date_of_digits(std::string_view digits, std::size_t year_digits) noexcept {
  const auto two = [digits](std::size_t at) { return (digits[at] - '0') * 10 + (digits[at + 1] - '0'); };
  const int year = year_digits == 4 ? two(0) * 100 + two(2) : 2000 + two(0);
  std::size_t at = year_digits;
  const auto month = static_cast<unsigned>(two(at));
  const auto day = static_cast<unsigned>(two(at + 2));
  const int hour = two(at + 4);
  const int minute = two(at + 6);
  const int second = at + 8 < digits.size() ? two(at + 8) : 0;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (year < 2000 || year > 2099 || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace

std::optional<receipt_date> read_receipt_date(std::string_view date, utc_time now) noexcept {
  if (date.size() == 16) {
    const auto time = parse_smpp_time(date);
    if (!time || time->kind != smpp_time_kind::absolute) return std::nullopt;
    return receipt_date{time->at, true};
  }
  if (!all_digits(date)) return std::nullopt;
  std::optional<utc_time> time;
  if (date.size() == 10) {
    time = date_of_digits(date, 2);
  } else if (date.size() == 14) {
    time = date_of_digits(date, 4);
  } else if (date.size() == 12) {
    time = date_of_digits(date, 2);
    const auto with_long_year = date_of_digits(date, 4);
    if (!time || (with_long_year && std::chrono::abs(*with_long_year - now) < std::chrono::abs(*time - now))) {
      time = with_long_year;
    }
  }
  if (!time) return std::nullopt;
  return receipt_date{*time, false};
}

}  // namespace trunkline::protocol
