#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace trunkline::engine {

// Each subcommand adds itself to the program. Its callback does the work and puts the exit status (product contract:
// 0 done, 1 failed while running, 2 wrong usage or configuration, 3 finished with messages that were not sent) into
// `exit_code`, which outlives the parsing.

/// `trunkline run`: the engine.
void add_run_command(CLI::App& app, int& exit_code);
/// `trunkline send`: puts a file into the spool, and watches it until its report is there.
void add_send_command(CLI::App& app, int& exit_code);
/// `trunkline status`: what a running engine says of itself.
void add_status_command(CLI::App& app, int& exit_code);

/// `trunkline batch list|show|pause|resume|cancel`: looks at batches of a running engine, and stops them.
void add_batch_command(CLI::App& app, int& exit_code);
/// `trunkline carrier`: lists, disables, enables and reconnects carriers of a running engine.
void add_carrier_command(CLI::App& app, int& exit_code);

/// `trunkline simulator`: an SMSC to test against.
void add_simulator_command(CLI::App& app, int& exit_code);

/// `trunkline check`: validates a configuration, starts nothing.
void add_check_command(CLI::App& app, int& exit_code);
/// Loads the file, prints every fault on standard error and a summary on standard output. Returns 0 or 2.
int run_check(const std::string& config_path);

/// `trunkline route`: explains where a message would go.
void add_route_command(CLI::App& app, int& exit_code);
/// The message that is asked about.
struct route_question {
  std::string number;  ///< as a batch may write it
  std::string from;
  std::string text;
  std::string priority = "bulk";
  std::vector<std::string> tags;  ///< "key=value"
  // With --inbound: a message that a phone sends.
  bool inbound = false;
  std::string to;       ///< the number that it is sent to
  std::string carrier;  ///< by which it comes
  std::string at;       ///< RFC 3339 time; empty: now
  std::string batch;    ///< the batch that it answers
  std::string batch_name;
};
/// Explains rule by rule on standard output. Returns 0; 1 when no route takes the message; 2 for a wrong question or
/// configuration. With --inbound: the rules for received messages, `number` being the phone's; 1 when no rule takes it.
int run_route(const std::string& config_path, const route_question& question);

/// `trunkline optout list|add|remove|import|export`: who must not be sent to.
void add_optout_command(CLI::App& app, int& exit_code);

/// `trunkline journal show|verify`: looks into a journal, changes nothing.
void add_journal_command(CLI::App& app, int& exit_code);
/// Prints every record of the journal in `directory` on standard output and a summary on standard error.
/// Returns 0; 1 when the journal is damaged or cannot be read.
int run_journal_show(const std::string& directory);
/// Checks the journal and prints a summary. Returns as above.
int run_journal_verify(const std::string& directory);

}  // namespace trunkline::engine
