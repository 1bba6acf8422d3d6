#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "engine/simulator/simulator_options.hpp"

namespace trunkline::engine {

/// One option of the simulator, by the name that the command line and a scenario share.
struct simulator_setting {
  std::string name;  ///< without the dashes in front
  std::string type;  ///< what stands for its value in the help; empty: a flag
  std::string help;
  bool repeatable = false;
  bool scriptable = false;  ///< may change in a step of a scenario
  /// Reads a value (of a flag: "true" or "false"). Returns what is wrong with it, or nothing.
  std::function<std::string(simulator_options&, std::string_view)> set;
  /// Of a repeatable one: forgets the values so far.
  std::function<void(simulator_options&)> clear = [](simulator_options&) {};
};

/// Every option, in the order of the help.
const std::vector<simulator_setting>& simulator_settings();

/// Reads a scenario into `options`: keys outside of steps are options, `[[step]]` tables say what changes when.
/// `before_steps` is called in between, so that it may change `options` before the steps follow from them. Returns
/// faults with line and column, one a line; empty when there is none.
std::string read_scenario(
    const std::string& path, simulator_options& options, const std::function<void()>& before_steps = [] {});
/// The same for a text; `name` stands in faults.
std::string parse_scenario(
    std::string_view text, const std::string& name, simulator_options& options,
    const std::function<void()>& before_steps = [] {});

}  // namespace trunkline::engine
