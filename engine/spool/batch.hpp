#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/dispatch/message.hpp"
#include "engine/runtime/file_system.hpp"
#include "engine/spool/record.hpp"
#include "engine/spool/record_parser.hpp"

namespace trunkline::engine {

/// No accepted file has more lines: their numbers have 32 bits.
inline constexpr std::uint64_t most_lines = 4'000'000'000;
/// Entries (lines of JSON Lines, records of CSV) in one block.
inline constexpr std::uint32_t block_entries = 1024;
using entry_bits = std::array<std::atomic<std::uint64_t>, block_entries / 64>;

/// What is known of 1,024 entries of a batch without reading them: where they are, which are decided, which are in
/// memory, and what the rest waits for. About 0.3 octets for each line of an open batch, whatever waits for whatever
/// reason.
struct block {
  std::uint64_t offset = 0;                                        ///< of its first octet; feeder
  std::uint32_t first_line = 0;                                    ///< 1-based physical line of its first entry; feeder
  std::uint16_t entries = 0;                                       ///< feeder
  std::int64_t due_ms = std::numeric_limits<std::int64_t>::max();  ///< wall clock of the next visit it needs; feeder
  std::uint64_t waits = 0;             ///< bits (carrier id % 64) that left lines wait for; feeder
  std::uint64_t retry_waits = 0;       ///< the same of lines whose later attempt is due; feeder
  std::atomic<std::uint16_t> open{0};  ///< messages without a synced outcome; outputs count down
  entry_bits final{};                  ///< outcome in journal and report (or not a message); outputs and feeder set
  entry_bits taken{};                  ///< in memory; feeder
  std::atomic<entry_bits*> suspect{
      nullptr};  ///< may have gone out before (after a crash, or given back flagged); owned

  ~block() { delete suspect.load(); }
  static bool test(const entry_bits& bits, std::uint32_t i) noexcept {
    return (bits[i / 64].load(std::memory_order_relaxed) >> (i % 64) & 1U) != 0;
  }
  static void set(entry_bits& bits, std::uint32_t i) noexcept {
    bits[i / 64].fetch_or(std::uint64_t{1} << (i % 64), std::memory_order_relaxed);
  }
  /// As `set`, for bits that only the calling thread writes.
  static void set_alone(entry_bits& bits, std::uint32_t i) noexcept {
    auto& word = bits[i / 64];
    word.store(word.load(std::memory_order_relaxed) | std::uint64_t{1} << (i % 64), std::memory_order_relaxed);
  }
  static void clear(entry_bits& bits, std::uint32_t i) noexcept {
    bits[i / 64].fetch_and(~(std::uint64_t{1} << (i % 64)), std::memory_order_release);
  }
  bool is_suspect(std::uint32_t i) const noexcept {
    const auto* bits = suspect.load(std::memory_order_acquire);
    return bits != nullptr && test(*bits, i);
  }
  void set_suspect(std::uint32_t i) {
    auto* bits = suspect.load(std::memory_order_acquire);
    if (bits == nullptr) {
      bits = new entry_bits{};
      suspect.store(bits, std::memory_order_release);
    }
    set(*bits, i);
  }
};

/// The blocks of one batch at addresses that never move: the feeder appends while other threads mark outcomes.
class block_table {
 public:
  /// `file_bytes` bounds the number of blocks: an entry has at least one octet.
  explicit block_table(std::uint64_t file_bytes);
  std::uint32_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  block& operator[](std::uint32_t i) noexcept { return chunks_[i / chunk_blocks_][i % chunk_blocks_]; }
  const block& operator[](std::uint32_t i) const noexcept { return chunks_[i / chunk_blocks_][i % chunk_blocks_]; }
  /// Feeder only.
  block& append();

 private:
  std::uint32_t chunk_blocks_;
  std::vector<std::unique_ptr<block[]>> chunks_;  // never reallocated
  std::atomic<std::uint32_t> size_{0};
};

/// A wall-clock time that does not come.
inline constexpr std::int64_t never_ms = std::numeric_limits<std::int64_t>::max();

/// A line that waits in its file for a later attempt.
struct postponed_line {
  std::int64_t due_ms = 0;
  std::uint16_t attempts = 0;
  std::uint32_t tried = 0;         ///< as message::tried
  std::uint32_t error_value = 0;   ///< the last command_status
  std::uint16_t carrier = 0xffff;  ///< id of the one that was tried last, when that was in this run
};

/// What a file looked like: another inode later means that it was replaced, another size or time that it was changed.
struct file_stamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::chrono::system_clock::time_point mtime;

  explicit file_stamp(const file_status& of) : device(of.device), inode(of.inode), size(of.size), mtime(of.mtime) {}
  bool same_file(const file_stamp& other) const noexcept { return device == other.device && inode == other.inode; }
  friend bool operator==(const file_stamp&, const file_stamp&) = default;
};

enum class batch_format : std::uint8_t { jsonl, csv };

/// What a batch needs kept about a message that was partly accepted before a restart: its part ids.
struct accepted_part {
  std::uint8_t part = 0;
  std::uint8_t parts = 0;
  std::string message_id;
  std::string carrier;
};

/// What batch_turns keeps about a batch.
struct batch_turn {
  bool asleep = false;
  std::uint64_t last = 0;                 ///< when it had a turn
  std::uint64_t listed_fresh = 0;         ///< carriers in whose lists it stands
  std::uint64_t listed_retries = 0;       ///< likewise, for a later attempt
  bool listed_unread = false;             ///< among those that may be read on
  bool listed_paused = false;             ///< among those that are paused and may be read on
  std::int64_t listed_due_ms = never_ms;  ///< the earliest time for which it is listed
};

/// One accepted file. The feeder owns it; other threads use the blocks' atomics, the flags of `batch_control` and what
/// is constant after the claim.
class batch final : public batch_control {
 public:
  batch(std::uint32_t id, std::string name, std::uint64_t size, std::int64_t accepted_at_ms);

  // constant after the claim
  const std::string name;
  const std::uint64_t size;  ///< octets of the file that is read (expanded)
  const std::int64_t accepted_at_ms;
  batch_format format = batch_format::jsonl;
  unknown_policy on_unknown = unknown_policy::resend;
  std::string source_path;          ///< what is read: active/NAME, or its expansion in data_dir
  std::optional<file_stamp> stamp;  ///< of the file in active/, as it was accepted, or found after a restart
  batch_defaults defaults;
  csv_columns columns;

  // feeder
  block_table blocks;
  std::unique_ptr<file> source;     ///< open while it can move
  std::uint64_t scanned_bytes = 0;  ///< everything before is in `blocks`
  std::uint32_t scanned_lines = 0;
  bool scanned = false;             ///< the end of the file was reached
  bool last_block_open = false;     ///< reading failed within the last block: it goes on behind its entries
  std::int64_t retry_at_ms = 0;     ///< wall clock; after a failed read nothing of the file is read before
  std::int64_t retry_after_ms = 0;  ///< how long the last failed read kept the batch waiting; 0: none failed
  bool cancel_ordered = false;      ///< on its way to the journal, or carried out
  /// The highest of its messages, as far as known, and whether anything is: the first line of a CSV file is no message.
  router::priority priority = router::priority::bulk;
  bool priority_known = false;
  /// The lowest of the lines that were left for lack of room so far, at first that of the first line: it is looked at
  /// when there is room for those. One of which nothing is known is looked at when there is room for any.
  router::priority waits_as = router::priority::bulk;
  batch_turn turn;
  std::uint32_t messages = 0;               ///< entries that are messages, so far
  std::uint32_t next_waiting = 0;           ///< where the search for a block that may move goes on
  std::uint64_t waits = 0;                  ///< at least the union of what its blocks wait for
  std::uint64_t retry_waits = 0;            ///< likewise
  std::int64_t earliest_due_ms = never_ms;  ///< no block is due before
  std::unordered_map<std::uint32_t, postponed_line> postponed;
  std::unordered_map<std::uint32_t, std::vector<accepted_part>> partly_accepted;
  /// Messages of a batch with on_unknown = "hold" that were being sent, and by which carrier, when the last run ended.
  std::unordered_map<std::uint32_t, std::string> unresolved;

  /// Feeder: what it counts as when turns are given.
  router::priority rank() const noexcept { return priority_known ? priority : router::priority::urgent; }
  /// Feeder: the first block that still has open messages; the last one when none has.
  std::uint32_t first_open_block() noexcept {
    while (first_open_ + 1 < blocks.size() && blocks[first_open_].open.load(std::memory_order_relaxed) == 0)
      ++first_open_;
    return first_open_;
  }

  // any thread
  std::atomic<std::uint32_t> total{unknown_total};  ///< messages in all, once scanned
  std::atomic<std::uint32_t> finished{0};           ///< messages in the report; outputs count
  std::array<std::atomic<std::uint64_t>, router::message_status_count> by_status{};  ///< of those; outputs count
  std::atomic<bool> changed{false};  ///< its file was changed after it had been accepted
  static constexpr std::uint32_t unknown_total = 0xffffffff;

 private:
  std::uint32_t first_open_ = 0;
};

}  // namespace trunkline::engine
