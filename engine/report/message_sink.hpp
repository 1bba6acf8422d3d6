#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "engine/dispatch/outcomes.hpp"
#include "engine/report/received_line.hpp"

namespace trunkline::engine {

/// What the outputs hand received messages to, those that are no receipts. Everything on the outputs thread, or before
/// it starts. Receives each message at least once, in the order of the journal, and the same ones again after a crash.
class message_sink {
 public:
  virtual ~message_sink() = default;

  /// A deliver_sm or data_sm that is in the journal. The views live through the call.
  virtual void received(const received_from& from, std::int64_t received_at_ms, std::span<const std::uint8_t> pdu) = 0;
  /// Shows what is due; `journal` takes records. When it wants to be called next.
  virtual std::chrono::steady_clock::time_point step(outcome_sink& journal) = 0;
  /// Hands the lines that it holds to the publisher, whatever their age.
  virtual void rotate_all() = 0;
  /// The journal is about to forget every record before the mark that has just come by. What was received until now and
  /// is not shown yet has to be in `journal` again, or on disk elsewhere. False: not possible now, ask again; what was
  /// given to `journal` may be there twice then.
  virtual bool checkpoint(outcome_sink& journal) = 0;
};

}  // namespace trunkline::engine
