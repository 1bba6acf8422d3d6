#pragma once

#include <algorithm>
#include <string_view>

#include "engine/spool/batch.hpp"
#include "engine/spool/record.hpp"

namespace trunkline::engine {

/// Begins the names of batches that the engine makes itself (docs/inbound.md). Producers must not use it.
inline constexpr std::string_view made_prefix = "_inbound-";

/// The answer to a keyword of [optout]: the one message that somebody who has opted out still gets.
inline bool confirms_optout(const batch& of, const record& line) noexcept {
  return of.name.starts_with(made_prefix) && std::any_of(line.tags.begin(), line.tags.end(), [](const tag& t) {
           return t.key == "inbound" && t.value == "optout";
         });
}

}  // namespace trunkline::engine
