#include "engine/spool/csv_columns.hpp"

#include <algorithm>
#include <cstring>

#include "engine/spool/csv_record.hpp"
#include "engine/spool/record_values.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::engine {
namespace {

using router::reason;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t max_columns = 256;

tl::unexpected<record_error> refuse(reason code, std::string text) {
  return tl::unexpected<record_error>({code, std::move(text)});
}

std::string unknown_column(std::size_t index, std::string_view column) {
  std::string text = "column " + std::to_string(index + 1) + " has the unknown name " + quoted(column);
  if (column.find_first_of(";\t|") != std::string_view::npos) return text + "; columns are separated by commas";
  for (const std::string_view nested : {"tags", "vars", "tlv"}) {
    if (column == nested) return text + "; write one column for each, such as " + std::string(nested) + ".name";
  }
  const std::string_view nearest = nearest_name(column, record_field_names());
  return nearest.empty() ? text : text + "; the nearest known is \"" + std::string(nearest) + "\"";
}

// The column of that name, unless there is none.
std::optional<csv_columns::column> parse_column(std::string_view column) {
  csv_columns::column made;
  const auto nested = [&](std::string_view prefix) {
    return column.starts_with(prefix) && column.size() > prefix.size();
  };
  if (nested("vars.") || nested("tags.")) {
    made.field = column.front() == 'v' ? record_field::vars : record_field::tags;
    made.key = column.substr(5);
    return made;
  }
  if (nested("tlv.")) {
    const auto tag = parse_tlv_tag(column.substr(4));
    if (!tag) return std::nullopt;
    made.field = record_field::tlv;
    made.tag = *tag;
    return made;
  }
  const auto field = find_record_field(column);
  if (!field || *field == record_field::vars || *field == record_field::tags || *field == record_field::tlv) {
    return std::nullopt;
  }
  made.field = *field;
  return made;
}

}  // namespace

tl::expected<csv_columns, record_error> parse_csv_header(std::string_view row) {
  if (row.ends_with('\n')) row.remove_suffix(1);
  if (row.ends_with('\r')) row.remove_suffix(1);
  if (row.starts_with(byte_order_mark)) row.remove_prefix(byte_order_mark.size());
  if (!protocol::valid_utf8(row)) return refuse(reason::bad_utf8, "the header row is not UTF-8");
  csv_columns made;
  std::string unquoted;
  for (std::size_t at = 0; at <= row.size();) {
    const csv_cell cell = read_csv_cell(row, at);
    const std::size_t index = made.columns.size();
    if (cell.broken) return refuse(reason::bad_field, "the header row has a quote that is not closed");
    if (index == max_columns) return refuse(reason::bad_field, "the header row has more than 256 columns");
    at = cell.next;
    unquoted.clear();
    append_csv_unquoted(cell.value, unquoted);
    const auto column = parse_column(cell.doubled ? std::string_view(unquoted) : cell.value);
    if (!column) return refuse(reason::bad_field, unknown_column(index, cell.value));
    const auto same = [&](const csv_columns::column& have) {
      return have.field == column->field && have.key == column->key && have.tag == column->tag;
    };
    if (std::any_of(made.columns.begin(), made.columns.end(), same)) {
      return refuse(reason::bad_field, "column " + std::to_string(index + 1) + " repeats " + quoted(cell.value));
    }
    made.columns.push_back(*column);
  }
  const auto has = [&](record_field field) {
    return std::any_of(made.columns.begin(), made.columns.end(),
                       [&](const csv_columns::column& have) { return have.field == field; });
  };
  if (!has(record_field::to)) return refuse(reason::bad_field, "the header row has no column \"to\"");
  if (!has(record_field::text) && !has(record_field::data)) {
    return refuse(reason::bad_field, "the header row has neither a column \"text\" nor \"data\"");
  }
  return made;
}

std::size_t find_record_end(std::string_view buffer, csv_scan& resume) noexcept {
  std::size_t at = resume.at;
  while (at < buffer.size()) {
    if (resume.in_quotes) {
      const std::size_t quote = buffer.find('"', at);
      if (quote == std::string_view::npos) {
        at = buffer.size();
        break;
      }
      // A doubled quote closes and opens again, which comes to the same.
      at = quote + 1;
      resume.in_quotes = false;
      resume.after_quote = true;
      continue;
    }
    const std::size_t line_end = std::min(buffer.find('\n', at), buffer.size());
    for (; at < line_end; ++at) {
      const char c = buffer[at];
      if (c == '"' && (resume.cell_start || resume.after_quote)) break;
      resume.cell_start = c == ',';
      resume.after_quote = false;
      if (resume.cell_start) continue;
      // Plain text: when no quote follows in the line, none of its cells can span lines.
      const std::size_t stop = std::min(buffer.substr(0, line_end).find('"', at + 1), line_end);
      if (stop == line_end) {
        if (line_end != buffer.size()) return line_end;
        resume.cell_start = buffer.back() == ',';
        resume.at = buffer.size();
        return csv_need_more;
      }
      // No cell can begin with a quote before `stop`.
      at = stop - 1;
      resume.cell_start = buffer[at] == ',';
    }
    if (at == line_end) {
      if (line_end != buffer.size()) return line_end;
      break;
    }
    resume.in_quotes = true;
    resume.cell_start = resume.after_quote = false;
    ++at;
  }
  resume.at = at;
  return csv_need_more;
}

std::size_t find_record_end(std::string_view buffer) noexcept {
  csv_scan scan;
  return find_record_end(buffer, scan);
}

}  // namespace trunkline::engine
