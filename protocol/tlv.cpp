#include "protocol/tlv.hpp"

namespace trunkline::protocol {
namespace {

void write_tlv_header(octet_writer& out, tlv_tag tag, std::size_t size) noexcept {
  if (size > 0xFFFF) return out.fail(errc::too_long_field);
  out.u16(static_cast<std::uint16_t>(tag));
  out.u16(static_cast<std::uint16_t>(size));
}

}  // namespace

void write_tlv(octet_writer& out, tlv_tag tag, std::span<const std::uint8_t> value) noexcept {
  write_tlv_header(out, tag, value.size());
  out.octets(value);
}

void write_tlv_u8(octet_writer& out, tlv_tag tag, std::uint8_t value) noexcept {
  write_tlv_header(out, tag, 1);
  out.u8(value);
}

void write_tlv_u16(octet_writer& out, tlv_tag tag, std::uint16_t value) noexcept {
  write_tlv_header(out, tag, 2);
  out.u16(value);
}

void write_tlv_u32(octet_writer& out, tlv_tag tag, std::uint32_t value) noexcept {
  write_tlv_header(out, tag, 4);
  out.u32(value);
}

void write_tlv_text(octet_writer& out, tlv_tag tag, std::string_view value) noexcept {
  write_tlv_header(out, tag, value.size() + 1);
  out.c_octet_string(value);
}

}  // namespace trunkline::protocol
