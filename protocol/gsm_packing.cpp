#include "protocol/gsm_packing.hpp"

#include <algorithm>

namespace trunkline::protocol {

std::size_t pack_septets(std::span<const std::uint8_t> septets, std::span<std::uint8_t> out, unsigned fill) noexcept {
  const std::size_t size = packed_octets(septets.size(), fill);
  if (out.size() < size) return 0;
  unsigned bits = fill;  // held in `pending`, always fewer than 8 between septets
  unsigned pending = 0;
  std::size_t written = 0;
  for (const std::uint8_t septet : septets) {
    pending |= (septet & 0x7FU) << bits;
    bits += 7;
    if (bits >= 8) {
      out[written++] = static_cast<std::uint8_t>(pending);
      pending >>= 8;
      bits -= 8;
    }
  }
  if (written < size) out[written++] = static_cast<std::uint8_t>(pending);
  return written;
}

std::size_t unpack_septets(std::span<const std::uint8_t> packed, std::span<std::uint8_t> out, unsigned fill) noexcept {
  std::size_t count = septets_in(packed.size(), fill);
  const std::size_t spare = packed.size() * 8 - (packed.empty() ? 0 : fill) - count * 7;
  const bool padded = count != 0 && spare == 0 && (packed.back() >> 1) == 0;
  if (padded) --count;
  count = std::min(count, out.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t bit = fill + i * 7;
    const std::size_t octet = bit / 8;
    const unsigned shift = bit % 8;
    unsigned value = static_cast<unsigned>(packed[octet]) >> shift;
    if (shift > 1) value |= static_cast<unsigned>(packed[octet + 1]) << (8 - shift);
    out[i] = value & 0x7F;
  }
  return count;
}

}  // namespace trunkline::protocol
