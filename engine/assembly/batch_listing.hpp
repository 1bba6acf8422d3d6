#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

#include "engine/runtime/file_system.hpp"
#include "engine/spool/spool_paths.hpp"

namespace trunkline::engine {

// What the spool itself says of batches, with or without a running engine.

/// The batches in incoming/ (state "waiting") and active/ ("stopped", or with the journal's last word "paused" or
/// "cancelling"), as `batch_list` gives them. Only for when no engine runs: it reads the journal through. Returns what
/// cannot be read, for people.
tl::expected<nlohmann::json, std::string> list_spool(file_system& files, const spool_paths& paths);

/// One batch that is not open: "done" with its summary, "rejected" with the reason, "waiting" in incoming/. Nothing
/// when there is none of that name.
std::optional<nlohmann::json> find_in_spool(file_system& files, const spool_paths& paths, const std::string& name);

/// The text for people who have named a batch that is not there, with the nearest name that is.
std::string no_such_batch(file_system& files, const spool_paths& paths, const std::string& name);

}  // namespace trunkline::engine
