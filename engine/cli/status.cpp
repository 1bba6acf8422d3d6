// `trunkline status`: the engine's /status as a table for people, or as it is.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/cli/commands.hpp"
#include "engine/cli/http_get.hpp"
#include "engine/cli/session_table.hpp"
#include "engine/runtime/configuration.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::json;

struct status_options {
  std::string url;
  std::string config;
  bool as_json = false;
};

void print(const json& s) {
  fmt::print("trunkline {}: {}\n", s.value("version", ""),
             s.value("ready", false) ? "ready" : "NOT READY: " + s.value("not_ready_because", ""));
  fmt::print("\n");
  print_carriers(s["carriers"]);
  fmt::print("\n{:<16} {:>12} {:>12} {:>12} {:>12} {:>12} {:>11}  {}\n", "CARRIER", "RECEIPTS", "UNMATCHED", "REPEATED",
             "DELIVERED", "ENDED", "IN (50/99%)", "IDS");
  for (const auto& c : s["carriers"]) {
    const auto& r = c["receipts"];
    const auto n = [&](const char* key) { return r.value(key, std::uint64_t{0}); };
    const std::uint64_t ended = n("messages_ended");
    const json within = r.value("delivered_within_seconds", json::object());
    fmt::print("{:<16} {:>12} {:>12} {:>12} {:>12} {:>12} {:>11}  {}\n", c.value("name", ""), n("received"),
               n("unmatched"), n("repeated"),
               ended == 0 ? std::string("-") : fmt::format("{:.2f} %", r.value("delivery_ratio", 0.0) * 100), ended,
               within.empty() ? std::string("-")
                              : fmt::format("{:g}/{:g} s", within.value("p50", 0.0), within.value("p99", 0.0)),
               r.value("message_ids", ""));
  }
  fmt::print("\n{:<40} {:<11} {:>24} {}\n", "BATCH", "STATE", "FINISHED", "ACCEPTED");
  for (const auto& b : s["batches"]) {
    const auto finished = b.value("finished", std::uint64_t{0});
    fmt::print("{:<40} {:<11} {:>24} {}\n", b.value("name", ""), b.value("state", ""),
               b.contains("messages") ? fmt::format("{} of {}", finished, b.value("messages", std::uint64_t{0}))
                                      : fmt::format("{}", finished),
               b.value("accepted_at", ""));
  }
  if (s["batches"].empty()) fmt::print("(no open batches)\n");
  fmt::print("\nfinal since start:");
  for (const auto& [name, n] : s["messages"].items()) fmt::print(" {} {}", name, n.get<std::uint64_t>());
  fmt::print("\n");
}

int run_status(const status_options& options) {
  std::string server = options.url;
  if (server.empty() && !options.config.empty()) {
    const loaded read = load_configuration(options.config);
    if (!read.config) {
      for (const fault& f : read.faults) fmt::print(stderr, "{}\n", to_string(f));
      return 2;
    }
    server = read.config->http.listen;
  }
  if (server.empty()) server = http_config{}.listen;
  const std::size_t colon = server.rfind(':');
  const std::string port = colon == std::string::npos ? "" : server.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
      std::stoul(port) > 65535) {
    fmt::print(stderr, "trunkline: {} is not host:port\n", server);
    return 2;
  }
  const auto body = http_get(server, "/status");
  if (!body) {
    fmt::print(stderr, "trunkline: {}\n", body.error());
    return 1;
  }
  if (options.as_json) {
    std::fputs(body->c_str(), stdout);
    return 0;
  }
  const json parsed = json::parse(*body, nullptr, false);
  if (parsed.is_discarded()) {
    fmt::print(stderr, "trunkline: {} did not answer with JSON\n", server);
    return 1;
  }
  print(parsed);
  return 0;
}

}  // namespace

void add_status_command(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<status_options>();
  CLI::App* command = app.add_subcommand("status", "Show carriers, sessions, queues and batches of a running engine");
  command->add_option("--url", options->url, "Where the engine listens, host:port (default 127.0.0.1:9464)");
  command->add_option("--config,-c", options->config, "Configuration file to take [http] listen from");
  command->add_flag("--json", options->as_json, "Print the JSON document of /status");
  command->callback([options, &exit_code] { exit_code = run_status(*options); });
}

}  // namespace trunkline::engine
