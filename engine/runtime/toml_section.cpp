#include "engine/runtime/toml_section.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "engine/runtime/configuration_values.hpp"

namespace trunkline::engine {
namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return "a date or time";
    default:
      return "nothing";
  }
}

bool printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string human(std::chrono::milliseconds value) {
  const auto ms = value.count();
  if (ms % 86'400'000 == 0 && ms != 0) return fmt::format("{}d", ms / 86'400'000);
  if (ms % 3'600'000 == 0 && ms != 0) return fmt::format("{}h", ms / 3'600'000);
  if (ms % 60'000 == 0 && ms != 0) return fmt::format("{}m", ms / 60'000);
  return ms % 1000 == 0 ? fmt::format("{}s", ms / 1000) : fmt::format("{}ms", ms);
}

}  // namespace

std::string to_string(const fault& f) {
  const std::string place = f.line == 0 ? f.file : fmt::format("{}:{}:{}", f.file, f.line, f.column);
  return fmt::format("{}: {}{}", place, f.is_warning ? "warning: " : "", f.message);
}

void fault_list::add(const toml::source_region& where, std::string message, bool is_warning) {
  faults_.push_back({file_, where.begin.line, where.begin.column, std::move(message), is_warning});
}

bool fault_list::has_errors() const noexcept {
  return std::any_of(faults_.begin(), faults_.end(), [](const fault& f) { return !f.is_warning; });
}

std::vector<fault> fault_list::take() {
  std::stable_sort(faults_.begin(), faults_.end(), [](const fault& a, const fault& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return std::exchange(faults_, {});
}

const toml::node* toml_section::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  return table_.get(key);
}

toml::source_region toml_section::where(std::string_view key) const {
  const auto at = table_.find(key);
  return at == table_.end() ? table_.source() : at->first.source();
}

void toml_section::error(const toml::node& node, std::string_view key, std::string_view message) {
  faults_.error(node.source(), fmt::format("{} {}", key, message));
}

void toml_section::boolean(std::string_view key, bool& out) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (const auto* value = node->as_boolean()) {
    out = value->get();
  } else {
    error(*node, key, fmt::format("is true or false, not {}", type_name(*node)));
  }
}

std::optional<located_string> toml_section::located(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_string();
  if (value == nullptr) {
    error(*node, key, fmt::format("is a string, not {}", type_name(*node)));
    return std::nullopt;
  }
  if (!printable(value->get())) {
    error(*node, key, "contains a control character");
    return std::nullopt;
  }
  return located_string{value->get(), node->source()};
}

void toml_section::string(std::string_view key, std::string& out, std::size_t max_octets) {
  auto value = located(key);
  if (!value) return;
  if (value->value.size() > max_octets) {
    faults_.error(value->where,
                  fmt::format("{} has {} octets, at most {} are allowed", key, value->value.size(), max_octets));
    return;
  }
  out = std::move(value->value);
}

void toml_section::duration(std::string_view key, std::chrono::milliseconds& out, std::chrono::milliseconds min,
                            std::chrono::milliseconds max) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto* text = node->as_string();
  const auto value = text != nullptr ? parse_duration(text->get()) : std::nullopt;
  if (!value) {
    error(*node, key, "is a duration: a string of whole numbers with units ms, s, m, h or d, for example \"30s\"");
  } else if (*value < min || *value > max) {
    error(*node, key, fmt::format("is {}, not from {} to {}", text->get(), human(min), human(max)));
  } else {
    out = *value;
  }
}

void toml_section::size(std::string_view key, std::uint64_t& out) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto* text = node->as_string();
  const auto value = text != nullptr ? parse_size(text->get()) : std::nullopt;
  if (value) {
    out = *value;
  } else {
    error(*node, key,
          "is a size: a string of a whole number and a unit (B, KiB, MiB, GiB, TiB), for example \"64MiB\"");
  }
}

void toml_section::real(std::string_view key, double& out, double min, double max) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (!node->is_number()) {
    error(*node, key, fmt::format("is a number, not {}", type_name(*node)));
    return;
  }
  const double value =
      node->is_integer() ? static_cast<double>(node->as_integer()->get()) : node->as_floating_point()->get();
  if (value >= min && value <= max) {  // false for not-a-number
    out = value;
  } else {
    error(*node, key, fmt::format("is {}, not from {} to {}", value, min, max));
  }
}

void toml_section::mode(std::string_view key, std::uint32_t& out) {
  const auto text = located(key);
  if (!text) return;
  if (const auto value = parse_mode(text->value)) {
    out = *value;
  } else {
    faults_.error(text->where,
                  fmt::format("{} is a file mode of three or four octal digits, for example \"2770\"", key));
  }
}

std::optional<std::int64_t> toml_section::read_integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_integer();
  if (value == nullptr) {
    error(*node, key, fmt::format("is an integer, not {}", type_name(*node)));
    return std::nullopt;
  }
  if (value->get() < min || value->get() > max) {
    error(*node, key, fmt::format("is {}, not from {} to {}", value->get(), min, max));
    return std::nullopt;
  }
  return value->get();
}

std::optional<std::size_t> toml_section::read_choice(std::string_view key, const std::vector<std::string_view>& words) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* text = node->as_string()) {
    const auto found = std::find(words.begin(), words.end(), text->get());
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  }
  error(*node, key, fmt::format("is one of \"{}\"", fmt::join(words, "\", \"")));
  return std::nullopt;
}

std::vector<located_string> toml_section::strings(std::string_view key) {
  std::vector<located_string> values;
  const toml::node* node = find(key);
  if (node == nullptr) return values;
  const auto add = [&](const toml::node& element) {
    const auto* text = element.as_string();
    if (text == nullptr) {
      error(element, key, fmt::format("holds strings, not {}", type_name(element)));
    } else if (!printable(text->get())) {
      error(element, key, "contains a control character");
    } else {
      values.push_back({text->get(), element.source()});
    }
  };
  if (const auto* list = node->as_array()) {
    for (const toml::node& element : *list) add(element);
  } else {
    add(*node);
  }
  return values;
}

std::optional<toml_section> toml_section::table(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* table = node->as_table())
    return toml_section(*table, title_.empty() ? std::string(key) : title_ + "." + std::string(key), faults_);
  error(*node, key, fmt::format("is a table, not {}", type_name(*node)));
  return std::nullopt;
}

std::vector<toml_section> toml_section::tables(std::string_view key) {
  std::vector<toml_section> sections;
  const toml::node* node = find(key);
  if (node == nullptr) return sections;
  const std::string title = title_.empty() ? std::string(key) : title_ + "." + std::string(key);
  const auto* list = node->as_array();
  if (list == nullptr) {
    error(*node, key, fmt::format("is a list of tables: write [[{}]]", title));
    return sections;
  }
  for (const toml::node& element : *list) {
    if (const auto* table = element.as_table()) {
      sections.emplace_back(*table, title, faults_);
    } else {
      error(element, key, fmt::format("is a list of tables: write [[{}]]", title));
    }
  }
  return sections;
}

std::vector<std::pair<std::string, located_string>> toml_section::named_strings() {
  std::vector<std::pair<std::string, located_string>> values;
  for (const auto& [key, node] : table_) {
    if (const auto value = located(key.str())) values.emplace_back(std::string(key.str()), *value);
  }
  return values;
}

void toml_section::finish() {
  for (const auto& [key, node] : table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    const std::string_view close = nearest(key.str(), known_);
    const std::string place = title_.empty() ? "" : " in " + title_;
    faults_.error(key.source(),
                  fmt::format("unknown key \"{}\"{}{}", key.str(), place,
                              close.empty() ? "" : fmt::format("; the nearest known key is \"{}\"", close)));
  }
}

}  // namespace trunkline::engine
