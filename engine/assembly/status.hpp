#pragma once

#include <string>

namespace trunkline::engine {

class engine;

/// The document of /status (docs/metrics.md): carriers, sessions with state and last state in the operator's words,
/// windows, rates, queues, batches. Never holds secrets, texts or numbers. Any thread.
std::string status_json(const engine& of);

}  // namespace trunkline::engine
