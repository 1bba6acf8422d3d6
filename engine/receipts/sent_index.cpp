// The table's file: one sector that says what it is, then the groups as they are in memory. Each group has a checksum
// of its own and is a sector, which a disk writes whole or not at all, so that single slots can be changed in place.
#include "engine/receipts/sent_index.hpp"

#include <algorithm>
#include <cstring>

#include "engine/runtime/crc32c.hpp"

namespace trunkline::engine {
namespace {

constexpr std::array<char, 8> magic = {'T', 'R', 'L', 'S', 'I', 'D', 'X', '1'};
constexpr std::size_t write_groups = 2048;  // a megabyte

struct file_header {
  std::array<char, 8> magic{};
  std::uint64_t groups = 0;
  std::uint64_t slots = 0;
  std::uint64_t covers = 0;
  std::array<std::uint8_t, 512 - 36> unused{};
  std::uint32_t checksum = 0;
};
static_assert(sizeof(file_header) == 512);

template <class T>
std::span<const std::uint8_t> octets_of(const T& value) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}
template <class T>
std::span<std::uint8_t> octets_of(T& value) noexcept {
  return {reinterpret_cast<std::uint8_t*>(&value), sizeof value};
}

std::uint32_t checksum_of(const file_header& h) noexcept {
  return crc32c(octets_of(h).first(sizeof h - sizeof h.checksum));
}

/// Four fifths full.
std::uint64_t groups_for(std::uint64_t slots) noexcept {
  return std::max<std::uint64_t>(2, slots * 5 / (4 * sent_index::slots_per_group) + 1);
}

file_header header_of(std::uint64_t groups, std::uint64_t slots, std::uint64_t covers) noexcept {
  file_header header;
  header.magic = magic;
  header.groups = groups;
  header.slots = slots;
  header.covers = covers;
  header.checksum = checksum_of(header);
  return header;
}

std::error_code damaged() { return std::make_error_code(std::errc::illegal_byte_sequence); }

}  // namespace

sent_index::sent_index(std::uint64_t expected) : groups_(groups_for(expected)), group_count_(groups_.size()) {}

std::uint32_t sent_index::checksum_of(const group& g) noexcept {
  return crc32c(octets_of(g).subspan(sizeof g.checksum));
}

void sent_index::place(slot what) noexcept {
  std::uint64_t index = first_group(what.fingerprint);
  while (groups_[index].used == slots_per_group) {
    if (++index == group_count_) index = 0;
  }
  group& g = groups_[index];
  std::size_t i = first_slot(what.fingerprint);
  while (g.slots[i].position != 0) {
    if (++i == slots_per_group) i = 0;
  }
  g.slots[i] = what;
  ++g.used;
  ++size_;
}

void sent_index::rebuild(std::uint64_t groups) {
  table before(groups);
  before.swap(groups_);
  group_count_ = groups_.size();
  size_ = 0;
  for (const group& g : before) {
    for (const slot& s : g.slots) {
      if (s.position != 0) place(s);
    }
  }
}

void sent_index::add(std::uint32_t fingerprint, std::uint32_t position) {
  if (groups_for(size_ + 1) > group_count_) rebuild(group_count_ * 2);
  place({fingerprint, position});
}

result<const sent_index::group*> sent_index::at(std::uint64_t index) {
  if (!file_) return &groups_[index];
  if (index == read_index_) return &read_;
  read_index_ = ~std::uint64_t{0};
  auto got = file_->read_at(octets_of(read_), group_bytes * (index + 1));
  if (!got) return tl::unexpected(got.error());
  if (*got != group_bytes || read_.checksum != checksum_of(read_)) return tl::unexpected(damaged());
  read_index_ = index;
  return &read_;
}

result<bool> sent_index::replace(std::uint32_t fingerprint, std::uint32_t from, std::uint32_t to) {
  return each(fingerprint, [&](std::uint64_t index, std::size_t i, const slot& s) {
    if (s.position != from) return false;
    if (file_) {
      changes_[index * 64 + i] = to;
    } else {
      groups_[index].slots[i].position = to;
    }
    return true;
  });
}

void sent_index::fit() {
  if (const std::uint64_t groups = groups_for(size_); groups < group_count_) rebuild(groups);
}

result<void> sent_index::save(file_system& files, const std::string& path, std::uint64_t covers) const {
  auto opened = files.open(path, open_mode::read_write_create, 0600);
  if (!opened) return tl::unexpected(opened.error());
  file& out = **opened;
  if (auto cut = out.truncate(0); !cut) return cut;
  const file_header header = header_of(group_count_, size_, covers);
  if (auto written = out.write_at(octets_of(header), 0); !written) return written;
  std::vector<group> piece;
  for (std::size_t next = 0; next < groups_.size(); next += piece.size()) {
    const auto from = groups_.begin() + static_cast<std::ptrdiff_t>(next);
    piece.assign(from, from + static_cast<std::ptrdiff_t>(std::min(write_groups, groups_.size() - next)));
    for (group& g : piece) g.checksum = checksum_of(g);
    auto written = out.write_at({reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size() * group_bytes},
                                group_bytes * (next + 1));
    if (!written) return written;
  }
  return out.sync();
}

result<std::pair<sent_index, std::uint64_t>> sent_index::load(file_system& files, const std::string& path,
                                                              bool into_memory) {
  auto opened = files.open(path, into_memory ? open_mode::read : open_mode::read_write);
  if (!opened) return tl::unexpected(opened.error());
  auto bytes = (*opened)->size();
  if (!bytes) return tl::unexpected(bytes.error());
  file_header header;
  auto got = (*opened)->read_at(octets_of(header), 0);
  if (!got) return tl::unexpected(got.error());
  if (*got != sizeof header || header.magic != magic || header.checksum != engine::checksum_of(header) ||
      header.groups == 0 || *bytes < group_bytes * (header.groups + 1)) {
    return tl::unexpected(damaged());
  }
  sent_index index;
  index.group_count_ = header.groups;
  index.size_ = header.slots;
  if (!into_memory) {
    index.groups_ = {};
    index.file_ = std::move(*opened);
    return std::pair(std::move(index), header.covers);
  }
  index.groups_ = table(header.groups);
  const std::span<std::uint8_t> all{reinterpret_cast<std::uint8_t*>(index.groups_.data()),
                                    index.groups_.size() * group_bytes};
  got = (*opened)->read_at(all, group_bytes);
  if (!got) return tl::unexpected(got.error());
  if (*got != all.size()) return tl::unexpected(damaged());
  for (const group& g : index.groups_) {
    if (g.checksum != checksum_of(g)) return tl::unexpected(damaged());
  }
  return std::pair(std::move(index), header.covers);
}

result<void> sent_index::write_changes(std::uint64_t covers) {
  if (!file_ || changes_.empty()) return {};
  std::unordered_map<std::uint64_t, std::vector<std::pair<std::size_t, std::uint32_t>>> by_group;
  for (const auto& [where, position] : changes_) by_group[where / 64].emplace_back(where % 64, position);
  for (const auto& [index, slots] : by_group) {
    if (auto found = at(index); !found) return tl::unexpected(found.error());
    for (const auto& [i, position] : slots) read_.slots[i].position = position;
    read_.checksum = checksum_of(read_);
    if (auto written = file_->write_at(octets_of(std::as_const(read_)), group_bytes * (index + 1)); !written) {
      read_index_ = ~std::uint64_t{0};
      return written;
    }
  }
  const file_header header = header_of(group_count_, size_, covers);
  // Two syncs, because a header that is there before the groups would hide what they lack.
  auto done = file_->sync().and_then([&] { return file_->write_at(octets_of(header), 0); }).and_then([&] {
    return file_->sync();
  });
  if (done) changes_.clear();
  return done;
}

}  // namespace trunkline::engine
