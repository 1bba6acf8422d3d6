// CRC-32C two ways: eight table look-ups per eight octets for any processor, and the SSE4.2 instruction where there is
// one. The choice is made once through a function pointer, because compiler-made dispatch (target_clones) crashes under
// ThreadSanitizer.
#include "engine/runtime/crc32c.hpp"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace trunkline::engine {
namespace {

constexpr std::uint32_t reflected_polynomial = 0x82f63b78;

using slices = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr slices make_slices() {
  slices tables{};
  for (std::uint32_t octet = 0; octet < 256; ++octet) {
    std::uint32_t crc = octet;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? reflected_polynomial : 0);
    tables[0][octet] = crc;
  }
  for (std::size_t slice = 1; slice < 8; ++slice) {
    for (std::size_t octet = 0; octet < 256; ++octet) {
      const std::uint32_t before = tables[slice - 1][octet];
      tables[slice][octet] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr slices tables = make_slices();

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] std::uint32_t crc32c_sse42(std::span<const std::uint8_t> octets,
                                                     std::uint32_t seed) noexcept {
  const std::uint8_t* at = octets.data();
  std::size_t left = octets.size();
  std::uint64_t crc = ~seed;
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto narrow = static_cast<std::uint32_t>(crc);
  if (left >= 4) {
    std::uint32_t word;
    std::memcpy(&word, at, 4);
    narrow = _mm_crc32_u32(narrow, word);
    at += 4;
    left -= 4;
  }
  for (; left > 0; ++at, --left) narrow = _mm_crc32_u8(narrow, *at);
  return ~narrow;
}
#endif

using crc_function = std::uint32_t (*)(std::span<const std::uint8_t>, std::uint32_t) noexcept;

crc_function choose() noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42;
#endif
  return crc32c_portable;
}

// A function-local static, so that checksums are right even in another file's static initialisation.
crc_function chosen() noexcept {
  static const crc_function function = choose();
  return function;
}

}  // namespace

std::uint32_t crc32c_portable(std::span<const std::uint8_t> octets, std::uint32_t seed) noexcept {
  static_assert(std::endian::native == std::endian::little);
  const std::uint8_t* at = octets.data();
  std::size_t left = octets.size();
  std::uint32_t crc = ~seed;
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    word ^= crc;
    crc = 0;
    for (std::size_t octet = 0; octet < 8; ++octet) crc ^= tables[7 - octet][(word >> (8 * octet)) & 0xff];
  }
  for (; left > 0; ++at, --left) crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xff];
  return ~crc;
}

std::uint32_t crc32c(std::span<const std::uint8_t> octets, std::uint32_t seed) noexcept {
  return chosen()(octets, seed);
}

bool crc32c_is_hardware() noexcept { return chosen() != crc32c_portable; }

}  // namespace trunkline::engine
