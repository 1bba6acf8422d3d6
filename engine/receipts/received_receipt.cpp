#include "engine/receipts/received_receipt.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/ascii.hpp"
#include "protocol/esm_class.hpp"
#include "protocol/pdu.hpp"
#include "protocol/receipt.hpp"
#include "protocol/text_data_coding.hpp"
#include "protocol/text_encoding.hpp"
#include "protocol/udh.hpp"

namespace trunkline::engine {
namespace {

using namespace protocol;

constexpr std::uint8_t udh_bit = 0x40;
constexpr std::size_t max_error_characters = 16;
/// Fewer digits are a short code, and say nothing of a number that ends in them.
constexpr std::size_t significant_digits = 7;

std::string_view digits_of(std::string_view address) noexcept {
  if (address.starts_with('+')) address.remove_prefix(1);
  if (!std::all_of(address.begin(), address.end(), is_digit)) return {};
  while (address.starts_with('0')) address.remove_prefix(1);
  return address.size() < significant_digits ? std::string_view() : address;
}

bool same_number(std::string_view a, std::string_view b) noexcept { return a.ends_with(b) || b.ends_with(a); }

}  // namespace

address_verdict compare_address(std::string_view number, std::string_view source,
                                std::string_view destination) noexcept {
  const std::string_view sent_to = digits_of(number);
  if (sent_to.empty()) {
    return !number.empty() && (source == number || destination == number) ? address_verdict::agrees
                                                                          : address_verdict::absent;
  }
  const std::string_view from = digits_of(source);
  const std::string_view to = digits_of(destination);
  if (!from.empty() && same_number(sent_to, from)) return address_verdict::agrees;
  if (!to.empty() && same_number(sent_to, to)) return address_verdict::agrees;
  return from.empty() ? address_verdict::absent : address_verdict::contradicts;
}

std::optional<received_receipt> read_received_receipt(std::span<const std::uint8_t> pdu, receipt_reading& how,
                                                      std::int64_t received_at_ms, std::string& decoded) {
  if (pdu.size() < header_bytes) return std::nullopt;
  const auto id = static_cast<command_id>(std::uint32_t{pdu[4]} << 24U | std::uint32_t{pdu[5]} << 16U |
                                          std::uint32_t{pdu[6]} << 8U | pdu[7]);
  const auto body = pdu.subspan(header_bytes);
  received_receipt r;
  std::uint8_t esm_class = 0;
  std::uint8_t data_coding = 0;
  std::span<const std::uint8_t> octets;
  tlv_view tlvs;
  const auto take = [&](const auto& read) {
    if (!read) return false;
    r.source = read->source_addr;
    r.destination = read->destination_addr;
    esm_class = read->esm_class;
    data_coding = read->data_coding;
    tlvs = read->tlvs;
    if constexpr (requires { read->short_message; }) octets = read->short_message;
    octets = message_octets(octets, tlvs);
    return true;
  };
  const bool taken = id == command_id::deliver_sm ? take(decode<deliver_sm>(body))
                     : id == command_id::data_sm  ? take(decode<data_sm>(body))
                                                  : false;
  if (!taken) return std::nullopt;
  // Any type but 0 is about one of ours. What a phone says to it is a receipt only where it reads as one: some carriers
  // mark theirs so.
  const bool of_phone = is_acknowledgement(esm_class);
  const bool marked = (esm_class & esm_type_mask) != 0 && !of_phone;
  if (!marked && !of_phone && !how.by_text) return std::nullopt;

  if ((esm_class & udh_bit) != 0) {
    if (const auto udh = parse_udh(octets)) octets = octets.subspan(udh->header_octets);
  }
  // Most are ASCII whatever their data_coding says, since that is the message's; some really are UCS-2.
  const std::string_view text(reinterpret_cast<const char*>(octets.data()), octets.size());
  receipt read = read_receipt(text, tlvs);
  if (!read.text.recognised() && read_data_coding(data_coding, encoding::gsm7).text == encoding::ucs2) {
    decoded.clear();
    append_text(octets, encoding::ucs2, decoded);
    read = read_receipt(decoded, tlvs);
  }
  if (!marked && !of_phone && !read.text.recognised()) return std::nullopt;
  r.message_id = read.message_id;
  if (read.ids_differ) r.other_id = read.text.id;
  r.state = read.state;
  r.contradictory = read.states_differ || read.ids_differ;
  if (how.states != nullptr && !read.text.stat.empty() && !tlvs.find(tlv_tag::message_state)) {
    if (const auto named = how.states->find(read.text.stat); named != how.states->end()) r.state = named->second;
  }
  if (of_phone && !r.readable()) return std::nullopt;
  if (!read.text.err.empty()) {
    r.error = read.text.err.substr(0, max_error_characters);
    // It goes into JSON: what is no printable ASCII has no meaning there.
    std::replace_if(
        r.error.begin(), r.error.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  } else if (read.error) {
    char code[8];
    r.error.assign(code, std::to_chars(code, code + sizeof code, read.error->code).ptr);
  }
  if (!read.text.done_date.empty()) {
    const std::chrono::sys_seconds now{std::chrono::seconds(received_at_ms / 1000)};
    if (const auto done = read_receipt_date(read.text.done_date, now)) {
      const auto at = std::chrono::floor<std::chrono::seconds>(done->time);
      const auto utc = done->has_offset ? at : how.zone.to_utc(at);
      r.done_at_ms = std::chrono::duration_cast<std::chrono::milliseconds>(utc.time_since_epoch()).count();
    }
  }
  return r;
}

}  // namespace trunkline::engine
