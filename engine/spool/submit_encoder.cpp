// From a record to the octets that a carrier will see. The text is encoded once, cut into parts, and each part becomes
// a submit_sm body in wire order; the session only adds the header and the rest of the validity. A body has at least
// the room of a message_id, since that takes its place when the part is accepted.
#include "engine/spool/submit_encoder.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

#include "engine/spool/json_text.hpp"
#include "protocol/pdu.hpp"
#include "protocol/segmentation.hpp"
#include "protocol/udh.hpp"
#include "protocol/version.hpp"

namespace trunkline::engine {
namespace {

using protocol::encoding;

constexpr std::size_t max_body_bytes = 65'000;

bool alphanumeric(std::string_view sender) noexcept {
  return !std::all_of(sender.begin(), sender.end(), [](char c) { return (c >= '0' && c <= '9') || c == '+'; });
}

struct address {
  std::uint8_t ton = 0;
  std::uint8_t npi = 0;
  std::string_view digits;
};

/// SMPP 3.4, 5.2.5 and 5.2.6; "auto" as docs/configuration.md says.
address source_address(std::string_view sender, const carrier_config& to) noexcept {
  address a{0, 0, sender};
  if (sender.empty()) {
    // nothing: the SMSC's own
  } else if (alphanumeric(sender)) {
    a.ton = 5;
  } else if (sender.front() == '+') {
    a = {1, 1, sender.substr(1)};
  } else if (sender.size() <= 8) {
    a.ton = 3;
  } else {
    a.ton = a.npi = 1;
  }
  if (to.source_ton) a.ton = *to.source_ton;
  if (to.source_npi) a.npi = *to.source_npi;
  return a;
}

std::uint8_t registered_delivery_of(const record& from, const carrier_config& to) noexcept {
  switch (from.receipt) {
    case receipt_request::yes:
      return 1;
    case receipt_request::failure:
      return 2;
    case receipt_request::no:
      return 0;
    case receipt_request::unset:
      break;
  }
  return to.receipts ? 1 : 0;
}

std::size_t tlv_octets(const record& from) noexcept {
  std::size_t sum = 0;
  for (const auto& field : from.tlvs) sum += 4 + field.value.size();
  return sum;
}

void two_digits(char* to, std::int64_t value) noexcept {
  to[0] = static_cast<char>('0' + value / 10 % 10);
  to[1] = static_cast<char>('0' + value % 10);
}

/// "YYMMDDhhmmsst00+" in UTC (SMPP 3.4, 7.1.1).
void absolute_time(std::int64_t ms, std::array<char, 16>& out) noexcept {
  using namespace std::chrono;
  const sys_time<milliseconds> when{milliseconds(ms)};
  const auto day = floor<days>(when);
  const year_month_day date(day);
  const hh_mm_ss time(floor<milliseconds>(when - day));
  two_digits(&out[0], int(date.year()) % 100);
  two_digits(&out[2], unsigned(date.month()));
  two_digits(&out[4], unsigned(date.day()));
  two_digits(&out[6], time.hours().count());
  two_digits(&out[8], time.minutes().count());
  two_digits(&out[10], time.seconds().count());
  out[12] = '0';
  two_digits(&out[13], 0);
  out[15] = '+';
}

}  // namespace

void append_report_head(std::string& out, std::uint32_t line, const record* from) {
  out.append("\"line\":");
  append_number(out, line);
  if (from == nullptr) return;
  if (!from->id.empty()) {
    out.append(",\"id\":");
    append_json(out, from->id);
  }
  if (!from->to.empty()) {
    out.append(",\"to\":");
    append_json(out, from->to);
  }
  if (!from->number.empty()) {
    out.append(",\"number\":\"");
    out.append(from->number);
    out.push_back('"');
  }
  if (!from->tags.empty()) {
    out.append(",\"tags\":{");
    bool first = true;
    for (const auto& [key, value] : from->tags) {
      if (!first) out.push_back(',');
      first = false;
      append_json(out, key);
      out.push_back(':');
      append_json(out, value);
    }
    out.push_back('}');
  }
}

void submit_encoder::make_head(const record* from, const message_context& context) {
  head_.clear();
  append_report_head(head_, context.line, from);
}

submit_encoder::verdict submit_encoder::refuse(router::reason why, std::string text) {
  error_ = {why, std::move(text)};
  return verdict::refused;
}

void submit_encoder::copy_identity(message& m, const message_context& context) const noexcept {
  m.owner = context.owner;
  m.entry = context.entry;
  m.line = context.line;
  m.accepted_at_ms = context.accepted_at_ms;
  m.expires_at_ms = context.expires_at_ms;
  m.head_length = static_cast<std::uint16_t>(head_.size());
}

submit_encoder::verdict submit_encoder::encode(const record& from, std::string_view sender, const carrier_config& to,
                                               std::uint16_t carrier_id, const message_context& context,
                                               std::uint32_t max_slots) {
  // Text to octets.
  const submit_text::choice data{encoding::binary, {}, from.data_coding, false, false, from.data};
  const submit_text::choice* const chosen = from.has_data ? &data : text_.encode(from, to);
  if (chosen == nullptr) {
    std::swap(error_, text_.error());
    return verdict::refused;
  }
  const submit_text::choice& text = *chosen;
  const encoding used = text.used;
  std::span<const std::uint8_t> octets = text.octets;

  // Octets to parts.
  const unsigned most = from.max_parts != 0 ? from.max_parts : to.max_parts;
  protocol::segment_limits limits{to.long_messages, static_cast<std::uint8_t>(std::min(most, 255U)),
                                  text.tables.header_elements()};
  const bool own_header = !from.udh.empty();
  if (own_header) limits.max_parts = 1;
  const auto plan = protocol::plan_segments(octets, used, limits);
  if (!plan || (own_header && octets.size() + from.udh.size() > protocol::user_data_octets)) {
    const auto units = protocol::units_of(used, octets.size());
    return refuse(router::reason::too_long, fmt::format("{} units in {} need more than {} parts", units,
                                                        protocol::encoding_name(used), unsigned{limits.max_parts}));
  }
  const std::size_t count = plan->count();
  const bool whole_in_payload = to.long_messages == protocol::long_mode::payload &&
                                !protocol::fits_one_segment(used, octets.size(), limits.other_elements);
  const bool sar = count > 1 && to.long_messages == protocol::long_mode::sar;
  const bool numbered = count > 1 && !sar && !whole_in_payload;
  const bool has_header = numbered || limits.other_elements != 0;

  // The fields that all parts share, in wire order.
  protocol::submit_sm pdu;
  const address source = source_address(sender, to);
  std::array<char, 24> plus_number;
  pdu.service_type = to.service_type;
  pdu.source_addr_ton = from.source_ton.value_or(source.ton);
  pdu.source_addr_npi = from.source_npi.value_or(source.npi);
  pdu.source_addr = source.digits;
  pdu.dest_addr_ton = from.dest_ton.value_or(to.dest_ton.value_or(1));
  pdu.dest_addr_npi = from.dest_npi.value_or(to.dest_npi.value_or(1));
  pdu.destination_addr = from.number;
  if (to.number_format == number_format::plus && from.number.size() < plus_number.size()) {
    plus_number[0] = '+';
    std::copy(from.number.begin(), from.number.end(), plus_number.begin() + 1);
    pdu.destination_addr = {plus_number.data(), from.number.size() + 1};
  }
  pdu.protocol_id = to.protocol_id;
  pdu.priority_flag = to.priority_flags[static_cast<std::size_t>(from.priority)];
  std::array<char, 16> validity{'0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', 'R'};
  if (to.validity_format == validity_format::absolute) absolute_time(context.expires_at_ms, validity);
  if (to.validity_format != validity_format::none) pdu.validity_period = {validity.data(), validity.size()};
  pdu.registered_delivery = registered_delivery_of(from, to);
  pdu.data_coding = text.data_coding;

  // Parts to bodies: {length, octets} one after another in `parts_`, stride known afterwards.
  make_head(&from, context);
  const auto reference = static_cast<std::uint16_t>(context.entry + context.owner->batch_id * 37U);
  std::array<std::uint8_t, 512> user_data;
  std::array<std::uint32_t, 256> ends;  // filled as far as there are parts: a kilobyte to clear costs much
  const std::size_t tlv_room = 64 + (whole_in_payload ? octets.size() : 0) + tlv_octets(from);
  if (tlvs_.size() < tlv_room) tlvs_.resize(tlv_room);
  const std::size_t body_room = 512 + tlv_room;
  if (parts_.size() < body_room * count) parts_.resize(body_room * count);
  std::size_t used_octets = 0;
  std::size_t stride = max_message_id;
  for (std::size_t part = 0; part < count; ++part) {
    const auto piece = plan->part(octets, part);
    protocol::octet_writer tlvs(tlvs_);
    pdu.short_message = piece;
    pdu.esm_class = 0;
    if (sar) {
      protocol::write_tlv_u16(tlvs, protocol::tlv_tag::sar_msg_ref_num, reference);
      protocol::write_tlv_u8(tlvs, protocol::tlv_tag::sar_total_segments, static_cast<std::uint8_t>(count));
      protocol::write_tlv_u8(tlvs, protocol::tlv_tag::sar_segment_seqnum, static_cast<std::uint8_t>(part + 1));
    }
    if (whole_in_payload) {
      pdu.short_message = {};
      if (text.rewritten) {
        whole_.resize(octets.size());
        octets = std::span(whole_).first(text_.write_piece(octets, 0, whole_));
      }
      protocol::write_tlv(tlvs, protocol::tlv_tag::message_payload, octets);
    } else if (own_header) {
      std::copy(from.udh.begin(), from.udh.end(), user_data.begin());
      std::copy(piece.begin(), piece.end(), user_data.begin() + static_cast<std::ptrdiff_t>(from.udh.size()));
      pdu.short_message = {user_data.data(), from.udh.size() + piece.size()};
      pdu.esm_class = 0x40;
    } else if (has_header || text.rewritten) {
      protocol::udh_fields header;
      header.locking_shift = text.tables.locking;
      header.single_shift = text.tables.single;
      if (numbered) {
        const bool wide = to.long_messages == protocol::long_mode::udh16;
        header.part =
            protocol::concatenation{wide ? reference : static_cast<std::uint16_t>(reference & 0xff),
                                    static_cast<std::uint8_t>(count), static_cast<std::uint8_t>(part + 1), wide};
      }
      const std::size_t length = has_header ? protocol::write_udh(header, user_data).value_or(0) : 0;
      std::size_t written = piece.size();
      if (text.rewritten) {
        written = text_.write_piece(piece, length, std::span(user_data).subspan(length));
      } else {
        std::copy(piece.begin(), piece.end(), user_data.begin() + static_cast<std::ptrdiff_t>(length));
      }
      pdu.short_message = {user_data.data(), length + written};
      pdu.esm_class = has_header ? 0x40 : 0;
    }
    if (from.flash && to.flash == flash_mode::dest_addr_subunit) {
      protocol::write_tlv_u8(tlvs, protocol::tlv_tag::dest_addr_subunit, 1);
    }
    // What the carrier's version does not know is left out: it may take it for a fault (SMPP 3.4, 1.4.1).
    for (const auto& field : from.tlvs) {
      const auto tag = static_cast<protocol::tlv_tag>(field.tag);
      if (protocol::allows(static_cast<protocol::interface_version>(to.interface_version), tag))
        protocol::write_tlv(tlvs, tag, field.value);
    }
    pdu.tlvs = protocol::tlv_view(tlvs.written());
    protocol::octet_writer body(std::span<std::uint8_t>(parts_).subspan(used_octets));
    protocol::encode_body(body, pdu);
    if (!body.ok() || !tlvs.ok() || body.position() > max_body_bytes) {
      return refuse(router::reason::too_long, "the message does not fit into one PDU");
    }
    stride = std::max(stride, body.position());
    used_octets += body.position();
    ends[part] = static_cast<std::uint32_t>(used_octets);
  }

  // Into the slab.
  const std::size_t part_bytes = sizeof(part_record) + stride;
  const std::string_view kept_sender = keep_sender_ ? sender : std::string_view();
  const std::size_t payload = head_.size() + kept_sender.size() + count * part_bytes;
  if (head_.size() > 0xffff) return refuse(router::reason::bad_field, "tags and id are too long for a report line");
  if (slab::slots_for(payload) > max_slots) return verdict::no_memory;
  message* m = memory_.take(payload);
  if (m == nullptr) return verdict::no_memory;
  copy_identity(*m, context);
  m->carrier = carrier_id;
  m->encoding = used;
  m->priority = from.priority;
  if (text.smart) m->flags = flag_smart;
  if (pdu.registered_delivery != 0) m->flags |= flag_receipt;
  m->parts = static_cast<std::uint8_t>(count);
  m->parts_offset = static_cast<std::uint32_t>(m->head_length + kept_sender.size());
  m->part_stride = static_cast<std::uint32_t>(part_bytes);
  m->validity_offset = to.validity_format == validity_format::relative
                           ? static_cast<std::uint8_t>(protocol::validity_period_offset(pdu))
                           : std::uint8_t{0};
  m->write(0, {reinterpret_cast<const std::uint8_t*>(head_.data()), head_.size()});
  m->write(m->head_length, {reinterpret_cast<const std::uint8_t*>(kept_sender.data()), kept_sender.size()});
  std::size_t from_octet = 0;
  for (std::size_t part = 0; part < count; ++part) {
    const std::size_t length = ends[part] - from_octet;
    write_part(*m, static_cast<std::uint8_t>(part), {static_cast<std::uint16_t>(length), part_state::open, 0});
    m->write(part_octets_offset(*m, static_cast<std::uint8_t>(part)), {parts_.data() + from_octet, length});
    from_octet = ends[part];
  }
  built_ = m;
  return verdict::ready;
}

message* submit_encoder::finished(const record* from, router::message_status status, router::reason why,
                                  std::string_view text, const message_context& context) {
  make_head(from, context);
  if (head_.size() > 0xffff) head_.resize(head_.find(','));
  text = text.substr(0, 1000);
  message* m = memory_.take(head_.size() + text.size());
  if (m == nullptr) return nullptr;
  copy_identity(*m, context);
  m->carrier = 0xffff;
  m->status = status;
  m->why = why;
  m->parts_offset = m->head_length;
  m->error_text_length = static_cast<std::uint16_t>(text.size());
  if (from != nullptr) m->priority = from->priority;
  m->write(0, {reinterpret_cast<const std::uint8_t*>(head_.data()), head_.size()});
  m->write(m->head_length, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  return m;
}

}  // namespace trunkline::engine
