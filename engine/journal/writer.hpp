#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/journal/format.hpp"
#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

/// Where a writer starts: numbers that no segment and no frame of the directory has. `read_summary::next` after
/// recovery, or the default for an empty directory.
struct journal_start {
  std::uint64_t segment = 1;
  std::uint64_t frame = 1;

  friend bool operator==(const journal_start&, const journal_start&) = default;
};

struct journal_writer_options {
  std::size_t frame_bytes = 4U << 20;       ///< records that one frame can hold, at most `max_frame_payload_bytes`
  std::uint64_t segment_bytes = 64U << 20;  ///< what `wants_roll` goes by, and what a new segment reserves
  std::uint64_t salt = 0;                   ///< 0: drawn at random; tests give one
};

/// Appends records to a journal, in commits of one frame. One thread. A life:
///
///     roll()                          the first segment
///     begin_record / end_record ...   fills the frame in memory
///     commit_begin()                  writes the frame and starts to sync it
///     begin_record / end_record ...   the next frame can be filled meanwhile
///     commit_finish()                 the frame is durable: now its effects may be shown to others
///     if (wants_roll()) roll()
class journal_writer {
 public:
  /// `files` must outlive the writer; `directory` must exist. No I/O yet.
  journal_writer(file_system& files, std::string directory, journal_start start = {},
                 journal_writer_options options = {});
  journal_writer(const journal_writer&) = delete;
  journal_writer& operator=(const journal_writer&) = delete;
  ~journal_writer();

  /// Room for the payload of one record, to be serialised in place and then closed by `end_record`. Empty when the
  /// frame has no room for `max_payload` octets: commit, then ask again (a fresh frame holds `max_payload_bytes()`).
  /// `type` is not 0. The room lives until `end_record` and may be one octet longer than asked (never empty on
  /// success).
  [[nodiscard]] std::span<std::uint8_t> begin_record(std::uint8_t type, std::uint8_t version, std::size_t max_payload);

  /// Closes the record; its payload is the first `actual` octets of the room (at most `max_payload`).
  void end_record(std::size_t actual);

  /// The two in one, for a payload that exists already. False: no room.
  [[nodiscard]] bool append(std::uint8_t type, std::uint8_t version, std::span<const std::uint8_t> payload);

  /// The longest payload that a record can have.
  std::size_t max_payload_bytes() const noexcept;

  /// Octets of records waiting for the next commit. 0: nothing to commit.
  std::size_t pending_bytes() const noexcept;
  /// Number that the frame being filled will have.
  std::uint64_t next_frame() const noexcept { return next_frame_; }
  /// Number of the last durable frame; one less than the start's before the first.
  std::uint64_t durable_frame() const noexcept { return durable_frame_; }

  /// Writes what is pending as one frame and starts its sync; nothing pending is success and writes nothing (then
  /// `commit_in_flight` stays false and `commit_finish` does nothing). After an error nothing is lost: the records are
  /// still pending, more may be added, and the call may be repeated (a full disk, say).
  /// Needs a segment (`roll`) and no commit in flight, otherwise `errc::operation_not_permitted`.
  result<void> commit_begin();

  /// Waits for the sync. An error is fatal: every later commit fails with it, and the caller has to stop.
  result<void> commit_finish();

  /// `commit_begin` and `commit_finish`.
  result<void> commit();

  bool commit_in_flight() const noexcept { return in_flight_; }
  /// A sync failed: nothing can be committed any more, whatever code the failure had.
  bool broken() const noexcept { return static_cast<bool>(fatal_); }

  /// Starts a new segment: creates, reserves, writes the headers, syncs file and directory. Not while a commit is in
  /// flight; pending records stay pending and go to the new segment. After an error the old segment is still in use,
  /// and the call may be repeated.
  result<void> roll();

  /// The segment in use; 0 before the first `roll`.
  std::uint64_t segment() const noexcept { return segment_; }
  /// Octets used in it, headers included.
  std::uint64_t segment_bytes() const noexcept { return offset_; }
  bool wants_roll() const noexcept { return offset_ == 0 || offset_ >= options_.segment_bytes; }

  /// Removes the segments with numbers below `segment` (never the one in use), oldest first, each durably before the
  /// next, so that what is left after a crash has no hole.
  result<void> remove_segments_below(std::uint64_t segment);

 private:
  result<std::unique_ptr<file>> create_segment(std::uint64_t number);
  std::string path_of(std::uint64_t segment) const;

  file_system& files_;
  std::string directory_;
  journal_writer_options options_;
  std::vector<std::uint8_t> buffer_;  // frame header, then records
  std::size_t used_;                  // octets of buffer_ in use
  std::size_t record_ = 0;            // where the open record starts; 0: none is open
  std::uint32_t record_seed_ = 0;
  std::uint64_t next_segment_;
  std::uint64_t next_frame_;
  std::uint64_t durable_frame_;
  std::uint64_t segment_ = 0;
  std::uint64_t offset_ = 0;
  std::unique_ptr<file> file_;
  bool in_flight_ = false;
  std::error_code fatal_;
};

}  // namespace trunkline::engine
