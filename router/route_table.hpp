#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/outcome.hpp"
#include "router/prefix_table.hpp"

namespace trunkline::router {

/// Number of a carrier within a process. Given by the engine, never used again for another carrier.
using carrier_id = std::uint16_t;

/// How a route divides its messages among its carriers.
enum class route_strategy : std::uint8_t { failover, weighted, round_robin };
std::string_view name(route_strategy strategy) noexcept;
std::optional<route_strategy> parse_route_strategy(std::string_view text) noexcept;

struct route_target {
  carrier_id carrier = 0;
  std::uint32_t weight = 1;  ///< 1 to 1000; only the weighted strategy looks at it
};

/// What a route changes in the messages it takes.
struct route_changes {
  std::optional<std::string> from;                    ///< sender of messages that name none
  std::optional<std::chrono::milliseconds> validity;  ///< validity of messages that name none

  friend bool operator==(const route_changes&, const route_changes&) = default;
};

/// One `[[route]]`. All conditions that are not empty must hold.
struct route {
  /// More carriers than this in one route are left out; positions in `to` must fit the masks of choose_carrier().
  static constexpr std::size_t max_targets = 32;

  std::string name;
  std::int32_t rank = 0;
  std::vector<std::string> prefixes;                      ///< digits; any of them
  std::vector<std::string> from;                          ///< exact senders; any of them
  std::vector<std::pair<std::string, std::string>> tags;  ///< all of them
  std::uint8_t priorities = 0;                            ///< bit per router::priority; 0: any
  std::vector<route_target> to;                           ///< in order of preference
  route_strategy strategy = route_strategy::failover;
  std::chrono::milliseconds failover_after = std::chrono::seconds(30);
  route_changes set;
  std::uint32_t order = 0;  ///< position in the file; set by route_table
};

/// Finds the value of a tag of the message at hand, without owning it: a pointer to whatever holds the tags and a
/// function that looks into it. Returns a view with a null pointer for a tag that the message does not have.
struct tag_view {
  using find_function = std::string_view (*)(const void* tags, std::string_view key) noexcept;
  const void* tags = nullptr;
  find_function find = nullptr;

  [[nodiscard]] bool has(std::string_view key, std::string_view value) const noexcept {
    if (find == nullptr) return false;
    const std::string_view found = find(tags, key);
    return found.data() != nullptr && found == value;
  }
};

/// What routes look at. Views must live through the call only.
struct route_query {
  std::string_view number;  ///< digits, international, without +
  std::string_view from;    ///< sender named by the message or its batch; may be empty
  router::priority priority = router::priority::bulk;
  tag_view tags;
};

/// One line of an explanation: a route, and why it did or did not take the message.
struct route_trace {
  const route* rule = nullptr;
  bool matched = false;  ///< all its conditions hold
  bool winner = false;
  std::string why;
};

/// The compiled routes: an immutable snapshot, replaced as a whole on reload. The winner is the route whose conditions
/// hold with the lowest rank, then the longest prefix, then the earliest place in the file.
class route_table {
 public:
  route_table() = default;
  /// Takes the routes in the order of the file. Prefixes that are no digits or longer than 15 never match (the
  /// configuration refuses them).
  explicit route_table(std::vector<route> routes);
  route_table(const route_table&) = delete;
  route_table& operator=(const route_table&) = delete;
  route_table(route_table&&) = default;
  route_table& operator=(route_table&&) = default;

  /// The winner, or null. Lives as long as the table. Any thread, no allocation.
  [[nodiscard]] const route* match(const route_query& query) const noexcept;

  /// Every route in order of evaluation with the verdict on it, for `trunkline route`. Cold.
  [[nodiscard]] std::vector<route_trace> explain(const route_query& query) const;

  /// In the order of the file.
  [[nodiscard]] const std::vector<route>& routes() const noexcept { return routes_; }

 private:
  struct candidate_list {
    std::uint32_t first;
    std::uint32_t count;
  };
  std::vector<route> routes_;
  prefix_table prefixes_;                  ///< value: index into lists_
  std::vector<candidate_list> lists_;      ///< per distinct prefix
  std::vector<std::uint32_t> candidates_;  ///< indexes into routes_, by rank and order within a list
  std::int32_t lowest_rank_ = 0;
};

/// What choose_carrier() decided.
enum class choice_kind : std::uint8_t {
  take,       ///< send by the carrier at `index`
  wait,       ///< carriers are left, none is usable now: wait, first of all for the one at `index`
  exhausted,  ///< every carrier of the route was tried
};
struct carrier_choice {
  choice_kind kind = choice_kind::exhausted;
  std::uint32_t index = 0;  ///< position in route::to
};

/// Chooses among the carriers of a route. A pure function of its arguments: bit i of `usable` says that the carrier at
/// route.to[i] may be given messages (it has a usable session, or has been without one for less than failover_after; a
/// full window or throttling never clears it), bit i of `tried` that it has already refused this message with a
/// reroute. `counter` is any number that the caller raises by one for each message of this route: round robin and
/// weights follow it, exactly over each whole turn.
[[nodiscard]] carrier_choice choose_carrier(const route& rule, std::uint32_t usable, std::uint32_t tried,
                                            std::uint64_t counter) noexcept;

/// The `usable` mask of a route from a predicate over carrier ids.
template <typename Predicate>
[[nodiscard]] std::uint32_t carrier_mask(const route& rule, Predicate usable) noexcept {
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < rule.to.size() && i < route::max_targets; ++i)
    if (usable(rule.to[i].carrier)) mask |= 1U << i;
  return mask;
}

}  // namespace trunkline::router
