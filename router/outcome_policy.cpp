#include "router/outcome_policy.hpp"

#include <charconv>

#include "protocol/command_status.hpp"

namespace trunkline::router {
namespace {

using protocol::command_status;
using protocol::submit_class;

constexpr submit_action default_action(submit_class outcome) noexcept {
  switch (outcome) {
    case submit_class::ok:
      return submit_action::sent;
    case submit_class::permanent_message:
      return submit_action::fail;
    case submit_class::retry_later:
      return submit_action::retry;
    case submit_class::retry_other_route:
      return submit_action::reroute;
    case submit_class::session_fatal:
      return submit_action::stop_session;
  }
  return submit_action::reroute;
}

std::optional<std::uint32_t> parse_status(std::string_view text) noexcept {
  if (text.starts_with("ESME_")) {
    const auto known = protocol::status_of(text);
    if (!known) return std::nullopt;
    return static_cast<std::uint32_t>(*known);
  }
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

std::string_view trim(std::string_view text) noexcept {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view name(submit_action action) noexcept {
  switch (action) {
    case submit_action::sent:
      return "sent";
    case submit_action::retry:
      return "retry";
    case submit_action::reroute:
      return "reroute";
    case submit_action::fail:
      return "fail";
    case submit_action::stop_session:
      return "stop_session";
    case submit_action::throttle:
      return "throttle";
  }
  return "fail";
}

policy_rule outcome_policy::for_submit(std::uint32_t status) const noexcept {
  if (status == static_cast<std::uint32_t>(command_status::rok)) return {.action = submit_action::sent};
  if (status == static_cast<std::uint32_t>(command_status::rthrottled)) return {.action = submit_action::throttle};
  for (const policy_override& candidate : overrides_)
    if (status >= candidate.first && status <= candidate.last) return candidate.rule;
  return {.action = default_action(protocol::class_for_submit(static_cast<command_status>(status)))};
}

std::optional<status_range> parse_status_range(std::string_view text) noexcept {
  const std::size_t dash = text.find('-');
  const auto first = parse_status(trim(text.substr(0, dash)));
  if (!first) return std::nullopt;
  if (dash == std::string_view::npos) return status_range{*first, *first};
  const auto last = parse_status(trim(text.substr(dash + 1)));
  if (!last || *last < *first) return std::nullopt;
  return status_range{*first, *last};
}

}  // namespace trunkline::router
