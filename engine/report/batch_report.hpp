#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/runtime/file_system.hpp"
#include "router/outcome.hpp"

namespace trunkline::engine {

/// The report of one batch while it grows: a hidden file in done/, written in large pieces. What is not yet in it after
/// a crash is made again from the journal. Outputs thread.
class batch_report {
 public:
  batch_report(file_system& files, std::string hidden_path, std::uint32_t permissions);

  /// Continues a report whose first `bytes` octets are right and cuts off the rest; makes the file when there is none.
  result<void> resume(std::uint64_t bytes);

  /// The place to append lines to.
  std::string& buffer() noexcept { return buffer_; }
  /// Writes the buffer when it is large, or at all (`everything`). After `no_space_on_device` nothing is lost: call
  /// again.
  result<void> flush(bool everything);
  /// Makes durable what was flushed.
  result<void> sync();
  /// Closes the file; the next flush opens it again.
  void close() noexcept { file_.reset(); }
  /// Octets of the report, flushed and buffered.
  std::uint64_t bytes() const noexcept { return written_ + buffer_.size(); }
  const std::string& path() const noexcept { return path_; }

  /// Messages by status, parts, and times, for the summary.
  std::array<std::uint64_t, router::message_status_count> by_status{};
  std::uint64_t parts = 0;
  std::uint64_t parts_accepted = 0;
  std::uint64_t maybe_duplicates = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;

  void count(router::message_status status, std::uint8_t message_parts, std::uint8_t accepted, bool duplicate,
             std::int64_t submitted_ms) noexcept {
    ++by_status[static_cast<std::size_t>(status)];
    parts += message_parts;
    parts_accepted += accepted;
    maybe_duplicates += duplicate ? 1U : 0U;
    if (submitted_ms == 0) return;
    if (first_ms == 0 || submitted_ms < first_ms) first_ms = submitted_ms;
    if (submitted_ms > last_ms) last_ms = submitted_ms;
  }

  /// The counts in the form of a journal position, and back.
  std::array<std::uint64_t, 11> totals() const noexcept {
    std::array<std::uint64_t, 11> all{};
    std::copy(by_status.begin(), by_status.end(), all.begin());
    all[6] = parts, all[7] = parts_accepted, all[8] = maybe_duplicates;
    all[9] = static_cast<std::uint64_t>(first_ms), all[10] = static_cast<std::uint64_t>(last_ms);
    return all;
  }
  void set_totals(const std::array<std::uint64_t, 11>& all) noexcept {
    std::copy(all.begin(), all.begin() + 6, by_status.begin());
    parts = all[6], parts_accepted = all[7], maybe_duplicates = all[8];
    first_ms = static_cast<std::int64_t>(all[9]), last_ms = static_cast<std::int64_t>(all[10]);
  }

 private:
  result<void> open();

  file_system& files_;
  std::string path_;
  std::uint32_t permissions_;
  std::unique_ptr<file> file_;
  std::string buffer_;
  std::uint64_t written_ = 0;
  bool dirty_ = false;
};

}  // namespace trunkline::engine
