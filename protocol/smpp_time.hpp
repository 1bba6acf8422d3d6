#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>

#include "protocol/errc.hpp"

namespace trunkline::protocol {

/// A point of time in UTC; SMPP resolves tenths of a second.
using utc_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// A relative time of SMPP. Years and months are the calendar's.
struct relative_time {
  std::chrono::years years{};
  std::chrono::months months{};
  std::chrono::seconds rest{};  ///< days to seconds

  friend bool operator==(const relative_time&, const relative_time&) = default;
};

enum class smpp_time_kind : std::uint8_t {
  empty,     ///< "now" of a schedule_delivery_time, "your default" of a validity_period
  absolute,  ///< `at` holds
  relative,  ///< `delta` holds
};

struct smpp_time {
  smpp_time_kind kind = smpp_time_kind::empty;
  utc_time at{};
  relative_time delta{};
};

/// Reads the time format of SMPP 3.4, 7.1.1: empty, or the 16 characters YYMMDDhhmmsstnnp. Anything else, an impossible
/// date, an offset of more than 48 quarter hours included, is bad_value. YY is of this century.
[[nodiscard]] tl::expected<smpp_time, errc> parse_smpp_time(std::string_view text) noexcept;

/// The point of time that is meant, counted from `now` where it is relative; a day that the month does not have becomes
/// its last. Nothing when the time is empty.
[[nodiscard]] std::optional<utc_time> resolve(const smpp_time& time, utc_time now) noexcept;

/// The 16 characters of a time, in place.
struct time_text {
  std::array<char, 16> characters;
  [[nodiscard]] std::string_view view() const noexcept { return {characters.data(), characters.size()}; }
};

/// The absolute form of a time from 2000 to 2099, cut to tenths of a second, as the local time of an offset from UTC in
/// quarter hours, from -48 to 48; beyond either it fails with bad_value.
[[nodiscard]] tl::expected<time_text, errc> absolute_time_text(utc_time time, int quarter_hours = 0) noexcept;

/// The relative form of a duration, in days to seconds, which every SMSC counts alike. Negative ones and those of 100
/// days or more do not fit: bad_value, use the absolute form. SMSCs differ in what zero means: send an empty text.
[[nodiscard]] tl::expected<time_text, errc> relative_time_text(std::chrono::seconds duration) noexcept;

}  // namespace trunkline::protocol
