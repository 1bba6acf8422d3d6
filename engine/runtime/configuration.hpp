#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/runtime/configuration_inbound.hpp"
#include "engine/runtime/configuration_secret.hpp"
#include "protocol/message_state.hpp"
#include "protocol/segmentation.hpp"
#include "protocol/text_encoding.hpp"
#include "router/outcome_policy.hpp"
#include "router/route_table.hpp"

// The configuration as plain values, with the defaults of docs/configuration.md. Everything here is checked by
// load_configuration(): who gets a `configuration` need not check again. Durations are milliseconds, sizes octets.
namespace trunkline::engine {

using milliseconds = std::chrono::milliseconds;

/// `on_unknown`: what becomes of a message that may have gone out, without an answer.
enum class unknown_policy : std::uint8_t { resend, hold };

/// [engine]
struct engine_config {
  unsigned io_threads = 0;                 ///< 0: chosen from the number of cores
  std::optional<unsigned> router_threads;  ///< nothing: "auto"; 0: route on the feeder's thread
  std::uint64_t max_active = 200'000;      ///< messages held in memory
  std::uint64_t max_unsynced = 4'000;      ///< answers whose outcome is not on disk yet
  milliseconds default_validity = std::chrono::hours(48);
  milliseconds shutdown_timeout = std::chrono::seconds(30);
  milliseconds reassembly_ttl = std::chrono::hours(24);  ///< parts of received messages wait so long for the others
  milliseconds reply_window = std::chrono::hours(24);    ///< a received message answers what was sent within it
  std::string default_country;  ///< upper-case ISO 3166 code, or empty: national numbers are bad_number

  friend bool operator==(const engine_config&, const engine_config&) = default;
};

/// [spool]
struct spool_config {
  std::string dir = "/var/spool/trunkline";
  unknown_policy on_unknown = unknown_policy::resend;
  unsigned unknown_resends = 1;
  std::uint64_t min_free_bytes = 64ULL << 20;
  milliseconds keep_done = std::chrono::hours(72);     ///< 0 keeps for ever
  milliseconds keep_output = std::chrono::hours(168);  ///< 0 keeps for ever
  milliseconds name_memory = std::chrono::hours(720);
  bool require_trailer = false;
  std::string group;  ///< empty: the engine's own
  std::uint32_t dir_mode = 02770;
  std::uint32_t file_mode = 0640;

  friend bool operator==(const spool_config&, const spool_config&) = default;
};

/// [http]
struct http_config {
  std::string listen = "127.0.0.1:9464";  ///< host:port, [IPv6]:port, or empty: no HTTP at all

  friend bool operator==(const http_config&, const http_config&) = default;
};

/// [privacy]
struct privacy_config {
  bool mask_numbers = true;  ///< PDUs in the log are cut off behind their header, before addresses and texts

  friend bool operator==(const privacy_config&, const privacy_config&) = default;
};

/// [log]
struct log_config {
  std::string level = "info";   ///< trace debug info warning error
  std::string format = "text";  ///< text | json

  friend bool operator==(const log_config&, const log_config&) = default;
};

enum class bind_mode : std::uint8_t { transceiver, transmitter, receiver };
enum class number_format : std::uint8_t { digits, plus };
enum class flash_mode : std::uint8_t { data_coding, dest_addr_subunit };
enum class receipt_detection : std::uint8_t { esm_class, text };
enum class id_format : std::uint8_t { automatic, text, hex, dec };
enum class validity_format : std::uint8_t { relative, absolute, none };

/// data_coding on the wire for each alphabet.
struct data_coding_config {
  std::uint8_t gsm7 = 0;
  std::uint8_t latin1 = 3;
  std::uint8_t ucs2 = 8;

  friend bool operator==(const data_coding_config&, const data_coding_config&) = default;
};

/// TLS of one carrier. Files are read again for each connection.
struct tls_config {
  bool enabled = false;
  std::string ca;           ///< file or directory of the only certificates to trust; empty: the system's
  std::string cert;         ///< our certificate with its chain, if the carrier asks for one
  std::string key;          ///< empty: in the file of the certificate
  std::string server_name;  ///< asked for and verified; empty: the host
  bool insecure = false;    ///< the peer is not verified

  friend bool operator==(const tls_config&, const tls_config&) = default;
};

/// Where to listen: a numeric address and a port, which is 0 for nowhere.
struct listen_config {
  std::string address;
  std::uint16_t port = 0;

  [[nodiscard]] bool enabled() const noexcept { return port != 0; }
  friend bool operator==(const listen_config&, const listen_config&) = default;
};

/// Unanswered submit_sm per session: a number, or found out within bounds (`window = "auto"`).
struct window_config {
  constexpr window_config(unsigned size = 10) noexcept : fixed(size) {}

  unsigned fixed;
  bool automatic = false;
  unsigned min = 1;  ///< of an automatic one
  unsigned max = 500;

  /// No more are ever unanswered.
  [[nodiscard]] unsigned largest() const noexcept { return automatic ? max : fixed; }
  friend bool operator==(const window_config&, const window_config&) = default;
};

/// [[carrier.bind]]: sessions of one kind at one address.
struct bind_config {
  bind_mode bind = bind_mode::transceiver;
  std::string host;
  std::uint16_t port = 2775;
  std::string local_address;  ///< empty: any
  listen_config outbind;      ///< the carrier connects to us there, and is bound back
  unsigned sessions = 1;
  window_config window;

  [[nodiscard]] bool can_send() const noexcept { return bind != bind_mode::receiver; }
  [[nodiscard]] bool can_receive() const noexcept { return bind != bind_mode::transmitter; }
  friend bool operator==(const bind_config&, const bind_config&) = default;
};

/// [[carrier]]
struct carrier_config {
  std::string name;  ///< [A-Za-z0-9._-], 1 to 64
  std::string host;
  std::uint16_t port = 2775;
  std::string local_address;  ///< empty: any
  bind_mode bind = bind_mode::transceiver;
  listen_config outbind;
  std::string outbind_system_id;          ///< what an outbind must say; empty: anything
  secret outbind_password;                ///< the same
  std::vector<bind_config> binds;         ///< of [[carrier.bind]]; empty: the one that the fields here describe
  std::uint8_t interface_version = 0x34;  ///< 0x33, 0x34, 0x50: as on the wire
  std::string system_id;
  secret password;
  std::string system_type;
  std::string address_range;
  std::uint8_t addr_ton = 0;
  std::uint8_t addr_npi = 0;
  std::optional<std::uint8_t> source_ton;  ///< nothing: "auto"
  std::optional<std::uint8_t> source_npi;
  std::optional<std::uint8_t> dest_ton;
  std::optional<std::uint8_t> dest_npi;
  trunkline::engine::number_format number_format = trunkline::engine::number_format::digits;
  std::string from;  ///< sender of messages that name none
  std::string service_type;
  std::uint8_t protocol_id = 0;
  std::array<std::uint8_t, router::priority_count> priority_flags{};  ///< indexed by router::priority
  unsigned sessions = 1;
  window_config window;
  double throughput = 0.0;                     ///< submit_sm per second for the account, 0 unlimited
  double throughput_per_sender = 0.0;          ///< the same for each source address
  std::optional<protocol::encoding> encoding;  ///< nothing: "auto"; else gsm7, latin1, ucs2
  protocol::gsm_languages national;            ///< national language tables that the carrier accepts
  bool smart = false;                          ///< replace typographic characters that would make a text UCS-2
  protocol::encoding default_alphabet = protocol::encoding::gsm7;  ///< what data_coding 0 means: gsm7, latin1, ascii
  data_coding_config data_coding;
  bool gsm_packed = false;
  protocol::long_mode long_messages = protocol::long_mode::udh;
  unsigned max_parts = 10;
  flash_mode flash = flash_mode::data_coding;
  bool receipts = true;
  receipt_detection receipt_detect = receipt_detection::esm_class;
  std::string receipt_timezone = "UTC";
  std::map<std::string, protocol::message_state, std::less<>> receipt_states;  ///< of `stat` in receipts
  id_format response_ids = id_format::automatic;
  id_format receipt_ids = id_format::automatic;
  trunkline::engine::validity_format validity_format = trunkline::engine::validity_format::relative;
  tls_config tls;
  milliseconds connect_timeout = std::chrono::seconds(10);
  milliseconds bind_timeout = std::chrono::seconds(10);
  milliseconds response_timeout = std::chrono::seconds(60);
  milliseconds enquire_link = std::chrono::seconds(30);  ///< 0: off
  milliseconds idle_unbind = std::chrono::seconds(30);   ///< 0: never
  milliseconds reconnect_min = std::chrono::seconds(1);
  milliseconds reconnect_max = std::chrono::seconds(60);
  std::vector<router::policy_override> policy;  ///< in the order of the file

  /// Every kind of session of this carrier, at least one; sessions are numbered in this order.
  [[nodiscard]] std::vector<bind_config> all_binds() const {
    if (!binds.empty()) return binds;
    return {{bind, host, port, local_address, outbind, sessions, window}};
  }
  /// Whether messages can be sent by this carrier at all.
  [[nodiscard]] bool can_send() const noexcept {
    if (binds.empty()) return bind != bind_mode::receiver;
    return std::any_of(binds.begin(), binds.end(), [](const bind_config& b) { return b.can_send(); });
  }
  /// Whether receipts and inbound messages can come from it.
  [[nodiscard]] bool can_receive() const noexcept {
    if (binds.empty()) return bind != bind_mode::transmitter;
    return std::any_of(binds.begin(), binds.end(), [](const bind_config& b) { return b.can_receive(); });
  }
  /// Unanswered submit_sm of all its sessions together, at most.
  [[nodiscard]] std::uint64_t windows() const noexcept {
    if (binds.empty()) return can_send() ? std::uint64_t{sessions} * window.largest() : 0;
    std::uint64_t sum = 0;
    for (const bind_config& b : binds) sum += b.can_send() ? std::uint64_t{b.sessions} * b.window.largest() : 0;
    return sum;
  }
  /// Whether a reload can go from this to `other` without a new session: only windows, rates, times, policies and what
  /// the feeder puts into messages differ.
  [[nodiscard]] bool same_sessions(const carrier_config& other) const;

  friend bool operator==(const carrier_config&, const carrier_config&) = default;
};

/// One element of a route's `to`: `"acme"` or, for the weighted strategy, `"acme:3"`.
struct route_target_config {
  std::string carrier;
  std::uint32_t weight = 1;

  friend bool operator==(const route_target_config&, const route_target_config&) = default;
};

/// [[route]]
struct route_config {
  std::string name;
  std::int32_t rank = 0;
  std::vector<std::string> prefix;  ///< digits, without + or 00
  std::vector<std::string> from;
  std::map<std::string, std::string> tags;
  std::vector<router::priority> priority;
  std::vector<route_target_config> to;
  router::route_strategy strategy = router::route_strategy::failover;
  milliseconds failover_after = std::chrono::seconds(30);
  router::route_changes set;

  friend bool operator==(const route_config&, const route_config&) = default;
};

/// [receipts]
struct receipts_config {
  milliseconds receipt_ttl = std::chrono::hours(72);  ///< how long a receipt finds its message
  milliseconds park_time = std::chrono::hours(1);     ///< how long one waits for it
  std::uint64_t max_parked = 100'000;
  std::uint64_t index_memory_bytes = std::uint64_t{256} << 20U;

  friend bool operator==(const receipts_config&, const receipts_config&) = default;
};

/// Everything one configuration file says.
struct configuration {
  std::string data_dir = "/var/lib/trunkline";
  engine_config engine;
  spool_config spool;
  http_config http;
  privacy_config privacy;
  receipts_config receipts;
  log_config log;
  std::vector<carrier_config> carriers;
  std::vector<route_config> routes;
  std::vector<inbound_config> inbound;
  optout_config optout;

  /// The carrier of this name, or null.
  [[nodiscard]] const carrier_config* find_carrier(std::string_view name) const noexcept {
    for (const carrier_config& candidate : carriers)
      if (candidate.name == name) return &candidate;
    return nullptr;
  }

  friend bool operator==(const configuration&, const configuration&) = default;
};

/// Something wrong, or doubtful, at a place of the file. Line and column count from 1; 0 means the file as a whole.
struct fault {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string message;
  bool is_warning = false;
};

/// `file:line:column: message`, warnings with `warning: ` before the message; without the numbers where the line is 0.
[[nodiscard]] std::string to_string(const fault& f);

/// What became of a file: a configuration when there is no fault but warnings.
struct loaded {
  std::optional<configuration> config;
  std::vector<fault> faults;  ///< errors and warnings, in the order of the file

  [[nodiscard]] bool ok() const noexcept { return config.has_value(); }
};

/// Reads and checks a file. Every fault of a file that is TOML at all is listed, not only the first; secrets are
/// resolved
/// (`env:NAME`, `file:PATH`, the latter relative to the folder of the file) and must be there. Cold; throws
/// std::bad_alloc only.
[[nodiscard]] loaded load_configuration(const std::string& path);

/// The same for a text; `file` is the name that faults carry, and its folder the base of relative secret files.
[[nodiscard]] loaded parse_configuration(std::string_view text, const std::string& file);

}  // namespace trunkline::engine
