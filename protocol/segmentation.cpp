// Greedy cutting is optimal: a part never gains from leaving out a unit that fits, because what may stand at a cut does
// not depend on where the part began.
#include "protocol/segmentation.hpp"

#include <algorithm>

#include "protocol/gsm_alphabet.hpp"
#include "protocol/text_grapheme.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

constexpr std::array<std::string_view, 4> mode_names{"udh", "udh16", "sar", "payload"};
constexpr std::size_t max_payload_octets = 65535;

/// The last place at or before `end` where a cut may be made; `end` is beyond the part's begin by two units or more.
std::size_t hard_cut(std::span<const std::uint8_t> octets, encoding used, std::size_t end) noexcept {
  if (used == encoding::gsm7 && octets[end - 1] == gsm_escape) return end - 1;
  // A high surrogate is known by its first octet.
  if (used == encoding::ucs2 && (octets[end - 2] & 0xFC) == 0xD8) return end - 2;
  return end;
}

/// Parts that the octets from `begin` on need when clusters are not heeded; stops counting beyond `most`.
std::size_t parts_from(std::span<const std::uint8_t> octets, encoding used, std::size_t begin, std::size_t capacity,
                       std::size_t most) noexcept {
  std::size_t count = 1;
  for (; octets.size() - begin > capacity && count <= most; ++count) begin = hard_cut(octets, used, begin + capacity);
  return count;
}

/// UTF-16BE as code points. Positions are offsets of octets.
class ucs2_text {
 public:
  explicit ucs2_text(std::span<const std::uint8_t> octets) noexcept : octets_(octets) {}

  [[nodiscard]] char32_t at(std::size_t position) const noexcept {
    const char32_t high = unit(position);
    if (!is_high_surrogate(high) || position + 4 > octets_.size() || !is_low_surrogate(unit(position + 2))) return high;
    return 0x10000 + ((high - 0xD800) << 10) + (unit(position + 2) - 0xDC00);
  }
  /// Where the code point before `position` begins; `position` is not 0.
  [[nodiscard]] std::size_t before(std::size_t position) const noexcept {
    const bool pair = position >= 4 && is_low_surrogate(unit(position - 2)) && is_high_surrogate(unit(position - 4));
    return position - (pair ? 4 : 2);
  }
  [[nodiscard]] std::size_t after(std::size_t position) const noexcept {
    return position + (at(position) > 0xFFFF ? 4 : 2);
  }

 private:
  [[nodiscard]] char32_t unit(std::size_t position) const noexcept {
    return static_cast<char32_t>(octets_[position] << 8 | octets_[position + 1]);
  }
  std::span<const std::uint8_t> octets_;
};

/// The last boundary of grapheme clusters in (begin, end], or `begin` when one cluster fills the part. Looks only as
/// far back as it must: to the first place where two neighbours alone make a boundary.
std::size_t cluster_cut(std::span<const std::uint8_t> octets, std::size_t begin, std::size_t end) noexcept {
  const ucs2_text text(octets);
  std::size_t safe = end;
  grapheme_class next = find_grapheme_class(text.at(end));
  while (safe > begin) {
    const std::size_t previous = text.before(safe);
    const grapheme_class here = find_grapheme_class(text.at(previous));
    if (grapheme_pair(here, next) == grapheme_verdict::boundary) break;
    next = here;
    safe = previous;
  }
  std::size_t last = safe;
  grapheme_breaker breaker;
  for (std::size_t position = safe; position <= end; position = text.after(position))
    if (breaker.begins_cluster(text.at(position))) last = position;
  return last;
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
  const std::size_t parts = parts_from(octets, used, 0, capacity, most);
  if (parts > most) return tl::unexpected(errc::too_long);
  if (payload) return plan;
  std::size_t begin = 0;
  while (octets.size() - begin > capacity) {
    std::size_t end = hard_cut(octets, used, begin + capacity);
    if (used == encoding::ucs2) {
      // Whole clusters are a courtesy: it must not cost a part.
      const std::size_t cluster = cluster_cut(octets, begin, end);
      const std::size_t left = parts - plan.count();
      if (cluster > begin && cluster < end && parts_from(octets, used, cluster, capacity, left) <= left) end = cluster;
    }
    plan.cut(end);
    begin = end;
  }
  return plan;
}

}  // namespace trunkline::protocol
