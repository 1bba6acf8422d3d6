// `trunkline simulator`: options to a simulator, and a loop that waits for a signal.
#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/cli/commands.hpp"
#include "engine/simulator/simulator.hpp"

namespace trunkline::engine {
namespace {

/// An option whose text `parse` turns into a value for `take`; what it cannot read is a usage error.
template <class Parse, class Take>
CLI::Option* add_parsed(CLI::App& command, const std::string& name, const std::string& help, const std::string& type,
                        Parse parse, Take take) {
  const CLI::callback_t callback = [name, parse, take](const CLI::results_t& texts) {
    for (const std::string& text : texts) {
      const auto value = parse(text);
      if (!value) throw CLI::ValidationError(name, value.error());
      take(*value);
    }
    return true;
  };
  return command.add_option(name, callback, help)
      ->type_name(type)
      ->take_all()
      ->expected(1, 1000)
      ->allow_extra_args(false);
}

void add_options(CLI::App& command, simulator_options& options) {
  const auto add_duration = [&](const std::string& name, const std::string& help, std::chrono::nanoseconds& to) {
    add_parsed(command, name, help, "DURATION", parse_simulator_duration,
               [&to](std::chrono::nanoseconds value) { to = value; });
  };
  const auto add_rate = [&](const std::string& name, const std::string& help, double& to) {
    add_parsed(command, name, help, "RATE", parse_rate, [&to](double value) { to = value; });
  };

  command.add_option("--port", options.port, "Port to listen on; 0: any free one")->capture_default_str();
  command.add_option("--listen", options.listen, "Address to listen on")->capture_default_str();
  command.add_option("--threads", options.threads, "Threads that serve sessions")->capture_default_str();
  command.add_option("--tls-cert", options.tls_cert, "Speak TLS with the certificates in this file (PEM)");
  command.add_option("--tls-key", options.tls_key, "Their key, if it is in another file");
  command.add_option("--tls-client-ca", options.tls_client_ca, "Ask for a client certificate that this CA signed");
  command.add_option("--system-id", options.system_id, "The one system_id that may bind; otherwise any may");
  command.add_option("--password", options.password, "Its password");
  command.add_option("--max-binds", options.max_binds, "Binds of a system_id at once; 0: any number");
  add_parsed(command, "--bind-error", "Refuse every bind with this status", "STATUS", parse_status,
             [&options](protocol::command_status value) { options.bind_error = value; });

  add_duration("--latency", "Answer each submit_sm so much later", options.latency);
  add_rate("--throttle", "Answer ESME_RTHROTTLED above this rate, e.g. 1000/s", options.throttle_per_second);
  add_parsed(command, "--error", "Answer a share with an error, e.g. ESME_RMSGQFUL=0.01 (repeatable)", "STATUS=P",
             parse_status_chance, [&options](const status_chance& value) { options.errors.push_back(value); });
  add_parsed(command, "--drop-responses", "Accept a share without answering", "P", parse_probability,
             [&options](double value) { options.drop_responses = value; });
  command.add_option("--reorder", options.reorder, "Shuffle answers in groups of so many");
  command.add_option("--disconnect-after", options.disconnect_after, "Cut a session off at its Nth submit_sm");
  add_duration("--enquire-link", "Ask a peer that was silent for so long; close if it still is", options.enquire_link);

  add_parsed(command, "--message-ids", "Form of ids in responses: hex or dec", "FORM", parse_id_form,
             [&options](std::optional<id_form> value) { options.message_ids = value.value_or(id_form::hex); });
  add_parsed(command, "--receipts", "Send receipts so long after the answer", "DURATION", parse_simulator_duration,
             [&options](std::chrono::nanoseconds value) { options.receipts = value; });
  add_parsed(command, "--receipt-ids", "Form of ids in receipts: hex, dec or same", "FORM", parse_id_form,
             [&options](std::optional<id_form> value) { options.receipt_ids = value; });
  command.add_flag("--receipts-first", options.receipts_first, "Send each receipt just before the answer");
  add_parsed(command, "--receipt-state", "State of a share of receipts, e.g. UNDELIV=0.05 (repeatable)", "STATE=P",
             parse_state_chance, [&options](const state_chance& value) { options.receipt_states.push_back(value); });
  add_rate("--inbound", "Send messages of mobiles at this rate, e.g. 10/s", options.inbound_per_second);
  command.add_option("--inbound-text", options.inbound_text, "Their text; {n} is their number")->capture_default_str();
  command.add_option("--inbound-to", options.inbound_to, "Their destination")->capture_default_str();
  command.add_option("--deliver-window", options.deliver_window, "Unanswered deliver_sm per session")
      ->capture_default_str();

  command.add_option("--log", options.log_file, "Append each submit_sm received to this file as JSON Lines");
  command.add_flag("--log-sync", options.log_sync, "Write its line to the file before a submit_sm is answered");
  command.add_flag("--stats", options.stats, "Print a line a second to standard error");
  command.add_option("--seed", options.seed, "Seed of all random decisions")->capture_default_str();
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// One line about the last second.
void print_statistics(const simulator_totals& before, const simulator_totals& now, double seconds, double cpu) {
  const auto rate = [seconds](std::uint64_t from, std::uint64_t to) {
    return static_cast<double>(to - from) / seconds;
  };
  fmt::print(stderr,
             "sessions {} · submit_sm {:.0f}/s (refused {:.0f}/s, throttled {:.0f}/s) · receipts {:.0f}/s · "
             "inbound {:.0f}/s · in all {} · CPU {:.0f} %\n",
             now.sessions, rate(before.submits, now.submits), rate(before.refused, now.refused),
             rate(before.throttled, now.throttled), rate(before.receipts, now.receipts),
             rate(before.inbound, now.inbound), now.submits, 100 * cpu / seconds);
}

/// Waits until SIGTERM or SIGINT comes, which all threads have blocked.
void wait_for_signal(const simulator& running, const sigset_t& signals, bool stats) {
  simulator_totals before = running.totals();
  auto then = std::chrono::steady_clock::now();
  double cpu_then = cpu_seconds();
  const timespec second{.tv_sec = 1, .tv_nsec = 0};
  for (;;) {
    const int signal = stats ? ::sigtimedwait(&signals, nullptr, &second) : ::sigwaitinfo(&signals, nullptr);
    if (signal > 0) return;
    if (errno != EAGAIN) continue;
    const simulator_totals totals = running.totals();
    const auto now = std::chrono::steady_clock::now();
    const double cpu = cpu_seconds();
    print_statistics(before, totals, std::chrono::duration<double>(now - then).count(), cpu - cpu_then);
    before = totals;
    then = now;
    cpu_then = cpu;
  }
}

int run_simulator(const simulator_options& options) {
  if (const std::string fault = fault_of(options); !fault.empty()) {
    fmt::print(stderr, "simulator: {}\n", fault);
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    simulator smsc(options);
    const std::uint16_t port = smsc.start();
    const bool ipv6 = options.listen.find(':') != std::string::npos;
    fmt::print("listening on {}{}{}:{}\n", ipv6 ? "[" : "", options.listen, ipv6 ? "]" : "", port);
    std::fflush(stdout);
    wait_for_signal(smsc, signals, options.stats);
    smsc.stop();
    fmt::print("{}\n", to_json(smsc.totals()));
    std::fflush(stdout);
  } catch (const std::exception& error) {
    fmt::print(stderr, "simulator: {}\n", error.what());
    return 1;
  }
  return 0;
}

}  // namespace

void add_simulator_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("simulator", "An SMSC to test against, with faults and receipts on demand");
  const auto options = std::make_shared<simulator_options>();
  add_options(*command, *options);
  command->callback([options, &exit_code] { exit_code = run_simulator(*options); });
}

}  // namespace trunkline::engine
