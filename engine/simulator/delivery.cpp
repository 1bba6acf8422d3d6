// Makes deliver_sm of receipts (SMPP 3.4, appendix B, with the TLVs receipted_message_id and message_state) and of
// messages of mobiles. Rendered when they are sent, so that what waits is small.
#include "engine/simulator/delivery.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "engine/simulator/message_ids.hpp"
#include "protocol/pdu.hpp"

namespace trunkline::engine {
namespace {

constexpr std::uint8_t esm_class_receipt = 0x04;
constexpr std::uint8_t esm_class_udh = 0x40;

/// A text under construction in an array of its own; what does not fit is cut off.
class text_line {
 public:
  void add(std::string_view text) noexcept {
    const std::size_t fits = std::min(text.size(), octets_.size() - size_);
    std::memcpy(octets_.data() + size_, text.data(), fits);
    size_ += fits;
  }
  std::span<const std::uint8_t> octets() const noexcept {
    return {reinterpret_cast<const std::uint8_t*>(octets_.data()), size_};
  }

 private:
  std::array<char, 254> octets_;
  std::size_t size_ = 0;
};

void add_number(text_line& line, std::uint64_t number) noexcept {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  line.add({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

/// A receipt's text and TLVs.
void describe_receipt(protocol::deliver_sm& pdu, text_line& line, protocol::octet_writer& tlvs, const delivery& what,
                      const simulator_options& options, receipt_dates& dates, delivery::wall_seconds done) noexcept {
  std::array<char, max_message_id_bytes> digits;
  const id_form form = options.receipt_ids.value_or(options.message_ids);
  const std::string_view id(digits.data(), write_message_id(digits.data(), what.number, form));
  const state_chance* state = what.state == 0 ? nullptr : &options.receipt_states[what.state - 1U];
  const bool delivered = state == nullptr || state->message_state == 2;

  line.add("id:");
  line.add(id);
  line.add(delivered ? " sub:001 dlvrd:001 submit date:" : " sub:001 dlvrd:000 submit date:");
  line.add(dates.submitted.of(what.submitted));
  line.add(" done date:");
  line.add(dates.done.of(done));
  line.add(" stat:");
  line.add(state == nullptr ? std::string_view("DELIVRD") : std::string_view(state->stat));
  line.add(delivered ? " err:000 text:" : " err:001 text:");
  line.add({what.text.data(), what.text_size});

  protocol::write_tlv_text(tlvs, protocol::tlv_tag::receipted_message_id, id);
  protocol::write_tlv_u8(tlvs, protocol::tlv_tag::message_state,
                         state == nullptr ? std::uint8_t{2} : state->message_state);
  pdu.esm_class = esm_class_receipt;
  pdu.tlvs = protocol::tlv_view(tlvs.written());
}

void describe_inbound(text_line& line, const delivery& what, const simulator_options& options) noexcept {
  std::string_view text = options.inbound_text;
  for (std::size_t at = text.find("{n}"); at != std::string_view::npos; at = text.find("{n}")) {
    line.add(text.substr(0, at));
    add_number(line, what.number);
    text.remove_prefix(at + 3);
  }
  line.add(text);
}

}  // namespace

void minute_text::render(wall_minutes minute) noexcept {
  const auto day = std::chrono::floor<std::chrono::days>(minute);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(minute - day);
  const std::array<unsigned, 5> parts = {static_cast<unsigned>(static_cast<int>(date.year()) % 100),
                                         static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                         static_cast<unsigned>(time.hours().count()),
                                         static_cast<unsigned>(time.minutes().count())};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    digits_[2 * i] = static_cast<char>('0' + parts[i] / 10 % 10);
    digits_[2 * i + 1] = static_cast<char>('0' + parts[i] % 10);
  }
  minute_ = minute;
}

short_address::short_address(std::uint8_t address_ton, std::uint8_t address_npi, std::string_view text) noexcept
    : ton(address_ton), npi(address_npi), size(static_cast<std::uint8_t>(std::min(text.size(), sizeof digits))) {
  std::memcpy(digits.data(), text.data(), size);
}

delivery::delivery(const protocol::submit_sm& message, std::uint64_t message_id, std::uint8_t receipt_state,
                   time_point when, wall_seconds submitted_at) noexcept
    : due(when),
      number(message_id),
      submitted(submitted_at),
      source(message.dest_addr_ton, message.dest_addr_npi, message.destination_addr),
      destination(message.source_addr_ton, message.source_addr_npi, message.source_addr),
      what(kind::receipt),
      state(receipt_state) {
  // The text is shown only where its octets are surely characters; what is no printable ASCII becomes '?'.
  if (message.data_coding > 1 || (message.esm_class & esm_class_udh) != 0) return;
  text_size = static_cast<std::uint8_t>(std::min(message.short_message.size(), text.size()));
  for (std::size_t i = 0; i < text_size; ++i) {
    const std::uint8_t octet = message.short_message[i];
    text[i] = octet >= 0x20 && octet < 0x7F ? static_cast<char>(octet) : '?';
  }
}

delivery::delivery(std::uint64_t inbound_number, std::string_view from, std::string_view to, time_point when) noexcept
    : due(when), number(inbound_number), source(1, 1, from), destination(0, 1, to), what(kind::inbound) {
  if (!from.empty()) return;
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 491'700'000'000 + static_cast<std::int64_t>(inbound_number % 100'000'000))
                       .ptr;
  source = short_address(1, 1, {digits.data(), static_cast<std::size_t>(end - digits.data())});
}

std::size_t write_delivery(std::span<std::uint8_t> out, std::uint32_t sequence_number, const delivery& what,
                           const simulator_options& options, receipt_dates& dates,
                           delivery::wall_seconds done) noexcept {
  text_line line;
  std::array<std::uint8_t, 64> tlv_octets;
  protocol::octet_writer tlvs(tlv_octets);
  protocol::deliver_sm pdu;
  pdu.source_addr_ton = what.source.ton;
  pdu.source_addr_npi = what.source.npi;
  pdu.source_addr = what.source.text();
  pdu.dest_addr_ton = what.destination.ton;
  pdu.dest_addr_npi = what.destination.npi;
  pdu.destination_addr = what.destination.text();
  if (what.what == delivery::kind::receipt) {
    describe_receipt(pdu, line, tlvs, what, options, dates, done);
  } else {
    describe_inbound(line, what, options);
  }
  pdu.short_message = line.octets();
  return protocol::write_pdu(out, protocol::command_status::rok, sequence_number, pdu);
}

}  // namespace trunkline::engine
