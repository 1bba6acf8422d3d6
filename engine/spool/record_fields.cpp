#include "engine/spool/record_fields.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "protocol/utf8.hpp"

namespace trunkline::engine {
namespace {

constexpr std::array<std::string_view, record_field_count> field_names{
    "to",      "text",    "data",    "data_coding", "udh",       "from",  "id",  "priority", "validity",
    "send_at", "receipt", "carrier", "encoding",    "max_parts", "flash", "tlv", "tags",     "vars"};

constexpr std::size_t max_quoted_bytes = 60;
constexpr std::size_t max_compared_bytes = 32;

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view name(record_field field) noexcept { return field_names[static_cast<std::size_t>(field)]; }

std::span<const std::string_view> record_field_names() noexcept { return field_names; }

std::optional<record_field> find_record_field(std::string_view name) noexcept {
  // The fields of nearly every line first; the rest is short enough to walk.
  if (name == "to") return record_field::to;
  if (name == "text") return record_field::text;
  if (name == "id") return record_field::id;
  for (std::size_t i = 0; i < field_names.size(); ++i)
    if (field_names[i] == name) return static_cast<record_field>(i);
  return std::nullopt;
}

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known) {
  if (name.size() > max_compared_bytes) return {};
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  std::string_view best;
  std::size_t fewest = std::max<std::size_t>(2, name.size() / 2) + 1;
  for (const std::string_view candidate : known) {
    const std::size_t edits = edit_distance(lower, candidate);
    if (edits < fewest) {
      fewest = edits;
      best = candidate;
    }
  }
  return best;
}

std::string quoted(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "\"";
  std::size_t at = 0;
  while (at < text.size() && at < max_quoted_bytes) {
    const protocol::utf8_step step = protocol::utf8_decode(text, at);
    if (!step.valid || step.value < 0x20 || step.value == 0x7f) {
      for (std::size_t i = 0; i < step.length; ++i) {
        const auto octet = static_cast<std::uint8_t>(text[at + i]);
        out += "\\x";
        out += hex[octet >> 4];
        out += hex[octet & 15];
      }
    } else {
      out.append(text.substr(at, step.length));
    }
    at += step.length;
  }
  if (at < text.size()) out += "...";
  out += '"';
  return out;
}

}  // namespace trunkline::engine
