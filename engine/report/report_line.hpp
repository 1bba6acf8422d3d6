#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/dispatch/message.hpp"
#include "engine/journal/records.hpp"
#include "engine/receipts/sent_message.hpp"

namespace trunkline::engine {

/// Appends one report line (docs/spool.md), newline included, for `outcome`; `head` is what append_report_head makes of
/// the spool line. `carrier` is its carrier's name or empty. With `batch` the line is one of results/.
void append_report_line(std::string& out, std::string_view head, const journal_records::final_outcome& outcome,
                        std::string_view carrier, std::string_view batch = {});

/// The same from a message in memory; reads its head and its parts.
/// `scratch` is reused between calls.
struct report_scratch {
  std::string head;
  std::string ids;
  std::string error_text;
  std::string sender;
};
journal_records::final_outcome outcome_of(const message& m, report_scratch& scratch);

/// What receipts and replies need of a final message, from its report head and outcome: all but batch, carrier and
/// line. With `for_replies` also the tags, and the sender where the outcome holds it. Views head and outcome.
sent_message sent_message_of(std::string_view head, const journal_records::final_outcome& outcome, bool for_replies);

}  // namespace trunkline::engine
