#pragma once

#include <cstdint>
#include <optional>

#include "protocol/text_encoding.hpp"

// The data_coding octet (SMPP 3.4, 5.2.19; SMPP 5.0, 4.7.7; 3GPP TS 23.038, 4): SMPP's own values from 0x00 to 0x0E,
// and from 0xC0 on the groups of the GSM data coding scheme.
namespace trunkline::protocol {

/// What a message waiting indication is about (TS 23.038, 4).
enum class waiting_kind : std::uint8_t { voicemail, fax, email, other };

struct message_waiting {
  waiting_kind kind = waiting_kind::voicemail;
  bool active = false;   ///< messages wait, or none do any more
  bool discard = false;  ///< the text itself need not be kept
  friend bool operator==(const message_waiting&, const message_waiting&) = default;
};

/// What a data_coding octet says.
struct data_coding_info {
  encoding text = encoding::gsm7;
  bool known = true;        ///< false: reserved, or a set we do not read (JIS, KS C 5601): `text` is binary then
  bool compressed = false;  ///< TS 23.042; nobody sends it, and we do not expand it
  std::optional<std::uint8_t> message_class;  ///< 0 flash, 1 phone, 2 SIM, 3 terminal equipment
  std::optional<message_waiting> waiting;
  friend bool operator==(const data_coding_info&, const data_coding_info&) = default;
};

/// Reads `data_coding`; `default_alphabet` is what the carrier means by 0 (gsm7, latin1 or ascii), and where GSM groups
/// say "default alphabet".
[[nodiscard]] data_coding_info read_data_coding(std::uint8_t data_coding, encoding default_alphabet) noexcept;

/// The octet by the standard for text in encoding `text`: gsm7 0, ascii 1, latin1 3, binary 4, cyrillic 6, hebrew 7,
/// ucs2 8. Carriers may be configured otherwise.
[[nodiscard]] std::uint8_t standard_data_coding(encoding text) noexcept;

/// `data_coding` (one of SMPP's values) with message class 0, so that the phone shows the text at once: 0x10 (default
/// alphabet), 0x14 (8-bit), 0x18 (UCS-2), the general group of TS 23.038. Latin-1, Cyrillic and the others have no form
/// with a class; nothing is returned for them.
[[nodiscard]] std::optional<std::uint8_t> flash_data_coding(encoding text) noexcept;

}  // namespace trunkline::protocol
