#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <tl/expected.hpp>

#include "engine/spool/csv_columns.hpp"
#include "engine/spool/record.hpp"
#include "engine/spool/record_defaults.hpp"

namespace trunkline::engine {

/// Octets that must be readable behind a JSON line (their values do not matter).
inline constexpr std::size_t record_padding_bytes = 64;

/// What a line of a JSON Lines batch is, by its first octets alone.
enum class line_kind : std::uint8_t { message, header, trailer, blank };

/// Only the first line of a file may be a header; only a line that starts with {"end" may be the trailer (and it is one
/// only as the last line). Blank: nothing but spaces, tabs and CR. A BOM before the first line is skipped.
line_kind classify_line(std::string_view line, bool first) noexcept;

/// Turns lines and CSV records into `record`s. Owns all the memory that they need and reuses it: nothing is allocated
/// per message once the longest line so far has been seen. One thread at a time; never throws on bad input.
class record_parser {
 public:
  explicit record_parser(record_options options);
  ~record_parser();
  record_parser(record_parser&&) noexcept;
  record_parser& operator=(record_parser&&) noexcept;

  /// `line` without its newline (a CR at its end is ignored, and a BOM at its start); `record_padding_bytes` readable
  /// octets must follow it, and it must stay while the record is used. The record lives until the next parse call of
  /// this parser; nullptr: the line is no message, see `error`.
  const record* parse_json(std::string_view line, const batch_defaults& defaults);

  /// The same for one CSV record: `row` without its newline, not blank. No padding needed.
  const record* parse_csv(std::string_view row, const csv_columns& columns, const batch_defaults& defaults);

  /// Why the last parse call answered nullptr.
  const record_error& error() const noexcept;

  /// After a parse call answered nullptr for `line`: its `id` and `to` as far as they can be read, for the report; the
  /// other fields are empty. Lives until the next call. Cold.
  const record* rejected(std::string_view line);

  /// Reads `{"batch": {...}}`, padded like a message. An error concerns the whole file. The parser's last record is
  /// gone after this.
  tl::expected<batch_defaults, record_error> parse_header(std::string_view line);

 private:
  struct implementation;
  std::unique_ptr<implementation> impl_;
};

}  // namespace trunkline::engine
