// One way to write a report line, whether the message has just ended or is read back from the journal after a crash:
// both come as a final_outcome and a head.
#include "engine/report/report_line.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/runtime/rfc3339.hpp"
#include "engine/spool/json_text.hpp"
#include "protocol/command_status.hpp"
#include "protocol/text_encoding.hpp"
#include "router/outcome.hpp"

namespace trunkline::engine {
namespace {

void append_error(std::string& out, const journal_records::final_outcome& o) {
  const auto why = static_cast<router::reason>(o.why);
  out.append(",\"error\":{\"code\":");
  if (why == router::reason::command_status) {
    const auto name = protocol::name_of(static_cast<protocol::command_status>(o.error_value));
    append_json(out, name.empty() ? fmt::format("0x{:08x}", o.error_value) : std::string(name));
  } else {
    append_json(out, router::name(why));
  }
  out.append(",\"message\":");
  append_json(out, o.error_text.empty() ? router::description(why) : o.error_text);
  out.push_back('}');
}

}  // namespace

journal_records::final_outcome outcome_of(const message& m, report_scratch& scratch) {
  journal_records::final_outcome o;
  scratch.head.resize(m.head_length);
  m.read(0, {reinterpret_cast<std::uint8_t*>(scratch.head.data()), scratch.head.size()});
  scratch.ids.clear();
  if (m.parts_accepted != 0) {
    for (std::uint8_t part = 0; part < m.parts; ++part) {
      const part_record record = read_part(m, part);
      if (record.state != part_state::accepted) continue;
      scratch.ids.push_back(static_cast<char>(part));
      scratch.ids.push_back(static_cast<char>(record.id_length));
      const std::size_t at = scratch.ids.size();
      scratch.ids.resize(at + record.id_length);
      m.read(part_octets_offset(m, part), {reinterpret_cast<std::uint8_t*>(scratch.ids.data()) + at, record.id_length});
    }
  }
  scratch.error_text.resize(m.error_text_length);
  if (m.error_text_length != 0) {
    m.read(m.parts_offset, {reinterpret_cast<std::uint8_t*>(scratch.error_text.data()), scratch.error_text.size()});
  }
  o.entry = m.entry;
  o.status = static_cast<std::uint8_t>(m.status);
  o.why = static_cast<std::uint8_t>(m.why);
  o.flags = m.flags;
  o.encoding = static_cast<std::uint8_t>(m.encoding);
  o.parts = m.parts;
  o.parts_accepted = m.parts_accepted;
  o.carrier = m.carrier;
  o.attempts = m.attempts;
  o.error_value = m.error_value;
  o.submitted_at_ms = m.submitted_at_ms;
  o.error_text = scratch.error_text;
  o.ids = {reinterpret_cast<const std::uint8_t*>(scratch.ids.data()), scratch.ids.size()};
  return o;
}

sent_message sent_message_of(std::string_view head, const journal_records::final_outcome& outcome, bool for_replies) {
  sent_message m;
  m.submitted_at_ms = outcome.submitted_at_ms;
  m.parts = outcome.parts;
  m.receipt = (outcome.flags & flag_receipt) != 0;
  m.complete = outcome.status == static_cast<std::uint8_t>(router::message_status::sent);
  m.ids = outcome.ids;
  for (std::size_t at = 0; at + 2 <= outcome.ids.size(); at += 2U + outcome.ids[at + 1]) {
    if (outcome.ids[at] != journal_records::sender_part) continue;
    m.ids = outcome.ids.first(at);
    const auto sender = outcome.ids.subspan(at + 2);
    if (for_replies) m.sender = {reinterpret_cast<const char*>(sender.data()), sender.size()};
  }
  // The members in the order of append_report_head, each behind a comma.
  const auto string_member = [&](std::string_view name) -> std::string_view {
    if (!head.starts_with(name)) return {};
    head.remove_prefix(name.size());
    std::size_t end = 1;
    while (end < head.size() && head[end] != '"') end += head[end] == '\\' ? 2U : 1U;
    const std::string_view value = head.substr(0, end + 1);
    head.remove_prefix(value.size());
    return value;
  };
  head.remove_prefix(std::min(head.size(), head.find(',')));
  m.id = string_member(",\"id\":");
  (void)string_member(",\"to\":");
  if (const auto number = string_member(",\"number\":"); number.size() > 2)
    m.number = number.substr(1, number.size() - 2);
  constexpr std::string_view tags = ",\"tags\":";
  if (for_replies && head.starts_with(tags)) m.tags = head.substr(tags.size());
  return m;
}

void append_report_line(std::string& out, std::string_view head, const journal_records::final_outcome& o,
                        std::string_view carrier, std::string_view batch) {
  const auto status = static_cast<router::message_status>(o.status);
  out.push_back('{');
  if (!batch.empty()) {
    out.append("\"batch\":\"");
    out.append(batch);
    out.append("\",");
  }
  out.append(head);
  out.append(",\"status\":\"");
  out.append(router::name(status));
  out.push_back('"');
  if (!carrier.empty()) {
    out.append(",\"carrier\":\"");
    out.append(carrier);
    out.push_back('"');
  }
  if (o.parts != 0) {
    out.append(",\"encoding\":\"");
    out.append(protocol::encoding_name(static_cast<protocol::encoding>(o.encoding)));
    out.append("\",\"parts\":");
    append_number(out, o.parts);
    if (o.parts_accepted != 0 && o.parts_accepted != o.parts) {
      out.append(",\"parts_sent\":");
      append_number(out, o.parts_accepted);
    }
  }
  if ((o.flags & flag_smart) != 0) out.append(",\"smart\":true");
  if (o.parts_accepted != 0) {
    out.append(",\"message_ids\":[");
    for (std::size_t at = 0; at + 2 <= o.ids.size();) {
      const std::size_t length = o.ids[at + 1];
      if (at + 2 + length > o.ids.size() || o.ids[at] == journal_records::sender_part) break;
      if (at != 0) out.push_back(',');
      append_json(out, {reinterpret_cast<const char*>(o.ids.data()) + at + 2, length});
      at += 2 + length;
    }
    out.push_back(']');
  }
  const std::uint16_t attempts = o.attempts == 0 && o.submitted_at_ms != 0 ? std::uint16_t{1} : o.attempts;
  if (attempts != 0) {
    out.append(",\"attempts\":");
    append_number(out, attempts);
  }
  if (o.submitted_at_ms != 0) {
    char time[rfc3339_ms_bytes];
    format_rfc3339_ms(o.submitted_at_ms, time);
    out.append(",\"submitted_at\":\"");
    out.append(time, sizeof time);
    out.push_back('"');
  }
  if ((o.flags & flag_maybe_duplicate) != 0) out.append(",\"maybe_duplicate\":true");
  if (status != router::message_status::sent) append_error(out, o);
  out.append("}\n");
}

}  // namespace trunkline::engine
