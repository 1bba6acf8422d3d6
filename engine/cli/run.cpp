// `trunkline run`: loads the configuration, starts the engine and the pages, and then only watches signals.
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include "engine/assembly/engine.hpp"
#include "engine/assembly/http_server.hpp"
#include "engine/cli/commands.hpp"
#include "engine/runtime/posix_file_system.hpp"

namespace trunkline::engine {
namespace {

struct run_options {
  std::string config;
  bool once = false;
};

std::optional<configuration> load(const std::string& path) {
  const loaded read = load_configuration(path);
  for (const fault& f : read.faults) std::fprintf(stderr, "%s\n", to_string(f).c_str());
  return read.config;
}

/// The text of a log line as a JSON string: it may hold quotes, and octets that a peer has sent.
class json_text final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& line, const std::tm&, spdlog::memory_buf_t& to) override {
    const nlohmann::json text(std::string_view(line.payload.data(), line.payload.size()));
    const std::string quoted = text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    to.append(quoted.data(), quoted.data() + quoted.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<json_text>(); }
};

void set_up_log(const log_config& log) {
  auto logger = spdlog::stderr_logger_mt("trunkline");
  logger->set_level(spdlog::level::from_str(log.level));
  if (log.format == "json") {
    auto lines = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    lines->add_flag<json_text>('*').set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%*})");
    logger->set_formatter(std::move(lines));
  } else {
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-8l %v", spdlog::pattern_time_type::utc);
  }
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGTERM, SIGINT, SIGHUP, SIGUSR2}) sigaddset(&set, s);
  return set;
}

int run(const run_options& options) {
  // Secrets stay out of core dumps and other processes' reach.
  ::prctl(PR_SET_DUMPABLE, 0);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error of a write, which says where
  const sigset_t set = watched_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);  // before any thread, so that all inherit it

  auto config = load(options.config);
  if (!config) return 2;
  set_up_log(config->log);
  ::umask(0007);

  posix_file_system files;
  real_clock time;
  engine e(*config, files, time);
  std::unique_ptr<http_server> pages;
  try {
    if (!config->http.listen.empty()) pages = std::make_unique<http_server>(e, config->http.listen);
    e.start();
    if (pages) pages->serve();
  } catch (const std::exception& error) {
    spdlog::critical("cannot start: {}", error.what());
    return 1;
  }
  spdlog::info("trunkline {} runs: spool {}, data {}, {} carriers, {} routes", TRUNKLINE_VERSION, config->spool.dir,
               config->data_dir, config->carriers.size(), config->routes.size());

  std::atomic<bool> ended{false};
  std::thread signals([&] {
    bool stopping = false;
    for (;;) {
      int number = 0;
      if (::sigwait(&set, &number) != 0) continue;
      if (ended.load()) return;
      if (number == SIGHUP) {
        spdlog::info("reloading {}", options.config);
        if (const auto fresh = load(options.config)) {
          e.reload(*fresh);
          spdlog::set_level(spdlog::level::from_str(fresh->log.level));
        } else {
          spdlog::error("{} has errors: nothing was changed", options.config);
        }
      } else if (number == SIGTERM || number == SIGINT) {
        if (stopping) {
          spdlog::warn("second signal: stopping at once; nothing is lost");
          spdlog::default_logger()->flush();
          std::_Exit(0);
        }
        stopping = true;
        spdlog::info("stopping: finishing what is in flight");
        e.request_stop();
      }
    }
  });
  if (options.once) e.finish_when_empty();
  const bool done = e.wait_done();
  e.stop();
  pages.reset();
  ended.store(true);
  ::pthread_kill(signals.native_handle(), SIGUSR2);
  signals.join();
  spdlog::info("stopped");
  return options.once && done && !e.all_sent() ? 3 : 0;
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<run_options>();
  CLI::App* command = app.add_subcommand("run", "Run the engine: watch the spool until SIGTERM");
  command->add_option("--config,-c", options->config, "Configuration file")->required();
  command->add_flag("--once", options->once,
                    "End when the spool is empty and every message is final; exit status 3 when some were not sent");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace trunkline::engine
