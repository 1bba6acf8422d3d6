#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trunkline::engine {

/// Octets of a time as the engine writes it: "2026-11-22T10:00:00.123Z".
inline constexpr std::size_t rfc3339_ms_bytes = 24;

/// Writes `ms` (milliseconds since 1970-01-01 UTC, wall clock) as "2026-11-22T10:00:00.123Z" at `out`, which has room
/// for `rfc3339_ms_bytes`; no NUL is added. Returns `out + rfc3339_ms_bytes`. Years 0000 to 9999; times outside are
/// clamped to them. Any thread; each thread keeps the last second it wrote, so that a run of near times costs a copy.
char* format_rfc3339_ms(std::int64_t ms, char* out) noexcept;

/// The same as a string of its own.
std::string format_rfc3339_ms(std::int64_t ms);

/// Milliseconds since 1970-01-01 UTC of an RFC 3339 date-time with offset ("2026-11-22T10:00:00Z",
/// "2026-11-22T11:00:00.5+01:00"; 't', 'z' and a space between date and time are allowed, as RFC 3339, 5.6 has it).
/// Digits below the millisecond are cut off; second 60 is the first of the next minute. Nothing for any other text, a
/// day that its month lacks, or a time without offset.
std::optional<std::int64_t> parse_rfc3339_ms(std::string_view text) noexcept;

}  // namespace trunkline::engine
