#include "engine/spool/candidate.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace trunkline::engine {
namespace {

constexpr std::uint64_t step_bytes = 8U << 20;
constexpr std::size_t longest_header = 1U << 20;

bool take_ending(std::string_view& name, std::string_view ending) noexcept {
  if (!name.ends_with(ending)) return false;
  name.remove_suffix(ending.size());
  return true;
}

}  // namespace

bool is_temporary_name(std::string_view name) noexcept {
  return name.starts_with('.') || name.ends_with(".tmp") || name.ends_with(".part");
}

std::optional<spool_name> parse_spool_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 200 || name.front() == '.') return std::nullopt;
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
  if (!plain) return std::nullopt;
  spool_name kind;
  if (take_ending(name, ".gz")) {
    kind.packing = compression::gzip;
  } else if (take_ending(name, ".zst")) {
    kind.packing = compression::zstd;
  }
  if (name.ends_with(".report.jsonl") || name.ends_with(".receipts.jsonl")) return std::nullopt;
  if (take_ending(name, ".csv")) {
    kind.format = batch_format::csv;
  } else if (!take_ending(name, ".jsonl")) {
    return std::nullopt;
  }
  if (name.empty()) return std::nullopt;
  return kind;
}

candidate::candidate(file_system& files, const spool_paths& paths, std::string name, std::unique_ptr<file> input,
                     std::uint64_t size, bool require_trailer, std::optional<std::string> sidecar)
    : files_(files),
      paths_(paths),
      name_(std::move(name)),
      kind_(parse_spool_name(name_).value_or(spool_name{})),
      input_(std::move(input)),
      size_(size),
      require_trailer_(require_trailer),
      sidecar_(std::move(sidecar)) {
  if (kind_.packing != compression::none) stage_ = stage::expanding;
}

tl::expected<bool, candidate_error> candidate::step(record_parser& parser) {
  switch (stage_) {
    case stage::expanding: {
      if (!expander_) {
        auto made = files_.open(paths_.expanded(name_), open_mode::read_write_create, 0600);
        if (!made) return tl::unexpected(candidate_error{"cannot write " + paths_.expanded(name_), made.error()});
        expanded_ = std::move(*made);
        if (auto cut = expanded_->truncate(0); !cut)
          return tl::unexpected(candidate_error{"cannot write", cut.error()});
        expander_ = std::make_unique<expander>(kind_.packing, *input_, *expanded_);
      }
      if (const auto left = files_.free_bytes(paths_.data); left && *left < keep_free_ + step_bytes) {
        (void)files_.remove(paths_.expanded(name_));
        return tl::unexpected(candidate_error{"no room to expand it in " + paths_.expanded(),
                                              std::make_error_code(std::errc::no_space_on_device)});
      }
      auto done = expander_->step(step_bytes);
      if (!done) {
        (void)files_.remove(paths_.expanded(name_));
        return tl::unexpected(candidate_error{done.error().text, done.error().io});
      }
      if (!*done) return false;
      size_ = expander_->expanded_bytes();
      expander_.reset();
      auto synced = expanded_->sync().and_then([&] { return files_.sync_directory(paths_.expanded()); });
      if (!synced) return tl::unexpected(candidate_error{"cannot write " + paths_.expanded(name_), synced.error()});
      input_ = std::move(expanded_);
      stage_ = stage::looking_for_trailer;
      return false;
    }
    case stage::looking_for_trailer: {
      if (size_ == 0) return tl::unexpected(candidate_error{"the file is empty", {}});
      stage_ = stage::counting_lines;
      if (kind_.format == batch_format::jsonl) {
        auto found = find_trailer(*input_, size_);
        if (!found) return tl::unexpected(candidate_error{found.error().text, found.error().io});
        if (*found) {
          size_ = (*found)->offset;
          check_ = std::make_unique<trailer_check>(*input_, size_, (*found)->said);
          stage_ = stage::checking_trailer;
        } else if (require_trailer_) {
          return tl::unexpected(candidate_error{"no trailer line, and [spool] require_trailer is set", {}});
        }
      } else if (sidecar_) {
        auto said = parse_sidecar(*sidecar_);
        if (!said) return tl::unexpected(candidate_error{"sidecar: " + said.error().text, {}});
        check_ = std::make_unique<trailer_check>(*input_, size_, *said);
        stage_ = stage::checking_trailer;
      } else if (require_trailer_) {
        return tl::unexpected(
            candidate_error{"no sidecar " + name_ + ".crc32c, and [spool] require_trailer is set", {}});
      }
      return false;
    }
    case stage::checking_trailer: {
      auto done = check_->step(step_bytes);
      if (!done) return tl::unexpected(candidate_error{done.error().text, done.error().io});
      if (*done) {
        check_.reset();
        stage_ = stage::counting_lines;
      }
      return false;
    }
    case stage::counting_lines: {
      // A line has an octet at least.
      const auto done = size_ <= max_lines_ ? tl::expected<bool, candidate_error>(true) : count_lines();
      if (!done) return tl::unexpected(done.error());
      if (*done) stage_ = stage::reading_header;
      return false;
    }
    case stage::reading_header: {
      if (auto read = read_header(parser); !read) return tl::unexpected(read.error());
      stage_ = stage::ready;
      return true;
    }
    case stage::ready:
      return true;
  }
  return true;
}

/// Goes on counting. True: to the end.
tl::expected<bool, candidate_error> candidate::count_lines() {
  std::vector<std::uint8_t> piece(static_cast<std::size_t>(std::min(step_bytes, size_ - counted_)));
  const auto got = input_->read_at(piece, counted_);
  if (!got) return tl::unexpected(candidate_error{"cannot read", got.error()});
  counted_ += *got;
  lines_ += static_cast<std::uint64_t>(
      std::count(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got), std::uint8_t{'\n'}));
  if (lines_ > max_lines_)
    return tl::unexpected(candidate_error{fmt::format("it has more than {} lines; split it", max_lines_), {}});
  return *got == 0 || counted_ == size_;
}

tl::expected<void, candidate_error> candidate::read_header(record_parser& parser) {
  std::vector<char> buffer(static_cast<std::size_t>(std::min<std::uint64_t>(size_, 64U << 10)) + record_padding_bytes);
  std::size_t length = 0;
  std::string_view first;
  for (;;) {
    const std::size_t room = buffer.size() - record_padding_bytes;
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(room, size_)) - length;
    auto got = input_->read_at({reinterpret_cast<std::uint8_t*>(buffer.data()) + length, want}, length);
    if (!got) return tl::unexpected(candidate_error{"cannot read", got.error()});
    length += *got;
    const std::string_view all(buffer.data(), length);
    const std::size_t end = kind_.format == batch_format::csv ? find_record_end(all) : all.find('\n');
    if (end != std::string_view::npos && end != csv_need_more) {
      first = all.substr(0, end);
      break;
    }
    if (length >= size_ || length >= longest_header || *got == 0) {
      first = all;
      break;
    }
    buffer.resize(std::min<std::size_t>(buffer.size() * 4, longest_header + record_padding_bytes));
  }
  if (kind_.format == batch_format::csv) {
    auto columns = parse_csv_header(first);
    if (!columns) return tl::unexpected(candidate_error{"header row: " + columns.error().text, {}});
    columns_ = std::move(*columns);
    return {};
  }
  if (classify_line(first, true) == line_kind::header) {
    auto header = parser.parse_header(first);
    if (!header) return tl::unexpected(candidate_error{"line 1: " + header.error().text, {}});
    defaults_ = std::move(*header);
    priority_ = defaults_.priority.value_or(router::priority::bulk);
  } else if (const record* r = parser.parse_json(first, defaults_)) {
    priority_ = r->priority;
  }
  return {};
}

std::unique_ptr<batch> candidate::make_batch(std::uint32_t id, std::int64_t accepted_at_ms,
                                             unknown_policy unless_told) {
  auto b = std::make_unique<batch>(id, name_, size_, accepted_at_ms);
  b->format = kind_.format;
  b->source_path = kind_.packing == compression::none ? paths_.active(name_) : paths_.expanded(name_);
  b->on_unknown = defaults_.on_unknown.value_or(unless_told);
  b->defaults = std::move(defaults_);
  b->columns = std::move(columns_);
  b->priority = b->waits_as = priority_.value_or(router::priority::bulk);
  b->priority_known = priority_.has_value();
  b->stamp = stamp_;
  return b;
}

}  // namespace trunkline::engine
