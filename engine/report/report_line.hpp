#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/dispatch/message.hpp"
#include "engine/journal/records.hpp"

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
};
journal_records::final_outcome outcome_of(const message& m, report_scratch& scratch);

}  // namespace trunkline::engine
