// Nearly all texts are GSM 7-bit as they are, for carriers without any option: those pass with one encoding and a few
// comparisons. Only a text that is not asks for the rest: national tables first, and replacement of typographic
// characters only where it saves the text from UCS-2 (or from being refused), so that nobody's quotes are flattened for
// nothing.
#include "engine/spool/submit_text.hpp"

#include <fmt/format.h>

#include "protocol/gsm_packing.hpp"
#include "protocol/segmentation.hpp"
#include "protocol/text_data_coding.hpp"
#include "protocol/text_smart.hpp"

namespace trunkline::engine {
namespace {

using protocol::encoding;
using protocol::errc;

std::uint8_t data_coding_of(encoding used, bool flash, const carrier_config& to) noexcept {
  std::uint8_t value = 0;
  switch (used) {
    case encoding::gsm7:
      value = to.data_coding.gsm7;
      break;
    case encoding::latin1:
      value = to.data_coding.latin1;
      break;
    case encoding::ucs2:
      value = to.data_coding.ucs2;
      break;
    case encoding::ascii:
      value = 1;
      break;
    case encoding::binary:
      value = 4;
      break;
    case encoding::cyrillic:
      value = 6;
      break;
    case encoding::hebrew:
      value = 7;
      break;
  }
  if (!flash || to.flash != flash_mode::data_coding) return value;
  // Class 0 in the general group (3GPP TS 23.038, 4): the alphabet stands in bits 3 and 2.
  return used == encoding::ucs2 ? 0x18 : used == encoding::gsm7 ? 0x10 : 0x14;
}

/// Whether a GSM 7-bit text goes out under a data_coding that this carrier reads as another alphabet.
bool other_default(std::uint8_t data_coding, const carrier_config& to) noexcept {
  return to.default_alphabet != encoding::gsm7 &&
         protocol::read_data_coding(data_coding, encoding::gsm7).text == encoding::gsm7;
}

}  // namespace

submit_text::encoded submit_text::encode_with_tables(std::string_view text, std::optional<encoding> requested,
                                                     const carrier_config& to) {
  protocol::text_request request;
  request.requested = requested;
  if (!other_default(to.data_coding.gsm7, to)) request.national = to.national;
  request.concatenation_octets = to.long_messages == protocol::long_mode::udh16 ? 6 : 5;
  const auto made = protocol::encode_text(text, request, encoded_);
  // Whether an SMSC repeats the tables in each part that it cuts itself, nobody promises.
  if (made && made->tables.header_elements() != 0 && to.long_messages == protocol::long_mode::payload &&
      !protocol::fits_one_segment(made->used, made->octets, made->tables.header_elements())) {
    return protocol::encode_text(text, requested, encoded_);
  }
  return made;
}

submit_text::encoded submit_text::encode_smart(std::string_view text, std::optional<encoding> requested,
                                               const carrier_config& to, bool& replaced) {
  if (replaced_.size() < text.size()) replaced_.resize(text.size());
  const auto smart = protocol::replace_smart(text, replaced_);
  if (!smart) return tl::unexpected(smart.error());
  if (smart->replacements == 0) return tl::unexpected(errc::cannot_encode);
  const auto made = encode_with_tables({replaced_.data(), smart->octets}, requested, to);
  if (made && !requested && made->used != encoding::gsm7) return tl::unexpected(errc::cannot_encode);
  replaced = made.has_value();
  return made;
}

const submit_text::choice* submit_text::refuse(errc why, std::optional<encoding> wanted) {
  if (why == errc::no_space) {
    error_ = {router::reason::too_long, "the text is too long"};
  } else {
    error_ = {router::reason::cannot_encode,
              fmt::format("a character of the text is not in {}",
                          wanted ? protocol::encoding_name(*wanted) : std::string_view("any encoding"))};
  }
  return nullptr;
}

const submit_text::choice* submit_text::encode(const record& from, const carrier_config& to) {
  const std::string_view text = from.text;
  if (encoded_.size() < text.size() * 2 + 64) encoded_.resize(text.size() * 2 + 64);
  auto requested = from.has_encoding ? from.encoding : to.encoding;
  // Marked by its data_coding a flash message is GSM 7-bit or UCS-2: the groups with a class know no other text.
  if (from.flash && to.flash == flash_mode::data_coding && requested && *requested != encoding::gsm7)
    requested = encoding::ucs2;
  bool smart = false;
  encoded octets = protocol::encode_text(text, requested, encoded_);
  const bool fallen = octets ? !requested && octets->used != encoding::gsm7 : octets.error() == errc::cannot_encode;
  if (fallen) {
    if (!to.national.empty()) octets = encode_with_tables(text, requested, to);
    if (from.smart.value_or(to.smart) && (!octets || octets->used != encoding::gsm7)) {
      if (const auto better = encode_smart(text, requested, to, smart)) {
        octets = better;
      } else if (octets) {
        octets = encode_with_tables(text, requested, to);  // the attempt took its place in the buffer
      }
    }
  }
  if (!octets) return refuse(octets.error(), requested);
  choice_.used = octets->used;
  choice_.tables = octets->tables;
  choice_.octets = {encoded_.data(), octets->octets};
  choice_.data_coding = data_coding_of(octets->used, from.flash, to);
  choice_.smart = smart;
  choice_.rewritten = false;
  if (octets->used == encoding::gsm7) {
    if (other_default(choice_.data_coding, to)) {
      return change_alphabet(from, to, requested.has_value());
    }
    if (to.gsm_packed) {
      alphabet_ = encoding::gsm7;
      choice_.rewritten = true;
    }
  }
  return &choice_;
}

/// For a GSM 7-bit text under a data_coding that this carrier reads as another alphabet. The network still counts
/// septets, so that the text is cut as GSM 7-bit and only written otherwise.
const submit_text::choice* submit_text::change_alphabet(const record& from, const carrier_config& to, bool requested) {
  alphabet_ = to.default_alphabet;
  if (in_alphabet_.size() < choice_.octets.size()) in_alphabet_.resize(choice_.octets.size());
  piece_.clear();
  protocol::append_text(choice_.octets, encoding::gsm7, piece_);
  const auto fits = protocol::encode_text(piece_, alphabet_, in_alphabet_);
  if (fits) {
    choice_.rewritten = true;
    return &choice_;
  }
  // In GSM 7-bit, but not in what this carrier takes for the default alphabet.
  if (requested) return refuse(fits.error(), alphabet_);
  const auto wide = protocol::encode_text(from.text, encoding::ucs2, encoded_);
  if (!wide) return refuse(wide.error(), encoding::ucs2);
  choice_ = {encoding::ucs2, {},    data_coding_of(encoding::ucs2, from.flash, to),
             false,          false, {encoded_.data(), wide->octets}};
  return &choice_;
}

std::size_t submit_text::write_piece(std::span<const std::uint8_t> piece, std::size_t header_octets,
                                     std::span<std::uint8_t> out) {
  if (alphabet_ == encoding::gsm7) return protocol::pack_septets(piece, out, protocol::fill_bits(header_octets));
  piece_.clear();
  protocol::append_text(piece, encoding::gsm7, piece_);
  const auto written = protocol::encode_text(piece_, alphabet_, out);
  return written ? written->octets : 0;  // the whole text fitted, so its pieces do
}

}  // namespace trunkline::engine
