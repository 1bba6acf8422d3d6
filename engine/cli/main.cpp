// The program: one binary, a subcommand for each job.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "engine/cli/commands.hpp"
#include "engine/cli/decode.hpp"
#include "engine/cli/preview.hpp"

int main(int argc, char** argv) {
  CLI::App app{
      "Trunkline, a bulk SMS engine: takes batches from a spool directory and pushes them to carriers over SMPP"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "trunkline " TRUNKLINE_VERSION);
  int exit_code = 0;
  try {
    trunkline::engine::add_run_command(app, exit_code);
    trunkline::engine::add_check_command(app, exit_code);
    trunkline::engine::add_send_command(app, exit_code);
    trunkline::engine::add_status_command(app, exit_code);
    trunkline::engine::add_batch_command(app, exit_code);
    trunkline::engine::add_carrier_command(app, exit_code);
    trunkline::engine::add_route_command(app, exit_code);
    trunkline::engine::add_simulator_command(app, exit_code);
    trunkline::engine::add_optout_command(app, exit_code);
    trunkline::engine::add_journal_command(app, exit_code);
    trunkline::engine::add_decode_command(app, exit_code);
    trunkline::engine::add_preview_command(app, exit_code);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "trunkline: %s\n", e.what());
    return 1;
  }
  return exit_code;
}
