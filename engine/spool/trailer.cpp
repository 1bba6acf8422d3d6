// The trailer of a batch: written by the producer, checked here before the batch is accepted. It is small and cold, so
// it is read with the DOM parser; the check of the file is one sequential pass.
#include "engine/spool/trailer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/runtime/crc32c.hpp"
#include "engine/spool/record_fields.hpp"
#include "engine/spool/record_json_fault.hpp"
#include "engine/spool/record_parser.hpp"

namespace trunkline::engine {
namespace {

using router::reason;

constexpr std::uint64_t tail_bytes = 64U << 10;
constexpr std::size_t max_trailer_bytes = 1'024;
constexpr std::size_t block_bytes = 256U << 10;
constexpr std::size_t head_bytes = 512;  // enough of the first line to know a header by

std::optional<std::uint32_t> parse_crc(std::string_view hex) noexcept {
  if (hex.size() != 8) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : hex) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  return value;
}

std::string hex_of(std::uint32_t value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) text += digits[value >> shift & 15U];
  return text;
}

tl::unexpected<record_error> refuse(reason code, std::string text) {
  return tl::unexpected<record_error>({code, std::move(text)});
}
tl::unexpected<trailer_error> unlike(std::string text) { return tl::unexpected<trailer_error>({std::move(text), {}}); }
tl::unexpected<trailer_error> failed(std::error_code io) {
  return tl::unexpected<trailer_error>({"cannot read the file: " + io.message(), io});
}

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

tl::expected<trailer, record_error> parse_trailer(std::string_view line) {
  if (line.size() > max_trailer_bytes) return refuse(reason::bad_json, "the trailer is longer than 1024 octets");
  // Repeated names must not slip through, so they are counted while parsing.
  std::vector<std::string> names;
  bool twice = false;
  const nlohmann::json::parser_callback_t watch = [&](int, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    if (event == nlohmann::json::parse_event_t::key) {
      const auto key = value.get<std::string>();
      twice = twice || std::find(names.begin(), names.end(), key) != names.end();
      names.push_back(key);
    }
    return true;
  };
  const nlohmann::json parsed = nlohmann::json::parse(line, watch, /*allow_exceptions=*/false);
  if (parsed.is_discarded() || !parsed.is_object()) {
    record_error fault = explain_json_fault(line, 0);
    fault.text.insert(0, "trailer: ");
    return tl::unexpected(std::move(fault));
  }
  if (twice) return refuse(reason::bad_field, "the trailer has a name twice");
  const auto end = parsed.find("end");
  if (end == parsed.end() || parsed.size() != 1 || !end->is_object()) {
    return refuse(reason::bad_field, "the trailer is not {\"end\": {\"messages\": N, \"crc32c\": \"hex\"}}");
  }
  trailer said;
  for (const auto& [key, value] : end->items()) {
    if (key == "messages") {
      if (!value.is_number_unsigned())
        return refuse(reason::bad_field, "messages in the trailer is not a whole number");
      said.messages = value.get<std::uint64_t>();
    } else if (key == "crc32c") {
      if (value.is_string()) said.crc32c = parse_crc(value.get_ref<const std::string&>());
      if (!said.crc32c) return refuse(reason::bad_field, "crc32c in the trailer is not eight hexadecimal digits");
    } else {
      return refuse(reason::bad_field,
                    "unknown field " + engine::quoted(key) + " in the trailer: expected messages, crc32c");
    }
  }
  return said;
}

tl::expected<trailer, record_error> parse_sidecar(std::string_view content) {
  trailer said;
  said.crc32c = parse_crc(content.substr(0, 8));
  const std::string_view rest = content.size() > 8 ? content.substr(8) : std::string_view{};
  const bool ends = rest.empty() || is_blank(rest.front()) || rest.front() == '\n';
  const std::size_t line_end = rest.find('\n');
  if (!said.crc32c || !ends || (line_end != std::string_view::npos && line_end + 1 != rest.size())) {
    return refuse(reason::bad_field,
                  "the sidecar is " + quoted(content) +
                      ": expected one line with the CRC-32C of the file as eight hexadecimal digits");
  }
  return said;
}

tl::expected<std::optional<located_trailer>, trailer_error> find_trailer(file& input, std::uint64_t size) {
  std::vector<std::uint8_t> tail(static_cast<std::size_t>(std::min(size, tail_bytes)));
  const std::uint64_t tail_offset = size - tail.size();
  const auto got = input.read_at(tail, tail_offset);
  if (!got) return failed(got.error());
  std::string_view text{reinterpret_cast<const char*>(tail.data()), *got};
  while (!text.empty() && (is_blank(text.back()) || text.back() == '\n')) text.remove_suffix(1);
  const std::size_t newline = text.rfind('\n');
  // A last line longer than the tail cannot be a trailer.
  if (newline == std::string_view::npos && tail_offset != 0) return std::optional<located_trailer>{};
  const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
  const std::string_view line = text.substr(start);
  if (classify_line(line, tail_offset + start == 0) != line_kind::trailer) return std::optional<located_trailer>{};
  const auto said = parse_trailer(line);
  if (!said) return unlike(said.error().text);
  return std::optional<located_trailer>{{*said, tail_offset + start}};
}

trailer_check::trailer_check(file& input, std::uint64_t end, trailer said) : input_(&input), end_(end), said_(said) {}

tl::expected<bool, trailer_error> trailer_check::step(std::uint64_t max_bytes) {
  std::vector<std::uint8_t> block(block_bytes);
  for (std::uint64_t read = 0; at_ < end_ && read < max_bytes;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), end_ - at_));
    const auto got = input_->read_at(std::span(block).first(want), at_);
    if (!got) return failed(got.error());
    if (*got == 0) return unlike("the file ends at offset " + std::to_string(at_) + ", before its trailer");
    const std::span<const std::uint8_t> octets = std::span(block).first(*got);
    crc_ = crc32c(octets, crc_);
    if (said_.messages) count(octets);
    at_ += *got;
    read += *got;
  }
  if (at_ < end_) return false;
  std::uint64_t found = lines_ + (line_has_content_ ? 1 : 0);
  const std::string_view head = head_;
  const std::string_view first_line = head.substr(0, head.find('\n'));
  if (found != 0 && classify_line(first_line, true) == line_kind::header) --found;
  if (said_.messages && *said_.messages != found) {
    return unlike("the trailer says " + std::to_string(*said_.messages) + " messages, the file has " +
                  std::to_string(found));
  }
  if (said_.crc32c && *said_.crc32c != crc_) {
    return unlike("the trailer says CRC-32C " + hex_of(*said_.crc32c) + ", the file has " + hex_of(crc_));
  }
  return true;
}

void trailer_check::count(std::span<const std::uint8_t> octets) {
  std::string_view text{reinterpret_cast<const char*>(octets.data()), octets.size()};
  if (head_.size() < head_bytes) head_.append(text.substr(0, head_bytes - head_.size()));
  // A BOM alone makes no line.
  if (at_ == 0 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    line_has_content_ = line_has_content_ || !std::all_of(line.begin(), line.end(), is_blank);
    if (end == text.size()) break;
    if (line_has_content_) ++lines_;
    line_has_content_ = false;
    text.remove_prefix(end + 1);
  }
}

}  // namespace trunkline::engine
