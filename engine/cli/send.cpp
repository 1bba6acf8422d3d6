// `trunkline send`: what every producer has to do, done right: write under a hidden name, flush, rename without
// replacing.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/cli/commands.hpp"
#include "engine/cli/http_get.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/runtime/posix_file_system.hpp"
#include "engine/spool/candidate.hpp"
#include "engine/spool/spool_paths.hpp"

namespace trunkline::engine {
namespace {

struct send_options {
  std::string file;
  std::string config;
  std::string name;
  bool watch = false;
};

int failed(const std::string& text) {
  fmt::print(stderr, "trunkline: {}\n", text);
  return 1;
}

/// Copies the whole input to `to`; nothing on success, else what went wrong.
std::string copy(std::FILE* from, file& to) {
  std::vector<std::uint8_t> piece(1U << 20);
  for (;;) {
    const std::size_t n = std::fread(piece.data(), 1, piece.size(), from);
    if (n != 0) {
      if (auto written = to.append({piece.data(), n}); !written) return "cannot write: " + written.error().message();
    }
    if (n < piece.size()) return std::ferror(from) != 0 ? "cannot read the input" : "";
  }
}

std::string read_all(file_system& files, const std::string& path) {
  auto opened = files.open(path, open_mode::read);
  if (!opened) return {};
  std::string text(static_cast<std::size_t>((*opened)->size().value_or(0)), '\0');
  (void)(*opened)->read_at({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0);
  return text;
}

class progress_bar {
 public:
  void show(std::uint64_t finished, std::optional<std::uint64_t> total, double seconds) {
    if (::isatty(STDERR_FILENO) == 0) {
      // No terminal: a line every two seconds is enough.
      if (seconds < next_line_) return;
      next_line_ = seconds + 2;
    }
    const double rate = seconds > 0 ? static_cast<double>(finished) / seconds : 0;
    std::string text;
    if (total && *total != 0) {
      const double share = static_cast<double>(finished) / static_cast<double>(*total);
      const auto filled = static_cast<int>(share * 30);
      text = fmt::format("[{:=<{}}>{:{}}] {:5.1f} %  {} of {}  {:.0f}/s", "", filled, "", 30 - filled, share * 100,
                         finished, *total, rate);
    } else {
      text = fmt::format("{} messages finished, {:.0f}/s", finished, rate);
    }
    if (::isatty(STDERR_FILENO) != 0) {
      fmt::print(stderr, "\r\x1b[K{}", text);
    } else {
      fmt::print(stderr, "{}\n", text);
    }
    std::fflush(stderr);
    shown_ = true;
  }
  void end() const {
    if (shown_ && ::isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\n");
  }

 private:
  bool shown_ = false;
  double next_line_ = 0;
};

int watch(file_system& files, const configuration& config, const spool_paths& paths, const std::string& name) {
  const auto begun = std::chrono::steady_clock::now();
  progress_bar bar;
  int silent = 0;
  for (;;) {
    if (files.stat(paths.report(name))) break;
    if (auto why = files.stat(paths.rejected() + "/" + name + ".error");
        why && !files.stat(paths.incoming() + "/" + name) && !files.stat(paths.active(name))) {
      bar.end();
      return failed(
          fmt::format("{} was rejected: {}", name, read_all(files, paths.rejected() + "/" + name + ".error")));
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    if (!config.http.listen.empty()) {
      if (const auto body = http_get(config.http.listen, "/status")) {
        const auto s = nlohmann::json::parse(*body, nullptr, false);
        if (!s.is_discarded()) {
          for (const auto& b : s.value("batches", nlohmann::json::array())) {
            if (b.value("name", "") != name) continue;
            std::optional<std::uint64_t> total;
            if (b.contains("messages")) total = b.value("messages", std::uint64_t{0});
            bar.show(b.value("finished", std::uint64_t{0}), total, seconds);
          }
        }
      } else if (++silent == 20) {
        fmt::print(stderr, "trunkline: {} (the batch waits safely in the spool; still watching)\n", body.error());
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  bar.end();
  const auto summary = nlohmann::ordered_json::parse(read_all(files, paths.summary(name)), nullptr, false);
  if (summary.is_discarded()) return failed(paths.summary(name) + " cannot be read");
  const auto messages = summary.value("messages", std::uint64_t{0});
  const auto sent = summary["status"].value("sent", std::uint64_t{0});
  fmt::print("{}: {} messages:", name, messages);
  for (const auto& [status, n] : summary["status"].items()) {
    if (n.get<std::uint64_t>() != 0) fmt::print(" {} {}", n.get<std::uint64_t>(), status);
  }
  fmt::print("\nreport: {}\n", paths.report(name));
  return sent == messages ? 0 : 3;
}

int run_send(const send_options& options) {
  const loaded read = load_configuration(options.config);
  if (!read.config) {
    for (const fault& f : read.faults) fmt::print(stderr, "{}\n", to_string(f));
    return 2;
  }
  const configuration& config = *read.config;
  const bool from_stdin = options.file == "-";
  std::string name = options.name;
  if (name.empty() && !from_stdin) name = std::filesystem::path(options.file).filename();
  if (name.empty()) {
    fmt::print(stderr, "trunkline: --name is needed when the batch comes from standard input\n");
    return 2;
  }
  if (!parse_spool_name(name)) {
    fmt::print(stderr,
               "trunkline: \"{}\" is no name for a batch: A-Z a-z 0-9 . _ - only, ending .jsonl or .csv (also .gz or "
               ".zst); give "
               "another with --name\n",
               name);
    return 2;
  }
  posix_file_system files;
  const spool_paths paths{config.spool.dir, config.data_dir};
  if (files.stat(paths.active(name)) || files.stat(paths.done(name)) || files.stat(paths.incoming() + "/" + name)) {
    return failed(fmt::format("a batch named {} is in the spool already", name));
  }
  std::FILE* input = from_stdin ? stdin : std::fopen(options.file.c_str(), "rb");
  if (input == nullptr) return failed(fmt::format("cannot open {}", options.file));
  // The engine may not have run yet: a batch can wait for it all the same.
  std::error_code ignored;  // what could not be made is found out below
  std::filesystem::create_directories(std::filesystem::path(paths.spool).parent_path(), ignored);
  for (const auto& path : {paths.spool, paths.incoming()}) {
    if (!files.stat(path) && files.make_directory(path, config.spool.dir_mode & 0777U)) {
      (void)files.set_owner_mode(path, std::nullopt, std::nullopt, config.spool.dir_mode);
    }
  }
  const std::string hidden = fmt::format("{}/.{}.{}.part", paths.incoming(), name, ::getpid());
  auto made = files.open(hidden, open_mode::create_new, config.spool.file_mode | 0440U);
  if (!made) return failed(fmt::format("cannot write into {}: {}", paths.incoming(), made.error().message()));
  std::string problem = copy(input, **made);
  if (!from_stdin) std::fclose(input);
  if (problem.empty()) {
    auto placed =
        (*made)
            ->sync()
            .and_then([&] { return files.rename(hidden, paths.incoming() + "/" + name, rename_mode::no_replace); })
            .and_then([&] { return files.sync_directory(paths.incoming()); });
    if (!placed) problem = placed.error().message();
  }
  if (!problem.empty()) {
    (void)files.remove(hidden);
    return failed(fmt::format("{} was not placed into the spool: {}", name, problem));
  }
  if (!options.watch) {
    fmt::print("{} is in {}\n", name, paths.incoming());
    return 0;
  }
  return watch(files, config, paths, name);
}

}  // namespace

void add_send_command(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<send_options>();
  CLI::App* command = app.add_subcommand("send", "Put a batch into the spool safely");
  command->add_option("file", options->file, "The batch (.jsonl, .csv, also .gz or .zst), or - for standard input")
      ->required();
  command->add_option("--config,-c", options->config, "Configuration file")->required();
  command->add_option("--name", options->name, "Name of the batch; needed with -");
  command->add_flag("--watch", options->watch,
                    "Show progress until the report is there; exit status 3 when some were not sent");
  command->callback([options, &exit_code] { exit_code = run_send(*options); });
}

}  // namespace trunkline::engine
