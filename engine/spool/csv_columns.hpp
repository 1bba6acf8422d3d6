#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "engine/spool/record.hpp"
#include "engine/spool/record_fields.hpp"

namespace trunkline::engine {

/// What each column of a CSV batch holds. Owns its strings.
struct csv_columns {
  struct column {
    record_field field{};
    std::string key;        ///< of `vars.KEY` and `tags.KEY`
    std::uint16_t tag = 0;  ///< of `tlv.0xHHHH`
  };
  std::vector<column> columns;
};

/// Reads the header row (its line end optional, a BOM before it allowed): names of fields, `vars.x`, `tags.x`,
/// `tlv.0x1401`. Errors concern the whole file: an unknown or repeated column (with the nearest known name), no `to`,
/// neither `text` nor `data`, broken quotes.
tl::expected<csv_columns, record_error> parse_csv_header(std::string_view row);

/// Answer of `find_record_end`: the record goes on behind the buffer.
inline constexpr std::size_t csv_need_more = static_cast<std::size_t>(-1);

/// Where the CSV record at the start of `buffer` ends: the index of its newline, which is not within quotes, so the
/// next record starts one behind it. `csv_need_more` when there is none (at the end of a file the rest is the last
/// record). A quote opens only at the start of a cell (RFC 4180, 2.5), so one that strays into plain text cannot
/// swallow the rest of the file. `resume` continues a search that needed more: pass the same object with the same,
/// longer buffer.
struct csv_scan {
  std::size_t at = 0;
  bool in_quotes = false;
  bool cell_start = true;
  bool after_quote = false;
};
std::size_t find_record_end(std::string_view buffer, csv_scan& resume) noexcept;
std::size_t find_record_end(std::string_view buffer) noexcept;

}  // namespace trunkline::engine
