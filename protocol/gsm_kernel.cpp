// Runs of octets that need no table look-up. The release is built for plain x86-64, so copy_common picks its AVX2 form
// at run time, through a pointer that begins at a resolver: constant-initialised, so that it works during the start-up
// of other translation units too, and relaxed, since every thread resolves to the same function.
//
// Classification: an octet is common when common_low[low nibble] and common_high[high nibble] share a bit. The rows
// (high nibbles) with the same pattern of columns share a bit: 0x (LF, CR), 2x (all but $), 3x and 6x-7x...
#include "protocol/gsm_kernel.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace trunkline::protocol::detail {
namespace {

constexpr bool is_common(unsigned octet) {
  if (octet == 0x0A || octet == 0x0D) return true;
  if (octet >= 0x20 && octet <= 0x3F) return octet != 0x24;
  return (octet >= 0x41 && octet <= 0x5A) || (octet >= 0x61 && octet <= 0x7A);
}

constexpr std::array<bool, 256> common = [] {
  std::array<bool, 256> table{};
  for (unsigned octet = 0; octet < 256; ++octet) table[octet] = is_common(octet);
  return table;
}();

// One bit for each kind of row: 0x, 2x, 3x, 4x and 6x, 5x and 7x.
constexpr std::array<unsigned, 5> sample_rows{0, 2, 3, 4, 5};
constexpr std::array<std::uint8_t, 16> common_high{0x01, 0, 0x02, 0x04, 0x08, 0x10, 0x08, 0x10, 0, 0, 0, 0, 0, 0, 0, 0};
constexpr std::array<std::uint8_t, 16> common_low = [] {
  std::array<std::uint8_t, 16> table{};
  for (unsigned column = 0; column < 16; ++column)
    for (unsigned bit = 0; bit < sample_rows.size(); ++bit)
      if (is_common(sample_rows[bit] << 4 | column))
        table[column] = static_cast<std::uint8_t>(table[column] | 1U << bit);
  return table;
}();
static_assert([] {
  for (unsigned octet = 0; octet < 256; ++octet)
    if (((common_low[octet & 15] & common_high[octet >> 4]) != 0) != is_common(octet)) return false;
  return true;
}());

/// Copies 1 to 15 octets with two overlapping moves where it can.
inline void copy_few(const std::uint8_t* in, std::size_t size, std::uint8_t* out) noexcept {
  const auto two = [&](auto word) {
    auto last = word;
    std::memcpy(&word, in, sizeof word);
    std::memcpy(&last, in + size - sizeof last, sizeof last);
    std::memcpy(out, &word, sizeof word);
    std::memcpy(out + size - sizeof last, &last, sizeof last);
  };
  if (size >= 8) return two(std::uint64_t{});
  if (size >= 4) return two(std::uint32_t{});
  for (std::size_t i = 0; i < size; ++i) out[i] = in[i];
}

#if defined(__x86_64__)
/// A bit for each of 16 octets that is not common.
__attribute__((target("avx2"))) inline std::uint32_t misses_of_16(const std::uint8_t* in, __m128i low,
                                                                  __m128i high) noexcept {
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
  const __m128i rows = _mm_shuffle_epi8(high, _mm_and_si128(_mm_srli_epi16(text, 4), _mm_set1_epi8(0x0F)));
  const __m128i hits = _mm_and_si128(_mm_shuffle_epi8(low, text), rows);
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(hits, _mm_setzero_si128())));
}

__attribute__((target("avx2"))) std::size_t copy_common_avx2(const std::uint8_t* in, std::size_t size,
                                                             std::uint8_t* out) noexcept {
  const __m128i low_half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(common_low.data()));
  const __m128i high_half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(common_high.data()));
  const __m256i low = _mm256_broadcastsi128_si256(low_half);
  const __m256i high = _mm256_broadcastsi128_si256(high_half);
  const __m256i nibble = _mm256_set1_epi8(0x0F);
  std::size_t at = 0;
  for (; at + 32 <= size; at += 32) {
    const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + at));
    // A shuffle index with bit 7 set gives 0, so that octets of 0x80 and more are never common.
    const __m256i rows = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(text, 4), nibble));
    const __m256i hits = _mm256_and_si256(_mm256_shuffle_epi8(low, text), rows);
    const auto misses =
        static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(hits, _mm256_setzero_si256())));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at), text);
    if (misses != 0) return at + static_cast<std::size_t>(std::countr_zero(misses));
  }
  if (at + 16 <= size) {
    const std::uint32_t misses = misses_of_16(in + at, low_half, high_half);
    std::memcpy(out + at, in + at, 16);
    if (misses != 0) return at + static_cast<std::size_t>(std::countr_zero(misses));
    at += 16;
  }
  const std::size_t left = size - at;
  if (left == 0) return at;
  if (size >= 16) {
    // The last 16 octets again, of which only the last `left` are new.
    const std::uint32_t misses = misses_of_16(in + size - 16, low_half, high_half) >> (16 - left);
    copy_few(in + at, left, out + at);
    return misses == 0 ? size : at + static_cast<std::size_t>(std::countr_zero(misses));
  }
  while (at < size && common[in[at]]) {
    out[at] = in[at];
    ++at;
  }
  return at;
}
#endif

using copy_function = std::size_t (*)(const std::uint8_t*, std::size_t, std::uint8_t*) noexcept;

std::size_t resolve_copy(const std::uint8_t* in, std::size_t size, std::uint8_t* out) noexcept;
constinit std::atomic<copy_function> chosen_copy{&resolve_copy};

std::size_t resolve_copy(const std::uint8_t* in, std::size_t size, std::uint8_t* out) noexcept {
  copy_function best = &copy_common_portable;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) best = &copy_common_avx2;
#endif
  chosen_copy.store(best, std::memory_order_relaxed);
  return best(in, size, out);
}

}  // namespace

std::size_t copy_common(const std::uint8_t* in, std::size_t size, std::uint8_t* out) noexcept {
  return chosen_copy.load(std::memory_order_relaxed)(in, size, out);
}

std::size_t copy_common_portable(const std::uint8_t* in, std::size_t size, std::uint8_t* out) noexcept {
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    bool all = true;
    for (std::size_t i = 0; i < 8; ++i) all = all && common[in[at + i]];
    if (!all) break;
    std::memcpy(out + at, in + at, 8);
  }
  while (at < size && common[in[at]]) {
    out[at] = in[at];
    ++at;
  }
  return at;
}

std::size_t widen_ascii(const std::uint8_t* in, std::size_t size, std::uint8_t* out) noexcept {
  std::size_t at = 0;
#if defined(__x86_64__)
  for (; at + 16 <= size; at += 16) {
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at));
    const __m128i zero = _mm_setzero_si128();
    const auto wide = static_cast<std::uint32_t>(_mm_movemask_epi8(text));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * at), _mm_unpacklo_epi8(zero, text));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * at + 16), _mm_unpackhi_epi8(zero, text));
    if (wide != 0) return at + static_cast<std::size_t>(std::countr_zero(wide));
  }
#endif
  for (; at < size && in[at] < 0x80; ++at) {
    out[2 * at] = 0;
    out[2 * at + 1] = in[at];
  }
  return at;
}

std::size_t narrow_ascii(const std::uint8_t* in, std::size_t units, std::uint8_t* out) noexcept {
  std::size_t at = 0;
#if defined(__x86_64__)
  // Read as little-endian words, a unit below 0x80 has its value in the high octet, and neither its low octet nor
  // bit 15.
  const __m128i forbidden = _mm_set1_epi16(static_cast<short>(0x80FF));
  for (; at + 16 <= units; at += 16) {
    const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + 2 * at));
    const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + 2 * at + 16));
    const __m128i bad = _mm_and_si128(_mm_or_si128(first, second), forbidden);
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(bad, _mm_setzero_si128())) != 0xFFFF) break;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at),
                     _mm_packus_epi16(_mm_srli_epi16(first, 8), _mm_srli_epi16(second, 8)));
  }
#endif
  for (; at < units && in[2 * at] == 0 && in[2 * at + 1] < 0x80; ++at) out[at] = in[2 * at + 1];
  return at;
}

}  // namespace trunkline::protocol::detail
