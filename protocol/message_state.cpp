#include "protocol/message_state.hpp"

#include <array>

#include "protocol/ascii.hpp"

namespace trunkline::protocol {
namespace {

constexpr auto names = std::to_array<std::string_view>({"scheduled", "enroute", "delivered", "expired", "deleted",
                                                        "undeliverable", "accepted", "unknown", "rejected", "skipped"});

struct word {
  std::string_view stat;
  message_state state;
};

/// What receipts say instead of the names, in lower case, the frequent ones first.
constexpr auto words = std::to_array<word>({
    {"delivrd", message_state::delivered},
    {"undeliv", message_state::undeliverable},
    {"expired", message_state::expired},
    {"rejectd", message_state::rejected},
    {"acceptd", message_state::accepted},
    {"buffred", message_state::enroute},  // an SMSC keeps it and tries again
    {"buffered", message_state::enroute},
    {"failed", message_state::undeliverable},
    {"undelivered", message_state::undeliverable},
    {"syserr", message_state::undeliverable},
    {"nocred", message_state::rejected},
    {"dnd_rejected", message_state::rejected},
    {"schedld", message_state::scheduled},
});

}  // namespace

std::optional<message_state> message_state_of(std::uint8_t number) noexcept {
  if (number >= names.size()) return std::nullopt;
  return static_cast<message_state>(number);
}

std::optional<message_state> message_state_of(std::string_view stat) noexcept {
  for (const word& known : words) {
    if (equals_in_any_case(stat, known.stat)) return known.state;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (equals_in_any_case(stat, names[i])) return static_cast<message_state>(i);
  }
  return std::nullopt;
}

std::string_view name_of(message_state state) noexcept {
  const auto at = static_cast<std::size_t>(state);
  return at < names.size() ? names[at] : std::string_view("unknown");
}

}  // namespace trunkline::protocol
