#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runtime/configuration.hpp"
#include "router/inbound_rules.hpp"
#include "router/rewriting.hpp"

namespace trunkline::engine {

/// What a keyword of [optout] asks for.
enum class optout_word : std::uint8_t { stop, start, help };

/// [[inbound]] and [optout], compiled: an immutable snapshot, replaced as a whole on reload.
class inbound_plan {
 public:
  struct forward {
    std::vector<router::text_rewriting> to;  ///< empty: the number that the phone wrote to
    std::string carrier;
    std::string priority;
    std::vector<std::pair<std::string, std::string>> tags;
  };
  struct reply {
    router::text_rewriting text;
    std::string from;
    std::string carrier;
  };
  struct action {
    std::vector<std::string> directories;
    std::vector<forward> forwards;
    std::optional<struct reply> reply;
    router::text_rewriting replace;
    router::address_rewriting source;
    router::address_rewriting destination;
  };
  struct keyword {
    optout_word word{};
    const std::string* reply = nullptr;  ///< lives as long as the plan
  };

  /// `from` was checked by load_configuration().
  explicit inbound_plan(const configuration& from);
  inbound_plan(const inbound_plan&) = delete;
  inbound_plan& operator=(const inbound_plan&) = delete;

  [[nodiscard]] const router::inbound_rules& rules() const noexcept { return rules_; }
  /// What a rule does, by its place among the rules.
  [[nodiscard]] const action& action_of(std::size_t rule) const noexcept { return actions_[rule]; }
  /// The clocks of the zones that rules name, at this moment.
  [[nodiscard]] std::vector<router::local_minute> local_times(std::int64_t wall_ms) const;
  /// The keyword that a text is, or nothing.
  [[nodiscard]] std::optional<keyword> find_keyword(std::string_view carrier, std::string_view text) const;
  [[nodiscard]] bool optout_enabled() const noexcept { return optout_.enabled; }
  [[nodiscard]] bool can_send(std::string_view carrier) const { return senders_.contains(carrier); }
  [[nodiscard]] std::chrono::milliseconds reply_window() const noexcept { return reply_window_; }
  /// Every directory that rules name.
  [[nodiscard]] std::set<std::string> directories() const;

 private:
  struct language {
    router::text_pattern patterns[3];  // by optout_word
    std::string replies[3];
  };
  struct zones;

  router::inbound_rules rules_;
  std::vector<action> actions_;
  std::shared_ptr<const zones> zones_;
  optout_config optout_;
  std::vector<language> languages_;
  std::set<std::string, std::less<>> senders_;
  std::chrono::milliseconds reply_window_;
};

}  // namespace trunkline::engine
