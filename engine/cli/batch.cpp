// `trunkline batch`: looks at batches and stops or goes on with them, over the control socket of the running engine.
// Without one, what the spool says is shown all the same.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/assembly/batch_listing.hpp"
#include "engine/cli/commands.hpp"
#include "engine/cli/control_client.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/runtime/posix_file_system.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::json;

struct batch_options {
  std::string verb;
  std::string name;
  std::string config;
  bool as_json = false;
};

int failed(const std::string& text) {
  fmt::print(stderr, "trunkline: {}\n", text);
  return 1;
}

std::string progress(const json& b) {
  if (!b.contains("finished")) return "";
  const auto finished = b.value("finished", std::uint64_t{0});
  return b.contains("messages") ? fmt::format("{} of {}", finished, b.value("messages", std::uint64_t{0}))
                                : fmt::format("{}", finished);
}

void print_list(const json& batches) {
  fmt::print("{:<40} {:<11} {:>24} {}\n", "BATCH", "STATE", "FINISHED", "ACCEPTED");
  for (const auto& b : batches) {
    fmt::print("{:<40} {:<11} {:>24} {}\n", b.value("name", ""), b.value("state", ""), progress(b),
               b.value("accepted_at", ""));
  }
  if (batches.empty()) fmt::print("(no open batches)\n");
}

void print_one(const json& b) {
  for (const auto& [key, value] : b.items()) {
    std::string text;
    if (value.is_string()) {
      text = value.get<std::string>();
    } else if (value.is_object() || value.is_array()) {
      for (const auto& [inner, part] : value.items()) {
        if (part.is_number() && part == 0) continue;
        text += text.empty() ? "" : ", ";
        text += value.is_object() ? fmt::format("{} {}", inner, part.dump()) : part.get<std::string>();
      }
      if (text.empty()) text = "-";
    } else {
      text = value.dump();
    }
    fmt::print("{:<20} {}\n", key, text);
  }
}

/// Without an engine: what can be seen is shown, nothing can be ordered.
int without_engine(const batch_options& options, const spool_paths& paths, const std::string& why) {
  posix_file_system files;
  if (options.verb == "list") {
    const auto all = list_spool(files, paths);
    if (!all) return failed(all.error());
    fmt::print(stderr, "trunkline: {}: this is what the spool says\n", why);
    if (options.as_json) {
      fmt::print("{}\n", all->dump());
    } else {
      print_list(all->at("batches"));
    }
    return 0;
  }
  auto found = find_in_spool(files, paths, options.name);
  if (!found) return failed(no_such_batch(files, paths, options.name));
  if (options.verb != "show")
    return failed(fmt::format("{}: a batch can be {} only while one is", why,
                              options.verb == "pause"    ? "paused"
                              : options.verb == "resume" ? "resumed"
                                                         : "cancelled"));
  fmt::print(stderr, "trunkline: {}: this is what the spool says\n", why);
  if (found->value("state", "") == "stopped") {
    if (const auto all = list_spool(files, paths)) {
      for (const auto& b : all->at("batches")) {
        if (b.value("name", "") == options.name) *found = b;
      }
    }
  }
  if (options.as_json) {
    fmt::print("{}\n", found->dump());
  } else {
    print_one(*found);
  }
  return 0;
}

int run_batch(const batch_options& options) {
  const loaded read = load_configuration(options.config);
  if (!read.config) {
    for (const fault& f : read.faults) fmt::print(stderr, "{}\n", to_string(f));
    return 2;
  }
  const spool_paths paths{read.config->spool.dir, read.config->data_dir};
  json request{{"command", "batch_" + options.verb}};
  if (!options.name.empty()) request["name"] = options.name;
  const auto reply = ask_engine(paths.data, request, std::chrono::seconds(20));
  if (!reply) {
    if (reply.error().running) return failed(reply.error().text);
    return without_engine(options, paths, reply.error().text);
  }
  if (options.verb == "list") {
    if (options.as_json) {
      fmt::print("{}\n", json{{"batches", reply->at("batches")}}.dump());
    } else {
      print_list(reply->at("batches"));
    }
  } else if (options.verb == "show") {
    if (options.as_json) {
      fmt::print("{}\n", reply->at("batch").dump());
    } else {
      print_one(reply->at("batch"));
    }
  } else {
    fmt::print("{} {}\n", options.name,
               options.verb == "pause"    ? "is paused: nothing of it is sent until it is resumed"
               : options.verb == "resume" ? "goes on"
                                          : "is cancelled: what was not sent ends as cancelled in its report");
  }
  return 0;
}

}  // namespace

void add_batch_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("batch", "List batches, and pause, resume or cancel one");
  command->require_subcommand(1);
  const auto add = [&](const std::string& verb, const char* help) {
    CLI::App* sub = command->add_subcommand(verb, help);
    const auto options = std::make_shared<batch_options>();
    options->verb = verb;
    if (verb != "list") sub->add_option("name", options->name, "Name of the batch: its file's")->required();
    sub->add_option("--config,-c", options->config, "Configuration file of the engine")->required();
    if (verb == "list" || verb == "show") sub->add_flag("--json", options->as_json, "Print JSON");
    sub->callback([options, &exit_code] { exit_code = run_batch(*options); });
  };
  add("list", "The open batches");
  add("show", "One batch: its state, how far it is, what it waits for");
  add("pause", "Send nothing more of a batch until it is resumed; survives a restart");
  add("resume", "Go on with a paused batch");
  add("cancel", "Send nothing more of a batch, ever: what was not sent ends as cancelled in its report");
}

}  // namespace trunkline::engine
