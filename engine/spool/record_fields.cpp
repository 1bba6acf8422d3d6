#include "engine/spool/record_fields.hpp"

#include <array>

#include "engine/runtime/configuration_values.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::engine {
namespace {

constexpr std::array<std::string_view, record_field_count> field_names{
    "to",         "text",       "data",     "data_coding", "udh",      "from",      "id",    "priority",
    "validity",   "send_at",    "receipt",  "carrier",     "encoding", "max_parts", "flash", "smart",
    "source_ton", "source_npi", "dest_ton", "dest_npi",    "tlv",      "tags",      "vars"};

constexpr std::size_t max_quoted_bytes = 60;
constexpr std::size_t max_compared_bytes = 64;

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
  return name.size() > max_compared_bytes ? std::string_view{} : nearest(name, known);
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
