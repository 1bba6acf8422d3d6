#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "engine/runtime/configuration.hpp"
#include "router/route_table.hpp"

namespace trunkline::engine {

/// Compiles the routes of a configuration into the snapshot that the routing stage uses. `carrier_of` gives the id of a
/// carrier by its name; a target without an id is left out. Any thread.
[[nodiscard]] std::shared_ptr<const router::route_table> compile_routes(
    const configuration& config, const std::function<std::optional<router::carrier_id>(std::string_view)>& carrier_of);

}  // namespace trunkline::engine
