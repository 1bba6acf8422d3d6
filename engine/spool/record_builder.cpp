// The meaning of each field of a message, apart from the syntax around it (docs/records.md). Values are checked in the
// order in which they stand in the line, so the first fault of a line is the one that is reported.
#include "engine/spool/record_builder.hpp"

#include <algorithm>

#include "engine/runtime/configuration_values.hpp"
#include "engine/runtime/rfc3339.hpp"
#include "engine/spool/record_values.hpp"

namespace trunkline::engine {
namespace {

using router::reason;

constexpr std::uint8_t eight_bit_data_coding = 4;  // SMPP 3.4, 5.2.19: octet unspecified
constexpr std::uint16_t tag_message_payload = 0x0424;
constexpr std::uint16_t tag_sar_msg_ref_num = 0x020C;
constexpr std::uint16_t tag_sar_total_segments = 0x020E;
constexpr std::uint16_t tag_sar_segment_seqnum = 0x020F;
constexpr std::size_t max_udh_bytes = 140;

bool is_sar(std::uint16_t tag) noexcept {
  return tag == tag_sar_msg_ref_num || tag == tag_sar_total_segments || tag == tag_sar_segment_seqnum;
}

/// The TON or NPI that `field` is, in a record or in the defaults of a batch.
template <class Fields>
auto* address_octet(Fields& of, record_field field) noexcept {
  switch (field) {
    case record_field::source_ton:
      return &of.source_ton;
    case record_field::source_npi:
      return &of.source_npi;
    case record_field::dest_ton:
      return &of.dest_ton;
    case record_field::dest_npi:
      return &of.dest_npi;
    default:
      return static_cast<decltype(&of.source_ton)>(nullptr);
  }
}
constexpr record_field address_octets[] = {record_field::source_ton, record_field::source_npi, record_field::dest_ton,
                                           record_field::dest_npi};

std::string number_fault_text(std::string_view to, const normalized_number& number) {
  constexpr std::string_view rule = "expected 3 to 15 digits, with spaces, -, ., (, ) and a leading + or 00 allowed";
  std::string text = "to is " + quoted(to);
  switch (number.fault) {
    case number_fault::none:
      break;
    case number_fault::empty:
      text += ", without a digit: ";
      break;
    case number_fault::odd_character:
      text += ", with a character at offset " + std::to_string(number.offset) + " that no number has: ";
      break;
    case number_fault::too_short:
      text += ", too short: ";
      break;
    case number_fault::too_long:
      text += ", too long: ";
      break;
    case number_fault::national:
      return text + ", a national number: write it with its country's calling code (or set [engine] default_country)";
  }
  return text.append(rule);
}

}  // namespace

record_builder::record_builder(const record_options& options)
    : limits_(options.limits), calling_code_(calling_code(options.default_country).value_or("")) {
  tlv_octets_.resize(limits_.tlv_bytes);
  tags_.reserve(2 * limits_.tags);
  vars_.reserve(2 * limits_.vars);
  tlvs_.reserve(2 * limits_.tlvs);
}

void record_builder::start() noexcept {
  static constexpr record empty{};  // copied from memory: a temporary on the stack costs a stall for each message
  record_ = empty;
  seen_ = 0;
  tlv_bytes_ = 0;
  tags_.clear();
  vars_.clear();
  tlvs_.clear();
}

bool record_builder::fail(reason code, std::string text) {
  error_.code = code;
  error_.text = std::move(text);
  return false;
}

bool record_builder::bad_value(record_field field, std::string_view found, std::string_view expected) {
  return fail(reason::bad_field,
              std::string(name(field)) + " is " + quoted(found) + ": expected " + std::string(expected));
}

bool record_builder::bounded(record_field field, std::string_view value, std::size_t max) {
  if (value.size() <= max) return true;
  return fail(reason::bad_field, std::string(name(field)) + " has " + std::to_string(value.size()) +
                                     " octets, of at most " + std::to_string(max));
}

bool record_builder::claim(record_field field) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(field);
  if ((seen_ & bit) != 0) return fail(reason::bad_field, std::string(name(field)) + " stands twice in the line");
  seen_ |= bit;
  return true;
}

bool record_builder::put(record_field field, std::string_view value) {
  switch (field) {
    case record_field::to:
      return put_to(value);
    case record_field::text:
      return put_text(value);
    case record_field::data:
      return put_data(value);
    case record_field::udh:
      return put_udh(value);
    case record_field::from:
      if (!is_sender(value)) {
        return fail(reason::bad_sender,
                    "from is " + quoted(value) + ": expected up to 15 digits, or 1 to 11 printable ASCII characters");
      }
      record_.from = value;
      record_.has_from = true;
      return true;
    case record_field::id:
      record_.id = value;
      return bounded(field, value, limits_.id_bytes);
    case record_field::carrier:
      if (value.empty()) return bad_value(field, value, "the name of a carrier");
      record_.carrier = value;
      return bounded(field, value, limits_.carrier_bytes);
    case record_field::priority: {
      const auto priority = router::parse_priority(value);
      if (!priority) return bad_value(field, value, "bulk, normal or urgent");
      record_.priority = *priority;
      return true;
    }
    case record_field::validity:
      return put_validity(value);
    case record_field::send_at: {
      const auto ms = parse_rfc3339_ms(value);
      if (!ms) return bad_value(field, value, "an RFC 3339 time with offset, such as 2026-11-22T10:00:00Z");
      record_.send_at_ms = std::max<std::int64_t>(*ms, 0);
      return true;
    }
    case record_field::receipt:
      if (value == "failure") {
        record_.receipt = receipt_request::failure;
      } else if (value == "true" || value == "false") {
        put_flag(field, value == "true");
      } else {
        return bad_value(field, value, "true, false or failure");
      }
      return true;
    case record_field::encoding: {
      const auto encoding = parse_message_encoding(value);
      if (!encoding) return bad_value(field, value, "auto, gsm7, latin1 or ucs2");
      record_.encoding = *encoding;
      record_.has_encoding = true;
      return true;
    }
    case record_field::data_coding:
    case record_field::source_ton:
    case record_field::source_npi:
    case record_field::dest_ton:
    case record_field::dest_npi:
    case record_field::max_parts: {
      const auto number = parse_unsigned(value, 255);
      if (!number) return bad_value(field, value, "a whole number up to 255");
      return put_number(field, *number);
    }
    case record_field::flash:
    case record_field::smart:
      if (value != "true" && value != "false") return bad_value(field, value, "true or false");
      put_flag(field, value == "true");
      return true;
    case record_field::tlv:
    case record_field::tags:
    case record_field::vars:
      break;
  }
  return bad_value(field, value, "an object");
}

bool record_builder::put_to(std::string_view value) {
  const normalized_number number = normalize_number(value, calling_code_, number_);
  if (number.fault != number_fault::none) return fail(reason::bad_number, number_fault_text(value, number));
  record_.to = value;
  record_.number = number.digits;
  return true;
}

bool record_builder::put_text(std::string_view value) {
  if (value.size() > limits_.text_bytes) {
    return fail(reason::too_long, "text has " + std::to_string(value.size()) + " octets, of at most " +
                                      std::to_string(limits_.text_bytes));
  }
  record_.text = value;
  record_.has_text = true;
  return true;
}

bool record_builder::put_data(std::string_view hex) {
  if (hex.size() / 2 > limits_.data_bytes) {
    return fail(reason::too_long, "data has " + std::to_string(hex.size() / 2) + " octets, of at most " +
                                      std::to_string(limits_.data_bytes));
  }
  if (data_.size() < hex.size() / 2) data_.resize(hex.size() / 2);
  const std::size_t fault = decode_hex(hex, data_.data());
  if (fault != hex_ok) {
    return fail(reason::bad_field, "data is not pairs of hexadecimal digits: see offset " + std::to_string(fault));
  }
  record_.data = {data_.data(), hex.size() / 2};
  record_.has_data = true;
  return true;
}

bool record_builder::put_udh(std::string_view hex) {
  if (!bounded(record_field::udh, hex, 2 * max_udh_bytes)) return false;
  udh_.resize(hex.size() / 2);
  if (decode_hex(hex, udh_.data()) != hex_ok) {
    return bad_value(record_field::udh, hex, "pairs of hexadecimal digits");
  }
  if (udh_.empty() || udh_.front() != udh_.size() - 1) {
    return bad_value(record_field::udh, hex, "a user data header that begins with the count of the octets behind it");
  }
  record_.udh = udh_;
  return true;
}

bool record_builder::put_validity(std::string_view value) {
  if (const auto relative = parse_duration(value); relative && relative->count() > 0) {
    record_.validity_ms = relative->count();
    return true;
  }
  if (const auto absolute = parse_rfc3339_ms(value)) {
    record_.expires_at_ms = std::max<std::int64_t>(*absolute, 0);
    return true;
  }
  return bad_value(record_field::validity, value,
                   "a duration such as 30s or 48h, or an RFC 3339 time with offset, such as 2026-11-22T10:00:00Z");
}

bool record_builder::put_number(record_field field, std::uint64_t value) {
  if (value > 255) return bad_value(field, std::to_string(value), "a whole number up to 255");
  if (field == record_field::data_coding) {
    record_.data_coding = static_cast<std::uint8_t>(value);
    return true;
  }
  if (auto* const octet = address_octet(record_, field)) {
    *octet = static_cast<std::uint8_t>(value);
    return true;
  }
  if (value == 0) return bad_value(field, "0", "1 to 255");
  record_.max_parts = static_cast<std::uint8_t>(value);
  return true;
}

void record_builder::put_flag(record_field field, bool value) noexcept {
  if (field == record_field::flash) {
    record_.flash = value;
  } else if (field == record_field::smart) {
    record_.smart = value;
  } else {
    record_.receipt = value ? receipt_request::yes : receipt_request::no;
  }
}

bool record_builder::put_pair(std::vector<tag>& into, record_field field, std::string_view key, std::string_view value,
                              std::size_t max_pairs, std::size_t max_key, std::size_t max_value) {
  const std::string label(name(field));
  if (into.size() == max_pairs) {
    return fail(reason::bad_field, label + " has more than " + std::to_string(max_pairs) + " entries");
  }
  if (key.empty() || key.size() > max_key) {
    return fail(reason::bad_field,
                label + " has the name " + quoted(key) + ": expected 1 to " + std::to_string(max_key) + " octets");
  }
  if (value.size() > max_value) {
    return fail(reason::bad_field, label + "." + std::string(key) + " has " + std::to_string(value.size()) +
                                       " octets, of at most " + std::to_string(max_value));
  }
  if (std::any_of(into.begin(), into.end(), [&](const tag& have) { return have.key == key; })) {
    return fail(reason::bad_field, label + "." + std::string(key) + " stands twice in the line");
  }
  into.push_back({key, value});
  return true;
}

bool record_builder::put_tag(std::string_view key, std::string_view value) {
  return put_pair(tags_, record_field::tags, key, value, limits_.tags, limits_.tag_key_bytes, limits_.tag_value_bytes);
}

bool record_builder::put_var(std::string_view key, std::string_view value) {
  return put_pair(vars_, record_field::vars, key, value, limits_.vars, limits_.var_key_bytes, limits_.var_value_bytes);
}

bool record_builder::put_tlv(std::string_view key, std::string_view hex) {
  const auto tag = parse_tlv_tag(key);
  if (!tag) {
    return fail(reason::bad_field,
                "tlv has the tag " + quoted(key) + ": expected 0x and one to four hexadecimal digits");
  }
  return put_tlv(*tag, hex);
}

bool record_builder::put_tlv(std::uint16_t tag, std::string_view hex) {
  if (tag == tag_message_payload) {
    return fail(reason::bad_field, "tlv has message_payload (0x0424), which is made of text or data");
  }
  if (tlvs_.size() == limits_.tlvs) {
    return fail(reason::bad_field, "tlv has more than " + std::to_string(limits_.tlvs) + " entries");
  }
  if (std::any_of(tlvs_.begin(), tlvs_.end(), [&](const tlv_field& have) { return have.tag == tag; })) {
    return fail(reason::bad_field, "tlv has a tag twice");
  }
  const std::size_t bytes = hex.size() / 2;
  if (bytes > tlv_octets_.size() - tlv_bytes_) {
    return fail(reason::bad_field, "tlv has more than " + std::to_string(limits_.tlv_bytes) + " octets in all");
  }
  std::uint8_t* const at = tlv_octets_.data() + tlv_bytes_;
  if (decode_hex(hex, at) != hex_ok) return bad_value(record_field::tlv, hex, "pairs of hexadecimal digits");
  tlv_bytes_ += bytes;
  tlvs_.push_back({tag, {at, bytes}});
  return true;
}

void record_builder::add_default_pairs(const batch_defaults& defaults) {
  const auto merge = [](std::vector<tag>& into, const std::vector<std::pair<std::string, std::string>>& from) {
    const std::size_t own = into.size();
    for (const auto& entry : from) {
      const auto end = into.begin() + static_cast<std::ptrdiff_t>(own);
      if (std::none_of(into.begin(), end, [&](const tag& have) { return have.key == entry.first; })) {
        into.push_back({entry.first, entry.second});
      }
    }
  };
  merge(tags_, defaults.tags);
  merge(vars_, defaults.vars);
}

bool record_builder::add_default_tlvs(const batch_defaults& defaults) {
  const std::size_t own = tlvs_.size();
  std::size_t bytes = tlv_bytes_;
  for (const auto& entry : defaults.tlvs) {
    const auto end = tlvs_.begin() + static_cast<std::ptrdiff_t>(own);
    if (std::any_of(tlvs_.begin(), end, [&](const tlv_field& have) { return have.tag == entry.first; })) continue;
    tlvs_.push_back({entry.first, entry.second});
    bytes += entry.second.size();
  }
  if (tlvs_.size() > limits_.tlvs || bytes > limits_.tlv_bytes) {
    return fail(reason::bad_field, "tlv has, with those of the batch, more than " + std::to_string(limits_.tlvs) +
                                       " entries or " + std::to_string(limits_.tlv_bytes) + " octets");
  }
  return true;
}

bool record_builder::choose_content(const batch_defaults& defaults) {
  if (record_.has_text && record_.has_data) {
    return fail(reason::bad_field, "text and data stand both in the line: expected one of them");
  }
  if (!record_.has_text && !record_.has_data) {
    if (defaults.data) {
      record_.data = *defaults.data;
      record_.has_data = true;
    } else if (defaults.text.set()) {
      record_.has_text = true;
      if (defaults.text.has_placeholders()) {
        filled_.clear();
        const std::string_view missing = defaults.text.fill(vars_, filled_, limits_.text_bytes);
        if (!missing.empty()) {
          return fail(reason::bad_field,
                      "vars has no value for " + quoted(missing) + ", which the batch's text asks for");
        }
        if (!put_text(filled_)) return false;
      } else {
        record_.text = defaults.text.fixed();
      }
    } else {
      return fail(reason::bad_field, "text and data are missing: expected one of them");
    }
  }
  if (record_.has_data) {
    if (!has(record_field::data_coding)) record_.data_coding = defaults.data_coding.value_or(eight_bit_data_coding);
    if (!has(record_field::udh)) record_.udh = defaults.udh;
    return true;
  }
  for (const record_field field : {record_field::data_coding, record_field::udh}) {
    if (has(field)) {
      return fail(reason::bad_field, std::string(name(field)) + " stands beside text: it belongs to data");
    }
  }
  if (std::any_of(tlvs_.begin(), tlvs_.end(), [](const tlv_field& field) { return is_sar(field.tag); })) {
    return fail(reason::bad_field, "tlv has sar_ parameters beside text: the engine cuts texts itself");
  }
  return true;
}

void record_builder::add_plain_defaults(const batch_defaults& defaults) {
  if (!record_.has_from && defaults.from) {
    record_.from = *defaults.from;
    record_.has_from = true;
  }
  if (!has(record_field::id)) record_.id = defaults.id;
  if (!has(record_field::carrier)) record_.carrier = defaults.carrier;
  if (!has(record_field::priority) && defaults.priority) record_.priority = *defaults.priority;
  if (!has(record_field::validity)) {
    record_.validity_ms = defaults.validity_ms;
    record_.expires_at_ms = defaults.expires_at_ms;
  }
  if (!has(record_field::send_at)) record_.send_at_ms = defaults.send_at_ms;
  if (!has(record_field::receipt)) record_.receipt = defaults.receipt;
  if (!has(record_field::encoding)) {
    record_.encoding = defaults.encoding;
    record_.has_encoding = defaults.has_encoding;
  }
  if (!has(record_field::max_parts)) record_.max_parts = defaults.max_parts;
  if (!has(record_field::flash)) record_.flash = defaults.flash.value_or(false);
  if (!has(record_field::smart)) record_.smart = defaults.smart;
  for (const record_field field : address_octets)
    if (!has(field)) *address_octet(record_, field) = *address_octet(defaults, field);
}

void record_builder::copy_to(batch_defaults& defaults) const {
  if (has(record_field::data)) defaults.data.emplace(record_.data.begin(), record_.data.end());
  if (has(record_field::data_coding)) defaults.data_coding = record_.data_coding;
  defaults.udh.assign(record_.udh.begin(), record_.udh.end());
  defaults.to = record_.to;
  defaults.number = record_.number;
  if (record_.has_from) defaults.from = record_.from;
  defaults.id = record_.id;
  defaults.carrier = record_.carrier;
  for (const tag& have : tags_) defaults.tags.emplace_back(have.key, have.value);
  for (const tag& have : vars_) defaults.vars.emplace_back(have.key, have.value);
  for (const tlv_field& have : tlvs_) {
    defaults.tlvs.emplace_back(have.tag, std::vector<std::uint8_t>(have.value.begin(), have.value.end()));
  }
  defaults.validity_ms = record_.validity_ms;
  defaults.expires_at_ms = record_.expires_at_ms;
  defaults.send_at_ms = record_.send_at_ms;
  defaults.has_encoding = record_.has_encoding;
  defaults.encoding = record_.encoding;
  if (has(record_field::flash)) defaults.flash = record_.flash;
  defaults.smart = record_.smart;
  for (const record_field field : address_octets) *address_octet(defaults, field) = *address_octet(record_, field);
  if (has(record_field::priority)) defaults.priority = record_.priority;
  defaults.max_parts = record_.max_parts;
  defaults.receipt = record_.receipt;
}

const record* record_builder::finish(const batch_defaults& defaults) {
  if (!has(record_field::to)) {
    if (defaults.number.empty()) {
      fail(reason::bad_field, "to is missing");
      return nullptr;
    }
    record_.to = defaults.to;
    record_.number = defaults.number;
  }
  add_default_pairs(defaults);
  if (!defaults.tlvs.empty() && !add_default_tlvs(defaults)) return nullptr;
  if (!choose_content(defaults)) return nullptr;
  add_plain_defaults(defaults);
  record_.tags = tags_;
  record_.vars = vars_;
  record_.tlvs = tlvs_;
  return &record_;
}

}  // namespace trunkline::engine
