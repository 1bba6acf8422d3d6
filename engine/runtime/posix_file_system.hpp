#pragma once

#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

/// The real thing, on Linux. Stateless: one object serves all threads. File descriptors are close-on-exec.
class posix_file_system final : public file_system {
 public:
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
};

}  // namespace trunkline::engine
