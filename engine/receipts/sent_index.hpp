#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/runtime/file_system.hpp"
#include "engine/runtime/huge_page_allocator.hpp"

namespace trunkline::engine {

/// From a 32-bit fingerprint to positions in a log: an open-addressed table, eight octets a slot, in groups of a disk
/// sector (63 slots and a checksum), so that the same octets serve in memory and in a file. Where a slot lies follows
/// from its fingerprint alone, so a table grows, and a file is searched, without the keys. Fingerprints may be equal:
/// the caller compares what the log says. Nothing is ever taken out; a table goes as a whole. One thread.
class sent_index {
 public:
  struct slot {
    std::uint32_t fingerprint = 0;
    std::uint32_t position = 0;  ///< 0: empty
  };
  static constexpr std::size_t slots_per_group = 63;
  static constexpr std::size_t group_bytes = 512;

  /// In memory, for so many slots without growing.
  explicit sent_index(std::uint64_t expected = 0);

  /// Has the place of a fingerprint fetched that `add` is about to be called with.
  void prefetch(std::uint32_t fingerprint) const noexcept {
    if (file_) return;
    const group& g = groups_[first_group(fingerprint)];
    __builtin_prefetch(&g);
    __builtin_prefetch(&g.slots[first_slot(fingerprint)]);
  }
  /// Appends a slot. In memory only.
  void add(std::uint32_t fingerprint, std::uint32_t position);

  /// Calls f(position) for each slot of the fingerprint until it returns true, and says whether it did. An error only
  /// from a file.
  template <class F>
  result<bool> find(std::uint32_t fingerprint, F f);

  /// The slot that holds exactly these two gets another position; false when there is none. In a file the change
  /// waits in memory for `write_changes`, but is found at once.
  result<bool> replace(std::uint32_t fingerprint, std::uint32_t from, std::uint32_t to);

  std::uint64_t size() const noexcept { return size_; }
  bool in_memory() const noexcept { return !file_; }
  std::size_t memory_bytes() const noexcept { return groups_.size() * group_bytes + changes_.size() * 48; }

  /// Writes the table as a file and syncs it; the name is the caller's matter. `covers`: octets of the log that it
  /// knows.
  result<void> save(file_system& files, const std::string& path, std::uint64_t covers) const;
  /// Makes the table as small as it may be when nothing is added any more. In memory only.
  void fit();
  /// Opens a file that `save` made: into memory, or to be searched where it is. `errc::illegal_byte_sequence` when it
  /// is damaged (the log can make it again).
  static result<std::pair<sent_index, std::uint64_t>> load(file_system& files, const std::string& path,
                                                           bool into_memory);
  /// Writes what `replace` has changed in a file, sector by sector, and syncs; from then on it covers so much of the
  /// log.
  result<void> write_changes(std::uint64_t covers);
  bool changed() const noexcept { return !changes_.empty(); }

 private:
  struct group {
    std::uint32_t checksum = 0;  // of a file's groups: over the slots
    std::uint32_t used = 0;
    std::array<slot, slots_per_group> slots{};
  };
  static_assert(sizeof(group) == group_bytes);

  static std::size_t first_slot(std::uint32_t fingerprint) noexcept {
    return static_cast<std::size_t>((std::uint64_t{fingerprint * 0x9e3779b1U} * slots_per_group) >> 32U);
  }
  std::uint64_t first_group(std::uint32_t fingerprint) const noexcept {
    return (std::uint64_t{fingerprint} * group_count_) >> 32U;
  }
  static std::uint32_t checksum_of(const group& g) noexcept;
  void place(slot what) noexcept;
  void rebuild(std::uint64_t groups);
  /// The group, from memory or read into `read_`.
  result<const group*> at(std::uint64_t index);
  /// Calls f(group index, slot index, slot) for each slot of the fingerprint until it returns true.
  template <class F>
  result<bool> each(std::uint32_t fingerprint, F f);

  using table = std::vector<group, huge_page_allocator<group>>;

  table groups_;
  std::uint64_t group_count_ = 0;
  std::uint64_t size_ = 0;
  std::unique_ptr<file> file_;
  group read_;
  std::uint64_t read_index_ = ~std::uint64_t{0};
  std::unordered_map<std::uint64_t, std::uint32_t> changes_;  // group * 64 + slot → position
};

template <class F>
result<bool> sent_index::each(std::uint32_t fingerprint, F f) {
  std::uint64_t index = first_group(fingerprint);
  for (std::uint64_t seen = 0; seen < group_count_; ++seen) {
    auto found = at(index);
    if (!found) return tl::unexpected(found.error());
    const group& g = **found;
    std::size_t i = first_slot(fingerprint);
    for (std::size_t n = 0; n < slots_per_group; ++n) {
      slot here = g.slots[i];
      if (here.position == 0) break;
      if (here.fingerprint == fingerprint) {
        if (!changes_.empty()) {
          if (const auto newer = changes_.find(index * 64 + i); newer != changes_.end()) here.position = newer->second;
        }
        if (f(index, i, here)) return true;
      }
      if (++i == slots_per_group) i = 0;
    }
    if (g.used < slots_per_group) return false;
    if (++index == group_count_) index = 0;
  }
  return false;
}

template <class F>
result<bool> sent_index::find(std::uint32_t fingerprint, F f) {
  return each(fingerprint, [&](std::uint64_t, std::size_t, const slot& s) { return f(s.position); });
}

}  // namespace trunkline::engine
