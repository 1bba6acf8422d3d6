#include "engine/report/receipt_line.hpp"

#include "engine/runtime/rfc3339.hpp"
#include "engine/spool/json_text.hpp"

namespace trunkline::engine {
namespace {

using protocol::message_state;

/// How far a message is: scheduled, on its way, taken by the receiving side's gateway, over.
int progress(message_state s) noexcept {
  switch (s) {
    case message_state::scheduled:
      return 1;
    case message_state::enroute:
      return 2;
    case message_state::accepted:
      return 3;
    default:
      return 4;
  }
}

void append_time(std::string& out, std::string_view name, std::int64_t ms) {
  char time[rfc3339_ms_bytes];
  format_rfc3339_ms(ms, time);
  out.append(",\"").append(name).append("\":\"").append(time, sizeof time).push_back('"');
}

void append_identity(std::string& out, std::string_view kind, const sent_message& m) {
  out.append("{\"kind\":\"").append(kind).append("\",\"batch\":\"").append(m.batch).append("\",\"line\":");
  append_number(out, m.line);
  if (!m.id.empty()) out.append(",\"id\":").append(m.id);
  out.append(",\"number\":\"").append(m.number).append("\",\"carrier\":\"").append(m.carrier).push_back('"');
}

void append_fate(std::string& out, const part_fate& fate) {
  if (!fate.error.empty()) {
    out.append(",\"error\":");
    append_json(out, fate.error);
  }
  if (fate.done_at_ms != 0) append_time(out, "done_at", fate.done_at_ms);
  append_time(out, "received_at", fate.received_at_ms);
}

}  // namespace

message_fate fate_of_message(std::span<const std::optional<message_state>> parts, bool complete) noexcept {
  message_fate whole;
  bool all_known = !parts.empty();
  bool all_delivered = complete && !parts.empty();
  for (const auto& state : parts) {
    if (state && protocol::is_final(*state) && *state != message_state::delivered) return {*state, true};
    all_known = all_known && state.has_value();
    all_delivered = all_delivered && state == message_state::delivered;
    if (state && (!whole.state || progress(*state) < progress(*whole.state))) whole.state = *state;
  }
  whole.final = all_delivered;
  if (!all_known || (whole.state == message_state::delivered && !all_delivered)) whole.state.reset();
  return whole;
}

bool moves_forward(std::optional<message_state> from, message_state to) noexcept {
  return !from || progress(to) > progress(*from);
}

void append_part_line(std::string& out, const sent_message& m, std::uint8_t part, std::string_view message_id,
                      const part_fate& fate) {
  append_identity(out, "part", m);
  out.append(",\"message_id\":");
  append_json(out, message_id);
  out.append(",\"part\":");
  append_number(out, part + 1U);
  out.append(",\"parts\":");
  append_number(out, unsigned{m.parts});
  out.append(",\"state\":\"").append(protocol::name_of(fate.state));
  out.append(protocol::is_final(fate.state) ? "\",\"final\":true" : "\",\"final\":false");
  append_fate(out, fate);
  out.append("}\n");
}

void append_message_line(std::string& out, const sent_message& m, const message_fate& fate, const part_fate* because) {
  append_identity(out, "message", m);
  out.append(",\"message_ids\":[");
  bool first = true;
  m.each_part([&](std::uint8_t, std::string_view id) {
    if (!first) out.push_back(',');
    first = false;
    append_json(out, id);
  });
  out.append("],\"parts\":");
  append_number(out, unsigned{m.parts});
  if (fate.state) {
    out.append(",\"state\":\"").append(protocol::name_of(*fate.state)).push_back('"');
  } else {
    out.append(",\"state\":null");
  }
  out.append(fate.final ? ",\"final\":true" : ",\"final\":false");
  if (because != nullptr) append_fate(out, *because);
  out.append("}\n");
}

}  // namespace trunkline::engine
