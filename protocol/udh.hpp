#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <tl/expected.hpp>

#include "protocol/errc.hpp"

// The user data header of a short message (3GPP TS 23.040, 9.2.3.24): UDHL, then elements of identifier, length, data.
namespace trunkline::protocol {

/// Information element identifiers that we read or write.
namespace udh_element {
inline constexpr std::uint8_t concatenation8 = 0x00;
inline constexpr std::uint8_t special_indication = 0x01;  ///< message waiting
inline constexpr std::uint8_t ports8 = 0x04;
inline constexpr std::uint8_t ports16 = 0x05;
inline constexpr std::uint8_t concatenation16 = 0x08;
inline constexpr std::uint8_t single_shift = 0x24;
inline constexpr std::uint8_t locking_shift = 0x25;
}  // namespace udh_element

/// Which part of which message (9.2.3.24.1 and .8).
struct concatenation {
  std::uint16_t reference = 0;
  std::uint8_t total = 1;
  std::uint8_t sequence = 1;  ///< from 1
  bool wide = false;          ///< 16-bit reference
  friend bool operator==(const concatenation&, const concatenation&) = default;
};

/// Application ports (9.2.3.24.3 and .4).
struct application_ports {
  std::uint16_t destination = 0;
  std::uint16_t source = 0;
  bool wide = false;  ///< 16-bit ports
  friend bool operator==(const application_ports&, const application_ports&) = default;
};

/// The elements of a header that mean something to us.
struct udh_fields {
  std::optional<concatenation> part;
  std::optional<application_ports> ports;
  std::uint8_t single_shift = 0;   ///< national language identifier; 0: the default extension table
  std::uint8_t locking_shift = 0;  ///< 0: the default alphabet
};

/// One element of a header.
struct udh_item {
  std::uint8_t identifier = 0;
  std::span<const std::uint8_t> data;
};

/// A header that was read. The views point into the octets given to parse_udh and live as long as they do.
struct udh_view {
  std::size_t header_octets = 0;           ///< UDHL included: where the text begins
  std::span<const std::uint8_t> elements;  ///< everything behind UDHL, unknown elements included
  bool intact =
      true;  ///< false: lengths do not add up; the standard says to ignore the whole header, so `fields` is empty
  bool others = false;  ///< elements are there that `fields` does not hold
  udh_fields fields;
};

/// Walks the elements of a header; nothing when they are used up or the next one does not fit.
class udh_reader {
 public:
  explicit udh_reader(std::span<const std::uint8_t> elements) noexcept : rest_(elements) {}
  std::optional<udh_item> next() noexcept;
  /// Whether everything was read.
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

 private:
  std::span<const std::uint8_t> rest_;
};

/// Reads the header at the front of `user_data` (short_message or message_payload with the UDH indicator set). Elements
/// of a wrong length or with impossible numbers (part 0, part 3 of 2) are ignored; of repeated ones the last counts.
/// Errors: truncated (no UDHL, or fewer octets than it says).
[[nodiscard]] tl::expected<udh_view, errc> parse_udh(std::span<const std::uint8_t> user_data) noexcept;

/// Octets that write_udh needs for `fields`; 0 when there is nothing to write.
[[nodiscard]] std::size_t udh_octets(const udh_fields& fields) noexcept;
/// Writes UDHL and the elements of `fields` (concatenation, ports, single shift, locking shift) and returns the octets
/// written. Errors: no_space.
[[nodiscard]] tl::expected<std::size_t, errc> write_udh(const udh_fields& fields, std::span<std::uint8_t> out) noexcept;

inline constexpr std::size_t concatenation8_octets = 6;
inline constexpr std::size_t concatenation16_octets = 7;

/// Writes a header with an 8-bit concatenation element only: the first concatenation8_octets of `out`.
inline void write_concatenation8(std::span<std::uint8_t, concatenation8_octets> out, std::uint8_t reference,
                                 std::uint8_t total, std::uint8_t sequence) noexcept {
  out[0] = 5;
  out[1] = udh_element::concatenation8;
  out[2] = 3;
  out[3] = reference;
  out[4] = total;
  out[5] = sequence;
}

/// The same with a 16-bit reference: concatenation16_octets.
inline void write_concatenation16(std::span<std::uint8_t, concatenation16_octets> out, std::uint16_t reference,
                                  std::uint8_t total, std::uint8_t sequence) noexcept {
  out[0] = 6;
  out[1] = udh_element::concatenation16;
  out[2] = 4;
  out[3] = static_cast<std::uint8_t>(reference >> 8);
  out[4] = static_cast<std::uint8_t>(reference & 0xFF);
  out[5] = total;
  out[6] = sequence;
}

}  // namespace trunkline::protocol
