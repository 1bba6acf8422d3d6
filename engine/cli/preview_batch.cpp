// A batch is read as the feeder reads it (entry_reader, record_parser), but every message of it is only encoded and
// cut.
#include <fmt/format.h>

#include <unistd.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/cli/preview_plan.hpp"
#include "engine/runtime/posix_file_system.hpp"
#include "engine/spool/entry_reader.hpp"
#include "engine/spool/expand.hpp"
#include "engine/spool/record_parser.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::ordered_json;
using protocol::encoding;

constexpr std::size_t listed_bad_lines = 20;

/// What is known of a batch so far.
struct totals {
  std::size_t messages = 0;
  std::size_t parts = 0;
  std::array<std::size_t, 7> by_encoding{};
  std::size_t bad_lines = 0;
  ordered_json bad = ordered_json::array();  ///< the first of them

  void refuse(std::uint32_t line, std::string_view why) {
    if (++bad_lines <= listed_bad_lines) bad.push_back({{"line", line}, {"error", why}});
  }
  void count(encoding used, std::size_t in_parts) {
    parts += in_parts;
    ++by_encoding[static_cast<std::size_t>(used)];
  }
};

/// The batch's octets, expanded where they are compressed, or why there are none.
tl::expected<std::unique_ptr<file>, std::string> open_batch(file_system& files, const std::string& path) {
  auto source = files.open(path, open_mode::read);
  if (!source) return tl::unexpected(fmt::format("cannot be opened: {}", source.error().message()));
  const compression kind = compression_of(path);
  if (kind == compression::none) return std::move(*source);
  const char* directory = std::getenv("TMPDIR");
  const std::string name =
      fmt::format("{}/trunkline-preview-{}", directory != nullptr ? directory : "/tmp", ::getpid());
  auto expanded = files.open(name, open_mode::create_new);
  if (!expanded) return tl::unexpected(fmt::format("no room to expand it in {}: {}", name, expanded.error().message()));
  (void)files.remove(name);  // the open file stays, and goes with the process
  if (const auto done = expand_file(kind, **source, **expanded); !done) return tl::unexpected(done.error().text);
  return std::move(*expanded);
}

/// Whether `name` without its compression ends so.
bool has_ending(std::string_view name, std::string_view ending) {
  for (const std::string_view compressed : {".gz", ".zst"})
    if (name.ends_with(compressed)) name.remove_suffix(compressed.size());
  return name.ends_with(ending);
}

void count_message(const record& message, std::uint32_t line, const preview_settings& with, totals& sum) {
  if (message.has_data) return sum.count(encoding::binary, 1);  // octets go as they are
  preview_settings own = with;
  if (message.has_encoding) own.request.requested = message.encoding;
  if (message.max_parts != 0) own.limits.max_parts = message.max_parts;
  const auto sent = plan_preview(message.text, own);
  if (!sent) return sum.refuse(line, protocol::name_of(sent.error()));
  sum.count(sent->encoded.used, sent->units.size());
}

/// Reads all of it; what concerns the whole file is the error.
tl::expected<totals, std::string> read_batch(const preview_options& options, const preview_settings& with) {
  posix_file_system files;
  auto source = open_batch(files, options.file);
  if (!source) return tl::unexpected(source.error());
  const auto size = (*source)->size();
  if (!size) return tl::unexpected(size.error().message());
  batch input(0, options.file, *size, 0);
  input.source = std::move(*source);
  if (has_ending(options.file, ".csv")) input.format = batch_format::csv;

  totals sum;
  record_parser parser{record_options{}};
  entry_reader reader;
  reader.seek(input, 0, 1);
  for (bool first = true;; first = false) {
    const auto what = reader.next();
    if (what == entry_reader::outcome::end) return sum;
    if (what == entry_reader::outcome::failed) return tl::unexpected(reader.error().message());
    if (what == entry_reader::outcome::too_long) {
      ++sum.messages;
      sum.refuse(reader.line(), "the line is too long");
      continue;
    }
    const line_kind kind = classify_line(reader.view(), first);
    if (kind == line_kind::blank) continue;
    if (input.format == batch_format::csv) {
      if (first) {
        auto columns = parse_csv_header(reader.view());
        if (!columns) return tl::unexpected(columns.error().text);
        input.columns = std::move(*columns);
        continue;
      }
    } else if (kind == line_kind::header) {
      auto header = parser.parse_header(reader.view());
      if (!header) return tl::unexpected(header.error().text);
      input.defaults = std::move(*header);
      continue;
    } else if (kind == line_kind::trailer) {
      continue;
    }
    ++sum.messages;
    const record* message = input.format == batch_format::csv
                                ? parser.parse_csv(reader.view(), input.columns, input.defaults)
                                : parser.parse_json(reader.view(), input.defaults);
    if (message == nullptr) {
      sum.refuse(reader.line(), parser.error().text);
    } else {
      count_message(*message, reader.line(), with, sum);
    }
  }
}

}  // namespace

int preview_batch(const preview_options& options, const preview_settings& with) {
  if (!has_ending(options.file, ".jsonl") && !has_ending(options.file, ".csv")) {
    fmt::print(stderr, "trunkline preview: --file reads .jsonl and .csv, each also .gz or .zst\n");
    return 2;
  }
  const auto read = read_batch(options, with);
  if (!read) {
    fmt::print(stderr, "trunkline preview: {}: {}\n", options.file, read.error());
    return 1;
  }
  auto encodings = ordered_json::object();
  for (std::size_t i = 0; i < read->by_encoding.size(); ++i) {
    if (read->by_encoding[i] == 0) continue;
    encodings[std::string(protocol::encoding_name(static_cast<encoding>(i)))] = read->by_encoding[i];
  }
  if (options.json) {
    const ordered_json out{{"messages", read->messages},
                           {"parts", read->parts},
                           {"encodings", encodings},
                           {"bad_lines", read->bad_lines},
                           {"bad", read->bad}};
    fmt::print("{}\n", out.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
    return 0;
  }
  fmt::print("messages     {}\nparts        {}\n", read->messages, read->parts);
  for (const auto& [name, count] : encodings.items()) fmt::print("  {:<10} {}\n", name, count.get<std::size_t>());
  fmt::print("bad lines    {}\n", read->bad_lines);
  for (const auto& one : read->bad)
    fmt::print("  line {}: {}\n", one["line"].get<std::size_t>(), one["error"].get<std::string>());
  return 0;
}

}  // namespace trunkline::engine
