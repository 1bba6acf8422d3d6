#pragma once

namespace trunkline::engine {

class engine;

/// Registers what `trunkline batch` asks a running engine for: batch_list, batch_show, batch_pause, batch_resume and
/// batch_cancel. `of` must outlive its control server.
void add_batch_commands(engine& of);

}  // namespace trunkline::engine
