// From PDUs to a message. Parts are decoded together where they are neighbours, since phones cut texts within escape
// and surrogate pairs; a part that is missing ends a run. What cannot be shown as text is kept as octets.
#include "engine/inbound/received_message.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/gsm_packing.hpp"
#include "protocol/pdu.hpp"
#include "protocol/text_data_coding.hpp"

namespace trunkline::engine {
namespace {

using namespace protocol;

std::optional<std::uint32_t> number_of(const tlv_view& tlvs, tlv_tag tag, std::size_t octets) noexcept {
  const auto value = tlvs.find(tag);
  if (!value || value->size() != octets) return std::nullopt;
  std::uint32_t number = 0;
  for (const std::uint8_t octet : *value) number = number << 8U | octet;
  return number;
}

std::optional<concatenation> sar_place(const tlv_view& tlvs) noexcept {
  const auto reference = number_of(tlvs, tlv_tag::sar_msg_ref_num, 2);
  const auto total = number_of(tlvs, tlv_tag::sar_total_segments, 1);
  const auto sequence = number_of(tlvs, tlv_tag::sar_segment_seqnum, 1);
  if (!reference || !total || !sequence) return std::nullopt;
  return concatenation{static_cast<std::uint16_t>(*reference), static_cast<std::uint8_t>(*total),
                       static_cast<std::uint8_t>(*sequence), true};
}

/// A C-octet string of a peer may hold any octets; JSON text may not.
void assign_printable(std::string& out, std::string_view octets) {
  out.clear();
  append_text({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()}, encoding::latin1, out);
}

template <class Pdu>
received_fields fields_of(const Pdu& pdu) noexcept {
  received_fields f;
  f.source = pdu.source_addr;
  f.destination = pdu.destination_addr;
  f.esm_class = pdu.esm_class;
  f.data_coding = pdu.data_coding;
  if constexpr (requires { pdu.short_message; }) f.user_data = pdu.short_message;
  if (f.user_data.empty()) {
    if (const auto payload = pdu.tlvs.find(tlv_tag::message_payload)) f.user_data = *payload;
  }
  if ((f.esm_class & 0x40U) != 0) {
    if (const auto udh = parse_udh(f.user_data)) {
      f.udh = udh->fields;
      f.other_elements = udh->others || udh->fields.ports.has_value();
      f.header = f.user_data.first(udh->header_octets);
      f.user_data = f.user_data.subspan(udh->header_octets);
      f.place = f.udh.part;
    }
  }
  if (!f.place) f.place = sar_place(pdu.tlvs);
  if (f.place && (f.place->total < 2 || f.place->sequence == 0 || f.place->sequence > f.place->total)) f.place.reset();
  return f;
}

}  // namespace

std::optional<received_fields> read_received(std::span<const std::uint8_t> pdu) noexcept {
  if (pdu.size() < header_bytes) return std::nullopt;
  const auto id = static_cast<command_id>(std::uint32_t{pdu[4]} << 24U | std::uint32_t{pdu[5]} << 16U |
                                          std::uint32_t{pdu[6]} << 8U | pdu[7]);
  const auto body = pdu.subspan(header_bytes);
  if (id == command_id::deliver_sm) {
    if (const auto read = decode<deliver_sm>(body)) return fields_of(*read);
  } else if (id == command_id::data_sm) {
    if (const auto read = decode<data_sm>(body)) return fields_of(*read);
  }
  return std::nullopt;
}

std::uint64_t identify(std::string_view carrier, std::int64_t received_at_ms,
                       std::span<const std::uint8_t> pdu) noexcept {
  std::uint64_t hash = 0x9E3779B97F4A7C15;
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * 0xD6E8FEB86659FD93;
    hash ^= hash >> 32U;
  };
  const auto mix_octets = [&](const void* octets, std::size_t size) {
    const auto* at = static_cast<const std::uint8_t*>(octets);
    for (std::size_t left = size; left != 0;) {
      std::uint64_t word = 0;
      const std::size_t n = left < 8 ? left : 8;
      std::memcpy(&word, at, n);
      mix(word);
      at += n;
      left -= n;
    }
    mix(size);
  };
  mix_octets(carrier.data(), carrier.size());
  mix(static_cast<std::uint64_t>(received_at_ms));
  mix_octets(pdu.data(), pdu.size());
  mix(hash >> 17U);
  return hash;
}

void message_assembler::begin(const received_from& from, std::uint8_t parts) {
  from_ = from;
  made_.id = 0;
  made_.carrier = from.carrier;
  made_.from.clear();
  made_.to.clear();
  made_.received_at_ms = 0;
  made_.esm_class = 0;
  made_.data_coding = 0;
  if (!made_.text) made_.text.emplace();
  made_.text->clear();
  made_.octets.clear();
  made_.header.clear();
  made_.parts = parts;
  made_.missing.clear();
  made_.raw.clear();
  next_ = 1;
  readable_ = true;
  run_.clear();
}

void message_assembler::flush_text() {
  if (run_.empty()) return;
  if (run_coding_ == encoding::gsm7) {
    append_gsm7(run_, run_tables_, *made_.text);
  } else {
    append_text(run_, run_coding_, *made_.text);
  }
  run_.clear();
}

void message_assembler::add(std::uint8_t number, std::int64_t received_at_ms, std::uint64_t id,
                            std::span<const std::uint8_t> pdu) {
  add(number, received_at_ms, id, pdu, read_received(pdu));
}

void message_assembler::add(std::uint8_t number, std::int64_t received_at_ms, std::uint64_t id,
                            std::span<const std::uint8_t> pdu, const std::optional<received_fields>& f) {
  const bool first = made_.raw.empty();
  // Which parts, in which order: a message that lacks some is another one.
  made_.id = first ? id : (made_.id ^ id) * 0xD6E8FEB86659FD93 + number;
  made_.received_at_ms = std::max(made_.received_at_ms, received_at_ms);
  made_.raw.insert(made_.raw.end(), pdu.begin(), pdu.end());
  if (!f) {
    readable_ = false;
    return;
  }
  if (first) {
    assign_printable(made_.from, f->source);
    assign_printable(made_.to, f->destination);
    made_.esm_class = f->esm_class;
    made_.data_coding = f->data_coding;
    // Of a message in one part all of it, if it says more than how to read the text; of parts, the first one's ports.
    if (f->other_elements || (made_.parts == 1 && f->place)) made_.header.assign(f->header.begin(), f->header.end());
  }
  if (number != next_) flush_text();
  for (; next_ < number; ++next_) made_.missing.push_back(static_cast<std::uint8_t>(next_));
  next_ = number + 1U;

  made_.octets.insert(made_.octets.end(), f->user_data.begin(), f->user_data.end());
  const auto coding = read_data_coding(f->data_coding, from_.default_alphabet);
  if (!coding.known || coding.compressed || coding.text == encoding::binary) {
    readable_ = false;
    return;
  }
  const gsm_tables tables{f->udh.locking_shift, f->udh.single_shift};
  if (!run_.empty() && (coding.text != run_coding_ || !(tables == run_tables_))) flush_text();
  run_coding_ = coding.text;
  run_tables_ = tables;
  if (coding.text == encoding::gsm7 && from_.gsm_packed) {
    const unsigned fill = fill_bits(f->header.size());
    septets_.resize(septets_in(f->user_data.size(), fill));
    septets_.resize(unpack_septets(f->user_data, septets_, fill));
    run_.insert(run_.end(), septets_.begin(), septets_.end());
  } else {
    run_.insert(run_.end(), f->user_data.begin(), f->user_data.end());
  }
}

const received_message& message_assembler::finish() {
  for (; next_ <= made_.parts; ++next_) made_.missing.push_back(static_cast<std::uint8_t>(next_));
  if (readable_) {
    flush_text();
    made_.octets.clear();
    // What the text could not say is looked up in the octets.
    if (made_.text->find("\xEF\xBF\xBD") == std::string::npos) made_.raw.clear();
  } else {
    run_.clear();
    made_.text.reset();
  }
  return made_;
}

}  // namespace trunkline::engine
