#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runtime/result.hpp"

namespace trunkline::engine {

enum class file_type : std::uint8_t { regular, directory, symlink, other };

/// One name in a directory; `type` is that of the entry itself (a link is a link).
struct directory_entry {
  std::string name;
  file_type type = file_type::other;

  friend bool operator==(const directory_entry&, const directory_entry&) = default;
};

struct file_status {
  file_type type = file_type::other;
  std::uint64_t size = 0;  ///< octets
  std::chrono::system_clock::time_point mtime;
  std::chrono::system_clock::time_point ctime;  ///< last change of contents, name or mode
  std::uint64_t device = 0;                     ///< of the file system; renames stay within one
  std::uint64_t inode = 0;
  std::uint64_t links = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mode = 0;  ///< permission bits only (07777)
};

/// How `file_system::open` opens: `read` and `read_write` need an existing file; `read_write_create` makes a missing
/// one; `create_new` makes one and fails with `errc::file_exists` when the name is taken (by a link, too). The last
/// three can read and write.
enum class open_mode : std::uint8_t { read, read_write, read_write_create, create_new };

/// What `file_system::rename` does when the new name is taken.
enum class rename_mode : std::uint8_t { replace, no_replace };

/// An open regular file; the destructor closes it. Used by one thread at a time. Positions are explicit, there is no
/// file pointer. Every call may fail with any code of the operating system; none leaves EINTR or a short count to the
/// caller.
class file {
 public:
  file() = default;
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  virtual ~file() = default;

  /// Fills `into` from `offset` and says how many octets it read: fewer than asked only at the end of the file, 0
  /// there.
  virtual result<std::size_t> read_at(std::span<std::uint8_t> into, std::uint64_t offset) = 0;

  /// Writes all of `octets` at `offset`, growing the file as needed. After an error any part of them may be written.
  virtual result<void> write_at(std::span<const std::uint8_t> octets, std::uint64_t offset) = 0;

  /// Writes at the end: the file's size at the first append through this handle (or its last `truncate`), plus what was
  /// appended since. For files with one writer.
  virtual result<void> append(std::span<const std::uint8_t> octets) = 0;

  /// Starts to make everything written so far durable, without waiting. Each `sync_begin` is followed by one
  /// `sync_finish` before the next begin; writes in between need a sync of their own.
  virtual result<void> sync_begin() = 0;

  /// Waits until all that was written before `sync_begin` is durable (data and size, as fdatasync; the name is a matter
  /// of `sync_directory`). A failure is final: what was not durable may be gone although it still reads back. Never
  /// retry; stop, and recover from what a fresh start finds.
  virtual result<void> sync_finish() = 0;

  /// `sync_begin` and `sync_finish`.
  result<void> sync() {
    return sync_begin().and_then([this] { return sync_finish(); });
  }

  virtual result<file_status> status() = 0;

  /// Octets in the file.
  result<std::uint64_t> size() {
    return status().map([](const file_status& found) { return found.size; });
  }

  /// Cuts the file to `bytes`, or extends it with zeros. Durable after the next sync.
  virtual result<void> truncate(std::uint64_t bytes) = 0;

  /// Reserves space so that writes below `bytes` cannot fail for want of it; the file grows to `bytes`, the new part
  /// reads as zeros. Never shrinks. `errc::no_space_on_device` when there is not enough; file systems that cannot
  /// reserve only set the size.
  virtual result<void> preallocate(std::uint64_t bytes) = 0;

  /// Drops what the machine has cached of the file and is not waiting to be written, so that the next read tells what
  /// the device holds: after a failed sync of an earlier process the cache may show octets that were never stored.
  virtual result<void> drop_cache() = 0;
};

/// A held lock; the destructor, or the end of the process however it comes, releases it.
class file_lock {
 public:
  file_lock() = default;
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;
  virtual ~file_lock() = default;
};

/// A file together with what it was when it was opened.
struct opened_file {
  std::unique_ptr<file> handle;
  file_status status;
};

/// The one seam between the engine and its files: the spool, the journal and the reports reach them only through here,
/// so that tests can put `memory_file_system` in its place, which fails, tears and forgets. Calls may come from several
/// threads. Paths are octet strings with '/'; relative ones start at the process's working directory.
class file_system {
 public:
  virtual ~file_system() = default;

  /// Opens a regular file of our own directories. `permissions` are those of a file it creates (less the umask).
  /// Creating is durable after `sync_directory` of the directory.
  virtual result<std::unique_ptr<file>> open(const std::string& path, open_mode mode,
                                             std::uint32_t permissions = 0600) = 0;

  /// Opens for reading what somebody else has put into `directory`. `name` is one plain component. Never follows a
  /// link, never waits (FIFO), never acquires a terminal. Errors: `too_many_symbolic_link_levels` a link;
  /// `is_a_directory`; `too_many_links` a file with a second hard link; `not_supported` any other kind of file;
  /// `invalid_argument` a name that is empty, "." or "..", or holds '/' or NUL; `permission_denied` unreadable.
  virtual result<opened_file> open_untrusted(const std::string& directory, const std::string& name) = 0;

  /// Renames within one file system, atomically. `no_replace` fails with `errc::file_exists` when `to` is taken.
  /// Durable after `sync_directory` of both directories. `errc::cross_device_link` between file systems.
  virtual result<void> rename(const std::string& from, const std::string& to,
                              rename_mode mode = rename_mode::replace) = 0;

  /// Removes a file or link (not a directory). Durable after `sync_directory`.
  virtual result<void> remove(const std::string& path) = 0;

  /// The names in a directory, without "." and "..", in no particular order.
  /// No more than `most` of them.
  virtual result<std::vector<directory_entry>> list(const std::string& directory,
                                                    std::size_t most = std::numeric_limits<std::size_t>::max()) = 0;

  /// Of the entry itself: a link is not followed. `errc::no_such_file_or_directory` when there is none.
  virtual result<file_status> stat(const std::string& path) = 0;

  /// Makes one directory; an existing directory is success (its mode stays), anything else of that name `file_exists`.
  virtual result<void> make_directory(const std::string& path, std::uint32_t permissions = 0700) = 0;

  /// Makes the names in a directory durable: creations, renames and removals so far. Failure is final, as with `file`.
  virtual result<void> sync_directory(const std::string& path) = 0;

  /// Locks `path` (created 0600 when missing) against every other process and every other call. Fails at once with
  /// `errc::resource_unavailable_try_again` when it is held.
  virtual result<std::unique_ptr<file_lock>> lock(const std::string& path) = 0;

  /// Octets that an ordinary user can still write to the file system that holds `path`.
  virtual result<std::uint64_t> free_bytes(const std::string& path) = 0;

  /// Sets what is given, without following a link (`too_many_symbolic_link_levels`).
  virtual result<void> set_owner_mode(const std::string& path, std::optional<std::uint32_t> uid,
                                      std::optional<std::uint32_t> gid, std::optional<std::uint32_t> mode) = 0;
};

}  // namespace trunkline::engine
