#include "engine/dispatch/outcomes.hpp"

#include "engine/dispatch/admission.hpp"

namespace trunkline::engine {

outcome_sink::~outcome_sink() {
  for (const journal_event& event : events_) discard(event);
}

}  // namespace trunkline::engine
