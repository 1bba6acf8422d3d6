// Renders any PDU by visiting the fields that its struct names, so that a new field shows up here by itself. Cold code:
// it allocates as it likes.

#include "engine/cli/pdu_json.hpp"

#include <fmt/format.h>
#include <array>

#include <optional>
#include <variant>

#include "protocol/esm_class.hpp"
#include "protocol/pdu_dispatch.hpp"
#include "protocol/receipt.hpp"
#include "protocol/text_data_coding.hpp"
#include "protocol/text_encoding.hpp"
#include "protocol/tlv_table.hpp"
#include "protocol/udh.hpp"

namespace trunkline::engine {
namespace {

using namespace protocol;
using nlohmann::ordered_json;

std::string hex(std::span<const std::uint8_t> octets) {
  std::string out;
  out.reserve(octets.size() * 2);
  for (const std::uint8_t octet : octets) fmt::format_to(std::back_inserter(out), "{:02x}", octet);
  return out;
}

/// The visitor of the field lists.
class json_fields {
 public:
  explicit json_fields(ordered_json& out) : out_(out) {}

  void u8(std::string_view name, std::uint8_t value) { out_[std::string(name)] = value; }
  void u32(std::string_view name, std::uint32_t value) { out_[std::string(name)] = value; }
  void text(std::string_view name, std::string_view value, std::size_t) {
    out_[std::string(name)] = name == "password" && !value.empty() ? std::string_view("********") : value;
  }
  void time(std::string_view name, std::string_view value) { text(name, value, 0); }
  void response_text(std::string_view name, std::string_view value, std::size_t) { text(name, value, 0); }
  void counted(std::string_view size_name, std::string_view name, std::span<const std::uint8_t> value) {
    out_[std::string(size_name)] = value.size();
    out_[std::string(name)] = hex(value);
  }
  template <class Entry>
  void list(std::string_view count_name, std::string_view name, const entry_list<Entry>& value) {
    out_[std::string(count_name)] = value.size();
    auto entries = ordered_json::array();
    for (const Entry& entry : value) {
      auto one = ordered_json::object();
      json_fields visit(one);
      Entry::fields(entry, visit);
      entries.push_back(std::move(one));
    }
    out_[std::string(name)] = std::move(entries);
    if (!value.complete()) out_["incomplete"] = true;
  }
  void tlvs(const tlv_view& value) {
    for (const tlv parameter : value) {
      const tlv_info* info = find_tlv(parameter.tag);
      const std::string name =
          info != nullptr ? std::string(info->name) : fmt::format("0x{:04x}", static_cast<unsigned>(parameter.tag));
      ordered_json rendered = std::visit(
          [](const auto& typed) -> ordered_json {
            if constexpr (std::is_same_v<std::decay_t<decltype(typed)>, std::span<const std::uint8_t>>) {
              return hex(typed);
            } else {
              return typed;
            }
          },
          typed_value(parameter));
      ordered_json& slot = out_[name];
      if (slot.is_null() && (info == nullptr || !info->repeatable)) {
        slot = std::move(rendered);
      } else {
        // More than one of what may come once is an array too: nothing that was sent is hidden.
        if (!slot.is_array()) slot = slot.is_null() ? ordered_json::array() : ordered_json::array({slot});
        slot.push_back(std::move(rendered));
      }
    }
    if (!value.broken_tail().empty()) out_["broken_tlvs"] = hex(value.broken_tail());
  }
  void fail(errc) {}

 private:
  ordered_json& out_;
};

ordered_json receipt_json(const receipt& read) {
  auto out = ordered_json::object();
  out["message_id"] = read.message_id;
  if (read.state) {
    out["state"] = name_of(*read.state);
    out["final"] = is_final(*read.state);
  }
  if (!read.text.stat.empty()) out["stat"] = read.text.stat;
  if (!read.text.err.empty()) out["err"] = read.text.err;
  if (read.text.sub) out["sub"] = *read.text.sub;
  if (read.text.dlvrd) out["dlvrd"] = *read.text.dlvrd;
  if (!read.text.submit_date.empty()) out["submit_date"] = read.text.submit_date;
  if (!read.text.done_date.empty()) out["done_date"] = read.text.done_date;
  if (read.text.text) out["text"] = *read.text.text;
  if (read.error) out["network_error"] = {{"type", read.error->network_type}, {"code", read.error->code}};
  if (read.ids_differ) out["text_id"] = read.text.id;
  return out;
}

/// Which part of a long message this is, by the TLVs that can say so instead of a header.
std::optional<concatenation> sar_part(const tlv_view& tlvs) {
  const auto reference = tlvs.find_u16(tlv_tag::sar_msg_ref_num);
  const auto total = tlvs.find_u8(tlv_tag::sar_total_segments);
  const auto sequence = tlvs.find_u8(tlv_tag::sar_segment_seqnum);
  if (!reference || !total || !sequence || *sequence == 0 || *sequence > *total) return std::nullopt;
  return concatenation{*reference, *total, *sequence, true};
}

std::string_view as_text(std::span<const std::uint8_t> octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

/// `part`, `receipt` and `text` of a PDU that carries a message.
template <class Pdu>
void add_message(const Pdu& pdu, ordered_json& out) {
  std::span<const std::uint8_t> octets;
  if constexpr (requires { pdu.short_message; }) octets = pdu.short_message;
  octets = message_octets(octets, pdu.tlvs);
  udh_fields header;
  if constexpr (requires { pdu.esm_class; }) {
    if (has_udh(pdu.esm_class)) {
      if (const auto udh = parse_udh(octets)) {
        octets = octets.subspan(udh->header_octets);
        header = udh->fields;
      } else {
        octets = {};  // no telling where a text would begin
      }
    }
  }
  if (!header.part) header.part = sar_part(pdu.tlvs);
  if (header.part) {
    out["part"] = {
        {"reference", header.part->reference}, {"total", header.part->total}, {"sequence", header.part->sequence}};
  }
  const data_coding_info coding = read_data_coding(pdu.data_coding, encoding::gsm7);
  if (coding.message_class) out["message_class"] = *coding.message_class;
  if (coding.waiting) {
    static constexpr std::array kinds{"voicemail", "fax", "email", "other"};
    out["message_waiting"] = {{"kind", kinds[static_cast<std::size_t>(coding.waiting->kind)]},
                              {"active", coding.waiting->active},
                              {"discard", coding.waiting->discard}};
  }
  std::string text;
  const bool has_text = !octets.empty() && !coding.compressed && coding.text != encoding::binary;
  if (has_text && coding.text == encoding::gsm7) {
    append_gsm7(octets, {.locking = header.locking_shift, .single = header.single_shift}, text);
  } else if (has_text) {
    append_text(octets, coding.text, text);
  }
  if constexpr (Pdu::id == command_id::deliver_sm || Pdu::id == command_id::data_sm) {
    // Most receipts are ASCII whatever their data_coding says, because it is the message's; some really are UCS-2.
    receipt read = read_receipt(as_text(octets), pdu.tlvs);
    if (coding.text == encoding::ucs2 && !read.text.recognised()) read = read_receipt(text, pdu.tlvs);
    const bool says_something = !read.message_id.empty() || read.state || !read.text.stat.empty();
    if (is_receipt(pdu.esm_class) && says_something) out["receipt"] = receipt_json(read);
  }
  if (has_text) out["text"] = std::move(text);
}

ordered_json error_json(errc error, std::size_t offset) { return {{"error", name_of(error)}, {"offset", offset}}; }

described_pdu describe(const frame& from, std::size_t offset) {
  described_pdu out;
  const pdu_header& header = from.header;
  out.json = {{"command", name_of(header.id)},
              {"command_length", header.command_length},
              {"command_id", static_cast<std::uint32_t>(header.id)},
              {"command_status", static_cast<std::uint32_t>(header.status)},
              {"sequence_number", header.sequence_number}};
  const bool known = with_pdu_type(header.id, [&]<class Pdu>(std::type_identity<Pdu>) {
    Pdu pdu;
    field_reader read(from.body);
    Pdu::fields(pdu, read);
    if (!read.ok()) {
      out.wrong = true;
      out.json = error_json(read.error(), offset + header_bytes + read.position());
      return true;
    }
    json_fields visit(out.json);
    Pdu::fields(pdu, visit);
    if constexpr (requires { pdu.data_coding; }) add_message(pdu, out.json);
    return true;
  });
  if (!known) {
    out.wrong = true;
    out.json = error_json(errc::unknown_command, offset + 4);
  }
  return out;
}

}  // namespace

std::vector<described_pdu> describe_pdus(std::span<const std::uint8_t> octets) {
  std::vector<described_pdu> out;
  std::size_t at = 0;
  while (at < octets.size()) {
    const frame_result result = next_frame(octets.subspan(at), std::uint32_t{1} << 24U);
    if (result.kind != frame_kind::complete) {
      const bool cut = result.kind == frame_kind::need_more;
      out.push_back({error_json(cut ? errc::truncated : result.error, cut ? octets.size() : at), true});
      break;
    }
    out.push_back(describe(result.frame, at));
    at += result.frame.octets.size();
  }
  return out;
}

}  // namespace trunkline::engine
