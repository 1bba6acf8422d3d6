#pragma once

#include <functional>
#include <limits>
#include <random>

#include "engine/runtime/clock.hpp"
#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

/// Which call a fault hook is asked about.
enum class file_operation : std::uint8_t {
  open,
  open_untrusted,
  read,
  write,
  sync_begin,
  sync_finish,
  status,
  truncate,
  preallocate,
  drop_cache,
  rename,
  remove,
  list,
  stat,
  make_directory,
  sync_directory,
  lock,
  free_bytes,
  set_owner_mode,
};

/// A file system in memory for crash tests: it remembers, for each file and each directory, what was synced and what
/// was not, and `crash` keeps, drops, tears and reorders the rest as a real one may after a power failure. The same
/// seed and the same calls give the same outcome. Thread safe (one lock).
///
/// Directories are "/"-separated paths; "/" exists, and relative paths start there. Handles that are open at a crash
/// answer every later call with `errc::io_error`.
class memory_file_system final : public file_system {
 public:
  /// Asked before every operation takes effect; an error makes it fail: with `sync_finish` as the device does (what was
  /// not durable is gone for good), with `write` after an arbitrary part of the octets was written.
  using fault_hook = std::function<std::optional<std::error_code>(file_operation, const std::string& path)>;

  /// `time` gives mtime and ctime; it must outlive this object. Without one, time stands still.
  explicit memory_file_system(std::uint64_t seed = 1, const clock* time = nullptr);
  ~memory_file_system() override;

  result<std::unique_ptr<file>> open(const std::string& path, open_mode mode,
                                     std::uint32_t permissions = 0600) override;
  result<opened_file> open_untrusted(const std::string& directory, const std::string& name) override;
  result<void> rename(const std::string& from, const std::string& to, rename_mode mode = rename_mode::replace) override;
  result<void> remove(const std::string& path) override;
  result<std::vector<directory_entry>> list(const std::string& directory,
                                            std::size_t most = std::numeric_limits<std::size_t>::max()) override;
  result<file_status> stat(const std::string& path) override;
  result<void> make_directory(const std::string& path, std::uint32_t permissions = 0700) override;
  result<void> sync_directory(const std::string& path) override;
  result<std::unique_ptr<file_lock>> lock(const std::string& path) override;
  result<std::uint64_t> free_bytes(const std::string& path) override;
  result<void> set_owner_mode(const std::string& path, std::optional<std::uint32_t> uid,
                              std::optional<std::uint32_t> gid, std::optional<std::uint32_t> mode) override;

  /// The power fails and comes back: unsynced writes (in pieces of 512 octets), sizes, creations, renames and removals
  /// are each kept or lost, independently, as drawn from the seed; what was synced stays. Locks are free afterwards.
  void crash();

  /// The process dies and the machine lives on (kill -9): everything written stays visible, nothing more becomes
  /// durable, locks are free, open handles are dead.
  void kill();

  void set_fault_hook(fault_hook hook);

  /// From now on the operation number `n` (0: the next) and all after it fail with `errc::io_error` and without effect,
  /// except that a write may be done in part: the moment of a crash. Undone by `crash`, `kill` and `run_on`.
  void stop_after(std::uint64_t n);
  void run_on();

  /// Operations asked for since construction, failed ones included.
  std::uint64_t operations() const;

  /// What `free_bytes` starts from; writes that need more fail with `errc::no_space_on_device` after the part that
  /// fits. Without a call, space never ends. Space of removed files comes back.
  void set_capacity(std::uint64_t bytes);

  /// Puts a link, a second hard link or a file of another kind (a FIFO, say) in place, for tests of `open_untrusted`.
  void add_symlink(const std::string& path, const std::string& target);
  void add_hard_link(const std::string& path, const std::string& existing);
  void add_other(const std::string& path);

  struct state;

 private:
  std::shared_ptr<state> state_;
};

}  // namespace trunkline::engine
