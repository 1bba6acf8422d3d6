#include "protocol/text_data_coding.hpp"

namespace trunkline::protocol {
namespace {

data_coding_info unknown() noexcept {
  data_coding_info info;
  info.text = encoding::binary;
  info.known = false;
  return info;
}

/// 0x10 to 0x7F: the general group (and 0x40 to 0x7F, the same, marked for deletion). Bit 5: compressed. Bit 4: bits 1
/// and 0 are a class. Bits 3 and 2: the alphabet. SMPP reserves these values, but SMSCs pass them on from the air.
data_coding_info read_general(std::uint8_t data_coding, encoding default_alphabet) noexcept {
  data_coding_info info;
  info.compressed = (data_coding & 0x20) != 0;
  if ((data_coding & 0x10) != 0) info.message_class = static_cast<std::uint8_t>(data_coding & 3);
  switch (data_coding >> 2 & 3) {
    case 0:
      info.text = default_alphabet;
      break;
    case 1:
      info.text = encoding::binary;
      break;
    case 2:
      info.text = encoding::ucs2;
      break;
    default:
      info.text = encoding::binary;
      info.known = false;
  }
  if (info.compressed) info.text = encoding::binary;
  return info;
}

/// 0xC0 to 0xEF: message waiting.
data_coding_info read_waiting(std::uint8_t data_coding, encoding default_alphabet) noexcept {
  data_coding_info info;
  const unsigned group = data_coding >> 4;
  info.text = group == 0xE ? encoding::ucs2 : default_alphabet;
  info.waiting = message_waiting{static_cast<waiting_kind>(data_coding & 3), (data_coding & 8) != 0, group == 0xC};
  return info;
}

}  // namespace

data_coding_info read_data_coding(std::uint8_t data_coding, encoding default_alphabet) noexcept {
  data_coding_info info;
  switch (data_coding >> 4) {
    case 0x0:
      break;
    case 0x8:
    case 0x9:
    case 0xA:
    case 0xB:
      return unknown();
    case 0xC:
    case 0xD:
    case 0xE:
      return read_waiting(data_coding, default_alphabet);
    case 0xF:
      info.text = (data_coding & 4) != 0 ? encoding::binary : default_alphabet;
      info.message_class = static_cast<std::uint8_t>(data_coding & 3);
      return info;
    default:
      return read_general(data_coding, default_alphabet);
  }
  switch (data_coding) {
    case 0:
      info.text = default_alphabet;
      return info;
    case 1:
      info.text = encoding::ascii;
      return info;
    case 2:
    case 4:
      info.text = encoding::binary;
      return info;
    case 3:
      info.text = encoding::latin1;
      return info;
    case 6:
      info.text = encoding::cyrillic;
      return info;
    case 7:
      info.text = encoding::hebrew;
      return info;
    case 8:
      info.text = encoding::ucs2;
      return info;
    default:
      return unknown();
  }
}

std::uint8_t standard_data_coding(encoding text) noexcept {
  switch (text) {
    case encoding::gsm7:
      return 0;
    case encoding::ascii:
      return 1;
    case encoding::latin1:
      return 3;
    case encoding::binary:
      return 4;
    case encoding::cyrillic:
      return 6;
    case encoding::hebrew:
      return 7;
    case encoding::ucs2:
      return 8;
  }
  return 0;
}

std::optional<std::uint8_t> flash_data_coding(encoding text) noexcept {
  switch (text) {
    case encoding::gsm7:
      return std::uint8_t{0x10};
    case encoding::binary:
      return std::uint8_t{0x14};
    case encoding::ucs2:
      return std::uint8_t{0x18};
    default:
      return std::nullopt;
  }
}

}  // namespace trunkline::protocol
