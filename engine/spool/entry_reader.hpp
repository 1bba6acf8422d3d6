#pragma once

#include <cstdint>
#include <string_view>
#include <system_error>
#include <vector>

#include "engine/spool/batch.hpp"

namespace trunkline::engine {

/// Reads the entries of batch files one after another through one window of memory, whatever the size of the file:
/// lines of JSON Lines, records of CSV. Going on where the last read of the same batch ended costs no second read. One
/// thread.
class entry_reader {
 public:
  /// Entries longer than `max_entry_bytes` are reported, and skipped without being kept.
  explicit entry_reader(std::size_t max_entry_bytes = 1U << 20);

  enum class outcome : std::uint8_t { entry, too_long, end, failed };

  /// Goes to an octet of the batch's source (open) that begins an entry; `line` is its physical line.
  void seek(const batch& from, std::uint64_t offset, std::uint32_t line);
  /// Forgets what it holds (the batch is closed).
  void forget(const batch& from) noexcept {
    if (batch_ == &from) batch_ = nullptr;
  }
  /// The next entry; `view`, `offset` and `line` describe it.
  outcome next();

  /// The entry without its newline; `record_padding_bytes` may be read behind it. Until the next call.
  std::string_view view() const noexcept { return view_; }
  std::uint64_t offset() const noexcept { return entry_offset_; }
  std::uint32_t line() const noexcept { return entry_line_; }
  /// Where the entry after the last one begins.
  std::uint64_t next_offset() const noexcept { return window_offset_ + at_; }
  std::uint32_t next_line() const noexcept { return line_; }
  /// Why `next` failed.
  std::error_code error() const noexcept { return error_; }

 private:
  bool fill();
  std::size_t find_end(std::size_t from);

  std::size_t max_entry_bytes_;
  std::vector<char> window_;
  const batch* batch_ = nullptr;
  std::uint64_t window_offset_ = 0;  // file offset of window_[0]
  std::size_t length_ = 0;           // octets in the window
  std::size_t at_ = 0;               // next octet to hand out
  std::uint32_t line_ = 1;
  std::string_view view_;
  std::uint64_t entry_offset_ = 0;
  std::uint32_t entry_line_ = 0;
  csv_scan scan_;
  std::error_code error_;
};

}  // namespace trunkline::engine
