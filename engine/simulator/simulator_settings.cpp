// The table of the simulator's options: the command line and scenarios read the same names by the same rules.
#include "engine/simulator/simulator_settings.hpp"

#include <charconv>
#include <utility>

namespace trunkline::engine {
namespace {

using set_function = std::function<std::string(simulator_options&, std::string_view)>;

/// `parse` gives tl::expected with an error in words, `take` puts the value where it belongs.
template <class Parse, class Take>
set_function parsed(Parse parse, Take take) {
  return [parse, take](simulator_options& to, std::string_view text) -> std::string {
    const auto value = parse(text);
    if (!value) return value.error();
    take(to, *value);
    return {};
  };
}

set_function text(std::string simulator_options::*member) {
  return [member](simulator_options& to, std::string_view value) -> std::string {
    to.*member = std::string(value);
    return {};
  };
}

template <class Number>
set_function number(Number simulator_options::*member) {
  return [member](simulator_options& to, std::string_view value) -> std::string {
    Number read = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), read);
    if (value.empty() || error != std::errc{} || end != value.data() + value.size())
      return "\"" + std::string(value) + "\" is not a whole number that fits";
    to.*member = read;
    return {};
  };
}

set_function flag(bool simulator_options::*member) {
  return [member](simulator_options& to, std::string_view value) -> std::string {
    if (value != "true" && value != "false") return "is true or false";
    to.*member = value == "true";
    return {};
  };
}

set_function duration(std::chrono::nanoseconds simulator_options::*member) {
  return parsed(parse_simulator_duration,
                [member](simulator_options& to, std::chrono::nanoseconds value) { to.*member = value; });
}

set_function rate(double simulator_options::*member) {
  return parsed(parse_rate, [member](simulator_options& to, double value) { to.*member = value; });
}

set_function share(double simulator_options::*member) {
  return parsed(parse_probability, [member](simulator_options& to, double value) { to.*member = value; });
}

std::vector<simulator_setting> make_settings() {
  using o = simulator_options;
  std::vector<simulator_setting> all;
  const auto add = [&all](const char* name, const char* type, const char* help,
                          set_function set) -> simulator_setting& {
    return all.emplace_back(simulator_setting{name, type, help, false, false, std::move(set)});
  };
  // May change while sessions run.
  const auto scripted = [&add](const char* name, const char* type, const char* help,
                               set_function set) -> simulator_setting& {
    auto& made = add(name, type, help, std::move(set));
    made.scriptable = true;
    return made;
  };

  add("port", "PORT", "Port to listen on, 2775 unless said; 0: any free one", number(&o::port));
  add("listen", "ADDRESS", "Address to listen on, 127.0.0.1 unless said", text(&o::listen));
  add("threads", "N", "Threads that serve sessions", number(&o::threads));
  add("tls-cert", "FILE", "Speak TLS with the certificates in this file (PEM)", text(&o::tls_cert));
  add("tls-key", "FILE", "Their key, if it is in another file", text(&o::tls_key));
  add("tls-client-ca", "FILE", "Ask for a client certificate that this CA signed", text(&o::tls_client_ca));

  scripted("system-id", "ID", "The one system_id that may bind; otherwise any may", text(&o::system_id));
  scripted("password", "TEXT", "Its password", text(&o::password));
  scripted("max-binds", "N", "Binds of a system_id at once; 0: any number", number(&o::max_binds));
  scripted("bind-error", "STATUS", "Refuse every bind with this status",
           parsed(parse_status, [](o& to, protocol::command_status value) { to.bind_error = value; }));
  scripted("bind-fault", "FAULT", "Answer every bind wrongly: nack, silence, other (as to another bind) or close",
           parsed(parse_bind_fault, [](o& to, bind_fault value) { to.bind_answer = value; }));

  scripted("latency", "DURATION", "Answer each submit_sm so much later", duration(&o::latency));
  scripted("throttle", "RATE", "Answer ESME_RTHROTTLED above this rate, e.g. 1000/s", rate(&o::throttle_per_second));
  scripted("window", "N", "Answer ESME_RTHROTTLED to more unanswered submit_sm of a session than this",
           number(&o::window));
  scripted("congestion", "STATE", "Add this congestion_state, 0 to 100, to each answer (SMPP 5.0)",
           parsed(parse_congestion, [](o& to, std::uint8_t value) { to.congestion = value; }));
  auto& errors = scripted("error", "STATUS=P", "Answer a share with an error, e.g. ESME_RMSGQFUL=0.01 (repeatable)",
                          parsed(parse_status_chance, [](o& to, status_chance value) { to.errors.push_back(value); }));
  errors.repeatable = true;
  errors.clear = [](o& to) { to.errors.clear(); };
  scripted("drop-responses", "P", "Accept a share without answering", share(&o::drop_responses));
  scripted("late", "DURATION=P", "Answer a share so much later than the others, e.g. 90s=0.01",
           parsed(parse_late, [](o& to, const late_chance& value) { to.late = value; }));
  scripted("duplicate", "P", "Answer a share twice", share(&o::duplicate));
  scripted("nack", "P", "Answer a share with generic_nack", share(&o::nack));
  scripted("wrong-sequence", "P", "Answer a share under a sequence number that nobody used", share(&o::wrong_sequence));
  scripted("reorder", "N", "Shuffle answers in groups of so many", number(&o::reorder));
  scripted("disconnect-after", "N", "Cut a session off at its Nth submit_sm", number(&o::disconnect_after));
  scripted(
      "fault", "FAULT@N",
      "At the Nth submit_sm of each session: disconnect, reset, unbind, garbage, nack (one that nobody asked for), "
      "mute (says nothing more) or stall (reads nothing more either)",
      parsed(parse_fault_after, [](o& to, const fault_at& value) { to.fault = value; }));
  scripted("read-rate", "RATE", "Read so many octets a second of each connection, e.g. 2000/s", rate(&o::read_rate));
  scripted("enquire-link", "DURATION", "Ask a peer that was silent for so long; close if it still is",
           duration(&o::enquire_link));

  scripted("message-ids", "FORM", "Form of ids in responses: hex or dec",
           parsed(parse_id_form,
                  [](o& to, std::optional<id_form> value) { to.message_ids = value.value_or(id_form::hex); }));
  scripted("receipts", "DURATION", "Send receipts so long after the answer",
           parsed(parse_simulator_duration, [](o& to, std::chrono::nanoseconds value) { to.receipts = value; }));
  scripted("receipt-ids", "FORM", "Form of ids in receipts: hex, dec or same",
           parsed(parse_id_form, [](o& to, std::optional<id_form> value) { to.receipt_ids = value; }));
  scripted("receipts-first", "", "Send each receipt just before the answer", flag(&o::receipts_first));
  auto& states = scripted(
      "receipt-state", "STATE=P", "State of a share of receipts, e.g. UNDELIV=0.05 (repeatable)",
      parsed(parse_state_chance, [](o& to, const state_chance& value) { to.receipt_states.push_back(value); }));
  states.repeatable = true;
  states.clear = [](o& to) { to.receipt_states.clear(); };
  scripted("duplicate-receipts", "P", "Send a share of receipts twice", share(&o::duplicate_receipts));
  scripted("inbound", "RATE", "Send messages of mobiles at this rate, e.g. 10/s", rate(&o::inbound_per_second));
  scripted("inbound-count", "N", "So many of them in all; 0: no end", number(&o::inbound_count));
  scripted("inbound-text", "TEXT", "Their text, \"Message {n}\" unless said; {n} is their number",
           text(&o::inbound_text));
  scripted("inbound-from", "ADDRESS", "Their source; unless said 491700000001 and so on", text(&o::inbound_from));
  scripted("inbound-to", "ADDRESS", "Their destination, 12345 unless said", text(&o::inbound_to));
  add("deliver-window", "N", "Unanswered deliver_sm per session, 1000 unless said", number(&o::deliver_window));

  add("log", "FILE", "Append each submit_sm received to this file as JSON Lines", text(&o::log_file));
  add("log-sync", "", "Write its line to the file before a submit_sm is answered", flag(&o::log_sync));
  add("stats", "", "Print a line a second to standard error", flag(&o::stats));
  add("seed", "N", "Seed of all random decisions", number(&o::seed));
  return all;
}

}  // namespace

const std::vector<simulator_setting>& simulator_settings() {
  static const std::vector<simulator_setting> all = make_settings();
  return all;
}

}  // namespace trunkline::engine
