// Scenarios: a TOML file whose keys are the options' names, and whose [[step]] tables say what changes, and when.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "engine/simulator/simulator_settings.hpp"

namespace trunkline::engine {
namespace {

class reader {
 public:
  explicit reader(std::string name) : name_(std::move(name)) {}

  void note(const toml::node& at, const std::string& what) {
    faults_ += fmt::format("{}:{}:{}: {}\n", name_, at.source().begin.line, at.source().begin.column, what);
  }
  const std::string& faults() const { return faults_; }

  /// The value as the command line would have it; nothing for what no option takes.
  static std::optional<std::string> text_of(const toml::node& value) {
    if (const auto* s = value.as_string()) return s->get();
    if (const auto* i = value.as_integer()) return std::to_string(i->get());
    if (const auto* f = value.as_floating_point()) return fmt::format("{:f}", f->get());
    if (const auto* b = value.as_boolean()) return b->get() ? "true" : "false";
    return std::nullopt;
  }

  void apply(std::string_view key, const toml::node& value, simulator_options& to, bool in_step) {
    const auto& all = simulator_settings();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.name == key; });
    if (found == all.end()) return note(value, fmt::format("there is no option \"{}\"", key));
    if (in_step && !found->scriptable) return note(value, fmt::format("{} cannot change in a step", key));
    found->clear(to);
    const auto* list = value.as_array();
    if (list == nullptr) return one(*found, value, to);
    if (!found->repeatable) return note(value, fmt::format("{} has one value", key));
    for (const toml::node& each : *list) one(*found, each, to);
  }

  void step(const toml::table& table, simulator_options& before, std::vector<simulator_step>& steps) {
    simulator_step made{.at = std::chrono::nanoseconds(0), .options = before};
    made.options.action.reset();
    made.options.accept = before.accept;
    const toml::node* at = table.get("at");
    if (at == nullptr) {
      note(table, "a step needs its time: at = \"5s\"");
    } else if (const auto text = text_of(*at)) {
      if (const auto time = parse_simulator_duration(*text)) {
        made.at = *time;
      } else {
        note(*at, time.error());
      }
      if (!steps.empty() && made.at <= steps.back().at) note(*at, "a step comes later than the one before it");
    } else {
      note(*at, "is a time such as \"5s\"");
    }
    for (const auto& [key, value] : table) {
      if (key.str() == "at") continue;
      if (key.str() == "action") {
        const auto text = text_of(value);
        const auto action = parse_fault(text ? *text : "");
        if (action) {
          made.options.action = *action;
        } else {
          note(value, action.error());
        }
      } else if (key.str() == "accept") {
        if (const auto* yes = value.as_boolean()) {
          made.options.accept = yes->get();
        } else {
          note(value, "accept is true or false");
        }
      } else {
        apply(key.str(), value, made.options, true);
      }
    }
    if (const std::string fault = fault_of(made.options); !fault.empty()) note(table, fault);
    before = made.options;
    steps.push_back(std::move(made));
  }

 private:
  void one(const simulator_setting& setting, const toml::node& value, simulator_options& to) {
    const auto text = text_of(value);
    if (!text) return note(value, fmt::format("{} is a text, a number or a boolean", setting.name));
    if (const std::string fault = setting.set(to, *text); !fault.empty())
      note(value, fmt::format("{}: {}", setting.name, fault));
  }

  std::string name_;
  std::string faults_;
};

}  // namespace

std::string parse_scenario(std::string_view text, const std::string& name, simulator_options& options,
                           const std::function<void()>& before_steps) {
  toml::table root;
  try {
    root = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    return fmt::format("{}:{}:{}: {}\n", name, error.source().begin.line, error.source().begin.column,
                       error.description());
  }
  reader r(name);
  const toml::array* steps = nullptr;
  for (const auto& [key, value] : root) {
    if (key.str() == "step") {
      steps = value.as_array();
      if (steps == nullptr || !steps->is_homogeneous(toml::node_type::table)) {
        r.note(value, "steps are written as [[step]]");
        steps = nullptr;
      }
    } else {
      r.apply(key.str(), value, options, false);
    }
  }
  before_steps();
  if (steps != nullptr) {
    if (steps->size() > 1000) r.note(*steps, "there are more than 1000 steps");
    simulator_options before = options;
    before.steps.clear();
    std::vector<simulator_step> made;
    for (const toml::node& each : *steps) r.step(*each.as_table(), before, made);
    options.steps = std::move(made);
  }
  return r.faults();
}

std::string read_scenario(const std::string& path, simulator_options& options,
                          const std::function<void()>& before_steps) {
  const std::ifstream file(path, std::ios::binary);
  if (!file) return fmt::format("{}: cannot be read\n", path);
  std::ostringstream text;
  text << file.rdbuf();
  return parse_scenario(text.str(), path, options, before_steps);
}

}  // namespace trunkline::engine
