#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/journal/reader.hpp"
#include "engine/journal/records.hpp"
#include "engine/report/batch_report.hpp"
#include "engine/runtime/clock.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/spool/batch.hpp"
#include "engine/spool/spool_paths.hpp"

namespace trunkline::engine {

/// A record of a message that is not final, to be kept in the journal.
struct live_record {
  std::uint32_t batch = 0;
  std::uint32_t entry = 0;
  journal_records::type type{};
  std::vector<std::uint8_t> payload;
  std::string carrier;  ///< of a part: the name; the id inside is of the earlier run
};

struct recovered_batch {
  std::unique_ptr<batch> subject;
  std::unique_ptr<batch_report> report;
  std::uint64_t report_lines_replayed = 0;
};

struct recovered_pdu {
  std::string carrier;
  std::int64_t received_at_ms = 0;
  std::vector<std::uint8_t> octets;
};

/// A message found final in the journal, with accepted parts: receipts may have to find it.
struct recovered_sent {
  std::uint32_t batch = 0;
  std::uint32_t line = 0;
  std::string batch_name;  ///< of its file
  std::string called;      ///< what the batch calls itself
  std::string head;        ///< as append_report_head made it
  std::string carrier;
  std::vector<std::uint8_t> outcome;  ///< the payload of its final_outcome
};

/// A batch that the engine made itself, whose file may have appeared or not.
struct recovered_made {
  std::string name;
  std::string contents;
  std::vector<std::uint64_t> ids;  ///< of the received messages that it was made from
};

/// Everything the last run left behind.
struct recovered_state {
  std::vector<recovered_batch> batches;
  std::vector<live_record> live;
  std::vector<journal_records::control> controls;
  std::vector<recovered_pdu> received;  ///< whose output may be missing
  std::vector<recovered_sent> sent;
  std::vector<recovered_made> made;
  std::string result_lines;  ///< lines of results/ that may be missing
  std::uint64_t result_line_count = 0;
  journal_start next;  ///< where the journal goes on
  std::uint32_t next_batch = 1;
  std::uint64_t suspects = 0;  ///< messages that may have gone out without a durable outcome
  read_summary journal;
  std::vector<std::string> problems;  ///< for the log: what was damaged or odd, and what was done
};

/// Reads the journal, finds the batches in active/, cuts each report back to its last recorded position and writes
/// again what the journal knows since. Afterwards each message has either its line or is open, and open ones that may
/// have gone out are marked. Nothing else may use the directories meanwhile (the caller holds the locks).
result<recovered_state> recover(file_system& files, const clock& time, const spool_config& spool,
                                const spool_paths& paths, const record_options& records);

}  // namespace trunkline::engine
