#include "engine/spool/record_parser.hpp"

#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/spool/csv_record.hpp"
#include "engine/spool/record_builder.hpp"
#include "engine/spool/record_json.hpp"

namespace trunkline::engine {
namespace {

using router::reason;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string_view skip_blanks(std::string_view text) noexcept {
  std::size_t first = 0;
  while (first < text.size() && (text[first] == ' ' || text[first] == '\t' || text[first] == '\r')) ++first;
  return text.substr(first);
}

bool starts_with_key(std::string_view line, std::string_view quoted_key) noexcept {
  if (!line.starts_with('{')) return false;
  line = skip_blanks(line.substr(1));
  if (!line.starts_with(quoted_key)) return false;
  return skip_blanks(line.substr(quoted_key.size())).starts_with(':');
}

}  // namespace

line_kind classify_line(std::string_view line, bool first) noexcept {
  if (first && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  line = skip_blanks(line);
  if (line.empty()) return line_kind::blank;
  if (first && starts_with_key(line, "\"batch\"")) return line_kind::header;
  return starts_with_key(line, "\"end\"") ? line_kind::trailer : line_kind::message;
}

struct record_parser::implementation {
  explicit implementation(const record_options& options) : builder(options), json(options.limits) {}

  // Without the CR of a CRLF and the BOM of a first line. False: longer than allowed.
  bool prepare(std::string_view& line) {
    builder.start();
    if (line.size() > builder.limits().line_bytes) {
      return builder.fail(reason::line_too_long, "the line has " + std::to_string(line.size()) +
                                                     " octets, of at most " +
                                                     std::to_string(builder.limits().line_bytes));
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
    return true;
  }

  record_builder builder;
  record_json json;
  csv_record csv;
  std::string rejected_id;
  std::string rejected_to;
  record rejected;
};

record_parser::record_parser(record_options options) : impl_(std::make_unique<implementation>(options)) {}
record_parser::~record_parser() = default;
record_parser::record_parser(record_parser&&) noexcept = default;
record_parser& record_parser::operator=(record_parser&&) noexcept = default;

const record_error& record_parser::error() const noexcept { return impl_->builder.error(); }

const record* record_parser::parse_json(std::string_view line, const batch_defaults& defaults) {
  if (!impl_->prepare(line) || !impl_->json.read_message(line, impl_->builder)) return nullptr;
  return impl_->builder.finish(defaults);
}

const record* record_parser::parse_csv(std::string_view row, const csv_columns& columns,
                                       const batch_defaults& defaults) {
  if (!impl_->prepare(row) || !impl_->csv.read(row, columns, impl_->builder)) return nullptr;
  return impl_->builder.finish(defaults);
}

const record* record_parser::rejected(std::string_view line) {
  implementation& me = *impl_;
  const record_limits& limits = me.builder.limits();
  me.rejected_id.clear();
  me.rejected_to.clear();
  if (me.builder.has(record_field::id)) me.rejected_id = me.builder.fields().id;
  if (me.builder.has(record_field::to)) me.rejected_to = me.builder.fields().to;
  if (line.size() <= limits.line_bytes && skip_blanks(line).starts_with('{')) {
    // Fields behind the bad one were not looked at.
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    const auto take = [&](const char* name, std::string& to, std::size_t longest) {
      if (!to.empty() || !parsed.is_object()) return;
      const auto found = parsed.find(name);
      if (found == parsed.end() || !found->is_string()) return;
      const auto& text = found->get_ref<const std::string&>();
      if (text.size() <= longest) to = text;
    };
    take("id", me.rejected_id, limits.id_bytes);
    take("to", me.rejected_to, 64);
  }
  if (me.rejected_id.size() > limits.id_bytes) me.rejected_id.clear();
  me.rejected = {};
  me.rejected.id = me.rejected_id;
  me.rejected.to = me.rejected_to;
  return &me.rejected;
}

tl::expected<batch_defaults, record_error> record_parser::parse_header(std::string_view line) {
  batch_defaults made;
  record_builder& builder = impl_->builder;
  if (!impl_->prepare(line) || !impl_->json.read_header(line, builder, made)) return tl::unexpected(error());
  if (builder.has(record_field::text) && builder.has(record_field::data)) {
    builder.fail(reason::bad_field, "text and data stand both in batch: expected one of them");
    return tl::unexpected(error());
  }
  builder.copy_to(made);
  if (builder.has(record_field::text)) {
    auto compiled = record_template::compile(builder.fields().text);
    if (!compiled) return tl::unexpected(compiled.error());
    made.text = *std::move(compiled);
  }
  return made;
}

}  // namespace trunkline::engine
