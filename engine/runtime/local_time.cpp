#include "engine/runtime/local_time.hpp"

#include <date/tz.h>

#include <string>

namespace trunkline::engine {
namespace {

/// "+hh:mm" or "-hh:mm".
std::optional<std::chrono::seconds> parse_offset(std::string_view text) noexcept {
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  int digits[4];
  for (int i = 0; i < 4; ++i) {
    const char c = text[static_cast<std::size_t>(i < 2 ? i + 1 : i + 2)];
    if (c < '0' || c > '9') return std::nullopt;
    digits[i] = c - '0';
  }
  const int hours = digits[0] * 10 + digits[1];
  const int minutes = digits[2] * 10 + digits[3];
  if (hours > 14 || minutes > 59) return std::nullopt;
  const auto offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return text[0] == '-' ? -offset : offset;
}

}  // namespace

std::optional<local_time> local_time::find(std::string_view zone) noexcept {
  local_time found;
  if (zone == "UTC") return found;
  if (const auto offset = parse_offset(zone)) {
    found.offset_ = *offset;
    return found;
  }
  if (zone.empty()) return std::nullopt;
  try {
    found.zone_ = ::date::locate_zone(std::string(zone));
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return found;
}

std::chrono::sys_seconds local_time::to_utc(std::chrono::sys_seconds shown) noexcept {
  if (zone_ != nullptr) {
    const auto hour = std::chrono::floor<std::chrono::hours>(shown);
    if (hour != hour_) {
      // Offsets change on the hour, or on the half in a few zones, whose receipts are then half an hour out once.
      try {
        const auto info = zone_->get_info(::date::local_seconds(shown.time_since_epoch()));
        offset_ = info.first.offset;
        hour_ = hour;
      } catch (const std::exception&) {
        return shown;
      }
    }
  }
  return shown - offset_;
}

}  // namespace trunkline::engine
