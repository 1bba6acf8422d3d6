// Greedy cutting is optimal: a part never gains from leaving out a unit that fits, because what may stand at a cut does
// not depend on where the part began.
#include "protocol/segmentation.hpp"

#include <algorithm>

#include "protocol/gsm_alphabet.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

constexpr std::array<std::string_view, 4> mode_names{"udh", "udh16", "sar", "payload"};
constexpr std::size_t max_payload_octets = 65535;

/// The last place at or before `end` where a cut may be made; `end` is beyond the part's begin by two units or more.
std::size_t cut_before(std::span<const std::uint8_t> octets, encoding used, std::size_t end) noexcept {
  if (used == encoding::gsm7 && octets[end - 1] == gsm_escape) return end - 1;
  // A high surrogate is known by its first octet.
  if (used == encoding::ucs2 && (octets[end - 2] & 0xFC) == 0xD8) return end - 2;
  return end;
}

}  // namespace

std::string_view long_mode_name(long_mode mode) noexcept {
  const auto index = static_cast<std::size_t>(mode);
  return index < mode_names.size() ? mode_names[index] : std::string_view{"unknown"};
}

tl::expected<segment_plan, errc> plan_long(std::span<const std::uint8_t> octets, encoding used,
                                           segment_limits limits) noexcept {
  if (used == encoding::ucs2 && octets.size() % 2 != 0) return tl::unexpected(errc::bad_text);
  const std::size_t header = concatenation_header_octets(limits.mode, limits.other_elements);
  const std::size_t unit_octets = used == encoding::ucs2 ? 2 : 1;
  const std::size_t capacity = segment_capacity(used, header) * unit_octets;
  const std::size_t most = std::max<std::size_t>(limits.max_parts, 1);
  // Less than two units a part could not carry an escape pair.
  if (capacity < 2 * unit_octets) return tl::unexpected(errc::too_long);
  const bool payload = limits.mode == long_mode::payload;
  if (payload && octets.size() > max_payload_octets) return tl::unexpected(errc::too_long);

  segment_plan plan = segment_plan::whole(octets.size());
  std::size_t begin = 0;
  while (octets.size() - begin > capacity) {
    if (plan.count() == most) return tl::unexpected(errc::too_long);
    begin = cut_before(octets, used, begin + capacity);
    plan.cut(begin);
  }
  return payload ? segment_plan::whole(octets.size()) : plan;
}

}  // namespace trunkline::protocol
