#pragma once

#include <string>

#include "engine/runtime/configuration.hpp"
#include "engine/runtime/toml_section.hpp"

// The parts of load_configuration(): each reads one section of the file into its struct and notes what is wrong with it
// alone. What concerns several sections is checked by check_configuration() afterwards. Internal to the loader.
namespace trunkline::engine {

/// `base`: the folder of the file, for relative paths of secrets.
[[nodiscard]] carrier_config read_carrier(toml_section& section, const std::string& base);
[[nodiscard]] std::vector<router::policy_override> read_policy(toml_section& carrier);
[[nodiscard]] route_config read_route(toml_section& section, const std::vector<carrier_config>& carriers);
[[nodiscard]] inbound_config read_inbound(toml_section& section, const std::vector<carrier_config>& carriers);
[[nodiscard]] optout_config read_optout(toml_section& section, const std::vector<carrier_config>& carriers);
/// Warns when received messages may find no rule, or rules no message. `rules`: the sections of config.inbound.
void warn_of_unrouted(const configuration& config, std::vector<toml_section>& rules);

/// `name` of a carrier, route or inbound rule: required and plain.
[[nodiscard]] std::string read_name(toml_section& section);

/// `env:NAME`, `file:PATH` or the value itself; a source that is not there is an error.
[[nodiscard]] secret resolve_secret(const located_string& text, std::string_view key, const std::string& base,
                                    toml_section& section);

}  // namespace trunkline::engine
