#pragma once

#include <string>

#include <tl/expected.hpp>

namespace trunkline::engine {

/// Fetches `path` from `host:port` (or a URL http://host:port) within two seconds: the body of a 200 answer, or what
/// went wrong, for people.
tl::expected<std::string, std::string> http_get(const std::string& server, const std::string& path);

}  // namespace trunkline::engine
