#pragma once

#include <toml++/toml.h>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/runtime/configuration.hpp"

namespace trunkline::engine {

/// Collects faults of one file.
class fault_list {
 public:
  explicit fault_list(std::string file) : file_(std::move(file)) {}
  void error(const toml::source_region& where, std::string message) { add(where, std::move(message), false); }
  void warning(const toml::source_region& where, std::string message) { add(where, std::move(message), true); }
  [[nodiscard]] bool has_errors() const noexcept;
  /// All faults in the order of the file.
  [[nodiscard]] std::vector<fault> take();

 private:
  void add(const toml::source_region& where, std::string message, bool is_warning);
  std::string file_;
  std::vector<fault> faults_;
};

/// A string and where it stands.
struct located_string {
  std::string value;
  toml::source_region where;
};

/// Reads one table of the configuration key by key. Each reader leaves `out` as it is when the key is missing or wrong
/// (then the fault is noted), so that defaults stand in the structs and nowhere else. Whatever was never asked for is
/// an unknown key: finish() says so. Refers to the table and the fault list; cold, one thread.
class toml_section {
 public:
  /// `title` names the section in messages and in the list of keys without effect: "engine", "carrier".
  toml_section(const toml::table& table, std::string title, fault_list& faults)
      : table_(table), title_(std::move(title)), faults_(faults) {}

  void boolean(std::string_view key, bool& out);
  /// A string of printable characters with at most `max_octets` octets.
  void string(std::string_view key, std::string& out, std::size_t max_octets = 4096);
  void duration(std::string_view key, std::chrono::milliseconds& out, std::chrono::milliseconds min,
                std::chrono::milliseconds max);
  void size(std::string_view key, std::uint64_t& out);
  void real(std::string_view key, double& out, double min, double max);
  void mode(std::string_view key, std::uint32_t& out);

  template <typename Integer>
  void integer(std::string_view key, Integer& out, std::int64_t min, std::int64_t max) {
    if (const auto value = read_integer(key, min, max)) out = static_cast<Integer>(*value);
  }

  /// `"auto"`, which becomes nothing, or a number.
  template <typename Integer>
  void automatic_integer(std::string_view key, std::optional<Integer>& out, std::int64_t min, std::int64_t max) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    if (const auto* word = node->as_string(); word != nullptr && word->get() == "auto") {
      out.reset();
    } else if (node->is_string()) {
      error(*node, key, "is \"auto\" or a number");
    } else if (const auto value = read_integer(key, min, max)) {
      out = static_cast<Integer>(*value);
    }
  }

  /// One of a few words.
  template <typename Value>
  void choice(std::string_view key, Value& out, std::initializer_list<std::pair<std::string_view, Value>> words) {
    std::vector<std::string_view> names;
    for (const auto& word : words) names.push_back(word.first);
    if (const auto index = read_choice(key, names)) out = words.begin()[*index].second;
  }

  /// A list of strings, or one string for a list of one.
  [[nodiscard]] std::vector<located_string> strings(std::string_view key);
  /// One string with its place; nothing when the key is missing or no string.
  [[nodiscard]] std::optional<located_string> located(std::string_view key);
  /// The table under this key, or nothing.
  [[nodiscard]] std::optional<toml_section> table(std::string_view key);
  /// The tables of `[[key]]`.
  [[nodiscard]] std::vector<toml_section> tables(std::string_view key);
  /// All keys of a table that the user names, with their strings: tags.
  [[nodiscard]] std::vector<std::pair<std::string, located_string>> named_strings();

  /// The node of a key, which counts as known from now on; null when it is missing.
  const toml::node* find(std::string_view key);
  /// Where the key stands, or the table when the key is missing.
  [[nodiscard]] toml::source_region where(std::string_view key) const;
  [[nodiscard]] const toml::source_region& where() const noexcept { return table_.source(); }
  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }

  void error(const toml::node& node, std::string_view key, std::string_view message);
  void error(const toml::source_region& where, std::string message) { faults_.error(where, std::move(message)); }
  void warning(const toml::source_region& where, std::string message) { faults_.warning(where, std::move(message)); }
  [[nodiscard]] fault_list& faults() noexcept { return faults_; }

  /// Notes every key that nobody asked for, with the nearest one that somebody did.
  void finish();

 private:
  std::optional<std::int64_t> read_integer(std::string_view key, std::int64_t min, std::int64_t max);
  std::optional<std::size_t> read_choice(std::string_view key, const std::vector<std::string_view>& words);

  const toml::table& table_;
  std::string title_;
  fault_list& faults_;
  std::vector<std::string_view> known_;
};

}  // namespace trunkline::engine
