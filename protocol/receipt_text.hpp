#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/smpp_time.hpp"

namespace trunkline::protocol {

/// The text of a delivery receipt taken apart (SMPP 3.4, appendix B, which calls its format typical and vendor
/// specific). All views point into the text and die with it; a field that is not there is empty or nothing.
struct receipt_text {
  std::string_view id;  ///< as written: decimal, hexadecimal, anything; longer than any integer type
  std::optional<std::uint32_t> sub;
  std::optional<std::uint32_t> dlvrd;  ///< not to be trusted: carriers write 001 for what they did not deliver
  std::string_view submit_date;        ///< read_receipt_date() understands it
  std::string_view done_date;
  std::string_view stat;                 ///< message_state_of() knows the usual words
  std::string_view err;                  ///< of the carrier's own numbering, hexadecimal at some
  std::optional<std::string_view> text;  ///< the start of the message, raw

  /// Whether the text is a receipt at all: it names a message and says something of it.
  [[nodiscard]] bool recognised() const noexcept { return !id.empty() && (!stat.empty() || !done_date.empty()); }
};

/// Reads `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…` with its fields in any order and case, any
/// of them missing, and others in between; and the line of seven values that a large carrier sends instead:
/// status,done,submitted,error,to,from,id. A `text:` takes all that follows, unless no stat came before it and one does
/// after it. Never fails: what is not recognised() is no receipt.
[[nodiscard]] receipt_text parse_receipt_text(std::string_view text) noexcept;

/// A date of a receipt. Unless the receipt said where (`has_offset`), it is the carrier's local time, counted as if it
/// were UTC; which zone that is, the configuration knows.
struct receipt_date {
  utc_time time;
  bool has_offset;

  friend bool operator==(const receipt_date&, const receipt_date&) = default;
};

/// Reads YYMMDDhhmm, YYMMDDhhmmss, YYYYMMDDhhmm, YYYYMMDDhhmmss and the 16 characters of SMPP. Twelve digits that are
/// possible both ways are read as the date closer to `now`. Nothing for anything else: all zeros, years outside of this
/// century.
[[nodiscard]] std::optional<receipt_date> read_receipt_date(std::string_view date, utc_time now) noexcept;

}  // namespace trunkline::protocol
