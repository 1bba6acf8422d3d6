#include "engine/receipts/sent_log.hpp"

#include <algorithm>
#include <cstring>

#include "engine/runtime/crc32c.hpp"

namespace trunkline::engine {
namespace {

constexpr std::array<char, 8> magic = {'T', 'R', 'L', 'S', 'E', 'N', 'T', '1'};
constexpr std::size_t flush_bytes = 256U << 10;
constexpr std::uint8_t version = 1;

struct file_header {
  std::array<char, 8> magic{};
  std::uint64_t number = 0;
  std::int64_t created_ms = 0;
  std::uint64_t salt = 0;
  std::array<std::uint8_t, 28> unused{};
  std::uint32_t checksum = 0;
};
static_assert(sizeof(file_header) == sent_log::header_bytes);

std::uint32_t checksum_of(const file_header& h) noexcept {
  return crc32c({reinterpret_cast<const std::uint8_t*>(&h), sizeof h - sizeof h.checksum});
}

}  // namespace

sent_log::sent_log(std::unique_ptr<file> opened, std::uint64_t number, std::int64_t created_ms, std::uint64_t salt,
                   log_windows& windows)
    : file_(std::move(opened)),
      windows_(windows),
      number_(number),
      created_ms_(created_ms),
      salt_(salt),
      seed_(crc32c({reinterpret_cast<const std::uint8_t*>(&number), sizeof number})) {}

result<std::unique_ptr<sent_log>> sent_log::create(file_system& files, const std::string& path, std::uint64_t number,
                                                   std::int64_t created_ms, std::uint64_t salt, log_windows& windows) {
  auto opened = files.open(path, open_mode::read_write_create, 0600);
  if (!opened) return tl::unexpected(opened.error());
  file_header h;
  h.magic = magic;
  h.number = number;
  h.created_ms = created_ms;
  h.salt = salt;
  h.checksum = checksum_of(h);
  if (auto cut = (*opened)->truncate(0); !cut) return tl::unexpected(cut.error());
  if (auto written = (*opened)->write_at({reinterpret_cast<const std::uint8_t*>(&h), sizeof h}, 0); !written)
    return tl::unexpected(written.error());
  std::unique_ptr<sent_log> made(new sent_log(std::move(*opened), number, created_ms, salt, windows));
  made->written_ = sizeof h;
  made->dirty_ = true;
  return made;
}

result<std::unique_ptr<sent_log>> sent_log::open(file_system& files, const std::string& path, std::uint64_t number,
                                                 log_windows& windows) {
  auto opened = files.open(path, open_mode::read_write, 0600);
  if (!opened) return tl::unexpected(opened.error());
  auto size = (*opened)->size();
  if (!size) return tl::unexpected(size.error());
  file_header h;
  auto got = (*opened)->read_at({reinterpret_cast<std::uint8_t*>(&h), sizeof h}, 0);
  if (!got) return tl::unexpected(got.error());
  if (*got != sizeof h || h.magic != magic || h.checksum != checksum_of(h) || h.number != number)
    return tl::unexpected(std::make_error_code(std::errc::illegal_byte_sequence));
  std::unique_ptr<sent_log> made(new sent_log(std::move(*opened), number, h.created_ms, h.salt, windows));
  made->written_ = *size;
  return made;
}

std::uint32_t sent_log::checksum(std::uint32_t position, std::span<const std::uint8_t> behind) const noexcept {
  return crc32c(behind, seed_ ^ position);
}

std::uint32_t sent_log::append(std::uint8_t type, std::span<const std::uint8_t> payload) {
  const std::size_t at = waiting_.size();
  const auto position = static_cast<std::uint32_t>(bytes() / 8);
  waiting_.resize(at + (record_header_bytes + payload.size() + 7) / 8 * 8);
  std::uint8_t* out = waiting_.data() + at;
  const auto length = static_cast<std::uint16_t>(payload.size());
  std::memcpy(out + 4, &length, 2);
  out[6] = type;
  out[7] = version;
  if (!payload.empty()) std::memcpy(out + record_header_bytes, payload.data(), payload.size());
  const std::uint32_t sum = checksum(position, {out + 4, record_header_bytes - 4 + payload.size()});
  std::memcpy(out, &sum, 4);
  return position;
}

result<std::span<const std::uint8_t>> sent_log::octets(std::uint64_t offset, std::size_t size) {
  if (offset >= written_) {
    const std::size_t at = std::min<std::uint64_t>(offset - written_, waiting_.size());
    return std::span<const std::uint8_t>(waiting_).subspan(at, std::min(size, waiting_.size() - at));
  }
  size = std::min<std::uint64_t>(size, written_ - offset);
  const auto window = [&](std::uint64_t number, std::size_t wanted) -> result<const log_windows::window*> {
    auto& w = windows_.at(number_, number);
    if (w.log == number_ && w.number == number && w.valid >= wanted) return &w;
    if (!w.octets) w.octets = std::make_unique<std::array<std::uint8_t, log_windows::window_bytes>>();
    w.log = ~std::uint64_t{0};
    auto got = file_->read_at(*w.octets, number * log_windows::window_bytes);
    if (!got) return tl::unexpected(got.error());
    w.log = number_;
    w.number = number;
    w.valid = *got;
    return &w;
  };
  const std::uint64_t first = offset / log_windows::window_bytes;
  const std::size_t inside = offset % log_windows::window_bytes;
  if (inside + size <= log_windows::window_bytes) {
    auto w = window(first, inside + size);
    if (!w) return tl::unexpected(w.error());
    if ((*w)->valid < inside + size) return std::span<const std::uint8_t>{};
    return std::span<const std::uint8_t>(*(*w)->octets).subspan(inside, size);
  }
  joined_.clear();
  for (std::uint64_t at = offset; at < offset + size;) {
    const std::size_t begin = at % log_windows::window_bytes;
    const std::size_t piece = std::min<std::uint64_t>(log_windows::window_bytes - begin, offset + size - at);
    auto w = window(at / log_windows::window_bytes, begin + piece);
    if (!w) return tl::unexpected(w.error());
    if ((*w)->valid < begin + piece) break;
    const auto from = (*w)->octets->begin() + static_cast<std::ptrdiff_t>(begin);
    joined_.insert(joined_.end(), from, from + static_cast<std::ptrdiff_t>(piece));
    at += piece;
  }
  return std::span<const std::uint8_t>(joined_);
}

result<std::optional<sent_log::record>> sent_log::read(std::uint32_t position) {
  const std::uint64_t offset = std::uint64_t{position} * 8;
  if (offset < header_bytes) return std::nullopt;
  auto header = octets(offset, record_header_bytes);
  if (!header) return tl::unexpected(header.error());
  if (header->size() < record_header_bytes) return std::nullopt;
  std::uint32_t sum = 0;
  std::uint16_t length = 0;
  std::memcpy(&sum, header->data(), 4);
  std::memcpy(&length, header->data() + 4, 2);
  auto all = octets(offset, record_header_bytes + length);
  if (!all) return tl::unexpected(all.error());
  if (all->size() < record_header_bytes + length || (*all)[7] != version) return std::nullopt;
  if (sum != checksum(position, all->subspan(4))) return std::nullopt;
  return record{(*all)[6], all->subspan(record_header_bytes)};
}

result<void> sent_log::flush(bool everything) {
  if (waiting_.empty() || (!everything && waiting_.size() < flush_bytes)) return {};
  if (auto written = file_->write_at(waiting_, written_); !written) return written;
  written_ += waiting_.size();
  waiting_.clear();
  dirty_ = true;
  return {};
}

result<void> sent_log::sync() {
  if (auto flushed = flush(true); !flushed) return flushed;
  if (!dirty_) return {};
  auto synced = file_->sync();
  // Final, whatever its code: a second try would succeed without the octets that were lost.
  if (!synced && synced.error() == std::errc::no_space_on_device) return fail(std::errc::io_error);
  if (synced) dirty_ = false;
  return synced;
}

result<void> sent_log::truncate(std::uint64_t bytes) {
  if (auto cut = file_->truncate(bytes); !cut) return cut;
  for (std::uint64_t n = bytes / log_windows::window_bytes; n <= written_ / log_windows::window_bytes; ++n) {
    if (auto& w = windows_.at(number_, n); w.log == number_) w.log = ~std::uint64_t{0};
  }
  written_ = bytes;
  dirty_ = true;
  return {};
}

}  // namespace trunkline::engine
