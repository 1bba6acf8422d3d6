#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/runtime/file_system.hpp"
#include "engine/runtime/wake_slot.hpp"

namespace trunkline::engine {

/// Makes whole files appear in the spool: written under a hidden name, synced, renamed, the directory synced, several
/// files at a time. A stage of its own, because a sync takes milliseconds and nothing else should wait for it.
class publisher {
 public:
  using fatal_hook = std::function<void(std::error_code, const std::string&)>;
  publisher(file_system& files, std::uint32_t permissions, fatal_hook on_fatal)
      : files_(files), permissions_(permissions), on_fatal_(std::move(on_fatal)) {}

  /// Before the thread starts.
  void set_wake(wake_slot* slot) noexcept { wake_ = slot; }
  /// Any thread: DIRECTORY/NAME is to appear with these contents.
  void publish(const std::string& directory, std::string name, std::string contents);
  /// Any thread: this is what DIRECTORY/NAME has from octet `offset` on; until it appears, with the piece that is
  /// called `last`, it is DIRECTORY/.HIDDEN. A piece at offset 0 begins anew. Pieces come in their order.
  void publish_piece(const std::string& directory, const std::string& hidden, const std::string& name,
                     std::string contents, std::uint64_t offset, bool last);
  /// An empty buffer for the next contents, with the memory of an earlier one where there is some: fresh memory costs a
  /// page fault for each 4 KiB. Any thread.
  std::string spare_buffer();
  /// Files, and pieces of files, that are not shown yet. Any thread.
  std::size_t pending() const noexcept { return static_cast<std::size_t>(handed_over() - shown()); }
  /// Files handed over since the start, and how many of them, in that order, are shown durably. Any thread.
  std::uint64_t handed_over() const noexcept { return handed_over_.load(std::memory_order_acquire); }
  std::uint64_t shown() const noexcept { return shown_.load(std::memory_order_acquire); }
  /// Octets of what is not shown yet. Any thread.
  std::uint64_t pending_bytes() const noexcept { return pending_bytes_.load(std::memory_order_relaxed); }
  /// The last attempt failed for want of space; it is repeated.
  bool blocked() const noexcept { return blocked_.load(std::memory_order_relaxed); }
  /// One round over what waits. True when something was shown. Its own thread.
  bool step();

 private:
  struct job {
    std::string directory;
    std::string hidden;
    std::string name;
    std::string contents;
    std::uint64_t offset = 0;
    bool last = true;      // with it the file is whole
    bool renamed = false;  // it appeared in an attempt that failed later: somebody may have taken it
  };
  void hand_over(job j);
  result<void> write(const job& j);

  file_system& files_;
  std::uint32_t permissions_;
  fatal_hook on_fatal_;
  wake_slot* wake_ = nullptr;
  std::mutex mutex_;
  std::deque<job> waiting_;
  std::vector<std::string> spare_;
  std::atomic<std::uint64_t> shown_{0};
  std::atomic<std::uint64_t> handed_over_{0};
  std::atomic<std::uint64_t> pending_bytes_{0};
  std::atomic<bool> blocked_{false};
};

}  // namespace trunkline::engine
