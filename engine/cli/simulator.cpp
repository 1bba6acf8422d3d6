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
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/cli/commands.hpp"
#include "engine/simulator/simulator.hpp"
#include "engine/simulator/simulator_settings.hpp"

namespace trunkline::engine {
namespace {

/// What was asked for on the command line. Options go before a scenario, wherever they stand.
struct simulator_arguments {
  simulator_options options;
  std::string scenario;
};

void add_options(CLI::App& command, simulator_arguments& to, std::vector<std::function<void()>>& later) {
  command
      .add_option("--scenario", to.scenario,
                  "A TOML file of options, and of steps that change them; see docs/simulator.md")
      ->type_name("FILE");
  for (const simulator_setting& setting : simulator_settings()) {
    const std::string name = "--" + setting.name;
    if (setting.type.empty()) {
      const auto on = std::make_shared<bool>(false);
      command.add_flag(name, *on, setting.help);
      later.push_back([&to, &setting, on] {
        if (*on) setting.set(to.options, "true");
      });
      continue;
    }
    const auto given = std::make_shared<std::vector<std::string>>();
    const CLI::callback_t callback = [&setting, name, given](const CLI::results_t& texts) {
      simulator_options scratch;
      for (const std::string& text : texts) {
        if (const std::string fault = setting.set(scratch, text); !fault.empty())
          throw CLI::ValidationError(name, fault);
      }
      *given = texts;
      return true;
    };
    command.add_option(name, callback, setting.help)
        ->type_name(setting.type)
        ->take_all()
        ->expected(1, 1000)
        ->allow_extra_args(false);
    later.push_back([&to, &setting, given] {
      if (!given->empty()) setting.clear(to.options);
      for (const std::string& text : *given) setting.set(to.options, text);
    });
  }
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
  const auto arguments = std::make_shared<simulator_arguments>();
  const auto later = std::make_shared<std::vector<std::function<void()>>>();
  add_options(*command, *arguments, *later);
  command->callback([arguments, later, &exit_code] {
    for (const auto& apply : *later) apply();
    if (!arguments->scenario.empty()) {
      // The file first, so that what the command line says goes before it, and its steps follow from both.
      const auto told = [&later] {
        for (const auto& apply : *later) apply();
      };
      if (const std::string faults = read_scenario(arguments->scenario, arguments->options, told); !faults.empty()) {
        fmt::print(stderr, "{}", faults);
        exit_code = 2;
        return;
      }
    }
    exit_code = run_simulator(arguments->options);
  });
}

}  // namespace trunkline::engine
