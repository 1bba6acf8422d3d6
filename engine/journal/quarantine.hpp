#pragma once

#include <string>

#include "engine/journal/reader.hpp"
#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

/// Keeps the octets of a damaged place: a file SEGMENT-OFFSET.octets in `directory`, which is made when it is missing,
/// mode 0600, durable when this returns. Without it they would be gone as soon as their segment is not needed any more.
/// Returns its path; empty when there are no octets to keep, because they are missing.
result<std::string> set_aside(file_system& files, const std::string& journal, const std::string& directory,
                              const journal_corruption& damage);

}  // namespace trunkline::engine
