#pragma once

namespace CLI {
class App;
}

namespace trunkline::engine {

// Each subcommand adds itself to the program. Its callback does the work and puts the exit status (product contract:
// 0 done, 1 failed while running, 2 wrong usage or configuration, 3 finished with messages that were not sent) into
// `exit_code`, which outlives the parsing.

/// `trunkline simulator`: an SMSC to test against.
void add_simulator_command(CLI::App& app, int& exit_code);

}  // namespace trunkline::engine
