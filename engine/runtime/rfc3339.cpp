// RFC 3339 times, both ways. Days are converted with the era arithmetic of the proleptic Gregorian calendar (400 years
// are 146,097 days), so that no time zone data and no locale are involved.
#include "engine/runtime/rfc3339.hpp"

#include <array>
#include <cstring>

namespace trunkline::engine {
namespace {

constexpr std::int64_t ms_per_second = 1'000;
constexpr std::int64_t seconds_per_day = 86'400;
constexpr std::size_t second_bytes = 19;                // "2026-11-22T10:00:00"
constexpr std::int64_t first_second = -62'167'219'200;  // 0000-01-01T00:00:00Z
constexpr std::int64_t last_second = 253'402'300'799;   // 9999-12-31T23:59:59Z
constexpr std::int64_t days_of_era = 146'097;
constexpr std::int64_t epoch_shift = 719'468;  // days from 0000-03-01 to 1970-01-01

struct civil_date {
  std::int64_t year;
  unsigned month;
  unsigned day;
};

constexpr civil_date civil_of(std::int64_t days) noexcept {
  days += epoch_shift;
  const std::int64_t era = (days >= 0 ? days : days - (days_of_era - 1)) / days_of_era;
  const auto day_of_era = static_cast<unsigned>(days - era * days_of_era);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

constexpr std::int64_t days_of(std::int64_t year, unsigned month, unsigned day) noexcept {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * days_of_era + static_cast<std::int64_t>(day_of_era) - epoch_shift;
}
static_assert(days_of(1970, 1, 1) == 0 && days_of(2000, 3, 1) == 11'017);
static_assert(civil_of(11'017).year == 2000 && civil_of(11'017).month == 3 && civil_of(11'017).day == 1);

char* put_two(char* out, unsigned value) noexcept {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
  return out + 2;
}

void write_second(std::int64_t second, char* out) noexcept {
  const std::int64_t days = (second >= 0 ? second : second - (seconds_per_day - 1)) / seconds_per_day;
  const auto of_day = static_cast<unsigned>(second - days * seconds_per_day);
  const civil_date date = civil_of(days);
  const auto year = static_cast<unsigned>(date.year);
  out = put_two(out, year / 100);
  out = put_two(out, year % 100);
  *out++ = '-';
  out = put_two(out, date.month);
  *out++ = '-';
  out = put_two(out, date.day);
  *out++ = 'T';
  out = put_two(out, of_day / 3600);
  *out++ = ':';
  out = put_two(out, of_day / 60 % 60);
  *out++ = ':';
  put_two(out, of_day % 60);
}

struct second_cache {
  std::int64_t second = 0;
  std::array<char, second_bytes> text{'1', '9', '7', '0', '-', '0', '1', '-', '0', '1',
                                      'T', '0', '0', ':', '0', '0', ':', '0', '0'};
};

// Reads exactly `digits` digits; -1 when one of them is none.
int read_digits(std::string_view text, std::size_t at, std::size_t digits) noexcept {
  int value = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

constexpr unsigned days_in_month(int year, int month) noexcept {
  constexpr std::array<unsigned, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return days[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

}  // namespace

char* format_rfc3339_ms(std::int64_t ms, char* out) noexcept {
  // Lines have a few times each, some seconds or minutes apart, that the next line has as well.
  thread_local std::array<second_cache, 8> caches;
  std::int64_t second = ms / ms_per_second;
  std::int64_t rest = ms % ms_per_second;
  if (rest < 0) {
    rest += ms_per_second;
    --second;
  }
  second_cache& cache = caches[static_cast<std::uint64_t>(second) % caches.size()];
  if (second != cache.second) {
    if (second < first_second) {
      second = first_second;
      rest = 0;
    } else if (second > last_second) {
      second = last_second;
      rest = ms_per_second - 1;
    }
    write_second(second, cache.text.data());
    cache.second = second;
  }
  std::memcpy(out, cache.text.data(), second_bytes);
  out += second_bytes;
  const auto fraction = static_cast<unsigned>(rest);
  out[0] = '.';
  out[1] = static_cast<char>('0' + fraction / 100);
  put_two(out + 2, fraction % 100);
  out[4] = 'Z';
  return out + 5;
}

std::string format_rfc3339_ms(std::int64_t ms) {
  std::string text(rfc3339_ms_bytes, '\0');
  format_rfc3339_ms(ms, text.data());
  return text;
}

std::optional<std::int64_t> parse_rfc3339_ms(std::string_view text) noexcept {
  // 2026-11-22T10:00:00, an optional fraction, then Z or +hh:mm.
  if (text.size() < second_bytes + 1) return std::nullopt;
  const auto separator = [&](std::size_t at, char wanted) { return text[at] == wanted; };
  if (!separator(4, '-') || !separator(7, '-') || !separator(13, ':') || !separator(16, ':')) return std::nullopt;
  if (text[10] != 'T' && text[10] != 't' && text[10] != ' ') return std::nullopt;
  const int year = read_digits(text, 0, 4);
  const int month = read_digits(text, 5, 2);
  const int day = read_digits(text, 8, 2);
  const int hour = read_digits(text, 11, 2);
  const int minute = read_digits(text, 14, 2);
  const int second = read_digits(text, 17, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  if (static_cast<unsigned>(day) > days_in_month(year, month) || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  std::size_t at = second_bytes;
  std::int64_t ms = 0;
  if (text[at] == '.') {
    const std::size_t first = ++at;
    for (std::int64_t weight = 100; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, weight /= 10) {
      ms += (text[at] - '0') * weight;
    }
    if (at == first || at == text.size()) return std::nullopt;
  }
  std::int64_t offset_seconds = 0;
  if (text[at] == 'Z' || text[at] == 'z') {
    if (at + 1 != text.size()) return std::nullopt;
  } else {
    if ((text[at] != '+' && text[at] != '-') || at + 6 != text.size() || !separator(at + 3, ':')) return std::nullopt;
    const int offset_hours = read_digits(text, at + 1, 2);
    const int offset_minutes = read_digits(text, at + 4, 2);
    if (offset_hours < 0 || offset_hours > 23 || offset_minutes < 0 || offset_minutes > 59) return std::nullopt;
    offset_seconds = (offset_hours * 60 + offset_minutes) * 60;
    if (text[at] == '-') offset_seconds = -offset_seconds;
  }
  const std::int64_t of_day = (hour * 60 + minute) * 60 + second;
  const std::int64_t days = days_of(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  return (days * seconds_per_day + of_day - offset_seconds) * ms_per_second + ms;
}

}  // namespace trunkline::engine
