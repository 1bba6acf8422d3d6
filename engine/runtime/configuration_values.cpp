#include "engine/runtime/configuration_values.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

namespace trunkline::engine {
namespace {

/// Takes a whole number off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return value;
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  static constexpr std::pair<std::string_view, std::uint64_t> units[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  constexpr std::uint64_t longest = 100ULL * 366 * 86'400'000;
  if (text.empty()) return std::nullopt;
  std::uint64_t total = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const std::string_view word =
        text.substr(0, static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_digit) - text.begin()));
    const auto unit = std::find_if(std::begin(units), std::end(units), [&](const auto& u) { return u.first == word; });
    if (unit == std::end(units) || *number > (longest - total) / unit->second) return std::nullopt;
    total += *number * unit->second;
    text.remove_prefix(word.size());
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(total));
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  static constexpr std::pair<std::string_view, std::uint64_t> units[] = {{"B", 1},
                                                                         {"kB", 1000},
                                                                         {"MB", 1'000'000},
                                                                         {"GB", 1'000'000'000},
                                                                         {"TB", 1'000'000'000'000},
                                                                         {"KiB", 1ULL << 10},
                                                                         {"MiB", 1ULL << 20},
                                                                         {"GiB", 1ULL << 30},
                                                                         {"TiB", 1ULL << 40}};
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  const auto unit = std::find_if(std::begin(units), std::end(units), [&](const auto& u) { return u.first == text; });
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (unit == std::end(units) || *number > largest / unit->second) return std::nullopt;
  return *number * unit->second;
}

std::optional<std::uint32_t> parse_mode(std::string_view text) noexcept {
  if (text.size() < 3 || text.size() > 4) return std::nullopt;
  std::uint32_t mode = 0;
  for (const char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    mode = mode << 3 | static_cast<std::uint32_t>(c - '0');
  }
  return mode;
}

bool is_plain_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 64 && text.front() != '.' && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
  });
}

bool is_sender(std::string_view text) noexcept {
  if (text.empty()) return false;
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  if (!digits.empty() && digits.size() <= 15 && std::all_of(digits.begin(), digits.end(), is_digit)) return true;
  return text.size() <= 11 && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string_view nearest(std::string_view text, std::span<const std::string_view> known) {
  // A hostile key of a megabyte is like nothing.
  if (text.size() > 200) return {};
  std::string_view best;
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  for (const std::string_view candidate : known) {
    const std::size_t needed = edits(text, candidate);
    if (needed < fewest) fewest = needed, best = candidate;
  }
  return best;
}

}  // namespace trunkline::engine
