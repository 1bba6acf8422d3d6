// Dispatch over the encodings, and the 8-bit ones themselves: ASCII below 0x80, above it ISO 8859-1, -5 or -8 computed
// from the few rules that their tables follow.
#include "protocol/text_encoding.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/gsm_alphabet.hpp"
#include "protocol/utf16.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

constexpr std::array<std::string_view, 7> names{"gsm7", "latin1", "ucs2", "ascii", "binary", "cyrillic", "hebrew"};

/// The character of `octet`, U+FFFD where the set has none. (ISO/IEC 8859-1, -5, -8; ITU-T T.50.)
constexpr char32_t character_of(encoding set, std::uint8_t octet) noexcept {
  if (octet < 0x80) return octet;
  if (set == encoding::latin1) return octet;
  if (set != encoding::cyrillic && set != encoding::hebrew) return replacement_character;
  if (octet <= 0xA0 || octet == 0xAD) return octet;
  if (set == encoding::cyrillic) {
    if (octet == 0xF0) return 0x2116;  // numero sign
    if (octet == 0xFD) return 0xA7;    // section sign
    return 0x0401U + octet - 0xA1U;
  }
  if (octet == 0xAA) return 0xD7;    // multiplication sign
  if (octet == 0xBA) return 0xF7;    // division sign
  if (octet == 0xDF) return 0x2017;  // double low line
  if (octet >= 0xE0 && octet <= 0xFA) return 0x05D0U + octet - 0xE0U;
  if (octet == 0xFD || octet == 0xFE) return 0x200EU + octet - 0xFDU;  // directional marks
  return octet >= 0xA2 && octet <= 0xBE ? char32_t{octet} : replacement_character;
}

/// The octet of `character` in `set`; nothing where the set lacks it.
constexpr std::optional<std::uint8_t> octet_of(encoding set, char32_t character) noexcept {
  const auto same = [&](char32_t candidate) -> std::optional<std::uint8_t> {
    const auto octet = static_cast<std::uint8_t>(candidate & 0xFF);
    if (candidate <= 0xFF && character_of(set, octet) == character) return octet;
    return std::nullopt;
  };
  if (const auto octet = same(character)) return octet;
  if (set == encoding::cyrillic) {
    if (character == 0x2116) return std::uint8_t{0xF0};
    if (character == 0xA7) return std::uint8_t{0xFD};
    if (character >= 0x0401 && character <= 0x045F) return same(character - 0x0401 + 0xA1);
  } else if (set == encoding::hebrew) {
    if (character == 0xD7) return std::uint8_t{0xAA};
    if (character == 0xF7) return std::uint8_t{0xBA};
    if (character == 0x2017) return std::uint8_t{0xDF};
    if (character >= 0x05D0 && character <= 0x05EA) return same(character - 0x05D0 + 0xE0);
    if (character == 0x200E || character == 0x200F) return same(character - 0x200E + 0xFD);
  }
  return std::nullopt;
}

/// How many whole words of eight ASCII octets begin at `text`, in octets.
std::size_t ascii_run(const char* text, std::size_t size) noexcept {
  std::size_t run = 0;
  for (; run + 8 <= size; run += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text + run, sizeof word);
    if ((word & 0x8080808080808080) != 0) break;
  }
  return run;
}

tl::expected<std::size_t, errc> encode_octets(std::string_view utf8, encoding set,
                                              std::span<std::uint8_t> out) noexcept {
  std::size_t written = 0;
  for (std::size_t at = 0; at < utf8.size();) {
    const std::size_t run = ascii_run(utf8.data() + at, std::min(utf8.size() - at, out.size() - written));
    if (run != 0) {
      std::memcpy(out.data() + written, utf8.data() + at, run);
      at += run;
      written += run;
      continue;
    }
    const utf8_step step = utf8_decode(utf8, at);
    if (!step.valid) return tl::unexpected(errc::bad_text);
    const std::optional<std::uint8_t> octet = octet_of(set, step.value);
    if (!octet) return tl::unexpected(errc::cannot_encode);
    if (written == out.size()) return tl::unexpected(errc::no_space);
    out[written++] = *octet;
    at += step.length;
  }
  return written;
}

tl::expected<std::size_t, errc> decode_octets(std::span<const std::uint8_t> octets, encoding set,
                                              std::span<char> out) noexcept {
  std::size_t written = 0;
  for (const std::uint8_t octet : octets) {
    std::array<char, max_utf8_octets> utf8{};
    const std::size_t size = utf8_encode(character_of(set, octet), utf8.data());
    if (out.size() - written < size) return tl::unexpected(errc::no_space);
    std::memcpy(out.data() + written, utf8.data(), size);
    written += size;
  }
  return written;
}

/// Whether UCS-2 makes fewer parts than `choice`, or as many with fewer bits.
bool ucs2_is_cheaper(std::string_view utf8, const gsm_choice& choice, std::size_t concatenation_octets) noexcept {
  constexpr std::size_t single_units = 70;
  std::size_t units = 0;
  for (std::size_t at = 0; at < utf8.size();) {
    const utf8_step step = utf8_decode(utf8, at);
    units += step.value > 0xFFFF ? 2 : 1;
    at += step.length;
  }
  const std::size_t in_part = (140 - 1 - concatenation_octets) / 2;
  const std::size_t parts = units <= single_units ? 1 : (units + in_part - 1) / in_part;
  const std::size_t header = choice.tables.header_elements();
  const std::size_t gsm_bits = choice.septets * 7 + choice.parts * (header == 0 ? 0 : header + 1) * 8;
  return parts < choice.parts || (parts == choice.parts && units * 16 < gsm_bits);
}

}  // namespace

std::string_view encoding_name(encoding value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < names.size() ? names[index] : std::string_view{"unknown"};
}

std::optional<encoding> find_encoding(std::string_view name) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<encoding>(i);
  return std::nullopt;
}

tl::expected<encoded_text, errc> encode_text(std::string_view utf8, std::optional<encoding> requested,
                                             std::span<std::uint8_t> out) noexcept {
  encoding used = requested.value_or(encoding::gsm7);
  tl::expected<std::size_t, errc> octets{0};
  switch (used) {
    case encoding::gsm7:
      octets = encode_gsm7(utf8, out);
      // Every character before the first one that GSM lacks has been written in vain: the price of one pass for the
      // rest.
      if (requested || octets || octets.error() == errc::bad_text) break;
      if (octets.error() == errc::no_space && gsm_septets(utf8)) break;
      used = encoding::ucs2;
      octets = encode_utf16be(utf8, out);
      break;
    case encoding::ucs2:
      octets = encode_utf16be(utf8, out);
      break;
    case encoding::binary:
      if (utf8.size() > out.size()) return tl::unexpected(errc::no_space);
      if (!utf8.empty()) std::memcpy(out.data(), utf8.data(), utf8.size());
      octets = utf8.size();
      break;
    default:
      octets = encode_octets(utf8, used, out);
  }
  if (!octets) return tl::unexpected(octets.error());
  return encoded_text{used, *octets, units_of(used, *octets), {}};
}

tl::expected<encoded_text, errc> encode_text(std::string_view utf8, const text_request& request,
                                             std::span<std::uint8_t> out) noexcept {
  const bool gsm_allowed = !request.requested || request.requested == encoding::gsm7;
  if (!gsm_allowed || request.national.empty()) return encode_text(utf8, request.requested, out);
  const auto plain = encode_gsm7(utf8, out);
  if (plain) return encoded_text{encoding::gsm7, *plain, *plain, {}};
  if (plain.error() == errc::bad_text) return tl::unexpected(errc::bad_text);
  const auto choice = choose_gsm_tables(utf8, request.national, request.concatenation_octets);
  if (!choice || (!request.requested && ucs2_is_cheaper(utf8, *choice, request.concatenation_octets)))
    return encode_text(utf8, request.requested, out);
  const auto septets = encode_gsm7(utf8, choice->tables, out);
  if (!septets) return tl::unexpected(septets.error());
  return encoded_text{encoding::gsm7, *septets, *septets, choice->tables};
}

tl::expected<std::size_t, errc> decode_text(std::span<const std::uint8_t> octets, encoding from,
                                            std::span<char> out) noexcept {
  switch (from) {
    case encoding::gsm7:
      return decode_gsm7(octets, out);
    case encoding::ucs2:
      return decode_utf16be(octets, out);
    default:
      return decode_octets(octets, from, out);
  }
}

void append_text(std::span<const std::uint8_t> octets, encoding from, std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + utf8_bound(octets.size()));
  const auto written = decode_text(octets, from, std::span<char>(out).subspan(before));
  out.resize(before + written.value_or(0));
}

void append_gsm7(std::span<const std::uint8_t> septets, gsm_tables tables, std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + gsm_utf8_bound(septets.size()));
  const auto written = decode_gsm7(septets, tables, std::span<char>(out).subspan(before));
  out.resize(before + written.value_or(0));
}

}  // namespace trunkline::protocol
