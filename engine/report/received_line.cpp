// A received PDU as one line of JSON. What belongs to a message is receipt_desk's; here whatever can be decoded is
// shown, and the octets themselves are always kept.
#include "engine/report/received_line.hpp"

#include <optional>
#include <vector>

#include "engine/runtime/rfc3339.hpp"
#include "engine/spool/json_text.hpp"
#include "protocol/esm_class.hpp"
#include "protocol/gsm_packing.hpp"
#include "protocol/pdu.hpp"
#include "protocol/text_data_coding.hpp"
#include "protocol/udh.hpp"

namespace trunkline::engine {
namespace {

using namespace protocol;

/// Anything but a message and what a phone says to one of ours.
bool is_about_ours(std::uint8_t esm_class) noexcept {
  return (esm_class & esm_type_mask) != 0 && !is_acknowledgement(esm_class);
}

struct fields {
  std::string_view source;
  std::string_view destination;
  std::uint8_t esm_class = 0;
  std::uint8_t data_coding = 0;
  std::span<const std::uint8_t> message;
  tlv_view tlvs;
};

std::optional<fields> decode_fields(std::span<const std::uint8_t> pdu) noexcept {
  if (pdu.size() < header_bytes) return std::nullopt;
  const auto id = static_cast<command_id>(std::uint32_t{pdu[4]} << 24U | std::uint32_t{pdu[5]} << 16U |
                                          std::uint32_t{pdu[6]} << 8U | pdu[7]);
  const auto body = pdu.subspan(header_bytes);
  fields f;
  if (id == command_id::deliver_sm) {
    const auto d = decode<deliver_sm>(body);
    if (!d) return std::nullopt;
    f = {d->source_addr, d->destination_addr, d->esm_class, d->data_coding, d->short_message, d->tlvs};
  } else if (id == command_id::data_sm) {
    const auto d = decode<data_sm>(body);
    if (!d) return std::nullopt;
    f = {d->source_addr, d->destination_addr, d->esm_class, d->data_coding, {}, d->tlvs};
  } else {
    return std::nullopt;
  }
  if (f.message.empty()) {
    if (const auto payload = f.tlvs.find(tlv_tag::message_payload)) f.message = *payload;
  }
  return f;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  append_json(out, text);
}

/// A C-octet string of a peer may hold any octets; JSON text may not.
std::string printable(std::string_view octets) {
  std::string text;
  append_text({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()}, encoding::latin1, text);
  return text;
}

void append_reading(std::string& out, const received_receipt& r) {
  if (!r.message_id.empty()) append_member(out, "message_id", printable(r.message_id));
  if (r.state) {
    append_member(out, "state", protocol::name_of(*r.state));
    out.append(protocol::is_final(*r.state) ? ",\"final\":true" : ",\"final\":false");
  }
  if (!r.error.empty()) append_member(out, "error", r.error);
  if (r.done_at_ms != 0) append_member(out, "done_at", format_rfc3339_ms(r.done_at_ms));
}

}  // namespace

received_kind kind_of_received(std::span<const std::uint8_t> pdu) noexcept {
  const auto f = decode_fields(pdu);
  return f && is_about_ours(f->esm_class) ? received_kind::receipt : received_kind::inbound;
}

received_kind append_received_line(std::string& out, const received_from& from, std::int64_t received_at_ms,
                                   std::span<const std::uint8_t> pdu, const received_receipt* read) {
  const auto f = decode_fields(pdu);
  const bool receipt = read != nullptr || (f && is_about_ours(f->esm_class));
  out.append(receipt ? "{\"kind\":\"part\",\"batch\":null" : "{\"kind\":\"message\"");
  append_member(out, "carrier", from.carrier);
  if (f) {
    append_member(out, "from", printable(f->source));
    append_member(out, "to", printable(f->destination));
    out.append(",\"esm_class\":");
    append_number(out, unsigned{f->esm_class});
    out.append(",\"data_coding\":");
    append_number(out, unsigned{f->data_coding});
    auto text_octets = f->message;
    std::size_t header_octets = 0;
    gsm_tables tables;
    if ((f->esm_class & 0x40U) != 0) {
      if (const auto udh = parse_udh(text_octets)) {
        append_member(out, "udh", "");
        out.pop_back();
        append_hex(out, text_octets.data(), udh->header_octets);
        out.push_back('"');
        header_octets = udh->header_octets;
        text_octets = text_octets.subspan(header_octets);
        tables = {udh->fields.locking_shift, udh->fields.single_shift};
      }
    }
    const auto coding = read_data_coding(f->data_coding, from.default_alphabet);
    if (coding.known && !coding.compressed && coding.text != encoding::binary) {
      std::string text;
      if (coding.text == encoding::gsm7) {
        std::vector<std::uint8_t> septets;
        if (from.gsm_packed && !receipt) {
          const unsigned fill = fill_bits(header_octets);
          septets.resize(septets_in(text_octets.size(), fill));
          septets.resize(unpack_septets(text_octets, septets, fill));
          text_octets = septets;
        }
        append_gsm7(text_octets, tables, text);
      } else {
        append_text(text_octets, coding.text, text);
      }
      append_member(out, "text", text);
    }
    if (read != nullptr) {
      append_reading(out, *read);
    } else if (const auto id = f->tlvs.find(tlv_tag::receipted_message_id)) {
      std::string_view value(reinterpret_cast<const char*>(id->data()), id->size());
      while (!value.empty() && value.back() == '\0') value.remove_suffix(1);
      append_member(out, "message_id", printable(value));
    }
  }
  append_member(out, "received_at", format_rfc3339_ms(received_at_ms));
  out.append(",\"raw\":\"");
  append_hex(out, pdu.data(), pdu.size());
  out.append("\"}\n");
  return receipt ? received_kind::receipt : received_kind::inbound;
}

}  // namespace trunkline::engine
