#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

/// Pieces of logs that were read lately, shared by all logs of a store: messages and their receipts come in about the
/// same order, so that one read serves many. At most 8 MiB.
class log_windows {
 public:
  static constexpr std::size_t window_bytes = 8192;
  struct window {
    std::uint64_t log = ~std::uint64_t{0};
    std::uint64_t number = 0;
    std::size_t valid = 0;
    std::unique_ptr<std::array<std::uint8_t, window_bytes>> octets;
  };
  /// Where that piece of that log would be.
  window& at(std::uint64_t log, std::uint64_t number) noexcept {
    return windows_[(number + log * 0x9e3779b97f4a7c15U) % windows_.size()];
  }

 private:
  std::array<window, 1024> windows_;
};

/// An append-only file of records (docs/receipts.md), each at a multiple of eight octets and with a checksum that
/// knows its place. What is appended can be read at once; it is on disk after `sync`. One thread.
class sent_log {
 public:
  static constexpr std::size_t header_bytes = 64;
  static constexpr std::size_t record_header_bytes = 8;

  struct record {
    std::uint8_t type = 0;
    std::span<const std::uint8_t> payload;  ///< until the next call
  };

  /// A new file; its name is durable after the directory is synced.
  static result<std::unique_ptr<sent_log>> create(file_system& files, const std::string& path, std::uint64_t number,
                                                  std::int64_t created_ms, std::uint64_t salt, log_windows& windows);
  /// An existing one. `errc::illegal_byte_sequence` when it is none of ours.
  static result<std::unique_ptr<sent_log>> open(file_system& files, const std::string& path, std::uint64_t number,
                                                log_windows& windows);

  std::uint64_t number() const noexcept { return number_; }
  std::int64_t created_ms() const noexcept { return created_ms_; }
  /// What its fingerprints depend on besides their keys, so that no peer can choose ids that collide.
  std::uint64_t salt() const noexcept { return salt_; }

  /// Appends to memory. Returns the position: its offset in units of eight octets.
  std::uint32_t append(std::uint8_t type, std::span<const std::uint8_t> payload);
  /// What `append` returned, or nothing where there is no whole record.
  result<std::optional<record>> read(std::uint32_t position);
  /// Calls f(position, record) for each whole record from octet `from` on; returns where the first that is not begins.
  template <class F>
  result<std::uint64_t> scan(std::uint64_t from, F f);

  /// Writes what waits in memory when there is much of it, or at all. After `no_space_on_device` call it again.
  result<void> flush(bool everything);
  /// Makes everything appended durable.
  result<void> sync();
  /// Cuts off what is behind `bytes`; nothing may wait in memory.
  result<void> truncate(std::uint64_t bytes);
  /// Whether something is not durable yet.
  bool dirty() const noexcept { return dirty_ || !waiting_.empty(); }
  /// Octets, written and waiting.
  std::uint64_t bytes() const noexcept { return written_ + waiting_.size(); }

 private:
  sent_log(std::unique_ptr<file> opened, std::uint64_t number, std::int64_t created_ms, std::uint64_t salt,
           log_windows& windows);
  std::uint32_t checksum(std::uint32_t position, std::span<const std::uint8_t> behind) const noexcept;
  /// Up to `size` octets from `offset` on, fewer at the end.
  result<std::span<const std::uint8_t>> octets(std::uint64_t offset, std::size_t size);

  std::unique_ptr<file> file_;
  log_windows& windows_;
  std::uint64_t number_;
  std::int64_t created_ms_;
  std::uint64_t salt_;
  std::uint32_t seed_;
  std::uint64_t written_ = 0;
  std::vector<std::uint8_t> waiting_;
  std::vector<std::uint8_t> joined_;  // a record that lies in two windows
  bool dirty_ = false;
};

template <class F>
result<std::uint64_t> sent_log::scan(std::uint64_t from, F f) {
  while (from < bytes()) {
    const auto position = static_cast<std::uint32_t>(from / 8);
    auto found = read(position);
    if (!found) return tl::unexpected(found.error());
    if (!*found) break;
    const std::size_t payload = (*found)->payload.size();
    f(position, **found);
    from += (record_header_bytes + payload + 7) / 8 * 8;
  }
  return from;
}

}  // namespace trunkline::engine
