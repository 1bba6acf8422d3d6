#pragma once

#include <chrono>
#include <string>

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

namespace trunkline::engine {

struct control_failure {
  /// True: an engine is there and refused, or did not answer. False: none listens; nothing has happened.
  bool running = false;
  std::string text;  ///< for people
};

/// Asks the engine that runs on `data_dir` (engine/assembly/control_server.hpp). Returns its answer, an object with
/// `"ok": true`.
tl::expected<nlohmann::json, control_failure> ask_engine(
    const std::string& data_dir, const nlohmann::json& request,
    std::chrono::milliseconds patience = std::chrono::milliseconds(10'000));

}  // namespace trunkline::engine
