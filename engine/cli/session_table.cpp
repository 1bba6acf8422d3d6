#include "engine/cli/session_table.hpp"

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace trunkline::engine {
namespace {

using nlohmann::json;

/// What an operator should know at first sight.
std::string remarks(const json& c) {
  std::string text;
  const auto add = [&text](const std::string& remark) { text += (text.empty() ? "  " : ", ") + remark; };
  if (c.value("disabled", false)) add("DISABLED");
  if (c.value("credentials_refused", false)) add("CREDENTIALS REFUSED");
  if (c.value("paused", false)) add("pausing");
  if (const std::string reason = c.value("slowed_by", ""); !reason.empty()) add("slowed by " + reason);
  if (c.value("tls", "") == "not verified") add("TLS NOT VERIFIED");
  return text;
}

}  // namespace

void print_carriers(const json& carriers) {
  fmt::print("{:<16} {:>4} {:<9} {:<14} {:<40} {:<24} {:>13} {:>12}\n", "CARRIER", "SESS", "STACK", "STATE",
             "LAST STATE", "ADDRESS", "IN FLIGHT", "SUBMITTED");
  for (const auto& c : carriers) {
    for (const auto& p : c["sessions"]) {
      fmt::print("{:<16} {:>4} {:<9} {:<14} {:<40} {:<24} {:>13} {:>12}\n", c.value("name", ""), p.value("session", 0),
                 p.value("stack", ""), p.value("state", ""), p.value("last_state", ""), p.value("address", ""),
                 fmt::format("{} of {}", p.value("in_flight", 0), p.value("window", 0)),
                 p.value("submits", std::uint64_t{0}));
    }
  }
  fmt::print("\n{:<16} {:>12} {:>10} {:>10} {:>10} {:>10} {:>12}\n", "CARRIER", "RATE LIMIT", "RETURNED", "URGENT",
             "NORMAL", "BULK", "IN MEMORY");
  for (const auto& c : carriers) {
    const double rate = c.value("rate_limit_now", 0.0);
    const auto& lanes = c["lanes"];
    fmt::print("{:<16} {:>12} {:>10} {:>10} {:>10} {:>10} {:>12}{}\n", c.value("name", ""),
               rate <= 0 ? std::string("unlimited") : fmt::format("{:.1f}/s", rate), lanes.value("returned", 0),
               lanes.value("urgent", 0), lanes.value("normal", 0), lanes.value("bulk", 0), c.value("in_memory", 0),
               remarks(c));
  }
}

}  // namespace trunkline::engine
