#pragma once

#include <string_view>

namespace trunkline::engine {

/// True for keys of the contract that the engine reads but does not act upon yet: the loader warns when one is set.
/// This is the only list of them (docs/configuration.md repeats it for people); who makes a key work takes it off.
[[nodiscard]] bool has_no_effect_yet(std::string_view section, std::string_view key) noexcept;

}  // namespace trunkline::engine
