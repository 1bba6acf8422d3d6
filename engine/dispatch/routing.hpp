#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/dispatch/carrier.hpp"
#include "router/route_table.hpp"

namespace trunkline::engine {

/// What the routing stage decides by: the compiled routes and the carriers they name. Immutable; a reload makes a new
/// one.
struct routing {
  struct name_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
  };
  std::shared_ptr<const router::route_table> routes;
  std::vector<std::shared_ptr<carrier>> carriers;  ///< by id; null where a carrier is gone
  std::unordered_map<std::string, std::uint16_t, name_hash, std::equal_to<>> by_name;

  /// The carrier with this id, or null.
  const std::shared_ptr<carrier>& at(std::size_t id) const noexcept {
    static const std::shared_ptr<carrier> none;
    return id < carriers.size() ? carriers[id] : none;
  }
};

}  // namespace trunkline::engine
