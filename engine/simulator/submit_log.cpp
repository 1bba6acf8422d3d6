// Renders the simulator's log. It may be on during benchmarks, so it appends to one string and formats nothing twice.
#include "engine/simulator/submit_log.hpp"

#include <fmt/format.h>

#include <iterator>
#include <span>

namespace trunkline::engine {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void add_hex(std::string& to, std::span<const std::uint8_t> octets) {
  const std::size_t start = to.size();
  to.resize(start + 2 * octets.size());
  char* out = to.data() + start;
  for (const std::uint8_t octet : octets) {
    *out++ = hex_digits[octet >> 4U];
    *out++ = hex_digits[octet & 15U];
  }
}

void add_escaped(std::string& to, std::string_view text) {
  for (const char character : text) {
    const auto octet = static_cast<std::uint8_t>(character);
    if (octet >= 0x20 && octet < 0x7F && character != '"' && character != '\\') {
      to.push_back(character);
    } else {
      to += "\\u00";
      to.push_back(hex_digits[octet >> 4U]);
      to.push_back(hex_digits[octet & 15U]);
    }
  }
}

void add_text(std::string& to, std::string_view name, std::string_view value) {
  to += name;
  to.push_back('"');
  add_escaped(to, value);
  to.push_back('"');
}

void add_number(std::string& to, std::string_view name, std::uint64_t value) {
  to += name;
  to += fmt::format_int(value).c_str();
}

std::string status_text(protocol::command_status status) {
  const auto name = protocol::name_of(status);
  return name.empty() ? fmt::format("{:#010x}", static_cast<std::uint32_t>(status)) : std::string(name);
}

}  // namespace

void submit_log::add_time(wall_time at) {
  const auto second = std::chrono::floor<std::chrono::seconds>(at);
  if (second != second_ || second_text_.empty()) {
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(second - day);
    second_text_ = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                               static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                               time.hours().count(), time.minutes().count(), time.seconds().count());
    second_ = second;
  }
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(at - second).count();
  fmt::format_to(std::back_inserter(lines_), "{{\"time\":\"{}.{:03}Z\"", second_text_, milliseconds);
}

void submit_log::add(const context& about, const protocol::submit_sm& message) {
  add_time(about.received);
  add_text(lines_, ",\"system_id\":", about.system_id);
  add_number(lines_, ",\"session\":", about.session);
  add_number(lines_, ",\"sequence\":", about.sequence_number);
  add_text(lines_, ",\"service_type\":", message.service_type);
  add_number(lines_, ",\"source_ton\":", message.source_addr_ton);
  add_number(lines_, ",\"source_npi\":", message.source_addr_npi);
  add_text(lines_, ",\"source\":", message.source_addr);
  add_number(lines_, ",\"dest_ton\":", message.dest_addr_ton);
  add_number(lines_, ",\"dest_npi\":", message.dest_addr_npi);
  add_text(lines_, ",\"destination\":", message.destination_addr);
  add_number(lines_, ",\"esm_class\":", message.esm_class);
  add_number(lines_, ",\"protocol_id\":", message.protocol_id);
  add_number(lines_, ",\"priority_flag\":", message.priority_flag);
  add_text(lines_, ",\"schedule\":", message.schedule_delivery_time);
  add_text(lines_, ",\"validity\":", message.validity_period);
  add_number(lines_, ",\"registered_delivery\":", message.registered_delivery);
  add_number(lines_, ",\"data_coding\":", message.data_coding);
  lines_ += ",\"short_message\":\"";
  add_hex(lines_, message.short_message);
  lines_ += '"';
  if (!message.tlvs.empty()) {
    char separator = '{';
    lines_ += ",\"tlvs\":";
    for (const auto& parameter : message.tlvs) {
      fmt::format_to(std::back_inserter(lines_), "{}\"{:#06x}\":\"", separator,
                     static_cast<std::uint16_t>(parameter.tag));
      add_hex(lines_, parameter.value);
      lines_ += '"';
      separator = ',';
    }
    lines_ += '}';
  }
  if (about.message_id.empty()) {
    lines_ += ",\"message_id\":null";
  } else {
    add_text(lines_, ",\"message_id\":", about.message_id);
  }
  add_text(lines_, ",\"status\":", status_text(about.status));
  lines_ += about.answered ? ",\"answered\":true}\n" : ",\"answered\":false}\n";
}

}  // namespace trunkline::engine
