// Random valid PDUs of every command, one JSON line each: the octets that our encoder wrote, and every value that went
// in. Whoever decodes the octets without our code can compare. usage: pdu_generator SEED COUNT
//
// All fields, lists, and optional parameters are drawn: their bounds come from the codec's own tables, their values
// from the seed alone. Text is printable ASCII (the standard's) without the characters that tools use around lists.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/pdu_dispatch.hpp"
#include "protocol/tlv_table.hpp"

namespace {

using namespace trunkline::protocol;
using nlohmann::ordered_json;

constexpr std::array commands{
    command_id::bind_receiver,
    command_id::bind_transmitter,
    command_id::query_sm,
    command_id::submit_sm,
    command_id::deliver_sm,
    command_id::unbind,
    command_id::replace_sm,
    command_id::cancel_sm,
    command_id::bind_transceiver,
    command_id::outbind,
    command_id::enquire_link,
    command_id::submit_multi,
    command_id::alert_notification,
    command_id::data_sm,
    command_id::broadcast_sm,
    command_id::query_broadcast_sm,
    command_id::cancel_broadcast_sm,
    command_id::generic_nack,
    command_id::bind_receiver_resp,
    command_id::bind_transmitter_resp,
    command_id::query_sm_resp,
    command_id::submit_sm_resp,
    command_id::deliver_sm_resp,
    command_id::unbind_resp,
    command_id::replace_sm_resp,
    command_id::cancel_sm_resp,
    command_id::bind_transceiver_resp,
    command_id::enquire_link_resp,
    command_id::submit_multi_resp,
    command_id::data_sm_resp,
    command_id::broadcast_sm_resp,
    command_id::query_broadcast_sm_resp,
    command_id::cancel_broadcast_sm_resp,
};

std::string hex(std::span<const std::uint8_t> octets) {
  std::string out;
  for (const std::uint8_t octet : octets) {
    out += "0123456789abcdef"[octet >> 4U];
    out += "0123456789abcdef"[octet & 15U];
  }
  return out;
}

/// A visitor of the field lists that draws each value and notes it.
class drawing {
 public:
  drawing(std::mt19937_64& random, ordered_json& fields, ordered_json& tlvs)
      : random_(random), fields_(fields), tlv_list_(tlvs) {}

  void u8(std::string_view name, std::uint8_t& value) {
    if (name != "dest_flag") value = octet();
    note(name, value);
  }
  void u32(std::string_view name, std::uint32_t& value) {
    value = static_cast<std::uint32_t>(random_());
    note(name, value);
  }
  void text(std::string_view name, std::string_view& value, std::size_t max) {
    value = keep_text(size_up_to(max - 1));
    note(name, value);
  }
  void response_text(std::string_view name, std::string_view& value, std::size_t max) { text(name, value, max); }
  void time(std::string_view name, std::string_view& value) {
    if (below(3) != 0) value = kept_.emplace_back(below(2) == 0 ? relative_time() : absolute_time());
    note(name, value);
  }
  void counted(std::string_view, std::string_view name, std::span<const std::uint8_t>& value) {
    value = keep_octets(size_up_to(255));
    note(name, hex(value));
  }
  template <class Entry>
  void list(std::string_view, std::string_view name, entry_list<Entry>& value) {
    const std::size_t count = size_up_to(below(20) == 0 ? 255 : 5);
    auto& octets = octets_.emplace_back(count * 64);
    octet_writer out(octets);
    auto entries = ordered_json::array();
    for (std::size_t i = 0; i < count; ++i) {
      Entry entry;
      if constexpr (requires { entry.dest_flag; }) {
        entry.dest_flag = below(3) == 0 ? Entry::distribution_list : Entry::sme_address;
      }
      auto one = ordered_json::object();
      drawing inner(random_, one, tlv_list_);
      Entry::fields(entry, inner);
      write_entry(out, entry);
      entries.push_back(std::move(one));
    }
    value = entry_list<Entry>(out.written(), count);
    fields_[std::string(name)] = std::move(entries);
  }
  void tlvs(tlv_view& value) {
    auto& octets = octets_.emplace_back(70'000);
    octet_writer out(octets);
    std::vector<tlv_tag> seen;
    for (std::size_t left = size_up_to(below(10) == 0 ? 30 : 4); left != 0; --left) {
      const auto known = known_tlvs();
      if (below(5) == 0) {
        add_vendor(out);
        continue;
      }
      const tlv_info& info = known[below(known.size())];
      if (!info.repeatable && std::find(seen.begin(), seen.end(), info.tag) != seen.end()) continue;
      seen.push_back(info.tag);
      add_known(out, info);
    }
    value = tlv_view(out.written());
  }
  void fail(errc) { std::abort(); }

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  std::uint8_t octet() { return static_cast<std::uint8_t>(random_()); }
  /// 0 to max, both ends more often than chance has them.
  std::size_t size_up_to(std::size_t max) {
    const std::size_t kind = below(8);
    return kind == 0 ? 0 : kind == 1 ? max : below(max + 1);
  }
  std::string_view keep_text(std::size_t size) {
    std::string text(size, ' ');
    constexpr std::string_view characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_.:/";
    for (char& c : text) c = characters[below(characters.size())];
    return kept_.emplace_back(std::move(text));
  }
  std::span<const std::uint8_t> keep_octets(std::size_t size) {
    auto& octets = octets_.emplace_back(size);
    for (auto& o : octets) o = octet();
    return octets;
  }
  std::string digits(std::size_t value) {
    return {static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
  }
  std::string relative_time() {
    return "0000" + digits(below(32)) + digits(below(24)) + digits(below(60)) + digits(below(60)) + "000R";
  }
  std::string absolute_time() {
    return digits(below(38)) + digits(1 + below(12)) + digits(1 + below(28)) + digits(below(24)) + digits(below(60)) +
           digits(below(60)) + static_cast<char>('0' + below(10)) + digits(below(49)) + (below(2) == 0 ? "+" : "-");
  }
  template <class Value>
  void note(std::string_view name, const Value& value) {
    fields_[std::string(name)] = value;
  }
  void note_tlv(std::uint16_t tag, std::string_view name, std::string_view type, std::string value) {
    tlv_list_.push_back({{"tag", tag}, {"name", name}, {"type", type}, {"hex", std::move(value)}});
  }

  void add_vendor(octet_writer& out) {
    const auto tag = static_cast<std::uint16_t>(0x1400 + below(0x2C00));
    const auto value = keep_octets(size_up_to(40));
    write_tlv(out, static_cast<tlv_tag>(tag), value);
    note_tlv(tag, "", "octets", hex(value));
  }
  void add_known(octet_writer& out, const tlv_info& info) {
    const auto tag = static_cast<std::uint16_t>(info.tag);
    if (info.type == tlv_type::c_octet_string) {
      const std::string_view text = keep_text(size_up_to(info.max_bytes - 1U));
      write_tlv_text(out, info.tag, text);
      note_tlv(tag, info.name, "text", hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
      return;
    }
    const bool integer = info.type == tlv_type::integer;
    const std::size_t most = std::min<std::size_t>(info.max_bytes, below(50) == 0 ? 3000 : 60);
    std::size_t size = info.min_bytes + size_up_to(std::max<std::size_t>(most, info.min_bytes) - info.min_bytes);
    if (integer) size = below(2) == 0 ? info.min_bytes : info.max_bytes;
    const auto value = keep_octets(size);
    write_tlv(out, info.tag, value);
    note_tlv(tag, info.name, integer ? "integer" : "octets", hex(value));
  }

  std::mt19937_64& random_;
  ordered_json& fields_;
  ordered_json& tlv_list_;
  std::deque<std::string> kept_;
  std::deque<std::vector<std::uint8_t>> octets_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: pdu_generator SEED COUNT\n", stderr);
    return 2;
  }
  std::mt19937_64 random(std::strtoull(argv[1], nullptr, 10));
  std::vector<std::uint8_t> out(default_max_pdu_bytes);
  for (std::size_t left = std::strtoull(argv[2], nullptr, 10); left != 0; --left) {
    const command_id id = commands[random() % commands.size()];
    const auto sequence = static_cast<std::uint32_t>(1 + random() % 0x7FFFFFFF);
    ordered_json line{{"command", name_of(id)}, {"sequence_number", sequence}};
    auto fields = ordered_json::object();
    auto tlvs = ordered_json::array();
    const bool done = with_pdu_type(id, [&]<class Pdu>(std::type_identity<Pdu>) {
      Pdu pdu;
      if constexpr (requires { pdu.id = id; }) pdu.id = id;
      drawing draw(random, fields, tlvs);
      Pdu::fields(pdu, draw);
      const std::size_t size = write_pdu(out, command_status::rok, sequence, pdu);
      line["hex"] = hex(std::span(out).first(size));
      return size != 0;
    });
    if (!done) {
      std::fprintf(stderr, "pdu_generator: a %s could not be written\n", std::string(name_of(id)).c_str());
      return 1;
    }
    line["fields"] = std::move(fields);
    line["tlvs"] = std::move(tlvs);
    std::puts(line.dump().c_str());
  }
}
