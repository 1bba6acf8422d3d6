#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "router/inbound_rules.hpp"
#include "router/outcome.hpp"
#include "router/rewriting.hpp"

// [[inbound]] and [optout] as plain values (docs/inbound.md). Patterns and templates are kept as they were written;
// they have been compiled once to be checked.
namespace trunkline::engine {

/// `source` and `destination` of a rule: the addresses of the messages that it forwards.
struct address_rewriting_config {
  router::address_rewrite rewrite = router::address_rewrite::never;
  std::string address;              ///< a template
  std::optional<std::uint8_t> ton;  ///< nothing: "auto"
  std::optional<std::uint8_t> npi;

  friend bool operator==(const address_rewriting_config&, const address_rewriting_config&) = default;
};

/// `forward`: the received message as a new one.
struct inbound_forward_config {
  std::vector<std::string> to;  ///< templates of numbers; empty: the number that the phone wrote to
  std::string carrier;          ///< empty: by the routes
  router::priority priority = router::priority::normal;
  std::map<std::string, std::string> tags;  ///< of the new message: what routes may look at

  friend bool operator==(const inbound_forward_config&, const inbound_forward_config&) = default;
};

/// `reply`: a new message to the phone.
struct inbound_reply_config {
  std::string text;     ///< a template
  std::string from;     ///< empty: the number that the phone wrote to
  std::string carrier;  ///< empty: the one that the message came by, if it can send, else by the routes

  friend bool operator==(const inbound_reply_config&, const inbound_reply_config&) = default;
};

/// [[inbound]]
struct inbound_config {
  std::string name;
  bool enabled = true;

  std::vector<std::string> carrier;
  std::vector<std::string> to_number;  ///< masks
  std::vector<std::string> from;       ///< masks
  std::vector<std::string> text_prefix;
  bool case_sensitive = false;
  std::string regex;
  std::vector<router::day_window> time;
  std::uint8_t days = 0;  ///< bit per weekday, Monday first; 0: any
  std::string timezone = "UTC";
  std::vector<std::string> batch;  ///< masks
  std::vector<std::string> batch_name;
  std::map<std::string, std::string> tags;

  bool drop = false;
  std::vector<std::string> directories;          ///< of `to`: under inbound/
  std::vector<inbound_forward_config> forwards;  ///< of `to`, those that are carriers; then `forward`
  std::optional<inbound_reply_config> reply;
  std::string replace;  ///< a template for the text that is delivered and forwarded; empty: as it is
  address_rewriting_config source;
  address_rewriting_config destination;

  friend bool operator==(const inbound_config&, const inbound_config&) = default;
};

/// [[optout.language]], and [optout] itself for its own keywords.
struct optout_language_config {
  std::string name;
  std::vector<std::string> stop;
  std::vector<std::string> start;
  std::vector<std::string> help;
  std::string stop_reply;  ///< empty: none
  std::string start_reply;
  std::string help_reply;

  friend bool operator==(const optout_language_config&, const optout_language_config&) = default;
};

/// [optout]
struct optout_config {
  bool enabled = false;               ///< true as soon as the section is there, unless it says otherwise
  std::vector<std::string> carriers;  ///< keywords count in messages that come by these; empty: by any
  std::vector<optout_language_config> languages;

  friend bool operator==(const optout_config&, const optout_config&) = default;
};

}  // namespace trunkline::engine
