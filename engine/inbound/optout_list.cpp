// The file: an octet string "TLOPTOUT", then records of {u32 CRC32C of what follows, u8 what (1 added, 2 removed), u8
// length of sender, u8 length of number, u64 seconds, sender, number}. A record that does not check ends the file when
// no good one follows, as a crash leaves it; otherwise octets up to the next good one are passed over and said so.
#include "engine/inbound/optout_list.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "engine/runtime/crc32c.hpp"

namespace trunkline::engine {
namespace {

constexpr std::string_view magic = "TLOPTOUT";
constexpr std::size_t head_bytes = 4 + 3 + 8;
constexpr std::size_t max_record = head_bytes + optout_list::max_sender + optout_list::max_number;
constexpr std::uint8_t added = 1;
constexpr std::uint8_t removed = 2;
constexpr std::size_t window_bytes = 1U << 20U;

void put_le(std::uint8_t* to, std::uint64_t value, std::size_t octets) noexcept {
  for (std::size_t i = 0; i < octets; ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
}
std::uint64_t get_le(const std::uint8_t* from, std::size_t octets) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = octets; i-- > 0;) value = value << 8U | from[i];
  return value;
}

struct record {
  std::uint8_t what = 0;
  optout_entry entry;
  std::size_t bytes = 0;  // 0: no record
};

/// The record at the front of `octets`.
record read_record(std::span<const std::uint8_t> octets) noexcept {
  if (octets.size() < head_bytes) return {};
  const std::uint8_t what = octets[4];
  const std::size_t sender = octets[5];
  const std::size_t number = octets[6];
  const std::size_t bytes = head_bytes + sender + number;
  if ((what != added && what != removed) || sender > optout_list::max_sender || number > optout_list::max_number ||
      number == 0 || bytes > octets.size())
    return {};
  if (get_le(octets.data(), 4) != crc32c(octets.subspan(4, bytes - 4))) return {};
  const char* text = reinterpret_cast<const char*>(octets.data() + head_bytes);
  return {what, {{text, sender}, {text + sender, number}, static_cast<std::int64_t>(get_le(&octets[7], 8))}, bytes};
}

void append_record(std::vector<std::uint8_t>& out, std::uint8_t what, const optout_entry& e) {
  const std::size_t at = out.size();
  out.resize(at + head_bytes + e.sender.size() + e.number.size());
  std::uint8_t* r = out.data() + at;
  r[4] = what;
  r[5] = static_cast<std::uint8_t>(e.sender.size());
  r[6] = static_cast<std::uint8_t>(e.number.size());
  put_le(r + 7, static_cast<std::uint64_t>(e.at_s), 8);
  std::memcpy(r + head_bytes, e.sender.data(), e.sender.size());
  std::memcpy(r + head_bytes + e.sender.size(), e.number.data(), e.number.size());
  put_le(r, crc32c({r + 4, out.size() - at - 4}), 4);
}

std::string_view without_plus(std::string_view text) noexcept {
  if (text.starts_with('+')) text.remove_prefix(1);
  return text;
}

}  // namespace

/// A walk over the records of a file.
struct optout_list::scan {
  std::uint64_t end = 0;      // behind the last good record
  std::uint64_t skipped = 0;  // octets that were passed over before it
  std::uint64_t records = 0;

  result<void> run(file& from, std::uint64_t size, const std::function<bool(const record&)>& visit) {
    std::vector<std::uint8_t> window(window_bytes);
    end = magic.size();
    std::uint64_t at = end;  // of the record looked for
    std::uint64_t begin = 0;
    std::size_t filled = 0;
    while (at < size) {
      const std::size_t offset = static_cast<std::size_t>(at - begin);
      if (filled == 0 || (offset + max_record > filled && begin + filled < size)) {
        begin = at;
        auto got = from.read_at(window, begin);
        if (!got) return tl::unexpected(got.error());
        filled = static_cast<std::size_t>(std::min<std::uint64_t>(*got, size - begin));
        if (filled == 0) break;
        continue;
      }
      const record r = read_record(std::span(window).subspan(offset, filled - offset));
      if (r.bytes == 0) {
        ++at;
        continue;
      }
      skipped += at - end;
      ++records;
      at += r.bytes;
      end = at;
      if (!visit(r)) break;
    }
    return {};
  }
};

/// Fills the set from the file. True: the file begins as it should.
result<bool> optout_list::read(std::vector<std::string>& problems, std::uint64_t size, scan& all) {
  std::array<std::uint8_t, magic.size()> found{};
  auto got = file_->read_at(found, 0);
  if (!got) return tl::unexpected(got.error());
  const bool ours = *got == magic.size() && std::memcmp(found.data(), magic.data(), magic.size()) == 0;
  if (!ours && size > magic.size()) {
    problems.push_back(path_ + " does not begin as an opt-out list does; its records are read all the same");
  }
  // 28 octets is a usual record; a guess too high costs memory only until the next start.
  set_.reserve(static_cast<std::size_t>(size / 28));
  auto walked = all.run(*file_, size, [&](const record& r) {
    const auto key = optout_set::key_of(r.entry.sender, r.entry.number);
    if (r.what == added) {
      set_.insert(key);
    } else {
      set_.erase(key);
    }
    return true;
  });
  if (!walked) return tl::unexpected(walked.error());
  bytes_ = all.end;
  if (all.skipped != 0)
    problems.push_back(fmt::format("{} is damaged: {} octets were passed over, and with them up to {} changes", path_,
                                   all.skipped, all.skipped / (head_bytes + 1) + 1));
  return ours;
}

result<void> optout_list::load(std::vector<std::string>& problems) {
  const std::lock_guard lock(mutex_);
  auto opened = files_.open(path_, open_mode::read_write_create);
  if (!opened) return tl::unexpected(opened.error());
  file_ = std::move(*opened);
  auto size = file_->size();
  if (!size) return tl::unexpected(size.error());
  scan all;
  const auto ours = read(problems, *size, all);
  if (!ours) return tl::unexpected(ours.error());
  const bool stale = all.records > set_.size() + set_.size() / 2 + 1'000;
  if (!*ours || stale || all.skipped != 0) return rewrite();
  // A killed process may have written, or renamed, without living to sync: what was read must not be lost any more,
  // because nobody writes again what is there.
  auto cut = *size > bytes_ ? file_->truncate(bytes_) : result<void>();
  return cut.and_then([&] { return file_->sync(); }).and_then([&] {
    return files_.sync_directory(path_.substr(0, path_.rfind('/')));
  });
}

result<void> optout_list::look(std::vector<std::string>& problems) {
  const std::lock_guard lock(mutex_);
  auto opened = files_.open(path_, open_mode::read);
  if (!opened && opened.error() == std::errc::no_such_file_or_directory) return {};
  if (!opened) return tl::unexpected(opened.error());
  file_ = std::move(*opened);
  auto size = file_->size();
  if (!size) return tl::unexpected(size.error());
  scan all;
  if (const auto done = read(problems, *size, all); !done) return tl::unexpected(done.error());
  return {};
}

/// The pairs that are in the list, and nothing else, under the same name.
result<void> optout_list::rewrite() {
  const std::string fresh = path_ + ".new";
  auto made = files_.open(fresh, open_mode::read_write_create, 0600);
  if (!made) return tl::unexpected(made.error());
  std::vector<std::uint8_t> buffer(magic.begin(), magic.end());
  std::uint64_t written = 0;
  const auto drain = [&]() -> result<void> {
    auto done = (*made)->write_at(buffer, written);
    written += buffer.size();
    buffer.clear();
    return done;
  };
  if (auto cut = (*made)->truncate(0); !cut) return cut;
  optout_set seen;
  result<void> failed;
  scan all;
  auto walked = all.run(*file_, bytes_, [&](const record& r) {
    const auto key = optout_set::key_of(r.entry.sender, r.entry.number);
    if (r.what != added || !set_.contains(key) || !seen.insert(key)) return true;
    append_record(buffer, added, r.entry);
    if (buffer.size() >= window_bytes) failed = drain();
    return failed.has_value();
  });
  if (!walked) return walked;
  if (!failed) return failed;
  auto replaced = drain()
                      .and_then([&] { return (*made)->sync(); })
                      .and_then([&] { return files_.rename(fresh, path_); })
                      .and_then([&] { return files_.sync_directory(path_.substr(0, path_.rfind('/'))); });
  if (!replaced) return replaced;
  file_ = std::move(*made);
  bytes_ = written;
  return {};
}

bool optout_list::add(std::string_view sender, std::string_view number, std::int64_t at_s) {
  sender = without_plus(sender);
  number = without_plus(number);
  if (number.empty() || sender.size() > max_sender || number.size() > max_number) return false;
  const std::lock_guard lock(mutex_);
  if (!set_.insert(optout_set::key_of(sender, number))) return false;
  append(added, sender, number, at_s);
  return true;
}

bool optout_list::remove(std::string_view sender, std::string_view number, std::int64_t at_s) {
  sender = without_plus(sender);
  number = without_plus(number);
  if (number.empty() || sender.size() > max_sender || number.size() > max_number) return false;
  const std::lock_guard lock(mutex_);
  if (!set_.erase(optout_set::key_of(sender, number))) return false;
  append(removed, sender, number, at_s);
  return true;
}

void optout_list::append(std::uint8_t what, std::string_view sender, std::string_view number, std::int64_t at_s) {
  append_record(waiting_, what, {sender, number, at_s});
  dirty_.store(true, std::memory_order_relaxed);
}

result<void> optout_list::flush() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return {};
  // At a place of our own, so that what a failed attempt has written is written over.
  if (auto written = file_->write_at(waiting_, bytes_); !written) return written;
  if (auto synced = file_->sync(); !synced) {
    if (synced.error() == std::errc::no_space_on_device) return fail(std::errc::io_error);
    return synced;
  }
  bytes_ += waiting_.size();
  waiting_.clear();
  dirty_.store(false, std::memory_order_relaxed);
  return {};
}

result<void> optout_list::each(const std::function<bool(const optout_entry&)>& visit) {
  if (auto flushed = flush(); !flushed) return flushed;
  std::uint64_t bytes = 0;
  {
    const std::lock_guard lock(mutex_);
    bytes = bytes_;
  }
  if (bytes == 0) return {};
  // Only appended to: what is there now stays as it is.
  auto opened = files_.open(path_, open_mode::read);
  if (!opened) return tl::unexpected(opened.error());
  optout_set seen;
  scan all;
  return all.run(**opened, bytes, [&](const record& r) {
    const auto key = optout_set::key_of(r.entry.sender, r.entry.number);
    if (r.what != added || !set_.contains(key) || !seen.insert(key)) return true;
    return visit(r.entry);
  });
}

}  // namespace trunkline::engine
