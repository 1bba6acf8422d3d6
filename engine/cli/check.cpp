// `trunkline check`: the loader's verdict for people and scripts.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include "engine/cli/commands.hpp"
#include "engine/runtime/configuration.hpp"

namespace trunkline::engine {
namespace {

std::string counted(std::size_t n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

/// As the log says when the first of them comes.
bool nothing_takes_messages(const configuration& config) {
  return config.inbound.empty() && std::any_of(config.carriers.begin(), config.carriers.end(),
                                               [](const carrier_config& c) { return c.can_receive(); });
}

}  // namespace

int run_check(const std::string& config_path) {
  loaded outcome = load_configuration(config_path);
  if (outcome.ok() && nothing_takes_messages(*outcome.config)) {
    outcome.faults.push_back(
        {config_path, 0, 0,
         "there is no [[inbound]]: what phones send to a carrier's sessions goes to inbound/unrouted/", true});
  }
  std::size_t errors = 0;
  for (const fault& f : outcome.faults) {
    fmt::print(stderr, "{}\n", to_string(f));
    if (!f.is_warning) ++errors;
  }
  const std::size_t warnings = outcome.faults.size() - errors;
  if (!outcome.ok()) {
    fmt::print(stderr, "{}: {}, {}\n", config_path, counted(errors, "error"), counted(warnings, "warning"));
    return 2;
  }
  fmt::print("{}: ok: {}, {}, {}\n", config_path, counted(outcome.config->carriers.size(), "carrier"),
             counted(outcome.config->routes.size(), "route"), counted(warnings, "warning"));
  return 0;
}

void add_check_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("check", "Validate a configuration and its routes; starts nothing");
  const auto path = std::make_shared<std::string>();
  command->add_option("--config", *path, "Configuration file")->type_name("FILE")->required();
  command->callback([path, &exit_code] { exit_code = run_check(*path); });
}

}  // namespace trunkline::engine
