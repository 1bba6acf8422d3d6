#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/inbound/inbound_stage.hpp"
#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine::test {

/// What an inbound_stage needs, in memory: for tests and benchmarks. The directories of rules are the caller's.
struct inbound_fixture {
  /// The carriers that rules may name.
  static constexpr std::string_view carriers = R"toml([[carrier]]
name = "acme"
host = "h"
system_id = "u"
password = "p"
[[carrier]]
name = "listener"
host = "h"
system_id = "u"
password = "p"
bind = "receiver"
[[route]]
name = "all"
to = "acme"
)toml";

  explicit inbound_fixture(publisher::fatal_hook on_fatal) : fatal(std::move(on_fatal)) {
    for (const auto& d : {"/spool", "/spool/inbound", "/spool/incoming", "/data"}) (void)files.make_directory(d);
    (void)optouts.load(problems);
  }

  /// [[inbound]] and [optout] as in a configuration file. `faults`: what is wrong with them, if that is of interest.
  static std::shared_ptr<const inbound_plan> plan(std::string_view rules, std::vector<std::string>* faults = nullptr) {
    const loaded l = parse_configuration(std::string(carriers) + std::string(rules), "t.toml");
    for (const auto& f : l.faults)
      if (faults != nullptr && !f.is_warning) faults->push_back(to_string(f));
    return std::make_shared<const inbound_plan>(*l.config);
  }
  void start(std::shared_ptr<const inbound_plan> rules, inbound_options options = {}, std::uint64_t number = 1) {
    stage = std::make_unique<inbound_stage>(time, paths, shown, optouts, std::move(rules), options, fatal);
    stage->name_start(number);
  }

  publisher::fatal_hook fatal;
  std::vector<std::string> problems;  ///< of the opt-out list
  manual_clock time;
  memory_file_system files{1, &time};
  spool_paths paths{"/spool", "/data"};
  publisher shown{files, 0640, fatal};
  optout_list optouts{files, paths.optout()};
  std::unique_ptr<inbound_stage> stage;
};

}  // namespace trunkline::engine::test
