#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace trunkline::engine {

/// The fields of a message, in the order in which docs/records.md explains them.
enum class record_field : std::uint8_t {
  to,
  text,
  data,
  data_coding,
  udh,
  from,
  id,
  priority,
  validity,
  send_at,
  receipt,
  carrier,
  encoding,
  max_parts,
  flash,
  smart,
  source_ton,
  source_npi,
  dest_ton,
  dest_npi,
  tlv,
  tags,
  vars,
};
inline constexpr std::size_t record_field_count = 23;

/// The name as it stands in a batch. Static storage.
std::string_view name(record_field field) noexcept;

/// The field of exactly this name.
std::optional<record_field> find_record_field(std::string_view name) noexcept;

/// All names, in the order of `record_field`. Static storage.
std::span<const std::string_view> record_field_names() noexcept;

/// The one of `known` that is nearest to `name`; empty when `name` is too long to be a slip of the pen (the search
/// takes time by the product of the lengths, and names come from strangers).
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

/// `text` in double quotes for a message to people: control characters as \xHH, cut to a few dozen characters.
std::string quoted(std::string_view text);

}  // namespace trunkline::engine
