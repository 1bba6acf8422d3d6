#pragma once

#include <cstdint>
#include <string_view>

namespace trunkline::protocol {

/// Why octets could not be read as SMPP, or a value could not be written as SMPP. There is no "ok" member: success is
/// the value of a tl::expected, or ok() of a reader or writer.
enum class errc : std::uint8_t {
  truncated,           ///< the octets end before the field does
  too_long_field,      ///< a string is longer than the standard's maximum for its field
  bad_length,          ///< command_length below 16 or above the maximum: the stream cannot be framed any more
  bad_message_length,  ///< sm_length is larger than what follows it
  bad_tlv,             ///< the optional parameters cannot be read, and the text was among them
  unknown_command,     ///< command_id is none of the standard's
  bad_value,           ///< a value outside of what its field can hold
  no_space,            ///< the output is too small
  cannot_encode,       ///< the encoding lacks a character of the text
  bad_text,            ///< not valid UTF-8, or half a UCS-2 unit
  too_long,            ///< the text needs more parts than are allowed
};

/// A short lower-case name for logs, metric labels and `trunkline decode`; never empty.
[[nodiscard]] constexpr std::string_view name_of(errc error) noexcept {
  switch (error) {
    case errc::truncated:
      return "truncated";
    case errc::too_long_field:
      return "too_long_field";
    case errc::bad_length:
      return "bad_length";
    case errc::bad_message_length:
      return "bad_message_length";
    case errc::bad_tlv:
      return "bad_tlv";
    case errc::unknown_command:
      return "unknown_command";
    case errc::bad_value:
      return "bad_value";
    case errc::no_space:
      return "no_space";
    case errc::cannot_encode:
      return "cannot_encode";
    case errc::bad_text:
      return "bad_text";
    case errc::too_long:
      return "too_long";
  }
  return "unknown";
}

}  // namespace trunkline::protocol
