#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace date {
class time_zone;
}

namespace trunkline::engine {

/// Where a clock on a wall hangs: turns what it shows into UTC. Any thread may have its own; cheap to copy.
class local_time {
 public:
  /// UTC.
  local_time() = default;
  /// "UTC", a name of the IANA time zone database ("Europe/Berlin"), or an offset ("+05:30"); nothing for anything
  /// else. Names need the system's tzdata.
  static std::optional<local_time> find(std::string_view zone) noexcept;

  /// Seconds since 1970 of what the clock shows, counted as if it were UTC, as UTC. Of an hour that comes twice the
  /// first is meant; one that is left out is taken as if the clock had not been moved.
  std::chrono::sys_seconds to_utc(std::chrono::sys_seconds shown) noexcept;

 private:
  std::chrono::seconds offset_{0};
  const date::time_zone* zone_ = nullptr;
  std::chrono::sys_seconds hour_{std::chrono::seconds::min()};  // whose offset is remembered
};

}  // namespace trunkline::engine
