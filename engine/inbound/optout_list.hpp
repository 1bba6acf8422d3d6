#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dispatch/optout_set.hpp"
#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

/// One pair of the list.
struct optout_entry {
  std::string_view sender;  ///< of ours, without '+'
  std::string_view number;  ///< of the phone, digits
  std::int64_t at_s = 0;    ///< wall clock
};

/// Who must not be sent to by whom: a file to which changes are appended, each with its checksum, and the set in memory
/// that is asked before a message is sent. Changes take effect at once and are durable after `flush`. Calls may come
/// from several threads; the file belongs to one process (the lock of data_dir).
class optout_list {
 public:
  static constexpr std::size_t max_sender = 20;
  static constexpr std::size_t max_number = 20;

  optout_list(file_system& files, std::string path) : files_(files), path_(std::move(path)) {}

  /// Reads the file, writes it anew when a good part of it is out of date, and drops what a crash left unfinished at
  /// its end. `problems` says what else was damaged, and passed over.
  result<void> load(std::vector<std::string>& problems);
  /// Reads the file and leaves it as it is, whoever is writing it: for `each` and `contains` only. No file is an empty
  /// list.
  result<void> look(std::vector<std::string>& problems);

  /// False: nothing to change. Senders and numbers of more than `max_sender` and `max_number` octets, or empty numbers,
  /// are refused.
  bool add(std::string_view sender, std::string_view number, std::int64_t at_s);
  bool remove(std::string_view sender, std::string_view number, std::int64_t at_s);
  [[nodiscard]] bool contains(std::string_view sender, std::string_view number) const noexcept {
    return set_.contains(optout_set::key_of(sender, number));
  }
  /// Makes every change so far durable. After a failure for want of space it may be repeated.
  result<void> flush();
  /// Changes are waiting for `flush`. Any thread.
  [[nodiscard]] bool dirty() const noexcept { return dirty_.load(std::memory_order_relaxed); }

  /// Calls `visit` for each pair that is in the list and in the file, oldest first, until it answers false.
  result<void> each(const std::function<bool(const optout_entry&)>& visit);

  [[nodiscard]] std::size_t size() const noexcept { return set_.size(); }
  /// What sessions look into.
  [[nodiscard]] const optout_set& set() const noexcept { return set_; }

 private:
  struct scan;
  void append(std::uint8_t what, std::string_view sender, std::string_view number, std::int64_t at_s);
  result<void> rewrite();
  result<bool> read(std::vector<std::string>& problems, std::uint64_t size, scan& all);

  file_system& files_;
  const std::string path_;
  optout_set set_;
  std::mutex mutex_;
  std::unique_ptr<file> file_;
  std::uint64_t bytes_ = 0;  // of the file, whole records
  std::vector<std::uint8_t> waiting_;
  std::atomic<bool> dirty_{false};
};

}  // namespace trunkline::engine
