#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

// Packed 7-bit (3GPP TS 23.038, 6.1.2.1): eight septets in seven octets, least significant bits first. Carriers
// configured with `gsm_packed` want it; all others take one septet an octet.
namespace trunkline::protocol {

/// Zero bits between a user data header of `header_octets` (UDHL included) and the first septet, so that text begins on
/// a septet boundary (3GPP TS 23.040, 9.2.3.24).
constexpr unsigned fill_bits(std::size_t header_octets) noexcept {
  return static_cast<unsigned>((7 - header_octets * 8 % 7) % 7);
}

/// Octets that `septets` take when packed behind `fill` bits.
constexpr std::size_t packed_octets(std::size_t septets, unsigned fill = 0) noexcept {
  return septets == 0 ? 0 : (septets * 7 + fill + 7) / 8;
}

/// Septets that fit in `octets` behind `fill` bits.
constexpr std::size_t septets_in(std::size_t octets, unsigned fill = 0) noexcept {
  return octets * 8 < fill ? 0 : (octets * 8 - fill) / 7;
}

/// Packs `septets` (bit 7 of each is ignored) into `out`, which has room for packed_octets(), and returns the octets
/// written, or 0 when it has not. Spare bits at the end are zero, but seven of them are a carriage return, which nobody
/// sees (3GPP TS 23.038, 6.1.2.3.1): SMPP says only how many octets there are, and zeros would be one more '@'.
std::size_t pack_septets(std::span<const std::uint8_t> septets, std::span<std::uint8_t> out,
                         unsigned fill = 0) noexcept;

/// Unpacks `packed` into `out`, at most `out.size()` septets, and returns how many. A carriage return that ends where
/// the octets do is padding and dropped; so is an '@' there, because most peers pad with zeros.
std::size_t unpack_septets(std::span<const std::uint8_t> packed, std::span<std::uint8_t> out,
                           unsigned fill = 0) noexcept;

}  // namespace trunkline::protocol
