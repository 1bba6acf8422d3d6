#pragma once

#include <string>
#include <string_view>

#include "engine/spool/csv_columns.hpp"
#include "engine/spool/record_builder.hpp"

namespace trunkline::engine {

/// One step through the cells of a CSV record.
struct csv_cell {
  std::string_view value;  ///< without its quotes; a quote inside is doubled still when `doubled`
  std::size_t next = 0;    ///< where the next cell starts; beyond the row when this was the last
  bool doubled = false;
  bool broken = false;  ///< something stands behind the closing quote, or there is none
};

/// The cell of `row` that starts at `at` (at most `row.size()`).
csv_cell read_csv_cell(std::string_view row, std::size_t at) noexcept;

/// Appends `value` to `out` with its doubled quotes made single.
void append_csv_unquoted(std::string_view value, std::string& out);

/// Reads CSV records into a `record_builder`. Cells with doubled quotes are decoded into memory of the reader, until
/// the next call; others stay where they are. An empty cell says nothing, as if the field were missing. One thread.
class csv_record {
 public:
  /// False with the builder's error set.
  bool read(std::string_view row, const csv_columns& columns, record_builder& into);

 private:
  std::string unquoted_;
};

}  // namespace trunkline::engine
