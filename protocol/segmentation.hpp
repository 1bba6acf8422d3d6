#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <tl/expected.hpp>

#include "protocol/errc.hpp"
#include "protocol/text_encoding.hpp"

// Where an encoded text is cut into parts. User data of one short message are 140 octets (3GPP TS 23.040, 9.2.3.24); a
// user data header takes its octets from the front.
namespace trunkline::protocol {

/// How a text that does not fit into one short message travels: the configuration's `long_messages`.
enum class long_mode : std::uint8_t {
  udh,      ///< concatenation header with an 8-bit reference
  udh16,    ///< concatenation header with a 16-bit reference
  sar,      ///< sar_* TLVs; room is left for the header that the SMSC will write
  payload,  ///< whole, in message_payload; the SMSC cuts
};

/// "udh", "udh16", "sar", "payload".
[[nodiscard]] std::string_view long_mode_name(long_mode mode) noexcept;

inline constexpr std::size_t user_data_octets = 140;
inline constexpr std::size_t max_segments = 255;

/// What plan_segments may do.
struct segment_limits {
  long_mode mode = long_mode::udh;
  std::uint8_t max_parts = 10;  ///< 0 counts as 1
  std::uint8_t other_elements =
      0;  ///< octets of further header elements in every part: national shifts, ports (without UDHL)
};

/// Octets of the user data header that the concatenation element needs in every part, with UDHL and `other_elements`.
constexpr std::size_t concatenation_header_octets(long_mode mode, std::size_t other_elements = 0) noexcept {
  return 1 + other_elements + (mode == long_mode::udh16 ? 6U : 5U);
}

/// Units of `used` that fit behind a header of `header_octets` (UDHL included; 0: no header).
constexpr std::size_t segment_capacity(encoding used, std::size_t header_octets) noexcept {
  const std::size_t room = header_octets < user_data_octets ? user_data_octets - header_octets : 0;
  if (used == encoding::gsm7) return room * 8 / 7;
  return used == encoding::ucs2 ? room / 2 : room;
}

/// Where the parts of one encoded text begin and end. Holds its cuts in place; copying costs by the number of parts.
class segment_plan {
 public:
  segment_plan() noexcept {}  // NOLINT(modernize-use-equals-default): the cuts stay uninitialised on purpose
  segment_plan(const segment_plan& other) noexcept { *this = other; }
  segment_plan& operator=(const segment_plan& other) noexcept {
    count_ = other.count_;
    size_ = other.size_;
    for (std::size_t i = 0; i + 1 < count_; ++i) ends_[i] = other.ends_[i];
    return *this;
  }
  ~segment_plan() = default;

  /// Parts to send, 1 to 255. An empty text is one empty part; so is a text in message_payload, whatever its length.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// Offset of part `index` (0-based) in the encoded octets.
  [[nodiscard]] std::size_t offset(std::size_t index) const noexcept { return index == 0 ? 0 : ends_[index - 1]; }
  /// Octets of part `index`.
  [[nodiscard]] std::size_t length(std::size_t index) const noexcept {
    return (index + 1 == count_ ? size_ : ends_[index]) - offset(index);
  }
  /// The octets of part `index` of `octets`, which are those that were planned.
  [[nodiscard]] std::span<const std::uint8_t> part(std::span<const std::uint8_t> octets,
                                                   std::size_t index) const noexcept {
    return octets.subspan(offset(index), length(index));
  }

  /// A plan of one part of `size` octets.
  static segment_plan whole(std::size_t size) noexcept {
    segment_plan plan;
    plan.size_ = size;
    return plan;
  }
  /// Ends the last part at `end` and begins another; the caller keeps to max_segments and to rising ends.
  void cut(std::size_t end) noexcept { ends_[count_++ - 1] = static_cast<std::uint16_t>(end); }

 private:
  std::size_t count_ = 1;
  std::size_t size_ = 0;
  std::array<std::uint16_t, max_segments - 1> ends_;  // of all parts but the last
};

/// Whether `octets` octets in encoding `used` fit into one short message (with `other_elements` in its header).
constexpr bool fits_one_segment(encoding used, std::size_t octets, std::size_t other_elements = 0) noexcept {
  return units_of(used, octets) <= segment_capacity(used, other_elements == 0 ? 0 : other_elements + 1);
}

/// For texts beyond one segment: use plan_segments.
[[nodiscard]] tl::expected<segment_plan, errc> plan_long(std::span<const std::uint8_t> octets, encoding used,
                                                         segment_limits limits) noexcept;

/// Cuts `octets`, a text in encoding `used`, into as few parts as the limits allow: 160/70/140 units in a single part,
/// otherwise 153/67/134 (152/66/133 with a 16-bit reference). Never cuts inside an escape pair of gsm7, a 16-bit unit
/// or a surrogate pair of ucs2; nor, in ucs2, inside a grapheme cluster where that costs no further part. Errors:
/// too_long (more than max_parts parts; in long_mode::payload, more than the SMSC would need, or over 65,535 octets),
/// bad_text (ucs2 with an odd number of octets).
[[nodiscard]] inline tl::expected<segment_plan, errc> plan_segments(std::span<const std::uint8_t> octets, encoding used,
                                                                    segment_limits limits) noexcept {
  if (fits_one_segment(used, octets.size(), limits.other_elements) &&
      !(used == encoding::ucs2 && octets.size() % 2 != 0))
    return segment_plan::whole(octets.size());
  return plan_long(octets, used, limits);
}

}  // namespace trunkline::protocol
