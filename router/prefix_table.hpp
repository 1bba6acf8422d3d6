#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace trunkline::router {

/// Longest-prefix look-up over digits: one open-addressed table whose keys are (length, digits), immutable once built.
///
/// A number of n digits has at most n candidates, one per length; a small index over the first three digits says which
/// lengths occur at all, so that most numbers cost one or two probes. Memory: 16 octets a slot, two to four slots a
/// prefix (32 MiB for a million). Look-ups are const, `noexcept`, free of allocation, and safe from any thread.
class prefix_table {
 public:
  /// Longest prefix that can be stored: the longest number of E.164.
  static constexpr std::size_t max_digits = 15;

  struct entry {
    std::string_view digits;  ///< 0 to max_digits of '0'..'9'; the empty prefix matches every number
    std::uint32_t value;
  };

  struct match {
    bool found = false;
    std::uint32_t value = 0;
    std::uint8_t length = 0;  ///< digits of the prefix
  };

  prefix_table() = default;

  /// Builds the table; entries that are no digits or too long are left out, and of equal prefixes the first is kept.
  /// Views are not kept. Throws std::bad_alloc only.
  explicit prefix_table(std::span<const entry> entries);

  /// The longest prefix of `number` that is in the table. Digits beyond the 15th and anything after the first octet
  /// that is no digit are ignored.
  [[nodiscard]] match longest(std::string_view number) const noexcept {
    match found;
    for_each(number, [&](const match& hit) noexcept {
      found = hit;
      return false;
    });
    return found;
  }

  /// Calls `visit(match)` for each prefix of `number` in the table, the longest first, until it returns false.
  template <typename Visit>
  void for_each(std::string_view number, Visit visit) const noexcept {
    if (slots_.empty()) return;
    const key_list keys(number, most_digits_);
    std::uint32_t lengths = lengths_[keys.lead] & keys.lengths;
    while (lengths != 0) {
      const auto length = static_cast<std::uint32_t>(31 - __builtin_clz(lengths));
      lengths &= ~(1U << length);
      const std::uint64_t key = keys.values[length] << 4 | length;
      for (std::size_t at = home(key);; at = (at + 1) & mask_) {
        const slot& candidate = slots_[at];
        if (candidate.key == key + 1) {
          if (!visit(match{true, candidate.value, static_cast<std::uint8_t>(length)})) return;
          break;
        }
        if (candidate.key == 0) break;
      }
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return slots_.size() * sizeof(slot) + sizeof(lengths_); }

 private:
  struct slot {
    std::uint64_t key = 0;  ///< (digits << 4 | length) + 1; 0 is empty
    std::uint32_t value = 0;
  };

  /// A number and all its prefixes as integers.
  struct key_list {
    /// Prefixes of up to `most` digits, which is lead_digits at least.
    key_list(std::string_view number, std::size_t most) noexcept {
      std::size_t length = 0;
      std::uint64_t value = 0;
      values[0] = 0;
      while (length < most && length < number.size()) {
        const auto digit = static_cast<unsigned>(static_cast<unsigned char>(number[length])) - '0';
        if (digit > 9) break;
        value = value * 10 + digit;
        values[++length] = value;
      }
      lengths = (2U << length) - 1;
      lead = length < lead_digits ? short_number : static_cast<std::uint32_t>(values[lead_digits]);
    }
    std::uint64_t values[max_digits + 1];
    std::uint32_t lengths;  ///< bit n: the number has a prefix of n digits
    std::uint32_t lead;     ///< index into lengths_
  };

  static constexpr std::size_t lead_digits = 3;
  static constexpr std::uint32_t short_number = 1000;  ///< index for numbers of fewer than lead_digits

  [[nodiscard]] std::size_t home(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> shift_);
  }

  std::vector<slot> slots_;
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
  unsigned shift_ = 0;
  std::size_t most_digits_ = lead_digits;  ///< of a prefix in the table; lead_digits at least
  /// Per first three digits, bit n: there is a prefix of n digits that a number with this start could have. The last
  /// element serves numbers of fewer digits.
  std::array<std::uint16_t, short_number + 1> lengths_{};
};

}  // namespace trunkline::router
