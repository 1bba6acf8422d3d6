#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/journal/writer.hpp"
#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

/// One record of a committed frame. `payload` lives until the handler returns.
struct record_view {
  std::uint64_t segment = 0;
  std::uint64_t frame = 0;
  std::uint8_t type = 0;
  std::uint8_t version = 0;
  std::span<const std::uint8_t> payload;
};

/// Gets every record in the order of writing. Types and versions that it does not know it must skip.
using record_handler = std::function<void(const record_view&)>;

/// A place where a journal is damaged although it was durable once: bit rot, a bad sector, somebody's editor. The
/// frames named are quarantined: none of their records were handed out.
struct journal_corruption {
  std::uint64_t segment = 0;      ///< the file, by number
  std::uint64_t offset = 0;       ///< in it, of the first octet not understood
  std::uint64_t bytes = 0;        ///< up to where reading went on; 0 when nothing is there
  std::uint64_t first_frame = 0;  ///< frames lost, first and last; both 0 when unknown
  std::uint64_t last_frame = 0;
  std::string reason;
};

/// What a reading found.
struct read_summary {
  std::uint64_t segments = 0;
  std::uint64_t frames = 0;  ///< whole ones, handed out
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;          ///< octets of those frames
  std::uint64_t first_segment = 0;  ///< number of the oldest segment read; 0 when there is none
  std::uint64_t first_frame = 0;    ///< number of the first frame that should be there; who has consumed less before
                                    ///< has lost frames together with a whole segment
  bool torn_tail = false;           ///< the last commit was cut off: it never counted, which is normal after a crash
  std::uint64_t torn_segment = 0;
  std::uint64_t torn_offset = 0;
  std::vector<journal_corruption> corruptions;
  journal_start next;  ///< where a new writer starts
};

/// Reads the segments with numbers from `first_segment` on (0: all there are) and hands out their records, whole frames
/// only. A missing directory reads as empty. Changes nothing; may run beside a writer, whose last frame may then be
/// seen as torn. Damage is not an error but part of the summary; errors are those of the file system, and
/// `errc::not_supported` for a journal of a newer format. Memory: one window of some MiB.
result<read_summary> read_journal(file_system& files, const std::string& directory, std::uint64_t first_segment,
                                  const record_handler& handler);

/// The same for the one process that will write next (it holds the lock of the directory): first makes durable what an
/// earlier process may have written without living to sync it, and forgets what the cache has of a failed sync, so that
/// every record handed out is on the device; afterwards gives back the reserved space behind the last frame.
result<read_summary> recover_journal(file_system& files, const std::string& directory, std::uint64_t first_segment,
                                     const record_handler& handler);

}  // namespace trunkline::engine
