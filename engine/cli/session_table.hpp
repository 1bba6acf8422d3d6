#pragma once

#include <nlohmann/json_fwd.hpp>

namespace trunkline::engine {

/// Prints the `carriers` of /status as two tables for people on standard output: sessions, and what the carriers have
/// to do.
void print_carriers(const nlohmann::json& carriers);

}  // namespace trunkline::engine
