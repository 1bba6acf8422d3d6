#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "protocol/tlv.hpp"

namespace trunkline::protocol {

/// How the value of a TLV is to be read.
enum class tlv_type : std::uint8_t {
  integer,         ///< big endian; alert_on_message_delivery may be of no octets
  c_octet_string,  ///< text, whose final NUL peers leave out
  octet_string,    ///< anything
};

/// What the standard says about one optional parameter (SMPP 3.4, 5.3.2; 5.0, 4.8).
struct tlv_info {
  tlv_tag tag;
  std::string_view name;
  tlv_type type;
  std::uint16_t min_bytes;  ///< of the value; of an integer, one of two lengths
  std::uint16_t max_bytes;
  std::uint8_t introduced;  ///< the interface_version that introduced it: 0x34 or 0x50
  bool repeatable;          ///< whether a PDU may hold more than one
};

/// All of them, sorted by tag.
[[nodiscard]] std::span<const tlv_info> known_tlvs() noexcept;

/// The parameter of that tag or name, or nullptr for vendors' and reserved ones. The result lives for ever.
[[nodiscard]] const tlv_info* find_tlv(tlv_tag tag) noexcept;
[[nodiscard]] const tlv_info* find_tlv(std::string_view name) noexcept;

/// Whether a value of that many octets is one. Longer integers and texts than the standard's are not.
[[nodiscard]] bool size_is_valid(const tlv_info& info, std::size_t bytes) noexcept;

/// A value by its type: an integer, a text without its NUL, or octets when it is of neither type, of an unknown tag, or
/// of a length that is no value of its tag. Views live as long as the PDU's octets.
using tlv_value = std::variant<std::uint32_t, std::string_view, std::span<const std::uint8_t>>;
[[nodiscard]] tlv_value typed_value(const tlv& parameter) noexcept;

}  // namespace trunkline::protocol
