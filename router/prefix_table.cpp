#include "router/prefix_table.hpp"

#include <algorithm>
#include <bit>

namespace trunkline::router {
namespace {

bool all_digits(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

prefix_table::prefix_table(std::span<const entry> entries) {
  if (entries.empty()) return;
  // At most half full, so that a look-up that finds nothing ends after one or two slots.
  const std::size_t capacity = std::bit_ceil(std::max<std::size_t>(entries.size() * 2, 4));
  slots_.resize(capacity);
  mask_ = capacity - 1;
  shift_ = static_cast<unsigned>(64 - std::countr_zero(capacity));
  for (const entry& item : entries) {
    const std::size_t length = item.digits.size();
    if (length > max_digits || !all_digits(item.digits)) continue;
    const key_list keys(item.digits, max_digits);
    most_digits_ = std::max(most_digits_, length);
    const std::uint64_t key = keys.values[length] << 4 | length;
    std::size_t at = home(key);
    while (slots_[at].key != 0 && slots_[at].key != key + 1) at = (at + 1) & mask_;
    if (slots_[at].key != 0) continue;
    slots_[at] = {key + 1, item.value};
    ++size_;
    const auto bit = static_cast<std::uint16_t>(1U << length);
    if (length < lead_digits) {
      // A short prefix may begin any longer number that continues it, and any short number.
      std::size_t first = keys.values[length];
      std::size_t count = 1;
      for (std::size_t i = length; i < lead_digits; ++i) {
        first *= 10;
        count *= 10;
      }
      for (std::size_t lead = first; lead < first + count; ++lead) lengths_[lead] |= bit;
      lengths_[short_number] |= bit;
    } else {
      lengths_[keys.lead] |= bit;
    }
  }
}

}  // namespace trunkline::router
