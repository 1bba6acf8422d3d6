#include "engine/spool/csv_record.hpp"

#include <cstring>

#include <simdjson.h>

#include "protocol/utf8.hpp"

namespace trunkline::engine {

using router::reason;

csv_cell read_csv_cell(std::string_view row, std::size_t at) noexcept {
  csv_cell cell;
  if (at == row.size() || row[at] != '"') {
    const std::size_t end = std::min(row.find(',', at), row.size());
    cell.value = row.substr(at, end - at);
    cell.next = end + 1;
    return cell;
  }
  const std::size_t start = at + 1;
  std::size_t end = row.find('"', start);
  while (end != std::string_view::npos && end + 1 < row.size() && row[end + 1] == '"') {
    cell.doubled = true;
    end = row.find('"', end + 2);
  }
  if (end == std::string_view::npos || (end + 1 != row.size() && row[end + 1] != ',')) {
    cell.broken = true;
    cell.next = row.size() + 1;
    return cell;
  }
  cell.value = row.substr(start, end - start);
  cell.next = end + 2;
  return cell;
}

void append_csv_unquoted(std::string_view value, std::string& out) {
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t quote = std::min(value.find('"', at), value.size() - 1);
    out.append(value.substr(at, quote + 1 - at));
    at = quote + 2;
  }
}

bool csv_record::read(std::string_view row, const csv_columns& columns, record_builder& into) {
  if (!simdjson::validate_utf8(row)) {
    return into.fail(reason::bad_utf8,
                     "the octet at offset " + std::to_string(protocol::valid_utf8_prefix(row)) + " is not UTF-8");
  }
  if (const std::size_t nul = row.find('\0'); nul != std::string_view::npos) {
    return into.fail(reason::bad_field, "the octet at offset " + std::to_string(nul) + " is NUL");
  }
  // Decoded cells are never longer than the row, so that views into this memory stay.
  unquoted_.clear();
  unquoted_.reserve(row.size());
  std::size_t at = 0;
  std::size_t index = 0;
  for (; at <= row.size(); ++index) {
    const csv_cell cell = read_csv_cell(row, at);
    if (cell.broken) {
      return into.fail(reason::bad_field, "cell " + std::to_string(index + 1) +
                                              " has a quote that is not closed, or text behind its closing quote");
    }
    at = cell.next;
    if (index >= columns.columns.size()) continue;  // counted, and refused below
    if (cell.value.empty()) continue;
    std::string_view value = cell.value;
    if (cell.doubled) {
      const std::size_t start = unquoted_.size();
      append_csv_unquoted(value, unquoted_);
      value = std::string_view(unquoted_).substr(start);
    }
    const csv_columns::column& column = columns.columns[index];
    bool taken = false;
    switch (column.field) {
      case record_field::tags:
        taken = into.put_tag(column.key, value);
        break;
      case record_field::vars:
        taken = into.put_var(column.key, value);
        break;
      case record_field::tlv:
        taken = into.put_tlv(column.tag, value);
        break;
      default:
        taken = into.claim(column.field) && into.put(column.field, value);
    }
    if (!taken) return false;
  }
  if (index != columns.columns.size()) {
    return into.fail(reason::bad_field, "the record has " + std::to_string(index) + " cells, the header row has " +
                                            std::to_string(columns.columns.size()));
  }
  return true;
}

}  // namespace trunkline::engine
