#include "protocol/gsm_packing.hpp"

#include <algorithm>

namespace trunkline::protocol {
namespace {

constexpr unsigned carriage_return = 0x0D;

/// Eight septets as 56 bits: neighbours are moved together, by one bit in pairs, two in fours, four in the whole.
std::uint64_t compress(const std::uint8_t* septets) noexcept {
  std::uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t{septets[i]} << (8 * i);
  word &= 0x7F7F7F7F7F7F7F7F;
  word = (word & 0x007F007F007F007F) | (word & 0x7F007F007F007F00) >> 1;
  word = (word & 0x00003FFF00003FFF) | (word & 0x3FFF00003FFF0000) >> 2;
  return (word & 0x000000000FFFFFFF) | (word & 0x0FFFFFFF00000000) >> 4;
}

}  // namespace

std::size_t pack_septets(std::span<const std::uint8_t> septets, std::span<std::uint8_t> out, unsigned fill) noexcept {
  const std::size_t size = packed_octets(septets.size(), fill);
  if (out.size() < size) return 0;
  unsigned bits = fill;  // held in `pending`, always fewer than 8 between septets
  unsigned pending = 0;
  std::size_t written = 0;
  std::size_t at = 0;
  for (; at + 8 <= septets.size(); at += 8) {
    const std::uint64_t packed = compress(&septets[at]);
    const std::uint64_t octets = packed << bits | pending;
    for (unsigned i = 0; i < 7; ++i) out[written + i] = static_cast<std::uint8_t>(octets >> (8 * i));
    written += 7;
    pending = static_cast<unsigned>(octets >> 56);
  }
  for (const std::uint8_t septet : septets.subspan(at)) {
    pending |= (septet & 0x7FU) << bits;
    bits += 7;
    if (bits >= 8) {
      out[written++] = static_cast<std::uint8_t>(pending);
      pending >>= 8;
      bits -= 8;
    }
  }
  if (written < size) {
    if (bits == 1) pending |= carriage_return << 1U;  // seven bits are left
    out[written++] = static_cast<std::uint8_t>(pending);
  }
  return written;
}

std::size_t unpack_septets(std::span<const std::uint8_t> packed, std::span<std::uint8_t> out, unsigned fill) noexcept {
  std::size_t count = septets_in(packed.size(), fill);
  const std::size_t spare = packed.size() * 8 - (packed.empty() ? 0 : fill) - count * 7;
  if (count != 0 && spare == 0) {
    const unsigned last = packed.back() >> 1U;
    if (last == 0 || last == carriage_return) --count;
  }
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
