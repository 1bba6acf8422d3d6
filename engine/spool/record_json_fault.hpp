#pragma once

#include <string_view>

#include "engine/spool/record.hpp"

namespace trunkline::engine {

/// Says for people why `line` is not one JSON object, and at which offset: bad_json, or bad_utf8 when an octet is at
/// fault. Reads it anew with another parser, so only for lines that are known to be bad; `offset` is used when that one
/// finds nothing.
record_error explain_json_fault(std::string_view line, std::size_t offset);

}  // namespace trunkline::engine
