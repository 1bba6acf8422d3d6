// Reads the values of the simulator's options. Errors are sentences for the command line.
#include "engine/simulator/simulator_options.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace trunkline::engine {
namespace {

/// A non-negative decimal number at the front of `text`, which is advanced behind it.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(value) || value < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

tl::unexpected<std::string> wrong(std::string_view text, std::string_view wanted) {
  return tl::unexpected<std::string>("\"" + std::string(text) + "\" is not " + std::string(wanted));
}

}  // namespace

tl::expected<std::chrono::nanoseconds, std::string> parse_simulator_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 6> units = {
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
  std::string_view rest = text;
  if (const auto number = take_number(rest)) {
    for (const auto& [unit, nanoseconds] : units) {
      if (rest != unit || *number * nanoseconds > 9e18) continue;
      return std::chrono::nanoseconds(std::llround(*number * nanoseconds));
    }
  }
  return wrong(text, "a duration such as 20ms, 2s or 1m");
}

tl::expected<double, std::string> parse_rate(std::string_view text) {
  std::string_view rest = text;
  if (const auto number = take_number(rest)) {
    if (rest.empty() || rest == "/s") return *number;
    if (rest == "/m") return *number / 60;
    if (rest == "/h") return *number / 3600;
  }
  return wrong(text, "a rate such as 1000/s, 90/m or 10/h");
}

tl::expected<double, std::string> parse_probability(std::string_view text) {
  std::string_view rest = text;
  const auto number = take_number(rest);
  if (!number || !rest.empty() || *number > 1) return wrong(text, "a probability from 0 to 1");
  return *number;
}

tl::expected<protocol::command_status, std::string> parse_status(std::string_view text) {
  if (const auto known = protocol::status_of(text)) return *known;
  std::string_view digits = text;
  const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
  if (hex) digits.remove_prefix(2);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    return wrong(text, "a command_status such as ESME_RTHROTTLED or 0x58");
  }
  return static_cast<protocol::command_status>(value);
}

tl::expected<status_chance, std::string> parse_status_chance(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return wrong(text, "STATUS=PROBABILITY, such as ESME_RMSGQFUL=0.01");
  const auto status = parse_status(text.substr(0, equals));
  if (!status) return tl::unexpected(status.error());
  if (*status == protocol::command_status::rok) return wrong(text, "an error");
  const auto probability = parse_probability(text.substr(equals + 1));
  if (!probability) return tl::unexpected(probability.error());
  return status_chance{*status, *probability};
}

tl::expected<state_chance, std::string> parse_state_chance(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint8_t>, 8> states = {{{"ENROUTE", std::uint8_t{1}},
                                                                                {"DELIVRD", std::uint8_t{2}},
                                                                                {"EXPIRED", std::uint8_t{3}},
                                                                                {"DELETED", std::uint8_t{4}},
                                                                                {"UNDELIV", std::uint8_t{5}},
                                                                                {"ACCEPTD", std::uint8_t{6}},
                                                                                {"UNKNOWN", std::uint8_t{7}},
                                                                                {"REJECTD", std::uint8_t{8}}}};
  const std::size_t equals = text.find('=');
  if (equals != std::string_view::npos) {
    for (const auto& [stat, number] : states) {
      if (text.substr(0, equals) != stat) continue;
      const auto probability = parse_probability(text.substr(equals + 1));
      if (!probability) return tl::unexpected(probability.error());
      return state_chance{std::string(stat), number, *probability};
    }
  }
  return wrong(text, "STATE=PROBABILITY, such as UNDELIV=0.05");
}

tl::expected<std::optional<id_form>, std::string> parse_id_form(std::string_view text) {
  if (text == "hex") return id_form::hex;
  if (text == "dec") return id_form::dec;
  if (text == "same") return std::nullopt;
  return wrong(text, "hex, dec or same");
}

tl::expected<bind_fault, std::string> parse_bind_fault(std::string_view text) {
  if (text == "nack") return bind_fault::nack;
  if (text == "silence") return bind_fault::silence;
  if (text == "other") return bind_fault::other;
  if (text == "close") return bind_fault::close;
  return wrong(text, "nack, silence, other or close");
}

tl::expected<session_fault_kind, std::string> parse_fault(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, session_fault_kind>, 7> kinds = {
      {{"disconnect", session_fault_kind::disconnect},
       {"reset", session_fault_kind::reset},
       {"unbind", session_fault_kind::unbind},
       {"garbage", session_fault_kind::garbage},
       {"nack", session_fault_kind::nack},
       {"mute", session_fault_kind::mute},
       {"stall", session_fault_kind::stall}}};
  for (const auto& [word, kind] : kinds)
    if (text == word) return kind;
  return wrong(text, "disconnect, reset, unbind, garbage, nack, mute or stall");
}

tl::expected<fault_at, std::string> parse_fault_after(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return wrong(text, "FAULT@N, such as reset@100");
  const auto kind = parse_fault(text.substr(0, at));
  if (!kind) return tl::unexpected(kind.error());
  const std::string_view digits = text.substr(at + 1);
  std::uint64_t submit = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), submit);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || submit == 0)
    return wrong(text, "FAULT@N with N from 1");
  return fault_at{*kind, submit};
}

tl::expected<late_chance, std::string> parse_late(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return wrong(text, "DURATION=PROBABILITY, such as 90s=0.01");
  const auto by = parse_simulator_duration(text.substr(0, equals));
  if (!by) return tl::unexpected(by.error());
  const auto probability = parse_probability(text.substr(equals + 1));
  if (!probability) return tl::unexpected(probability.error());
  return late_chance{*by, *probability};
}

tl::expected<std::uint8_t, std::string> parse_congestion(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > 100)
    return wrong(text, "a congestion_state from 0 to 100");
  return static_cast<std::uint8_t>(value);
}

std::string fault_of(const simulator_options& options) {
  double sum = 0;
  for (const auto& error : options.errors) sum += error.probability;
  if (sum > 1 + 1e-9) return "the probabilities of --error add up to more than 1";
  sum = 0;
  for (const auto& state : options.receipt_states) sum += state.probability;
  if (sum > 1 + 1e-9) return "the probabilities of --receipt-state add up to more than 1";
  if (options.threads == 0 || options.threads > 256) return "--threads must be from 1 to 256";
  if (options.deliver_window == 0 || options.deliver_window > 65'536) return "--deliver-window must be 1 to 65536";
  if (options.reorder > 65'536) return "--reorder must be at most 65536";
  if (!options.receipts && options.receipts_first) return "--receipts-first needs --receipts";
  if (!options.receipts && options.duplicate_receipts > 0) return "--duplicate-receipts needs --receipts";
  if (options.log_sync && options.log_file.empty()) return "--log-sync needs --log";
  if (options.tls_cert.empty() && !(options.tls_key.empty() && options.tls_client_ca.empty()))
    return "--tls-key and --tls-client-ca need --tls-cert";
  return {};
}

}  // namespace trunkline::engine
