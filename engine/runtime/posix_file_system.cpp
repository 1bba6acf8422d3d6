// The file seam on Linux system calls. Interrupted calls and short counts end here; everything else goes to the caller
// as the errno it was. Opening what a stranger has put into the spool is the one delicate part: the kernel is asked to
// resolve the name beneath the directory without following any link (openat2), and what was opened is judged by fstat
// on the descriptor, never by a look before.
#include "engine/runtime/posix_file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace trunkline::engine {
namespace {

class descriptor {
 public:
  explicit descriptor(int number) noexcept : number_{number} {}
  descriptor(descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }

 private:
  int number_;
};

template <class Call>
auto uninterrupted(Call call) {
  decltype(call()) returned;
  do {
    returned = call();
  } while (returned < 0 && errno == EINTR);
  return returned;
}

template <class Call>
result<void> done(Call call) {
  if (uninterrupted(call) < 0) return fail_errno();
  return {};
}

file_type type_of(mode_t mode) noexcept {
  if (S_ISREG(mode)) return file_type::regular;
  if (S_ISDIR(mode)) return file_type::directory;
  if (S_ISLNK(mode)) return file_type::symlink;
  return file_type::other;
}

file_status status_of(const struct stat& found) noexcept {
  file_status status;
  status.type = type_of(found.st_mode);
  status.size = static_cast<std::uint64_t>(found.st_size);
  status.mtime = std::chrono::system_clock::time_point{std::chrono::seconds{found.st_mtim.tv_sec} +
                                                       std::chrono::nanoseconds{found.st_mtim.tv_nsec}};
  status.ctime = std::chrono::system_clock::time_point{std::chrono::seconds{found.st_ctim.tv_sec} +
                                                       std::chrono::nanoseconds{found.st_ctim.tv_nsec}};
  status.device = found.st_dev;
  status.inode = found.st_ino;
  status.links = found.st_nlink;
  status.uid = found.st_uid;
  status.gid = found.st_gid;
  status.mode = found.st_mode & 07777;
  return status;
}

/// Larger writes make the kernel look for larger pieces of fresh memory, which cost three times as much to copy to.
constexpr std::size_t largest_write_bytes = 64U << 10;

class posix_file final : public file {
 public:
  explicit posix_file(descriptor fd) noexcept : fd_{std::move(fd)} {}

  result<std::size_t> read_at(std::span<std::uint8_t> into, std::uint64_t offset) override {
    std::size_t got = 0;
    while (got < into.size()) {
      const auto count = uninterrupted(
          [&] { return ::pread(fd_.get(), into.data() + got, into.size() - got, static_cast<off_t>(offset + got)); });
      if (count < 0) return fail_errno();
      if (count == 0) break;
      got += static_cast<std::size_t>(count);
    }
    return got;
  }

  result<void> write_at(std::span<const std::uint8_t> octets, std::uint64_t offset) override {
    while (!octets.empty()) {
      const std::size_t piece = std::min(octets.size(), largest_write_bytes);
      const auto count =
          uninterrupted([&] { return ::pwrite(fd_.get(), octets.data(), piece, static_cast<off_t>(offset)); });
      if (count < 0) return fail_errno();
      if (count == 0) return fail(std::errc::io_error);
      octets = octets.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
    return {};
  }

  result<void> append(std::span<const std::uint8_t> octets) override {
    if (!end_) {
      const auto found = size();
      if (!found) return failure{found.error()};
      end_ = *found;
    }
    const auto written = write_at(octets, *end_);
    if (written) {
      *end_ += octets.size();
    }
    return written;
  }

  // Nothing is started here: sync_file_range would, but it saved no time when the finish follows soon (bench/journal).
  result<void> sync_begin() override { return {}; }

  result<void> sync_finish() override {
    return done([&] { return ::fdatasync(fd_.get()); });
  }

  result<file_status> status() override {
    struct stat found {};
    if (::fstat(fd_.get(), &found) < 0) return fail_errno();
    return status_of(found);
  }

  result<void> truncate(std::uint64_t bytes) override {
    const auto cut = done([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(bytes)); });
    if (cut) end_ = bytes;
    return cut;
  }

  result<void> preallocate(std::uint64_t bytes) override {
    if (bytes == 0) return {};
    const auto reserved = done([&] { return ::fallocate(fd_.get(), 0, 0, static_cast<off_t>(bytes)); });
    if (reserved || reserved.error() != std::errc::operation_not_supported) return reserved;
    const auto found = size();
    if (!found) return failure{found.error()};
    if (*found >= bytes) return {};
    return done([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(bytes)); });
  }

  result<void> drop_cache() override {
    if (const int error = ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); error != 0) return fail_errno(error);
    return {};
  }

 private:
  descriptor fd_;
  std::optional<std::uint64_t> end_;
};

class posix_lock final : public file_lock {
 public:
  explicit posix_lock(descriptor fd) noexcept : fd_{std::move(fd)} {}

 private:
  descriptor fd_;
};

// Kernels before 5.6, and seccomp filters of some container runtimes, have no openat2; one plain component and
// O_NOFOLLOW give the same there.
int open_beneath(int directory, const char* name, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0; attempt < 16; ++attempt) {
    const auto opened = uninterrupted([&] { return ::syscall(SYS_openat2, directory, name, &how, sizeof how); });
    if (opened >= 0) return static_cast<int>(opened);
    // EAGAIN: something was renamed meanwhile, and the kernel could not prove that the name stayed beneath.
    if (errno != EAGAIN) break;
  }
  if (errno != ENOSYS && errno != EPERM && errno != EINVAL && errno != E2BIG) return -1;
  return uninterrupted([&] { return ::openat(directory, name, flags); });
}

bool is_plain_name(const std::string& name) noexcept {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

result<std::unique_ptr<file>> posix_file_system::open(const std::string& path, open_mode mode,
                                                      std::uint32_t permissions) {
  int flags = O_CLOEXEC | O_NOCTTY;
  switch (mode) {
    case open_mode::read:
      flags |= O_RDONLY;
      break;
    case open_mode::read_write:
      flags |= O_RDWR;
      break;
    case open_mode::read_write_create:
      flags |= O_RDWR | O_CREAT;
      break;
    case open_mode::create_new:
      flags |= O_RDWR | O_CREAT | O_EXCL;
      break;
  }
  descriptor fd{uninterrupted([&] { return ::open(path.c_str(), flags, static_cast<mode_t>(permissions)); })};
  if (!fd) return fail_errno();
  // A directory opens for reading, too.
  struct stat found {};
  if (::fstat(fd.get(), &found) < 0) return fail_errno();
  if (S_ISDIR(found.st_mode)) return fail(std::errc::is_a_directory);
  return std::make_unique<posix_file>(std::move(fd));
}

result<opened_file> posix_file_system::open_untrusted(const std::string& directory, const std::string& name) {
  if (!is_plain_name(name)) return fail(std::errc::invalid_argument);
  const descriptor parent{uninterrupted([&] { return ::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); })};
  if (!parent) return fail_errno();
  descriptor fd{open_beneath(parent.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  if (!fd) {
    // A socket cannot be opened at all.
    return errno == ENXIO ? fail(std::errc::not_supported) : fail_errno();
  }
  struct stat found {};
  if (::fstat(fd.get(), &found) < 0) return fail_errno();
  if (S_ISDIR(found.st_mode)) return fail(std::errc::is_a_directory);
  if (!S_ISREG(found.st_mode)) return fail(std::errc::not_supported);
  if (found.st_nlink != 1) return fail(std::errc::too_many_links);
  return opened_file{std::make_unique<posix_file>(std::move(fd)), status_of(found)};
}

result<void> posix_file_system::rename(const std::string& from, const std::string& to, rename_mode mode) {
  if (mode == rename_mode::replace) return done([&] { return ::rename(from.c_str(), to.c_str()); });
  const auto renamed =
      done([&] { return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE); });
  if (renamed ||
      (renamed.error() != std::errc::invalid_argument && renamed.error() != std::errc::function_not_supported)) {
    return renamed;
  }
  // A file system without RENAME_NOREPLACE (NFS, some FUSE): a hard link refuses a taken name as atomically.
  if (::link(from.c_str(), to.c_str()) < 0) return fail_errno();
  return done([&] { return ::unlink(from.c_str()); });
}

result<void> posix_file_system::remove(const std::string& path) {
  return done([&] { return ::unlink(path.c_str()); });
}

result<std::vector<directory_entry>> posix_file_system::list(const std::string& directory, std::size_t most) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream{::opendir(directory.c_str()), &::closedir};
  if (!stream) return fail_errno();
  std::vector<directory_entry> entries;
  for (;;) {
    if (entries.size() >= most) return entries;
    errno = 0;
    const dirent* found = ::readdir(stream.get());
    if (found == nullptr) {
      if (errno != 0) return fail_errno();
      return entries;
    }
    directory_entry entry{found->d_name, file_type::other};
    if (entry.name == "." || entry.name == "..") continue;
    switch (found->d_type) {
      case DT_REG:
        entry.type = file_type::regular;
        break;
      case DT_DIR:
        entry.type = file_type::directory;
        break;
      case DT_LNK:
        entry.type = file_type::symlink;
        break;
      case DT_UNKNOWN: {
        struct stat status {};
        if (::fstatat(::dirfd(stream.get()), found->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
          if (errno == ENOENT) continue;  // gone meanwhile
          return fail_errno();
        }
        entry.type = type_of(status.st_mode);
        break;
      }
      default:
        break;
    }
    entries.push_back(std::move(entry));
  }
}

result<file_status> posix_file_system::stat(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) < 0) return fail_errno();
  return status_of(found);
}

result<void> posix_file_system::make_directory(const std::string& path, std::uint32_t permissions) {
  if (::mkdir(path.c_str(), static_cast<mode_t>(permissions)) == 0) return {};
  if (errno != EEXIST) return fail_errno();
  struct stat found {};
  if (::stat(path.c_str(), &found) < 0) return fail_errno();
  if (!S_ISDIR(found.st_mode)) return fail(std::errc::file_exists);
  return {};
}

result<void> posix_file_system::sync_directory(const std::string& path) {
  const descriptor fd{uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); })};
  if (!fd) return fail_errno();
  return done([&] { return ::fsync(fd.get()); });
}

result<std::unique_ptr<file_lock>> posix_file_system::lock(const std::string& path) {
  descriptor fd{uninterrupted(
      [&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, mode_t{0600}); })};
  if (!fd) return fail_errno();
  if (const auto locked = done([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }); !locked) {
    return failure{locked.error()};
  }
  return std::make_unique<posix_lock>(std::move(fd));
}

result<std::uint64_t> posix_file_system::free_bytes(const std::string& path) {
  struct statvfs found {};
  if (uninterrupted([&] { return ::statvfs(path.c_str(), &found); }) < 0) return fail_errno();
  return std::uint64_t{found.f_bavail} * found.f_frsize;
}

result<void> posix_file_system::set_owner_mode(const std::string& path, std::optional<std::uint32_t> uid,
                                               std::optional<std::uint32_t> gid, std::optional<std::uint32_t> mode) {
  const descriptor fd{uninterrupted([&] { return ::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC); })};
  if (!fd) return fail_errno();
  struct stat found {};
  if (::fstat(fd.get(), &found) < 0) return fail_errno();
  if (S_ISLNK(found.st_mode)) return fail(std::errc::too_many_symbolic_link_levels);
  if (uid || gid) {
    // -1 leaves an owner as it is. Owner before mode: chown clears the set-id bits.
    if (::fchownat(fd.get(), "", uid.value_or(static_cast<uid_t>(-1)), gid.value_or(static_cast<gid_t>(-1)),
                   AT_EMPTY_PATH) < 0) {
      return fail_errno();
    }
  }
  if (mode) {
    // fchmod refuses an O_PATH descriptor; through /proc it is the same inode, whatever the path is by now.
    const std::string self = "/proc/self/fd/" + std::to_string(fd.get());
    if (::chmod(self.c_str(), static_cast<mode_t>(*mode)) < 0) return fail_errno();
  }
  return {};
}

}  // namespace trunkline::engine
