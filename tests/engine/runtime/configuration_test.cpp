#include "engine/runtime/configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <type_traits>

#include "engine/runtime/configuration_routes.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// The two sections that a file needs to be complete, on known lines: the carrier begins on line 1, the route on line 6.
constexpr const char* minimal = R"([[carrier]]
name = "acme"
host = "smsc.example"
system_id = "user"
password = "secret"
[[route]]
name = "all"
to = ["acme"]
)";

std::string errors_of(const loaded& l) {
  std::string all;
  for (const fault& f : l.faults) all += to_string(f) + "\n";
  return all;
}

configuration good(const std::string& text) {
  const loaded l = parse_configuration(text, "t.toml");
  EXPECT_TRUE(l.ok()) << errors_of(l);
  return l.config.value_or(configuration{});
}

TEST(configuration, a_minimal_file_has_the_documented_defaults) {
  const configuration config = good(minimal);
  EXPECT_TRUE(parse_configuration(minimal, "t.toml").faults.empty());
  EXPECT_EQ(config.data_dir, "/var/lib/trunkline");
  EXPECT_EQ(config.engine, engine_config{});
  EXPECT_EQ(config.engine.io_threads, 0U);
  EXPECT_FALSE(config.engine.router_threads.has_value());
  EXPECT_EQ(config.engine.max_active, 200'000U);
  EXPECT_EQ(config.engine.max_unsynced, 4'000U);
  EXPECT_EQ(config.engine.default_validity, 48h);
  EXPECT_EQ(config.engine.shutdown_timeout, 30s);
  EXPECT_EQ(config.spool, spool_config{});
  EXPECT_EQ(config.spool.dir, "/var/spool/trunkline");
  EXPECT_EQ(config.spool.min_free_bytes, 64U << 20);
  EXPECT_EQ(config.spool.keep_done, 72h);
  EXPECT_EQ(config.spool.dir_mode, 02770U);
  EXPECT_EQ(config.http.listen, "127.0.0.1:9464");
  EXPECT_TRUE(config.privacy.mask_numbers);
  ASSERT_EQ(config.carriers.size(), 1U);
  carrier_config expected;
  expected.name = "acme";
  expected.host = "smsc.example";
  expected.system_id = "user";
  expected.password = secret("secret");
  EXPECT_EQ(config.carriers[0], expected);
  EXPECT_EQ(expected.port, 2775);
  EXPECT_EQ(expected.window, 10U);
  EXPECT_EQ(expected.response_timeout, 60s);
  ASSERT_EQ(config.routes.size(), 1U);
  EXPECT_EQ(config.routes[0].failover_after, 30s);
}

TEST(configuration, every_key_is_read) {
  const configuration config = good(R"(
data_dir = "d"
[engine]
io_threads = 3
router_threads = 2
max_active = 5000
max_unsynced = 7
default_validity = "1h"
shutdown_timeout = "5s"
default_country = "DE"
[spool]
dir = "s"
on_unknown = "hold"
unknown_resends = 0
min_free = "1GiB"
keep_done = "0s"
keep_output = "1d"
name_memory = "2d"
require_trailer = true
group = "sms"
dir_mode = "750"
file_mode = "0600"
[receipts]
receipt_ttl = "48h"
park_time = "10m"
max_parked = 7
index_memory = "1MiB"

[privacy]
mask_numbers = false
[http]
listen = "[::1]:80"
[log]
level = "debug"
format = "json"
[[carrier]]
name = "a"
host = "::1"
port = 1
local_address = "127.0.0.1"
bind = "transmitter"
version = "5.0"
system_id = "u"
password = "p"
system_type = "t"
address_range = "^49"
addr_ton = 1
addr_npi = 2
source_ton = 5
source_npi = "auto"
dest_ton = 1
dest_npi = 255
number_format = "plus"
from = "ACME"
service_type = "CMT"
protocol_id = 63
priority_flags = { urgent = 3, normal = 1 }
sessions = 4
window = 1000
throughput = 12.5
throughput_per_sender = 2.5
encoding = "ucs2"
national = ["tr", "*"]
smart = true
default_alphabet = "latin1"
data_coding = { gsm7 = 1, latin1 = 2, ucs2 = 24 }
gsm_packed = true
long_messages = "sar"
max_parts = 255
flash = "dest_addr_subunit"
receipts = false
receipt_detect = "text"
receipt_states = { "00" = "delivered", "11" = "undeliverable" }
receipt_timezone = "Europe/Berlin"
response_ids = "hex"
receipt_ids = "dec"
validity_format = "absolute"
tls = false
tls_ca = "ca.pem"
tls_cert = "c.pem"
tls_key = "k.pem"
tls_server_name = "smsc"
connect_timeout = "1s"
bind_timeout = "2s"
response_timeout = "3s"
enquire_link = "0s"
idle_unbind = "4s"
reconnect = { min = "5ms", max = "6s" }
[[carrier.policy]]
status = ["ESME_RMSGQFUL", "0x0400-0x04ff"]
action = "retry"
delay = "2s"
attempts = 3
[[carrier.policy]]
status = "0x0500"
action = "throttle"
[[route]]
name = "r"
rank = -5
prefix = ["+49", "43"]
from = "ACME"
tags = { campaign = "x", team = "blue" }
priority = ["urgent", "bulk"]
to = ["a:3"]
strategy = "weighted"
failover_after = "1m"
set = { from = "491", validity = "2h" }
[[inbound]]
name = "stop"
text_prefix = "STOP"
to = "drop"
)");
  EXPECT_EQ(config.data_dir, "d");
  engine_config engine;
  engine.io_threads = 3;
  engine.router_threads = 2;
  engine.max_active = 5000;
  engine.max_unsynced = 7;
  engine.default_validity = 1h;
  engine.shutdown_timeout = 5s;
  engine.default_country = "DE";
  EXPECT_EQ(config.engine, engine);
  spool_config spool;
  spool.dir = "s";
  spool.on_unknown = unknown_policy::hold;
  spool.unknown_resends = 0;
  spool.min_free_bytes = 1ULL << 30;
  spool.keep_done = 0s;
  spool.keep_output = 24h;
  spool.name_memory = 48h;
  spool.require_trailer = true;
  spool.group = "sms";
  spool.dir_mode = 0750;
  spool.file_mode = 0600;
  EXPECT_EQ(config.spool, spool);
  EXPECT_EQ(config.http.listen, "[::1]:80");
  EXPECT_FALSE(config.privacy.mask_numbers);
  EXPECT_EQ(config.receipts, (receipts_config{48h, 10min, 7, 1U << 20}));
  EXPECT_EQ(config.log.level, "debug");
  EXPECT_EQ(config.log.format, "json");
  carrier_config a;
  a.name = "a";
  a.host = "::1";
  a.port = 1;
  a.local_address = "127.0.0.1";
  a.bind = bind_mode::transmitter;
  a.interface_version = 0x50;
  a.system_id = "u";
  a.password = secret("p");
  a.system_type = "t";
  a.address_range = "^49";
  a.addr_ton = 1;
  a.addr_npi = 2;
  a.source_ton = 5;
  a.dest_ton = 1;
  a.dest_npi = 255;
  a.number_format = number_format::plus;
  a.from = "ACME";
  a.service_type = "CMT";
  a.protocol_id = 63;
  a.priority_flags = {3, 1, 0};
  a.sessions = 4;
  a.window = 1000;
  a.throughput = 12.5;
  a.throughput_per_sender = 2.5;
  a.encoding = protocol::encoding::ucs2;
  a.national = protocol::gsm_languages::all();
  a.smart = true;
  a.default_alphabet = protocol::encoding::latin1;
  a.data_coding = {1, 2, 24};
  a.gsm_packed = true;
  a.long_messages = protocol::long_mode::sar;
  a.max_parts = 255;
  a.flash = flash_mode::dest_addr_subunit;
  a.receipts = false;
  a.receipt_detect = receipt_detection::text;
  a.receipt_states = {{"00", protocol::message_state::delivered}, {"11", protocol::message_state::undeliverable}};
  a.receipt_timezone = "Europe/Berlin";
  a.response_ids = id_format::hex;
  a.receipt_ids = id_format::dec;
  a.validity_format = validity_format::absolute;
  a.tls = {false, "ca.pem", "c.pem", "k.pem", "smsc", false};
  a.connect_timeout = 1s;
  a.bind_timeout = 2s;
  a.response_timeout = 3s;
  a.enquire_link = 0s;
  a.idle_unbind = 4s;
  a.reconnect_min = 5ms;
  a.reconnect_max = 6s;
  a.policy = {{0x14, 0x14, {router::submit_action::retry, 2s, 3}},
              {0x400, 0x4ff, {router::submit_action::retry, 2s, 3}},
              {0x500, 0x500, {router::submit_action::throttle, 1s, 20}}};
  ASSERT_EQ(config.carriers.size(), 1U);
  EXPECT_EQ(config.carriers[0], a);
  route_config r;
  r.name = "r";
  r.rank = -5;
  r.prefix = {"49", "43"};
  r.from = {"ACME"};
  r.tags = {{"campaign", "x"}, {"team", "blue"}};
  r.priority = {router::priority::urgent, router::priority::bulk};
  r.to = {{"a", 3}};
  r.strategy = router::route_strategy::weighted;
  r.failover_after = 1min;
  r.set = {"491", 2h};
  ASSERT_EQ(config.routes.size(), 1U);
  EXPECT_EQ(config.routes[0], r);
  ASSERT_EQ(config.inbound.size(), 1U);
  inbound_config rule;
  rule.name = "stop";
  rule.text_prefix = {"STOP"};
  rule.drop = true;
  EXPECT_EQ(config.inbound[0], rule);
}

/// One fault in an otherwise complete file: `top` stands before everything (and moves it down by its lines), the others
/// are added to the carrier and to the route. `line` and `column` count in the resulting file.
struct fault_case {
  const char* name;
  std::string top;
  std::string carrier;
  std::string route;
  std::uint32_t line;
  std::uint32_t column;
  const char* message;
  bool is_warning = false;
};

class faults : public testing::TestWithParam<fault_case> {};

TEST_P(faults, stand_where_they_are) {
  const fault_case& c = GetParam();
  const std::string text =
      c.top + "[[carrier]]\nname = \"acme\"\nhost = \"smsc.example\"\nsystem_id = \"user\"\n" + c.carrier +
      (c.carrier.find("password") == std::string::npos ? "password = \"secret\"\n" : "") +
      "[[route]]\nname = \"all\"\n" + c.route + (c.route.find("to =") == std::string::npos ? "to = [\"acme\"]\n" : "");
  const loaded l = parse_configuration(text, "t.toml");
  EXPECT_EQ(l.ok(), c.is_warning);
  ASSERT_EQ(l.faults.size(), 1U) << errors_of(l) << text;
  EXPECT_EQ(l.faults[0].file, "t.toml");
  EXPECT_EQ(l.faults[0].line, c.line) << errors_of(l);
  EXPECT_EQ(l.faults[0].column, c.column) << errors_of(l);
  EXPECT_EQ(l.faults[0].is_warning, c.is_warning);
  EXPECT_THAT(l.faults[0].message, HasSubstr(c.message));
}

const auto name_of_case = [](const auto& c) { return std::string(c.param.name); };

INSTANTIATE_TEST_SUITE_P(
    top_level, faults,
    testing::Values(
        fault_case{"unknown_key", "data_dri = \"x\"\n", "", "", 1, 1, "the nearest known key is \"data_dir\""},
        fault_case{"unknown_section", "[engin]\nx = 1\n", "", "", 1, 2, "\"engine\""},
        fault_case{"unknown_engine_key", "[engine]\nio_thread = 1\n", "", "", 2, 1, "\"io_threads\""},
        fault_case{"not_a_table", "engine = 4\n", "", "", 1, 10, "engine is a table, not an integer"},
        fault_case{"empty_directory", "data_dir = \"\"\n", "", "", 1, 12, "empty"},
        fault_case{"same_directory", "data_dir = \"/var/spool/trunkline\"\n", "", "", 1, 1, "same directory"},
        fault_case{"wrong_type", "[engine]\nmax_active = \"1\"\n", "", "", 2, 14, "integer, not a string"},
        fault_case{"fraction", "[engine]\nmax_active = 1.5\n", "", "", 2, 14, "not a number with a fraction"},
        fault_case{"too_small", "[engine]\nmax_active = 10\n", "", "", 2, 14, "is 10, not from 1000"},
        fault_case{"auto_or_number", "[engine]\nrouter_threads = \"two\"\n", "", "", 2, 18, "\"auto\" or a number"},
        fault_case{"auto_out_of_range", "[engine]\nrouter_threads = -1\n", "", "", 2, 18, "is -1"},
        fault_case{"bare_duration", "[engine]\ndefault_validity = 48\n", "", "", 2, 20, "is a duration"},
        fault_case{"bad_duration", "[engine]\nshutdown_timeout = \"1 s\"\n", "", "", 2, 20, "is a duration"},
        fault_case{"long_duration", "[engine]\nshutdown_timeout = \"25h\"\n", "", "", 2, 20, "not from 0s to 1d"},
        fault_case{"country", "[engine]\ndefault_country = \"Germany\"\n", "", "", 2, 19, "two capitals"},
        fault_case{"bad_size", "[spool]\nmin_free = \"64M\"\n", "", "", 2, 12, "is a size"},
        fault_case{"bad_mode", "[spool]\nfile_mode = \"0999\"\n", "", "", 2, 13, "octal"},
        fault_case{"number_as_mode", "[spool]\nfile_mode = 640\n", "", "", 2, 13, "string, not an integer"},
        fault_case{"bad_choice", "[spool]\non_unknown = \"retry\"\n", "", "", 2, 14, "\"resend\", \"hold\""},
        fault_case{"bad_boolean", "[spool]\nrequire_trailer = 1\n", "", "", 2, 19, "true or false"},
        fault_case{"control_character", "[spool]\ndir = \"a\\u0000b\"\n", "", "", 2, 7, "control character"},
        fault_case{"listen_without_port", "[http]\nlisten = \"127.0.0.1\"\n", "", "", 2, 10, "HOST:PORT"},
        fault_case{"listen_port_range", "[http]\nlisten = \"x:65536\"\n", "", "", 2, 10, "HOST:PORT"},
        fault_case{"receipts_ttl", "[receipts]\nreceipt_ttl = \"0s\"\n", "", "", 2, 15, "receipt_ttl is 0s"},
        fault_case{"receipts_parked", "[receipts]\nmax_parked = 0\n", "", "", 2, 14, "max_parked is 0"},
        fault_case{"receipts_memory", "[receipts]\nindex_memory = \"1G\"\n", "", "", 2, 16, "is a size"},
        fault_case{"receipts_unknown", "[receipts]\npark_tme = \"1h\"\n", "", "", 2, 1, "\"park_time\""},
        fault_case{"log_level", "[log]\nlevel = \"loud\"\n", "", "", 2, 9, "\"trace\""}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    carrier, faults,
    testing::Values(
        fault_case{"unknown_carrier_key", "", "windw = 1\n", "", 5, 1,
                   "\"windw\" in carrier; the nearest known key is \"window\""},
        fault_case{"unknown_reconnect_key", "", "reconnect = { mni = \"1s\" }\n", "", 5, 15,
                   "in carrier.reconnect; the nearest known key is \"min\""},
        fault_case{"reconnect_backwards", "", "reconnect = { min = \"2s\", max = \"1s\" }\n", "", 5, 1, "shorter"},
        fault_case{"port", "", "port = 65536\n", "", 5, 8, "not from 1 to 65535"},
        fault_case{"local_address", "", "local_address = \"eth0\"\n", "", 5, 17, "IP address"},
        fault_case{"long_system_type", "", "system_type = \"1234567890123\"\n", "", 5, 15, "13 octets, at most 12"},
        fault_case{"long_address_range", "", "address_range = \"" + std::string(41, '4') + "\"\n", "", 5, 17,
                   "at most 40"},
        fault_case{"long_password", "", "password = \"123456789\"\n", "", 5, 12, "SMPP allows 8", true},
        fault_case{"endless_password", "", "password = \"" + std::string(256, 'x') + "\"\n", "", 5, 12,
                   "more than 255"},
        fault_case{"missing_environment", "", "password = \"env:TRUNKLINE_NOT_SET\"\n", "", 5, 12,
                   "TRUNKLINE_NOT_SET is not set"},
        fault_case{"missing_file", "", "password = \"file:/nonexistent/x\"\n", "", 5, 12,
                   "/nonexistent/x: No such file"},
        fault_case{"old_version", "", "version = \"3.3\"\n", "", 5, 1, "no transceiver"},
        fault_case{"version", "", "version = 3.4\n", "", 5, 11, "one of \"3.3\""},
        fault_case{"bind", "", "bind = \"trx\"\n", "", 5, 8, "one of \"transceiver\""},
        fault_case{"old_version_has_no_tlv", "",
                   "bind = \"transmitter\"\nreceipts = false\nversion = \"3.3\"\nlong_messages = \"payload\"\n", "", 8,
                   1, "no TLVs"},
        fault_case{"sender", "", "from = \"a sender too long\"\n", "", 5, 8, "11 printable"},
        fault_case{"service_type", "", "service_type = \"123456\"\n", "", 5, 16, "at most 5"},
        fault_case{"language", "", "national = [\"tr\", \"de\"]\n", "", 5, 19, "language codes"},
        fault_case{"tables_of_another_alphabet", "", "national = \"tr\"\ndefault_alphabet = \"latin1\"\n", "", 5, 1,
                   "data_coding 0 is another alphabet"},
        fault_case{"packed_in_another_alphabet", "", "gsm_packed = true\ndefault_alphabet = \"ascii\"\n", "", 5, 1,
                   "data_coding 0 is another alphabet"},
        fault_case{"ton", "", "source_ton = \"national\"\n", "", 5, 14, "\"auto\" or a number"},
        fault_case{"throughput", "", "throughput = -1\n", "", 5, 14, "not from 0"},
        fault_case{"not_a_number", "", "throughput = nan\n", "", 5, 14, "not from 0"},
        fault_case{"window", "", "window = 0\n", "", 5, 10, "is 0"},
        fault_case{"window_word", "", "window = \"some\"\n", "", 5, 10, "\"auto\" or a number"},
        fault_case{"window_range", "", "window = \"auto\"\nwindow_range = { min = 9, max = 3 }\n", "", 6, 1,
                   "less than window_range.min"},
        fault_case{"window_range_key", "", "window = \"auto\"\nwindow_range = { least = 9 }\n", "", 6, 18, "\"max\""},
        fault_case{"sender_rate", "", "throughput_per_sender = -1\n", "", 5, 25, "not from 0"},
        fault_case{"priority_flags", "", "priority_flags = { hurry = 1 }\n", "", 5, 20, "unknown key \"hurry\""},
        fault_case{"tls_files", "", "tls = true\ntls_ca = \"gone.pem\"\n", "", 6, 1, "gone.pem"},
        fault_case{"tls_key_alone", "", "tls = true\ntls_key = \"k.pem\"\n", "", 6, 1, "tls_cert, which is missing"},
        fault_case{"tls_keys_without_tls", "", "tls_ca = \"ca.pem\"\n", "", 5, 1, "no effect without tls", true},
        fault_case{"tls_insecure", "", "tls = true\ntls_insecure = true\n", "", 6, 1, "gets the password", true},
        fault_case{"binds_unknown_key", "", "password = \"x\"\n[[carrier.bind]]\nwindw = 1\n", "", 7, 1,
                   "the nearest known key is \"window\""},
        fault_case{"binds_mode", "", "password = \"x\"\n[[carrier.bind]]\nbind = \"both\"\n", "", 7, 8,
                   "one of \"transceiver\""},
        fault_case{"binds_sessions", "",
                   "password = \"x\"\n[[carrier.bind]]\nsessions = 600\n[[carrier.bind]]\nsessions = 600\n", "", 6, 11,
                   "at most 1000"},
        fault_case{"binds_cannot_receive", "",
                   "password = \"x\"\n[[carrier.bind]]\nbind = \"transmitter\"\nsessions = 4\n", "", 1, 1,
                   "nothing can receive them", true},
        fault_case{"receipt_timezone", "", "receipt_timezone = \"Mars/Olympus\"\n", "", 5, 1,
                   "receipt_timezone \"Mars/Olympus\" is not known"},
        fault_case{"no_way_for_receipts", "", "bind = \"transmitter\"\n", "", 1, 1, "nothing can receive them", true},
        fault_case{"only_receives", "", "bind = \"receiver\"\n", "", 9, 7, "only receives", true}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    policy, faults,
    testing::Values(
        fault_case{"no_action", "", "password = \"x\"\n[[carrier.policy]]\nstatus = \"0x500\"\n", "", 6, 1,
                   "no action"},
        fault_case{"no_status", "", "password = \"x\"\n[[carrier.policy]]\naction = \"fail\"\n", "", 6, 1, "no status"},
        fault_case{"unknown_status", "",
                   "password = \"x\"\n[[carrier.policy]]\naction = \"fail\"\nstatus = [\"ESME_ROK2\"]\n", "", 8, 11,
                   "no command_status"},
        fault_case{"success_is_success", "",
                   "password = \"x\"\n[[carrier.policy]]\naction = \"fail\"\nstatus = [\"0x500\", \"ESME_ROK\"]\n", "",
                   8, 20, "ESME_ROK cannot be changed"},
        fault_case{"throttling_is_throttling", "",
                   "password = \"x\"\n[[carrier.policy]]\naction = \"fail\"\nstatus = [\"0x58\"]\n", "", 8, 11,
                   "ESME_RTHROTTLED cannot"},
        fault_case{"attempts", "",
                   "password = \"x\"\n[[carrier.policy]]\naction = \"fail\"\nattempts = 0\nstatus = [\"0x5\"]\n", "", 8,
                   12, "is 0"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    route, faults,
    testing::Values(
        fault_case{"unknown_carrier", "", "", "to = [\"acne\"]\n", 8, 7,
                   "no carrier \"acne\"; the nearest name is \"acme\""},
        fault_case{"no_carriers", "", "", "to = []\n", 8, 1, "no carriers"},
        fault_case{"carrier_twice", "", "", "to = [\"acme\", \"acme\"]\n", 8, 15, "twice"},
        fault_case{"weight_without_strategy", "", "", "to = [\"acme:2\"]\n", 8, 7, "strategy = \"weighted\""},
        fault_case{"weight", "", "", "strategy = \"weighted\"\nto = [\"acme:0\"]\n", 9, 7, "1 to 1000"},
        fault_case{"strategy", "", "", "strategy = \"random\"\n", 8, 12, "one of \"failover\""},
        fault_case{"letters", "", "", "prefix = [\"49a\"]\n", 8, 11, "1 to 15 digits"},
        fault_case{"long_prefix", "", "", "prefix = [\"49\", \"1234567890123456\"]\n", 8, 17, "1 to 15 digits"},
        fault_case{"trunk_prefix", "", "", "prefix = [\"49\", \"0049\"]\n", 8, 17, "matches nothing"},
        fault_case{"prefix_twice", "", "", "prefix = [\"49\", \"+49\"]\n", 8, 17, "twice", true},
        fault_case{"no_prefix", "", "", "prefix = []\n", 8, 1, "prefix is empty"},
        fault_case{"no_sender", "", "", "from = []\n", 8, 1, "from is empty"},
        fault_case{"no_priority", "", "", "priority = []\n", 8, 1, "priority is empty"},
        fault_case{"prefix_type", "", "", "prefix = [\"49\", 43]\n", 8, 17, "holds strings, not an integer"},
        fault_case{"sender_of_route", "", "", "from = [\"\"]\n", 8, 9, "neither"},
        fault_case{"priority", "", "", "priority = [\"urgent\", \"high\"]\n", 8, 23,
                   "\"urgent\", \"normal\", \"bulk\""},
        fault_case{"tag_type", "", "", "tags = { a = 1 }\n", 8, 14, "a is a string, not an integer"},
        fault_case{"changes", "", "", "set = { form = \"X\" }\n", 8, 9, "the nearest known key is \"from\""},
        fault_case{"validity", "", "", "set = { validity = \"0s\" }\n", 8, 20, "not from 1s"},
        fault_case{"unreachable", "", "", "to = [\"acme\"]\n[[route]]\nname = \"b\"\nto = [\"acme\"]\n", 9, 1,
                   "never reached", true},
        fault_case{"same_name", "", "",
                   "to = [\"acme\"]\n[[route]]\nname = \"all\"\nprefix = \"49\"\nto = [\"acme\"]\n", 10, 1, "already"}),
    [](const auto& c) { return std::string(c.param.name); });

// Each was compared with all before it: a hundred thousand took half a minute, a million an hour.
TEST(configuration, a_route_may_have_very_many_prefixes) {
  std::string text = std::string(minimal) + "prefix = [";
  for (unsigned i = 0; i < 200'000; ++i) text += "\"49" + std::to_string(1'000'000 + i) + "\",";
  const auto begun = std::chrono::steady_clock::now();
  const configuration config = good(text + "]\n");
  ASSERT_EQ(config.routes.size(), 1U);
  EXPECT_EQ(config.routes[0].prefix.size(), 200'000U);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 20s);
}

TEST(configuration, every_fault_of_a_file_is_listed_in_its_order) {
  const loaded l = parse_configuration(R"(zzz = 1
[engine]
io_threads = -1
[[route]]
to = ["nobody"]
[[carrier]]
name = "a b"
host = "smsc.example:2775"
system_id = "0123456789abcdef"
)",
                                       "dir/t.toml");
  EXPECT_FALSE(l.ok());
  std::vector<std::uint32_t> lines;
  for (const fault& f : l.faults) lines.push_back(f.line);
  EXPECT_EQ(lines, (std::vector<std::uint32_t>{1, 3, 4, 5, 6, 7, 8, 9})) << errors_of(l);
  EXPECT_THAT(to_string(l.faults[1]), HasSubstr("dir/t.toml:3:14: "));
}

TEST(configuration, a_file_that_is_no_toml_has_one_fault_with_its_place) {
  const loaded l = parse_configuration("[engine]\nio_threads = = 3\n", "t.toml");
  EXPECT_FALSE(l.ok());
  ASSERT_EQ(l.faults.size(), 1U);
  EXPECT_EQ(l.faults[0].line, 2U);
}

TEST(configuration, control_characters_are_refused_before_the_parser) {
  for (const char c : {'\0', '\b', '\x1f', '\x7f'}) {
    const loaded l = parse_configuration(std::string("# \xc3\xbc\n[\xc3\xbc") + c + "[carrier]]", "t.toml");
    ASSERT_EQ(l.faults.size(), 1U);
    EXPECT_EQ(to_string(l.faults[0]), "t.toml:2:3: control character: the file is no TOML");
  }
}

TEST(configuration, an_empty_file_has_no_carriers) {
  const loaded l = parse_configuration("", "t.toml");
  EXPECT_FALSE(l.ok());
  ASSERT_EQ(l.faults.size(), 1U);
  EXPECT_THAT(l.faults[0].message, HasSubstr("no [[carrier]]"));
}

TEST(configuration, without_routes_is_a_warning) {
  const std::string text = minimal;
  const loaded l = parse_configuration(text.substr(0, text.find("[[route]]")), "t.toml");
  EXPECT_TRUE(l.ok());
  ASSERT_EQ(l.faults.size(), 1U);
  EXPECT_THAT(l.faults[0].message, HasSubstr("no_route"));
}

TEST(configuration, one_table_where_a_list_of_tables_belongs) {
  const loaded l = parse_configuration("[carrier]\nname = \"a\"\n", "t.toml");
  EXPECT_THAT(errors_of(l), HasSubstr("write [[carrier]]"));
}

TEST(configuration, a_file_that_is_not_there_or_no_file) {
  for (const char* path : {"/nonexistent/trunkline.toml", "/tmp"}) {
    const loaded l = load_configuration(path);
    EXPECT_FALSE(l.ok());
    ASSERT_EQ(l.faults.size(), 1U);
    EXPECT_EQ(l.faults[0].line, 0U);
    EXPECT_THAT(to_string(l.faults[0]), HasSubstr(std::string(path) + ": "));
  }
}

class secrets : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("trunkline-secrets-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& content) { std::ofstream(folder_ / name) << content; }
  loaded with_password(const std::string& password) {
    std::string text = minimal;
    text.replace(text.find("\"secret\""), 8, "\"" + password + "\"");
    write("t.toml", text);
    return load_configuration((folder_ / "t.toml").string());
  }
  std::filesystem::path folder_;
};

TEST_F(secrets, come_from_the_environment) {
  ::setenv("TRUNKLINE_TEST_PASSWORD", "from-env", 1);
  const loaded l = with_password("env:TRUNKLINE_TEST_PASSWORD");
  ::unsetenv("TRUNKLINE_TEST_PASSWORD");
  ASSERT_TRUE(l.ok()) << errors_of(l);
  EXPECT_EQ(l.config->carriers[0].password.reveal(), "from-env");
}

TEST_F(secrets, come_from_a_file_next_to_the_configuration_without_its_line_end) {
  write("pw", "from file\r\n");
  const loaded l = with_password("file:pw");
  ASSERT_TRUE(l.ok()) << errors_of(l);
  EXPECT_EQ(l.config->carriers[0].password.reveal(), "from file");
}

TEST_F(secrets, come_from_an_absolute_file) {
  write("pw", "absolute");
  const loaded l = with_password("file:" + (folder_ / "pw").string());
  ASSERT_TRUE(l.ok()) << errors_of(l);
  EXPECT_EQ(l.config->carriers[0].password.reveal(), "absolute");
}

TEST_F(secrets, are_refused_when_they_cannot_be_read_or_sent) {
  write("nul", std::string("a\0b", 3));
  write("large", std::string(5000, 'x'));
  EXPECT_FALSE(with_password("file:nul").ok());
  EXPECT_FALSE(with_password("file:large").ok());
  EXPECT_FALSE(with_password("file:").ok());
  EXPECT_FALSE(with_password("env:").ok());
}

TEST_F(secrets, are_in_no_message) {
  const loaded l = with_password("verysecretindeed");
  EXPECT_THAT(errors_of(l), testing::Not(HasSubstr("verysecret")));
}

template <typename T>
concept printable = requires(std::ostream& out, const T& value) {
  out << value;
};

TEST(secret, cannot_be_printed_and_moves_empty_out) {
  static_assert(!printable<secret>);
  static_assert(!std::is_convertible_v<secret, std::string>);
  secret a("geheim");
  const secret b = std::move(a);
  EXPECT_EQ(b.reveal(), "geheim");
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): that is the promise
  secret c = b;
  EXPECT_EQ(c, b);
  c = secret("x");
  EXPECT_EQ(c.reveal(), "x");
}

TEST(compile_routes, gives_the_routing_stage_what_the_file_says) {
  const configuration config = good(std::string(minimal) + R"([[route]]
name = "urgent"
rank = -1
priority = "urgent"
prefix = "49"
to = ["acme"]
set = { from = "X" }
)");
  const auto table = compile_routes(config, [](std::string_view name) -> std::optional<router::carrier_id> {
    return name == "acme" ? std::optional<router::carrier_id>(7) : std::nullopt;
  });
  const auto* urgent = table->match({"49170", "", router::priority::urgent, {}});
  ASSERT_NE(urgent, nullptr);
  EXPECT_EQ(urgent->name, "urgent");
  EXPECT_EQ(urgent->set.from, "X");
  ASSERT_EQ(urgent->to.size(), 1U);
  EXPECT_EQ(urgent->to[0].carrier, 7);
  const auto* bulk = table->match({"49170", "", router::priority::bulk, {}});
  ASSERT_NE(bulk, nullptr);
  EXPECT_EQ(bulk->name, "all");
}

TEST(compile_routes, leaves_out_carriers_that_are_gone) {
  const auto table = compile_routes(good(minimal), [](std::string_view) { return std::nullopt; });
  ASSERT_EQ(table->routes().size(), 1U);
  EXPECT_TRUE(table->routes()[0].to.empty());
}

class examples : public testing::TestWithParam<const char*> {};

TEST_P(examples, are_without_fault) {
  const loaded l = load_configuration(std::string(TRUNKLINE_TEST_DATA "/../../deploy/examples/") + GetParam());
  EXPECT_TRUE(l.ok());
  EXPECT_EQ(errors_of(l), "");
}

INSTANTIATE_TEST_SUITE_P(files, examples,
                         testing::Values("minimal.toml", "two-carriers.toml", "bank.toml", "alerts.toml"),
                         [](const auto& c) {
                           std::string name = c.param;
                           std::replace_if(
                               name.begin(), name.end(), [](char x) { return x == '-' || x == '.'; }, '_');
                           return name;
                         });

TEST(binds, take_from_the_carrier_what_they_do_not_say) {
  const loaded out = parse_configuration(R"(
[[carrier]]
name = "acme"
host = "a.example"
port = 3000
system_id = "u"
password = "p"
window = 20
local_address = "192.0.2.1"
outbind_system_id = "smsc"
outbind_password = "key"
[[carrier.bind]]
bind = "transmitter"
sessions = 4
[[carrier.bind]]
bind = "receiver"
host = "b.example"
port = 3001
window = 5
[[carrier.bind]]
bind = "receiver"
outbind_listen = "[::1]:2776"
[[route]]
name = "all"
to = ["acme"]
)",
                                         "f.toml");
  ASSERT_TRUE(out.ok()) << (out.faults.empty() ? "" : to_string(out.faults.front()));
  EXPECT_TRUE(out.faults.empty()) << to_string(out.faults.front());
  const carrier_config& c = out.config->carriers.front();
  const std::vector<bind_config> expected = {
      {bind_mode::transmitter, "a.example", 3000, "192.0.2.1", {}, 4, 20},
      {bind_mode::receiver, "b.example", 3001, "192.0.2.1", {}, 1, 5},
      {bind_mode::receiver, "a.example", 3000, "192.0.2.1", {"::1", 2776}, 1, 20},
  };
  EXPECT_EQ(c.all_binds(), expected);
  EXPECT_TRUE(c.can_send());
  EXPECT_TRUE(c.can_receive());
  EXPECT_EQ(c.windows(), 80U);
  EXPECT_EQ(c.outbind_password.reveal(), "key");
}

TEST(binds, outbind_wants_all_it_needs) {
  struct row {
    const char* name;
    const char* keys;
    const char* fault;
  };
  for (const row& r :
       {row{"no address", "bind = \"receiver\"\noutbind_password = \"\"\noutbind_listen = \"any:1\"", "ADDRESS:PORT"},
        row{"no port", "bind = \"receiver\"\noutbind_password = \"\"\noutbind_listen = \"0.0.0.0\"", "ADDRESS:PORT"},
        row{"a transceiver", "outbind_password = \"\"\noutbind_listen = \"[::]:2776\"", "for bind = \"receiver\""},
        row{"two sessions",
            "bind = \"receiver\"\nsessions = 2\noutbind_password = \"\"\noutbind_listen = \"[::]:2776\"",
            "for sessions = 1"},
        row{"no password", "bind = \"receiver\"\noutbind_listen = \"127.0.0.1:2776\"", "without outbind_password"}}) {
    const std::string text =
        "[[carrier]]\nname = \"acme\"\nsystem_id = \"u\"\npassword = \"p\"\n" + std::string(r.keys) + "\n";
    const loaded out = parse_configuration(text, "f.toml");
    EXPECT_FALSE(out.ok()) << r.name;
    EXPECT_TRUE(std::any_of(out.faults.begin(), out.faults.end(), [&](const fault& f) {
      return f.message.find(r.fault) != std::string::npos;
    })) << r.name;
  }
}

}  // namespace
}  // namespace trunkline::engine
