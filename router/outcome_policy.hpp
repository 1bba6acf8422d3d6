#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace trunkline::router {

/// What the engine does with a message after a submit_sm_resp.
enum class submit_action : std::uint8_t {
  sent,          ///< accepted
  retry,         ///< again by the same carrier, later
  reroute,       ///< by the next carrier of the route; without one, as fail
  fail,          ///< final
  stop_session,  ///< the session is closed; the message goes elsewhere, or again by this carrier
  throttle,      ///< the pace of the carrier falls; the message is sent again first, and this is no attempt
};
std::string_view name(submit_action action) noexcept;

/// The verdict on one command_status.
struct policy_rule {
  submit_action action = submit_action::fail;
  std::chrono::milliseconds delay = std::chrono::seconds(1);  ///< before the first retry, see next_delay()
  std::uint32_t attempts = 20;  ///< sendings after which a message is given up as attempts_exhausted

  friend constexpr bool operator==(const policy_rule&, const policy_rule&) = default;
};

/// Defaults of every retry.
inline constexpr std::chrono::milliseconds default_retry_delay = std::chrono::seconds(1);
inline constexpr std::chrono::milliseconds max_retry_delay = std::chrono::seconds(60);
inline constexpr std::uint32_t default_attempts = 20;

/// One status or range of a `[[carrier.policy]]`, both ends included.
struct policy_override {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  policy_rule rule;

  friend constexpr bool operator==(const policy_override&, const policy_override&) = default;
};

/// What each command_status means at one carrier: the defaults (protocol::class_for_submit) with the carrier's
/// overrides before them, of which the first that covers a status wins. ESME_ROK and ESME_RTHROTTLED keep their meaning
/// whatever a range covers. Immutable, any thread.
class outcome_policy {
 public:
  outcome_policy() = default;
  explicit outcome_policy(std::span<const policy_override> overrides)
      : overrides_(overrides.begin(), overrides.end()) {}

  /// The rule for this command_status in a submit_sm_resp. No allocation.
  [[nodiscard]] policy_rule for_submit(std::uint32_t command_status) const noexcept;

 private:
  std::vector<policy_override> overrides_;
};

/// The delay before the next attempt: `base` after the first failed attempt, doubled after each further one, at most
/// max_retry_delay (or `base`, if that is longer). `attempts` counts the attempts made, from 1.
[[nodiscard]] constexpr std::chrono::milliseconds next_delay(std::chrono::milliseconds base,
                                                             std::uint32_t attempts) noexcept {
  if (base >= max_retry_delay) return base;
  if (base.count() <= 0) return std::chrono::milliseconds(0);
  for (std::uint32_t i = 1; i < attempts && base < max_retry_delay; ++i) base *= 2;
  return base < max_retry_delay ? base : max_retry_delay;
}

/// Statuses as a policy names them: `ESME_RMSGQFUL`, `0x0400`, `1024`, or a range `0x0400-0x04ff`. Nothing when the
/// text is none of these or the range is backwards.
struct status_range {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};
[[nodiscard]] std::optional<status_range> parse_status_range(std::string_view text) noexcept;

}  // namespace trunkline::router
