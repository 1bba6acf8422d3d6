#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

// How people write values: durations, sizes, names. Pure functions over text.
namespace trunkline::engine {

/// A duration: whole numbers with units, `"500ms"`, `"30s"`, `"1h30m"`; units ms, s, m, h, d. `"0"` is not one, `"0s"`
/// is. Nothing when the text is something else or longer than 100 years.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;

/// A size in octets: a whole number with a unit, `"64MiB"`; units B, KiB, MiB, GiB, TiB, and kB, MB, GB, TB of powers
/// of ten. Nothing when the text is something else or does not fit into 63 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

/// File permissions in octal, `"2770"`, as chmod reads them: three or four digits.
[[nodiscard]] std::optional<std::uint32_t> parse_mode(std::string_view text) noexcept;

/// True for names of carriers, routes and directories: `[A-Za-z0-9._-]`, 1 to 64 long, not beginning with a full stop.
[[nodiscard]] bool is_plain_name(std::string_view text) noexcept;

/// True for senders: up to 15 digits, optionally after '+', or 1 to 11 printable ASCII characters.
[[nodiscard]] bool is_sender(std::string_view text) noexcept;

/// The word of `known` with the fewest edits to `text`; empty when there is none. Of equals the first.
[[nodiscard]] std::string_view nearest(std::string_view text, std::span<const std::string_view> known);

}  // namespace trunkline::engine
