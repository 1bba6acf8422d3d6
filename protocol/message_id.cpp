// Message ids as numbers of up to 64 digits: decimal ones exceed 64 bits at some carriers, so that the conversion to
// hexadecimal is done limb by limb, nine decimal digits at a time.

#include "protocol/message_id.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/ascii.hpp"

namespace trunkline::protocol {
namespace {

constexpr std::size_t max_digits = 64;
constexpr std::size_t digits_a_step = 9;
constexpr std::size_t max_limbs = 7;  // 10^64 < 2^(7 * 32)

constexpr bool is_hex(char c) noexcept { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); }

}  // namespace

canonical_id::canonical_id(std::string_view id, id_radix radix) noexcept {
  const auto put_text = [this](std::string_view text) {
    size_ = static_cast<std::uint8_t>(std::min(text.size(), capacity));
    std::transform(text.begin(), text.begin() + size_, characters_.begin(), to_lower);
  };
  const bool is_number =
      !id.empty() && id.size() <= max_digits &&
      (radix == id_radix::decimal ? std::all_of(id.begin(), id.end(), is_digit)
                                  : radix == id_radix::hexadecimal && std::all_of(id.begin(), id.end(), is_hex));
  if (!is_number) {
    put_text(id);
    return;
  }
  id = without_leading_zeros(id);
  if (radix == id_radix::hexadecimal) {
    put_text(id);
    return;
  }

  std::array<std::uint32_t, max_limbs> limbs{};  // the lowest first
  std::size_t used = 1;
  while (!id.empty()) {
    const std::string_view step = id.substr(0, digits_a_step);
    id.remove_prefix(step.size());
    std::uint64_t carry = 0;
    std::uint64_t scale = 1;
    for (const char digit : step) {
      carry = carry * 10 + static_cast<std::uint64_t>(digit - '0');
      scale *= 10;
    }
    for (std::size_t i = 0; i < used; ++i) {
      carry += limbs[i] * scale;
      limbs[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32U;
    }
    if (carry != 0) limbs[used++] = static_cast<std::uint32_t>(carry);
  }
  char* at = characters_.data();
  for (std::size_t i = used; i-- > 0;) {
    if (i + 1 == used) {
      at = std::to_chars(at, characters_.data() + capacity, limbs[i], 16).ptr;
    } else {
      for (unsigned shift = 32; shift > 0;) {
        shift -= 4;
        *at++ = "0123456789abcdef"[(limbs[i] >> shift) & 15U];
      }
    }
  }
  size_ = static_cast<std::uint8_t>(at - characters_.data());
}

std::string_view without_leading_zeros(std::string_view id) noexcept {
  const std::size_t first = id.find_first_not_of('0');
  if (first == std::string_view::npos) return id.substr(id.empty() ? 0 : id.size() - 1);
  return id.substr(first);
}

}  // namespace trunkline::protocol
