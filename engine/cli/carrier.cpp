// `trunkline carrier list|disable|enable|reconnect`: asks the engine that runs on the configuration's data_dir.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/cli/commands.hpp"
#include "engine/cli/control_client.hpp"
#include "engine/cli/session_table.hpp"
#include "engine/runtime/configuration.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::json;

struct carrier_options {
  std::string config;
  std::string name;
  bool as_json = false;
};

/// The engine's answer, or an exit status.
tl::expected<json, int> ask(const carrier_options& options, json request) {
  const loaded read = load_configuration(options.config);
  if (!read.config) {
    for (const fault& f : read.faults) fmt::print(stderr, "{}\n", to_string(f));
    return tl::unexpected(2);
  }
  if (!options.name.empty()) request["name"] = options.name;
  auto answer = ask_engine(read.config->data_dir, request);
  if (answer) return std::move(*answer);
  fmt::print(stderr, "trunkline: {}\n", answer.error().text);
  return tl::unexpected(1);
}

int run_list(const carrier_options& options) {
  const auto answer = ask(options, {{"command", "carrier_list"}});
  if (!answer) return answer.error();
  const json& carriers = answer->at("carriers");
  if (options.as_json) {
    fmt::print("{}\n", carriers.dump(2));
  } else {
    print_carriers(carriers);
  }
  return 0;
}

int run_change(const carrier_options& options, const std::string& what) {
  const auto answer = ask(options, {{"command", "carrier_" + what}});
  if (!answer) return answer.error();
  if (what == "reconnect") {
    const auto sessions = answer->value("sessions", std::size_t{0});
    fmt::print("{}: {} session{} will bind anew\n", options.name, sessions, sessions == 1 ? "" : "s");
  } else {
    fmt::print("{}: {}{}d\n", options.name, answer->value("changed", true) ? "" : "was already ", what);
  }
  return 0;
}

}  // namespace

void add_carrier_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("carrier", "List, disable, enable or reconnect carriers of a running engine");
  command->require_subcommand(1);
  const auto options = std::make_shared<carrier_options>();
  const auto add = [&](const std::string& name, const std::string& help) {
    CLI::App* sub = command->add_subcommand(name, help);
    sub->add_option("--config,-c", options->config, "Configuration file of the engine")->type_name("FILE")->required();
    if (name != "list") sub->add_option("NAME", options->name, "Name of the carrier")->required();
    return sub;
  };
  CLI::App* list = add("list", "Show carriers and their sessions");
  list->add_flag("--json", options->as_json, "Print the carriers as in /status");
  list->callback([options, &exit_code] { exit_code = run_list(*options); });
  add("disable", "Unbind its sessions in order; its messages wait until it is enabled, or the engine starts anew")
      ->callback([options, &exit_code] { exit_code = run_change(*options, "disable"); });
  add("enable", "Bind again")->callback([options, &exit_code] { exit_code = run_change(*options, "enable"); });
  add("reconnect", "Unbind its sessions in order and bind anew at once, also after a refused login")
      ->callback([options, &exit_code] { exit_code = run_change(*options, "reconnect"); });
}

}  // namespace trunkline::engine
