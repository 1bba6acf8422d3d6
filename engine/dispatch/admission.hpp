#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/dispatch/carrier.hpp"
#include "engine/dispatch/message.hpp"
#include "engine/dispatch/outcomes.hpp"

namespace trunkline::engine {

/// Messages of one block that were read, routed and encoded. They reach the lanes only when the journal's record of
/// them is durable, so that after a crash exactly the lines that may have gone out are flagged. Made by the feeder,
/// consumed by the commit stage.
struct admission {
  struct group {
    std::shared_ptr<carrier> to;
    lane where{};
    std::vector<message*> messages;
  };
  batch_control* owner = nullptr;
  std::uint32_t block = 0;
  std::array<std::uint64_t, 16> lines{};  ///< bit per entry of the block
  std::vector<group> groups;
};

/// A record that a stage wants in the journal, in its place among the outcomes, and what follows from it. Owned by the
/// queue once handed over. `type` 0 writes nothing: a mark that only has to reach the outputs in order.
struct control_record {
  std::uint8_t type = 0;              ///< journal_records::type
  std::vector<std::uint8_t> payload;  ///< encoded record
  batch_control* opened = nullptr;    ///< of batch_opened: the batch
  std::uint32_t scanned = 0;          ///< of a mark: id of the batch whose end was reached; it may be closed by then
  std::function<void()> durable;      ///< called on the commit thread once it is on disk; may be empty
  std::function<void()> at_outputs;   ///< called on the outputs thread, after everything before it; may be empty
};

/// Frees what an event owns that will not be consumed any more (the stages end). Messages belong to the slab.
inline void discard(const journal_event& event) noexcept {
  switch (event.kind) {
    case event_kind::received:
      delete static_cast<received_pdu*>(event.subject);
      break;
    case event_kind::admission:
      delete static_cast<admission*>(event.subject);
      break;
    case event_kind::intents:
      delete static_cast<intent_list*>(event.subject);
      break;
    case event_kind::control:
      delete static_cast<control_record*>(event.subject);
      break;
    case event_kind::final:
    case event_kind::part:
    case event_kind::returned:
      break;
  }
}

}  // namespace trunkline::engine
