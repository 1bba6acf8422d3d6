#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace trunkline::protocol {

/// The index of the first zero octet, or `size` when there is none. Reads nothing outside of the octets. Inline, eight
/// octets at a time: the texts of a PDU are so short that a call of memchr costs more than the search.
[[nodiscard]] inline std::size_t find_nul(const std::uint8_t* octets, std::size_t size) noexcept {
  static_assert(std::endian::native == std::endian::little, "the lowest octet of a word must come first");
  constexpr std::uint64_t ones = 0x0101010101010101;
  const auto first_zero = [](const std::uint8_t* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    // The lowest marked octet is always a zero; higher ones may be marked by the borrow.
    const std::uint64_t marks = (word - ones) & ~word & (ones << 7U);
    return static_cast<std::size_t>(std::countr_zero(marks)) / 8;  // 8 when there is no zero
  };
  if (size < 8) {
    for (std::size_t i = 0; i < size; ++i) {
      if (octets[i] == 0) return i;
    }
    return size;
  }
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    const std::size_t zero = first_zero(octets + at);
    if (zero < 8) return at + zero;
  }
  return size - 8 + first_zero(octets + size - 8);  // overlaps what was searched, and is `size` without a zero
}

}  // namespace trunkline::protocol
