// `trunkline optout`: the list of who must not be sent to. A running engine is told over its control socket, and
// answers when the change is on disk; without one the file is changed here, under the lock of data_dir. Looking never
// needs either: the file is only appended to.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/cli/commands.hpp"
#include "engine/cli/control_client.hpp"
#include "engine/inbound/optout_list.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/runtime/configuration_values.hpp"
#include "engine/runtime/posix_file_system.hpp"
#include "engine/runtime/rfc3339.hpp"
#include "engine/spool/phone_number.hpp"
#include "engine/spool/spool_paths.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::json;

struct optout_options {
  std::string config;
  std::string sender;
  std::vector<std::string> numbers;
  std::string file = "-";
};

struct change {
  std::string sender;
  std::string number;
};

/// Pairs in one request: it stays far below what the engine reads.
constexpr std::size_t pairs_a_request = 500;

int fail_with(int status, const std::string& message) {
  fmt::print(stderr, "trunkline optout: {}\n", message);
  return status;
}

std::optional<configuration> load(const std::string& path) {
  loaded outcome = load_configuration(path);
  if (outcome.ok()) return std::move(outcome.config);
  for (const fault& f : outcome.faults) fmt::print(stderr, "{}\n", to_string(f));
  return std::nullopt;
}

/// What is wrong with a pair, for people; empty when nothing is. Puts the number into the form of the list.
std::string normalize(change& c, const std::string& calling_code) {
  if (c.sender.starts_with('+')) c.sender.erase(0, 1);
  if (!c.sender.empty() && !is_sender(c.sender))
    return fmt::format("sender \"{}\" is neither up to 15 digits nor 1 to 11 printable ASCII characters", c.sender);
  number_buffer buffer{};
  const normalized_number number = normalize_number(c.number, calling_code, buffer);
  if (number.fault != number_fault::none)
    return fmt::format("\"{}\" is no number of 3 to 15 digits with its country's calling code", c.number);
  c.number = number.digits;
  return {};
}

/// Adds or removes, by the engine or by hand. Prints how many changed.
int apply(const configuration& config, const std::vector<change>& changes, bool add) {
  const spool_paths paths{config.spool.dir, config.data_dir};
  std::size_t changed = 0;
  std::size_t done = 0;
  while (done < changes.size()) {
    json pairs = json::array();
    const std::size_t end = std::min(changes.size(), done + pairs_a_request);
    for (std::size_t i = done; i < end; ++i) pairs.push_back({changes[i].sender, changes[i].number});
    const auto answer =
        ask_engine(config.data_dir, {{"command", add ? "optout_add" : "optout_remove"}, {"pairs", pairs}});
    if (!answer) {
      if (answer.error().running || done != 0) return fail_with(1, answer.error().text);
      break;
    }
    changed += answer->value("changed", std::size_t{0});
    done = end;
  }
  if (done != changes.size()) {
    posix_file_system files;
    // Before the first run of the engine, too.
    if (auto made = files.make_directory(paths.data); !made)
      return fail_with(1, fmt::format("cannot make {}: {}", paths.data, made.error().message()));
    const auto lock = files.lock(paths.lock());
    if (!lock) return fail_with(1, fmt::format("cannot lock {}: {}", paths.lock(), lock.error().message()));
    optout_list list(files, paths.optout());
    std::vector<std::string> problems;
    if (auto read = list.load(problems); !read)
      return fail_with(1, fmt::format("cannot read {}: {}", paths.optout(), read.error().message()));
    for (const auto& text : problems) fmt::print(stderr, "trunkline optout: {}\n", text);
    const auto now = static_cast<std::int64_t>(std::time(nullptr));
    for (const change& c : changes)
      changed += (add ? list.add(c.sender, c.number, now) : list.remove(c.sender, c.number, now)) ? 1 : 0;
    if (auto flushed = list.flush(); !flushed)
      return fail_with(1, fmt::format("cannot write {}: {}", paths.optout(), flushed.error().message()));
  }
  fmt::print("{} {}, {} {} already\n", changed, add ? "added" : "removed", changes.size() - changed,
             add ? "were there" : "were not there");
  return 0;
}

int run_change(const optout_options& options, bool add) {
  const auto config = load(options.config);
  if (!config) return 2;
  const std::string code(calling_code(config->engine.default_country).value_or(""));
  std::vector<change> changes;
  for (const std::string& number : options.numbers) {
    changes.push_back({options.sender, number});
    if (const std::string why = normalize(changes.back(), code); !why.empty()) return fail_with(2, why);
  }
  return apply(*config, changes, add);
}

/// Lines of "number" or "sender,number"; what follows another comma is ignored, as `export` writes it.
int run_import(const optout_options& options) {
  const auto config = load(options.config);
  if (!config) return 2;
  const std::string code(calling_code(config->engine.default_country).value_or(""));
  std::ifstream opened;
  if (options.file != "-") {
    opened.open(options.file);
    if (!opened) return fail_with(1, fmt::format("cannot open {}", options.file));
  }
  std::istream& in = options.file == "-" ? std::cin : opened;
  std::vector<change> changes;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || (number == 1 && line.starts_with("sender,number"))) continue;
    const std::size_t first = line.find(',');
    const std::size_t second = first == std::string::npos ? first : line.find(',', first + 1);
    change c{options.sender, line};
    if (first != std::string::npos) c = {line.substr(0, first), line.substr(first + 1, second - first - 1)};
    if (const std::string why = normalize(c, code); !why.empty())
      return fail_with(1, fmt::format("{}:{}: {}; nothing was imported", options.file, number, why));
    changes.push_back(std::move(c));
  }
  if (in.bad()) return fail_with(1, fmt::format("cannot read {}", options.file));
  return apply(*config, changes, true);
}

/// Visits the list as it is on disk, the latest changes of a running engine included.
int visit(const configuration& config, const std::function<bool(const optout_entry&)>& each) {
  const spool_paths paths{config.spool.dir, config.data_dir};
  if (const auto answer = ask_engine(config.data_dir, {{"command", "optout_sync"}}); !answer && answer.error().running)
    return fail_with(1, answer.error().text);
  posix_file_system files;
  optout_list list(files, paths.optout());
  std::vector<std::string> problems;
  auto done = list.look(problems).and_then([&] { return list.each(each); });
  for (const auto& text : problems) fmt::print(stderr, "trunkline optout: {}\n", text);
  if (!done) return fail_with(1, fmt::format("cannot read {}: {}", paths.optout(), done.error().message()));
  return 0;
}

int run_list(const optout_options& options) {
  const auto config = load(options.config);
  if (!config) return 2;
  std::size_t shown = 0;
  const int status = visit(*config, [&](const optout_entry& e) {
    if (!options.sender.empty() && e.sender != options.sender) return true;
    fmt::print("{:<16} {:<16} since {}\n", e.number, e.sender.empty() ? "(no sender)" : e.sender,
               format_rfc3339_ms(e.at_s * 1000));
    ++shown;
    return true;
  });
  if (status == 0) fmt::print("{} {} opted out\n", shown, shown == 1 ? "number has" : "numbers have");
  return status;
}

int run_export(const optout_options& options) {
  const auto config = load(options.config);
  if (!config) return 2;
  std::fputs("sender,number,since\n", stdout);
  const int status = visit(*config, [&](const optout_entry& e) {
    if (options.sender.empty() || e.sender == options.sender)
      fmt::print("{},{},{}\n", e.sender, e.number, format_rfc3339_ms(e.at_s * 1000));
    return std::ferror(stdout) == 0;
  });
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return fail_with(1, "cannot write the list");
  return status;
}

}  // namespace

void add_optout_command(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<optout_options>();
  CLI::App* command = app.add_subcommand("optout", "Who must not be sent to by which sender");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* what) {
    CLI::App* sub = command->add_subcommand(name, what);
    sub->add_option("--config,-c", options->config, "Configuration file")->type_name("FILE")->required();
    return sub;
  };
  CLI::App* list = add("list", "Print the list");
  list->add_option("--sender", options->sender, "Only those of this sender");
  list->callback([options, &exit_code] { exit_code = run_list(*options); });
  for (const bool adds : {true, false}) {
    CLI::App* sub = add(adds ? "add" : "remove", adds ? "Put numbers on the list" : "Take numbers off the list");
    sub->add_option("--sender", options->sender, "Our sender; without it, messages that have none");
    sub->add_option("numbers", options->numbers, "Phone numbers")->type_name("NUMBER")->required();
    sub->callback([options, adds, &exit_code] { exit_code = run_change(*options, adds); });
  }
  CLI::App* import = add("import", "Add the lines of a file: NUMBER, or SENDER,NUMBER as export writes them");
  import->add_option("--sender", options->sender, "Sender of lines that name none");
  import->add_option("file", options->file, "File, or - for standard input")->type_name("FILE")->capture_default_str();
  import->callback([options, &exit_code] { exit_code = run_import(*options);
});
CLI::App* exports = add("export", "Write the list as CSV on standard output");
exports->add_option("--sender", options->sender, "Only those of this sender");
exports->callback([options, &exit_code] { exit_code = run_export(*options); });
command->footer(
    "Works with and without a running engine; changes are on disk when it returns.\n"
    "Exit status: 0 done; 1 failed; 2 wrong usage or configuration.");
}  // namespace trunkline::engine

}  // namespace trunkline::engine
