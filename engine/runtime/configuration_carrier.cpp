// Reads [[carrier]] and [[carrier.policy]]. Limits are those of SMPP 3.4, section 4.1 (bind) and 5.2 (parameters),
// where the standard has any; the rest are bounds beyond which a value is surely a mistake.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <asio/ssl/context.hpp>
#include <charconv>
#include <filesystem>

#include "engine/runtime/configuration_sections.hpp"
#include "engine/runtime/configuration_values.hpp"
#include "engine/runtime/local_time.hpp"
#include "engine/runtime/tls_context.hpp"
#include "protocol/command_status.hpp"
#include "protocol/message_state.hpp"
#include "protocol/text_data_coding.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

bool is_ip_address(const std::string& text) {
  std::array<unsigned char, 16> address{};
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

void read_window(toml_section& section, window_config& out) {
  std::optional<unsigned> fixed = out.automatic ? std::nullopt : std::optional<unsigned>(out.fixed);
  section.automatic_integer("window", fixed, 1, 10'000);
  out.automatic = !fixed;
  if (fixed) out.fixed = *fixed;
  if (auto range = section.table("window_range")) {
    range->integer("min", out.min, 1, 10'000);
    range->integer("max", out.max, 1, 10'000);
    range->finish();
    if (out.max < out.min)
      section.error(section.where("window_range"), "window_range.max is less than window_range.min");
    if (!out.automatic)
      section.warning(section.where("window_range"), "window_range has no effect without window = \"auto\"");
  }
}

/// `out` holds what stands there when a key is missing.
template <class Bind>
void read_address(toml_section& section, Bind& out) {
  if (auto host = section.located("host")) {
    if (host->value.empty() || host->value.size() > 253 || host->value.find_first_of(" /:@") != std::string::npos) {
      const std::string bare = host->value.substr(0, host->value.find('%'));
      if (!is_ip_address(bare)) section.error(host->where, "host is a DNS name or an IP address, without a port");
    }
    out.host = std::move(host->value);
  }
  section.integer("port", out.port, 1, 65535);
  if (auto local = section.located("local_address")) {
    if (!local->value.empty() && !is_ip_address(local->value))
      section.error(local->where, "local_address is an IP address");
    out.local_address = std::move(local->value);
  }
  section.integer("sessions", out.sessions, 1, 1000);
  read_window(section, out.window);
}

void read_outbind(toml_section& section, listen_config& out) {
  const auto listen = section.located("outbind_listen");
  if (!listen || listen->value.empty()) return;
  const std::string& text = listen->value;
  const std::size_t colon = text.rfind(':');
  std::uint32_t port = 0;
  if (colon != std::string::npos) {
    out.address = text.substr(0, colon);
    const char* const last = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data() + colon + 1, last, port);
    if (problem != std::errc() || stop != last || port > 65535) port = 0;
  }
  if (out.address.starts_with('[') && out.address.ends_with(']'))
    out.address = out.address.substr(1, out.address.size() - 2);
  if (port == 0 || !is_ip_address(out.address))
    section.error(listen->where, "outbind_listen is \"ADDRESS:PORT\", for example \"0.0.0.0:2776\"");
  out.port = static_cast<std::uint16_t>(port);
}

void read_credentials(toml_section& section, carrier_config& carrier, const std::string& base) {
  section.string("system_id", carrier.system_id, 15);
  if (carrier.system_id.empty() && !section.has("system_id"))
    section.error(section.where(), "carrier has no system_id");
  if (const auto text = section.located("password")) {
    carrier.password = resolve_secret(*text, "password", base, section);
    const std::size_t length = carrier.password.reveal().size();
    if (length > 8)
      section.warning(
          text->where,
          fmt::format("password has {} octets; SMPP allows 8, and some carriers cut or refuse more", length));
  } else if (!section.has("password")) {
    section.error(section.where(), "carrier has no password; write password = \"\" if the account has none");
  }
  section.string("outbind_system_id", carrier.outbind_system_id, 15);
  if (const auto text = section.located("outbind_password"))
    carrier.outbind_password = resolve_secret(*text, "outbind_password", base, section);
  section.string("system_type", carrier.system_type, 12);
  section.string("address_range", carrier.address_range, 40);
}

void read_mode(toml_section& section, bind_mode& out) {
  section.choice("bind", out,
                 {{"transceiver", bind_mode::transceiver},
                  {"transmitter", bind_mode::transmitter},
                  {"receiver", bind_mode::receiver}});
}

/// What one kind of session needs; `section` is the carrier or its [[carrier.bind]].
void check_bind(toml_section& section, const bind_config& bind, const carrier_config& carrier) {
  if (carrier.interface_version == 0x33 && bind.bind == bind_mode::transceiver)
    section.error(section.where(section.has("version") ? "version" : "bind"),
                  "SMPP 3.3 has no transceiver: use bind = \"transmitter\" or \"receiver\", or version = \"3.4\"");
  if (!bind.outbind.enabled()) {
    if (bind.host.empty() && !section.has("host")) section.error(section.where(), "carrier has no host");
    return;
  }
  if (bind.bind != bind_mode::receiver)
    section.error(section.where("outbind_listen"), "outbind_listen is for bind = \"receiver\"");
  if (bind.sessions != 1) section.error(section.where("outbind_listen"), "outbind_listen is for sessions = 1");
  if (carrier.tls.enabled) section.error(section.where("outbind_listen"), "outbind_listen takes no TLS");
}

/// `bind` is a word, or the [[carrier.bind]] entries.
void read_binds(toml_section& section, carrier_config& carrier) {
  const toml::node* given = section.find("bind");
  if (given == nullptr || !given->is_array()) {
    read_mode(section, carrier.bind);
    check_bind(section, carrier.all_binds().front(), carrier);
  } else {
    const bind_config defaults = carrier.all_binds().front();
    unsigned sessions = 0;
    for (toml_section& entry : section.tables("bind")) {
      bind_config bind = defaults;
      read_mode(entry, bind.bind);
      if (entry.has("host")) bind.outbind = {};
      read_address(entry, bind);
      read_outbind(entry, bind.outbind);
      check_bind(entry, bind, carrier);
      entry.finish();
      sessions += bind.sessions;
      carrier.binds.push_back(std::move(bind));
    }
    if (sessions > 1000) section.error(section.where("bind"), "a carrier has at most 1000 sessions");
  }
  const auto binds = carrier.all_binds();
  if (std::any_of(binds.begin(), binds.end(), [](const bind_config& b) { return b.outbind.enabled(); }) &&
      !section.has("outbind_password"))
    section.error(section.where(),
                  "outbind_listen without outbind_password; write outbind_password = \"\" if any will do");
}

void read_addresses(toml_section& section, carrier_config& carrier) {
  section.integer("addr_ton", carrier.addr_ton, 0, 255);
  section.integer("addr_npi", carrier.addr_npi, 0, 255);
  section.automatic_integer("source_ton", carrier.source_ton, 0, 255);
  section.automatic_integer("source_npi", carrier.source_npi, 0, 255);
  section.automatic_integer("dest_ton", carrier.dest_ton, 0, 255);
  section.automatic_integer("dest_npi", carrier.dest_npi, 0, 255);
  section.choice("number_format", carrier.number_format,
                 {{"digits", number_format::digits}, {"plus", number_format::plus}});
  if (auto from = section.located("from")) {
    if (!from->value.empty() && !is_sender(from->value))
      section.error(from->where, "from is up to 15 digits, or 1 to 11 printable ASCII characters");
    carrier.from = std::move(from->value);
  }
}

void read_submit(toml_section& section, carrier_config& carrier) {
  section.string("service_type", carrier.service_type, 5);
  section.integer("protocol_id", carrier.protocol_id, 0, 255);
  if (auto flags = section.table("priority_flags")) {
    for (std::size_t i = 0; i < router::priority_count; ++i)
      flags->integer(router::name(static_cast<router::priority>(i)), carrier.priority_flags[i], 0, 255);
    flags->finish();
  }
  section.real("throughput", carrier.throughput, 0.0, 1e7);
  section.real("throughput_per_sender", carrier.throughput_per_sender, 0.0, 1e7);
  section.choice<std::optional<protocol::encoding>>("encoding", carrier.encoding,
                                                    {{"auto", std::nullopt},
                                                     {"gsm7", protocol::encoding::gsm7},
                                                     {"latin1", protocol::encoding::latin1},
                                                     {"ucs2", protocol::encoding::ucs2}});
  for (const auto& table : section.strings("national")) {
    if (table.value == "*") {
      carrier.national = protocol::gsm_languages::all();
    } else if (const auto language = protocol::find_gsm_language(table.value)) {
      carrier.national.add(*language);
    } else {
      section.error(table.where, "national holds language codes of tr es pt bn gu hi kn ml or pa ta te ur, or \"*\"");
    }
  }
  section.boolean("smart", carrier.smart);
  section.choice("default_alphabet", carrier.default_alphabet,
                 {{"gsm7", protocol::encoding::gsm7},
                  {"latin1", protocol::encoding::latin1},
                  {"ascii", protocol::encoding::ascii}});
  if (auto coding = section.table("data_coding")) {
    coding->integer("gsm7", carrier.data_coding.gsm7, 0, 255);
    coding->integer("latin1", carrier.data_coding.latin1, 0, 255);
    coding->integer("ucs2", carrier.data_coding.ucs2, 0, 255);
    coding->finish();
  }
  section.boolean("gsm_packed", carrier.gsm_packed);
  section.choice("long_messages", carrier.long_messages,
                 {{"udh", protocol::long_mode::udh},
                  {"udh16", protocol::long_mode::udh16},
                  {"sar", protocol::long_mode::sar},
                  {"payload", protocol::long_mode::payload}});
  section.integer("max_parts", carrier.max_parts, 1, 255);
  section.choice("flash", carrier.flash,
                 {{"data_coding", flash_mode::data_coding}, {"dest_addr_subunit", flash_mode::dest_addr_subunit}});
  section.choice("validity_format", carrier.validity_format,
                 {{"relative", validity_format::relative},
                  {"absolute", validity_format::absolute},
                  {"none", validity_format::none}});
}

void read_receipts(toml_section& section, carrier_config& carrier) {
  section.boolean("receipts", carrier.receipts);
  section.choice("receipt_detect", carrier.receipt_detect,
                 {{"esm_class", receipt_detection::esm_class}, {"text", receipt_detection::text}});
  if (auto states = section.table("receipt_states")) {
    for (const auto& [stat, state] : states->named_strings()) {
      const auto named = protocol::message_state_of(std::string_view(state.value));
      if (!named)
        section.error(state.where, fmt::format("receipt_states: {} is no state: expected delivered, undeliverable, "
                                               "expired, deleted, rejected, unknown, accepted, enroute, scheduled or "
                                               "skipped",
                                               state.value));
      else
        carrier.receipt_states.emplace(stat, *named);
    }
    states->finish();
  }
  section.string("receipt_timezone", carrier.receipt_timezone, 64);
  if (!local_time::find(carrier.receipt_timezone))
    section.error(section.where("receipt_timezone"),
                  fmt::format("receipt_timezone \"{}\" is not known: expected \"UTC\", a name such as "
                              "\"Europe/Berlin\" or an offset such as \"+05:30\"",
                              carrier.receipt_timezone));
  for (const auto& [key, out] : {std::pair<std::string_view, id_format*>{"response_ids", &carrier.response_ids},
                                 {"receipt_ids", &carrier.receipt_ids}})
    section.choice(
        key, *out,
        {{"auto", id_format::automatic}, {"text", id_format::text}, {"hex", id_format::hex}, {"dec", id_format::dec}});
}

void read_tls(toml_section& section, carrier_config& carrier, const std::string& base) {
  tls_config& tls = carrier.tls;
  section.boolean("tls", tls.enabled);
  for (const auto& [key, out] :
       {std::pair<std::string_view, std::string*>{"tls_ca", &tls.ca}, {"tls_cert", &tls.cert}, {"tls_key", &tls.key}}) {
    section.string(key, *out);
    if (!out->empty()) *out = (std::filesystem::path(base) / *out).string();
  }
  section.string("tls_server_name", tls.server_name, 253);
  section.boolean("tls_insecure", tls.insecure);
  if (!tls.enabled) {
    for (const std::string_view key : {"tls_ca", "tls_cert", "tls_key", "tls_server_name", "tls_insecure"})
      if (section.has(key))
        section.warning(section.where(key), fmt::format("{} has no effect without tls = true", key));
    return;
  }
  if (!tls.key.empty() && tls.cert.empty())
    section.error(section.where("tls_key"), "tls_key is the key of tls_cert, which is missing");
  if (tls.insecure)
    section.warning(
        section.where("tls_insecure"),
        fmt::format("carrier \"{}\": whoever answers is taken for the carrier, and gets the password", carrier.name));
  if (const auto context = make_tls_client_context(tls); !context) {
    const std::string& fault = context.error();
    section.error(section.where(fault.substr(0, fault.find(':'))), fault);
  }
}

void read_times(toml_section& section, carrier_config& carrier) {
  section.duration("connect_timeout", carrier.connect_timeout, 10ms, 1h);
  section.duration("bind_timeout", carrier.bind_timeout, 10ms, 1h);
  section.duration("response_timeout", carrier.response_timeout, 10ms, 1h);
  section.duration("enquire_link", carrier.enquire_link, 0ms, 24h);
  section.duration("idle_unbind", carrier.idle_unbind, 0ms, 24h);
  if (auto reconnect = section.table("reconnect")) {
    reconnect->duration("min", carrier.reconnect_min, 1ms, 24h);
    reconnect->duration("max", carrier.reconnect_max, 1ms, 24h);
    reconnect->finish();
    if (carrier.reconnect_max < carrier.reconnect_min)
      section.error(section.where("reconnect"), "reconnect.max is shorter than reconnect.min");
  }
}

/// What a version or a bind does not have.
void check_together(toml_section& section, const carrier_config& carrier) {
  using protocol::encoding;
  if (carrier.default_alphabet != encoding::gsm7 &&
      protocol::read_data_coding(carrier.data_coding.gsm7, encoding::gsm7).text == encoding::gsm7) {
    for (const auto& [key, set] : {std::pair<std::string_view, bool>{"national", !carrier.national.empty()},
                                   {"gsm_packed", carrier.gsm_packed}}) {
      if (set)
        section.error(section.where(key), fmt::format("{} is for GSM 7-bit texts, but default_alphabet says that "
                                                      "data_coding 0 is another alphabet",
                                                      key));
    }
  }
  if (carrier.interface_version == 0x33) {
    if (carrier.long_messages == protocol::long_mode::sar || carrier.long_messages == protocol::long_mode::payload)
      section.error(section.where("long_messages"), "SMPP 3.3 has no TLVs: long_messages is \"udh\" or \"udh16\"");
    if (carrier.flash == flash_mode::dest_addr_subunit)
      section.error(section.where("flash"), "SMPP 3.3 has no TLVs: flash is \"data_coding\"");
  }
}

}  // namespace

bool carrier_config::same_sessions(const carrier_config& other) const {
  if (binds.size() != other.binds.size()) return false;
  carrier_config as_other = *this;
  as_other.window = other.window;
  for (std::size_t i = 0; i < binds.size(); ++i) as_other.binds[i].window = other.binds[i].window;
  as_other.throughput = other.throughput;
  as_other.throughput_per_sender = other.throughput_per_sender;
  as_other.connect_timeout = other.connect_timeout;
  as_other.bind_timeout = other.bind_timeout;
  as_other.response_timeout = other.response_timeout;
  as_other.enquire_link = other.enquire_link;
  as_other.idle_unbind = other.idle_unbind;
  as_other.reconnect_min = other.reconnect_min;
  as_other.reconnect_max = other.reconnect_max;
  as_other.policy = other.policy;
  as_other.from = other.from;
  as_other.priority_flags = other.priority_flags;
  as_other.max_parts = other.max_parts;
  as_other.receipts = other.receipts;
  as_other.validity_format = other.validity_format;
  return as_other == other;
}

std::vector<router::policy_override> read_policy(toml_section& carrier) {
  using router::submit_action;
  std::vector<router::policy_override> overrides;
  for (toml_section& section : carrier.tables("policy")) {
    router::policy_rule rule;
    if (!section.has("action")) section.error(section.where(), "policy has no action");
    section.choice("action", rule.action,
                   {{"retry", submit_action::retry},
                    {"reroute", submit_action::reroute},
                    {"fail", submit_action::fail},
                    {"stop_session", submit_action::stop_session},
                    {"throttle", submit_action::throttle}});
    section.duration("delay", rule.delay, 1ms, 24h);
    section.integer("attempts", rule.attempts, 1, 10'000);
    const auto statuses = section.strings("status");
    if (!section.has("status")) section.error(section.where(), "policy has no status");
    for (const located_string& text : statuses) {
      const auto range = router::parse_status_range(text.value);
      if (!range) {
        section.error(text.where, fmt::format("\"{}\" is no command_status: write a name (\"ESME_RMSGQFUL\"), a number "
                                              "(\"0x0400\") or a range (\"0x0400-0x04ff\")",
                                              text.value));
        continue;
      }
      for (const auto fixed : {protocol::command_status::rok, protocol::command_status::rthrottled})
        if (range->first == range->last && range->first == static_cast<std::uint32_t>(fixed))
          section.error(text.where, fmt::format("the meaning of {} cannot be changed", protocol::name_of(fixed)));
      overrides.push_back({range->first, range->last, rule});
    }
    section.finish();
  }
  return overrides;
}

carrier_config read_carrier(toml_section& section, const std::string& base) {
  carrier_config carrier;
  carrier.name = read_name(section);
  read_address(section, carrier);
  read_outbind(section, carrier.outbind);
  section.choice<std::uint8_t>("version", carrier.interface_version, {{"3.3", 0x33}, {"3.4", 0x34}, {"5.0", 0x50}});
  read_credentials(section, carrier, base);
  read_addresses(section, carrier);
  read_submit(section, carrier);
  read_receipts(section, carrier);
  read_tls(section, carrier, base);
  read_binds(section, carrier);
  read_times(section, carrier);
  carrier.policy = read_policy(section);
  check_together(section, carrier);
  section.finish();
  return carrier;
}

}  // namespace trunkline::engine
