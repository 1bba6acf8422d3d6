#include "protocol/version.hpp"

#include <algorithm>

#include "protocol/tlv_table.hpp"

namespace trunkline::protocol {
namespace {

interface_version floor_of(std::uint8_t number) noexcept {
  if (number >= static_cast<std::uint8_t>(interface_version::v50)) return interface_version::v50;
  if (number >= static_cast<std::uint8_t>(interface_version::v34)) return interface_version::v34;
  return interface_version::v33;
}

}  // namespace

interface_version session_version(std::uint8_t asked, std::optional<std::uint8_t> sc_interface_version) noexcept {
  return std::min(floor_of(asked), floor_of(sc_interface_version.value_or(0)));
}

bool allows(interface_version version, command_id id) noexcept {
  const std::uint8_t introduced = introduced_in(id);
  return introduced != 0 && introduced <= static_cast<std::uint8_t>(version);
}

bool allows(interface_version version, tlv_tag tag) noexcept {
  if (version < interface_version::v34) return false;
  const tlv_info* info = find_tlv(tag);
  return info == nullptr || info->introduced <= static_cast<std::uint8_t>(version);
}

std::uint8_t max_short_message_bytes(interface_version version) noexcept {
  return version == interface_version::v50 ? 255 : 254;
}

}  // namespace trunkline::protocol
