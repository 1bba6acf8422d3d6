// The time strings of SMPP 3.4, 7.1.1, read strictly: an SMSC that answers with an impossible date has a fault that a
// guess would hide, and a user's validity must mean to the peer what it means to us.

#include "protocol/smpp_time.hpp"

#include "protocol/ascii.hpp"

namespace trunkline::protocol {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t time_characters = 16;
constexpr int max_quarter_hours = 48;
constexpr minutes quarter_hour{15};
constexpr int century = 2000;

int two_digits(std::string_view text, std::size_t at) noexcept { return (text[at] - '0') * 10 + (text[at + 1] - '0'); }

void put_two(time_text& text, std::size_t at, int value) noexcept {
  text.characters[at] = static_cast<char>('0' + value / 10);
  text.characters[at + 1] = static_cast<char>('0' + value % 10);
}

}  // namespace

tl::expected<smpp_time, errc> parse_smpp_time(std::string_view text) noexcept {
  smpp_time time;
  if (text.empty()) return time;
  if (text.size() != time_characters) return tl::unexpected(errc::bad_value);
  for (const char c : text.substr(0, time_characters - 1)) {
    if (!is_digit(c)) return tl::unexpected(errc::bad_value);
  }
  const int year = two_digits(text, 0);
  const int month = two_digits(text, 2);
  const int day = two_digits(text, 4);
  const int hour = two_digits(text, 6);
  const int minute = two_digits(text, 8);
  const int second = two_digits(text, 10);
  const int tenth = text[12] - '0';
  const int quarters = two_digits(text, 13);
  const char sign = text[15];
  if (hour > 23 || minute > 59 || second > 59) return tl::unexpected(errc::bad_value);
  const auto of_day = hours(hour) + minutes(minute) + seconds(second);

  if (sign == 'R') {
    if (month > 12 || tenth != 0 || quarters != 0) return tl::unexpected(errc::bad_value);
    time.kind = smpp_time_kind::relative;
    time.delta = {std::chrono::years(year), std::chrono::months(month), days(day) + of_day};
    return time;
  }
  if ((sign != '+' && sign != '-') || quarters > max_quarter_hours) return tl::unexpected(errc::bad_value);
  const std::chrono::year_month_day date(std::chrono::year(century + year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return tl::unexpected(errc::bad_value);
  const minutes ahead = quarters * quarter_hour * (sign == '+' ? 1 : -1);
  time.kind = smpp_time_kind::absolute;
  time.at = std::chrono::sys_days(date) + of_day + milliseconds(tenth * 100) - ahead;
  return time;
}

std::optional<utc_time> resolve(const smpp_time& time, utc_time now) noexcept {
  if (time.kind == smpp_time_kind::empty) return std::nullopt;
  if (time.kind == smpp_time_kind::absolute) return time.at;
  const auto today = std::chrono::floor<days>(now);
  std::chrono::year_month_day date = std::chrono::year_month_day(today) + time.delta.years + time.delta.months;
  if (!date.ok()) date = date.year() / date.month() / std::chrono::last;
  return std::chrono::sys_days(date) + (now - today) + time.delta.rest;
}

tl::expected<time_text, errc> absolute_time_text(utc_time time, int quarter_hours) noexcept {
  if (quarter_hours < -max_quarter_hours || quarter_hours > max_quarter_hours) return tl::unexpected(errc::bad_value);
  const utc_time local = time + quarter_hours * quarter_hour;
  const auto midnight = std::chrono::floor<days>(local);
  const std::chrono::year_month_day date(midnight);
  const int year = static_cast<int>(date.year()) - century;
  if (year < 0 || year > 99) return tl::unexpected(errc::bad_value);
  const std::chrono::hh_mm_ss of_day(local - midnight);
  time_text text{};
  put_two(text, 0, year);
  put_two(text, 2, static_cast<int>(static_cast<unsigned>(date.month())));
  put_two(text, 4, static_cast<int>(static_cast<unsigned>(date.day())));
  put_two(text, 6, static_cast<int>(of_day.hours().count()));
  put_two(text, 8, static_cast<int>(of_day.minutes().count()));
  put_two(text, 10, static_cast<int>(of_day.seconds().count()));
  text.characters[12] = static_cast<char>('0' + of_day.subseconds().count() / 100);
  put_two(text, 13, quarter_hours < 0 ? -quarter_hours : quarter_hours);
  text.characters[15] = quarter_hours < 0 ? '-' : '+';
  return text;
}

tl::expected<time_text, errc> relative_time_text(std::chrono::seconds duration) noexcept {
  if (duration < seconds(0) || duration >= days(100)) return tl::unexpected(errc::bad_value);
  const auto whole_days = std::chrono::floor<days>(duration);
  const std::chrono::hh_mm_ss of_day(duration - whole_days);
  time_text text{};
  text.characters.fill('0');
  put_two(text, 4, static_cast<int>(whole_days.count()));
  put_two(text, 6, static_cast<int>(of_day.hours().count()));
  put_two(text, 8, static_cast<int>(of_day.minutes().count()));
  put_two(text, 10, static_cast<int>(of_day.seconds().count()));
  text.characters[15] = 'R';
  return text;
}

}  // namespace trunkline::protocol
