#pragma once

#include <memory>
#include <span>

#include "engine/dispatch/carrier.hpp"
#include "engine/inbound/inbound_stage.hpp"
#include "engine/journal/commit_stage.hpp"
#include "engine/report/outputs.hpp"
#include "engine/report/recovery.hpp"
#include "engine/spool/feeder.hpp"
#include "engine/spool/name_memory.hpp"

namespace trunkline::engine {

/// The stages that go on with what an earlier run left.
struct adopting_stages {
  commit_stage& commit;
  outputs& reports;
  inbound_stage& inbound;
  feeder& dispatcher;
  name_memory& names;
  file_system& files;
  const spool_paths& paths;
};

/// Hands a recovered state to the stages of this run, before any of them has made a step and before the journal's first
/// segment is opened. `carriers` are those of this run; records of parts that name one which is gone are dropped, their
/// messages go another way as a whole. Fails when the names of recovered batches cannot be written.
result<void> adopt_recovered(recovered_state state, std::span<const std::shared_ptr<carrier>> carriers,
                             const clock& time, adopting_stages to);

}  // namespace trunkline::engine
