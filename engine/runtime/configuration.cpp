// The loader: text to toml++'s tree, the tree section by section into plain structs, then what concerns several
// sections. toml++ ends at the first error of syntax; from there on every fault is collected before anything is
// refused.
#include "engine/runtime/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

#include "engine/runtime/configuration_sections.hpp"
#include "engine/runtime/configuration_values.hpp"
#include "engine/runtime/toml_section.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_file_octets = 256ULL << 20;
constexpr std::size_t max_secret_octets = 255;

/// Control characters stand nowhere in TOML but for tab and line ends. They are refused before toml++ sees them: in
/// builds with assertions its parser aborts on some of them, and a reload must survive any file.
std::optional<toml::source_position> find_control_character(std::string_view text) {
  toml::source_position at{1, 1};
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet == 0x7f || (octet < 0x20 && c != '\t' && c != '\n' && c != '\r')) return at;
    if (c == '\n') {
      ++at.line;
      at.column = 1;
    } else if ((octet & 0xc0) != 0x80) {
      ++at.column;
    }
  }
  return std::nullopt;
}

/// The content of a regular file of at most `limit` octets, or what is wrong with it.
std::optional<std::string> read_file(const std::string& path, std::size_t limit, std::string& problem) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error) {
    problem = error.message();
    return std::nullopt;
  }
  if (std::filesystem::is_directory(status)) {
    problem = "is a directory";
    return std::nullopt;
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    problem = "cannot be opened";
    return std::nullopt;
  }
  std::string content;
  char block[16384];
  do {
    in.read(block, sizeof block);
    content.append(block, static_cast<std::size_t>(in.gcount()));
  } while (in && content.size() <= limit);
  if (in.bad()) problem = "cannot be read";
  if (content.size() > limit) problem = fmt::format("is longer than {} octets", limit);
  return problem.empty() ? std::optional(std::move(content)) : std::nullopt;
}

void read_directory(toml_section& section, std::string_view key, std::string& out) {
  const auto text = section.located(key);
  if (!text) return;
  if (text->value.empty()) section.error(text->where, fmt::format("{} is empty", key));
  out = text->value;
}

engine_config read_engine(toml_section& section) {
  engine_config out;
  section.integer("io_threads", out.io_threads, 0, 256);
  section.automatic_integer("router_threads", out.router_threads, 0, 64);
  section.integer("max_active", out.max_active, 1'000, 100'000'000);
  section.integer("max_unsynced", out.max_unsynced, 1, 10'000'000);
  section.duration("default_validity", out.default_validity, 1s, 366 * 24h);
  section.duration("shutdown_timeout", out.shutdown_timeout, 0ms, 24h);
  section.duration("reassembly_ttl", out.reassembly_ttl, 1s, 7 * 24h);
  section.duration("reply_window", out.reply_window, 0ms, 30 * 24h);
  if (const auto country = section.located("default_country")) {
    const bool good = country->value.empty() ||
                      (country->value.size() == 2 && std::all_of(country->value.begin(), country->value.end(),
                                                                 [](char c) { return c >= 'A' && c <= 'Z'; }));
    if (!good) section.error(country->where, "default_country is an ISO 3166 code of two capitals, for example \"DE\"");
    out.default_country = country->value;
  }
  section.finish();
  return out;
}

spool_config read_spool(toml_section& section) {
  spool_config out;
  read_directory(section, "dir", out.dir);
  section.choice("on_unknown", out.on_unknown, {{"resend", unknown_policy::resend}, {"hold", unknown_policy::hold}});
  section.integer("unknown_resends", out.unknown_resends, 0, 100);
  section.size("min_free", out.min_free_bytes);
  section.duration("keep_done", out.keep_done, 0ms, 100 * 365 * 24h);
  section.duration("keep_output", out.keep_output, 0ms, 100 * 365 * 24h);
  section.duration("name_memory", out.name_memory, 0ms, 100 * 365 * 24h);
  section.boolean("require_trailer", out.require_trailer);
  section.string("group", out.group, 64);
  section.mode("dir_mode", out.dir_mode);
  section.mode("file_mode", out.file_mode);
  section.finish();
  return out;
}

http_config read_http(toml_section& section) {
  http_config out;
  if (const auto listen = section.located("listen")) {
    const std::size_t colon = listen->value.rfind(':');
    std::uint32_t port = 65536;
    if (colon != std::string::npos) {
      const char* const last = listen->value.data() + listen->value.size();
      const auto [stop, problem] = std::from_chars(listen->value.data() + colon + 1, last, port);
      if (problem != std::errc() || stop != last) port = 65536;
    }
    if (!listen->value.empty() && (port > 65535 || colon == 0))
      section.error(listen->where, "listen is \"HOST:PORT\", for example \"127.0.0.1:9464\", or \"\" for no HTTP");
    out.listen = listen->value;
  }
  section.finish();
  return out;
}

privacy_config read_privacy(toml_section& section) {
  privacy_config out;
  section.boolean("mask_numbers", out.mask_numbers);
  section.finish();
  return out;
}

receipts_config read_receipts_section(toml_section& section) {
  receipts_config out;
  section.duration("receipt_ttl", out.receipt_ttl, 1s, 366 * 24h);
  section.duration("park_time", out.park_time, 0ms, 366 * 24h);
  section.integer("max_parked", out.max_parked, 1, 10'000'000);
  section.size("index_memory", out.index_memory_bytes);
  section.finish();
  return out;
}

log_config read_log(toml_section& section) {
  log_config out;
  const auto words = [&](std::string_view key, std::string& value, std::initializer_list<std::string_view> allowed) {
    const auto text = section.located(key);
    if (!text) return;
    if (std::find(allowed.begin(), allowed.end(), text->value) == allowed.end())
      section.error(text->where, fmt::format("{} is one of \"{}\"", key, fmt::join(allowed, "\", \"")));
    value = text->value;
  };
  words("level", out.level, {"trace", "debug", "info", "warning", "error"});
  words("format", out.format, {"text", "json"});
  section.finish();
  return out;
}

/// Faults of a list of named things: names must differ.
template <typename Named>
void check_names(const std::vector<Named>& items, std::vector<toml_section>& sections, std::string_view what) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (!items[i].name.empty() && !seen.insert(items[i].name).second)
      sections[i].error(sections[i].where("name"), fmt::format("there is a {} \"{}\" already", what, items[i].name));
}

/// A route that another one always beats is surely a mistake.
void check_reachable(const configuration& config, std::vector<toml_section>& sections) {
  std::set<std::pair<std::int32_t, std::string_view>> taken;
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const route_config& route = config.routes[i];
    const bool any_number = route.prefix.empty();
    const auto is_taken = [&](const std::string& prefix) { return taken.contains({route.rank, prefix}); };
    if (any_number ? taken.contains({route.rank, ""}) : std::all_of(route.prefix.begin(), route.prefix.end(), is_taken))
      sections[i].warning(
          sections[i].where(),
          fmt::format("route \"{}\" is never reached: earlier routes of the same rank and prefix take all "
                      "its messages",
                      route.name));
    if (!route.from.empty() || !route.tags.empty() || !route.priority.empty()) continue;
    if (any_number) taken.insert({route.rank, ""});
    for (const std::string& prefix : route.prefix) taken.insert({route.rank, prefix});
  }
}

void check_together(const configuration& config, toml_section& root, std::vector<toml_section>& carriers) {
  if (config.carriers.empty()) root.error(root.where(), "there is no [[carrier]]: nothing can be sent");
  if (config.routes.empty() && !config.carriers.empty())
    root.warning(
        root.where(),
        "there is no [[route]]: only messages that name a carrier are sent, all others are rejected with no_route");
  if (config.data_dir == config.spool.dir)
    root.error(root.where("data_dir"), "data_dir and [spool] dir are the same directory");
  const bool receives =
      std::any_of(config.carriers.begin(), config.carriers.end(), [](const auto& c) { return c.can_receive(); });
  for (std::size_t i = 0; i < config.carriers.size(); ++i) {
    const carrier_config& carrier = config.carriers[i];
    if (carrier.receipts && !carrier.can_receive() && !receives)
      carriers[i].warning(
          carriers[i].where("receipts"),
          fmt::format("carrier \"{}\" asks for delivery receipts, and nothing can receive them: no carrier binds as "
                      "transceiver or receiver",
                      carrier.name));
  }
}

configuration read_all(const toml::table& tree, const std::string& base, fault_list& faults) {
  configuration config;
  toml_section root(tree, "", faults);
  read_directory(root, "data_dir", config.data_dir);
  if (auto section = root.table("engine")) config.engine = read_engine(*section);
  if (auto section = root.table("spool")) config.spool = read_spool(*section);
  if (auto section = root.table("http")) config.http = read_http(*section);
  if (auto section = root.table("privacy")) config.privacy = read_privacy(*section);
  if (auto section = root.table("receipts")) config.receipts = read_receipts_section(*section);
  if (auto section = root.table("log")) config.log = read_log(*section);
  auto carriers = root.tables("carrier");
  for (toml_section& section : carriers) config.carriers.push_back(read_carrier(section, base));
  auto routes = root.tables("route");
  for (toml_section& section : routes) config.routes.push_back(read_route(section, config.carriers));
  auto inbound = root.tables("inbound");
  for (toml_section& section : inbound) config.inbound.push_back(read_inbound(section, config.carriers));
  if (auto section = root.table("optout")) config.optout = read_optout(*section, config.carriers);
  check_names(config.carriers, carriers, "carrier");
  check_names(config.routes, routes, "route");
  check_names(config.inbound, inbound, "inbound rule");
  check_reachable(config, routes);
  check_together(config, root, carriers);
  warn_of_unrouted(config, inbound);
  root.finish();
  return config;
}

}  // namespace

secret resolve_secret(const located_string& text, std::string_view key, const std::string& base,
                      toml_section& section) {
  std::string value = text.value;
  if (value.starts_with("env:")) {
    const std::string name = value.substr(4);
    const char* found = name.empty() ? nullptr : std::getenv(name.c_str());
    if (found == nullptr)
      section.error(text.where, fmt::format("{}: the environment variable {} is not set", key, name));
    value = found == nullptr ? "" : found;
  } else if (value.starts_with("file:")) {
    const auto path = std::filesystem::path(base) / value.substr(5);
    std::string problem;
    auto content = read_file(path.string(), 4096, problem);
    if (!content) section.error(text.where, fmt::format("{}: {}: {}", key, path.string(), problem));
    value = std::move(content).value_or("");
    while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
  }
  std::string problem;
  if (value.size() > max_secret_octets) problem = fmt::format("{} has more than {} octets", key, max_secret_octets);
  if (value.find('\0') != std::string::npos) problem = fmt::format("{} contains a NUL", key);
  if (!problem.empty()) {
    section.error(text.where, std::move(problem));
    value.clear();
  }
  return secret(std::move(value));
}

loaded parse_configuration(std::string_view text, const std::string& file) {
  loaded out;
  fault_list faults(file);
  if (const auto control = find_control_character(text)) {
    faults.error(toml::source_region{*control, *control, nullptr}, "control character: the file is no TOML");
    out.faults = faults.take();
    return out;
  }
  try {
    const toml::table tree = toml::parse(text, file);
    configuration config = read_all(tree, std::filesystem::path(file).parent_path().string(), faults);
    if (!faults.has_errors()) out.config = std::move(config);
  } catch (const toml::parse_error& error) {
    faults.error(error.source(), std::string(error.description()));
  }
  out.faults = faults.take();
  return out;
}

loaded load_configuration(const std::string& path) {
  std::string problem;
  const auto text = read_file(path, max_file_octets, problem);
  if (text) return parse_configuration(*text, path);
  loaded out;
  out.faults.push_back({path, 0, 0, problem, false});
  return out;
}

}  // namespace trunkline::engine
