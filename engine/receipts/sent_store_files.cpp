// How the store survives: its logs are append-only, and what counts of each is noted elsewhere (receipt_state) after
// they are synced. After a crash, fates behind that are cut off, because the lines that they led to may not be there;
// the journal makes them again. Messages behind it are kept, because a batch is closed, and forgotten by the journal,
// as soon as `sync_messages` has made them durable.
#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "engine/receipts/sent_store.hpp"

namespace trunkline::engine {
namespace {

constexpr std::uint64_t max_log_bytes = std::uint64_t{4} << 30;
constexpr std::uint64_t index_lag_bytes = 64U << 20;

}  // namespace

sent_store::sent_store(file_system& files, std::string directory, options with)
    : files_(files), directory_(std::move(directory)), options_(with) {}

std::string sent_store::log_path(std::uint32_t number) const {
  return fmt::format("{}/{:08x}.sent", directory_, number);
}

std::string sent_store::index_path(std::uint32_t number) const {
  return fmt::format("{}/{:08x}.index", directory_, number);
}

result<void> sent_store::add_bucket(std::uint32_t number, std::int64_t now_ms) {
  std::uint64_t salt = buckets_.empty() ? options_.salt : current().log->salt();
  if (salt == 0) {
    std::random_device random;
    salt = std::uint64_t{random()} << 32U | random() | 1U;
  }
  auto log = sent_log::create(files_, log_path(number), number, now_ms, salt, windows_);
  if (!log) return tl::unexpected(log.error());
  names_changed_ = true;
  bucket& b = buckets_[number];
  b.log = std::move(*log);
  b.filled_until_ms = now_ms;
  b.messages_waiting = true;
  return {};
}

result<std::vector<std::vector<std::uint8_t>>> sent_store::open(const std::vector<extent>& noted, std::int64_t now_ms) {
  auto names = files_.list(directory_);
  if (!names) return tl::unexpected(names.error());
  std::map<std::uint32_t, extent> counts;
  for (const extent& e : noted) counts[e.bucket] = e;
  std::vector<std::uint32_t> numbers;
  for (const auto& entry : *names) {
    if (entry.name.size() != 13 || !entry.name.ends_with(".sent")) continue;
    numbers.push_back(static_cast<std::uint32_t>(std::strtoul(entry.name.c_str(), nullptr, 16)));
  }
  std::sort(numbers.begin(), numbers.end());
  std::vector<std::vector<std::uint8_t>> late;
  for (const std::uint32_t number : numbers) {
    auto log = sent_log::open(files_, log_path(number), number, windows_);
    if (!log && log.error() != std::errc::illegal_byte_sequence) return tl::unexpected(log.error());
    const auto known = counts.find(number);
    if (!log || known == counts.end()) late_buckets_.push_back(number);
    if (!log) continue;  // it was just being made
    const std::uint64_t bytes =
        known == counts.end() ? std::uint64_t{sent_log::header_bytes} : std::min(known->second.bytes, (*log)->bytes());
    auto end = (*log)->scan(bytes, [&](std::uint32_t, const sent_log::record& r) {
      if (r.type == static_cast<std::uint8_t>(sent_record::message))
        late.emplace_back(r.payload.begin(), r.payload.end());
    });
    if (!end) return tl::unexpected(end.error());
    if (known == counts.end()) continue;
    bucket& b = buckets_[number];
    b.log = std::move(*log);
    b.filled = true;
    b.filled_until_ms = known->second.filled_until_ms;
    if (b.log->bytes() != bytes) b.tail_from = bytes;
  }
  for (auto b = buckets_.rbegin(); b != buckets_.rend(); ++b) {
    if (auto loaded = load_index(b->second); !loaded) return tl::unexpected(loaded.error());
  }
  // The last one is filled further, unless a tail is still needed until what is in it is stored again.
  const bool clean = late.empty() && late_buckets_.empty();
  if (!buckets_.empty() && clean && current().tail_from == 0 && current().index.in_memory()) {
    current().filled = false;
  } else if (auto added = add_bucket((numbers.empty() ? 0 : numbers.back()) + 1, now_ms); !added) {
    return tl::unexpected(added.error());
  }
  return late;
}

result<void> sent_store::discard_tails() {
  for (auto& [number, b] : buckets_) {
    if (b.tail_from == 0) continue;
    if (auto cut = b.log->truncate(b.tail_from); !cut) return cut;
    if (auto synced = b.log->sync(); !synced) return synced;
    b.tail_from = 0;
  }
  for (const std::uint32_t number : late_buckets_) {
    if (auto removed = remove_bucket(number); !removed) return removed;
  }
  late_buckets_.clear();
  return {};
}

result<void> sent_store::load_index(bucket& b) {
  const std::uint64_t bytes = b.tail_from != 0 ? b.tail_from : b.log->bytes();
  const auto number = static_cast<std::uint32_t>(b.log->number());
  for (const bool into_memory : {false, true}) {
    if (!into_memory && index_bytes() < options_.index_memory) continue;
    auto loaded = sent_index::load(files_, index_path(number), into_memory);
    if (!loaded) {
      // Missing or damaged: made again.
      if (loaded.error() != std::errc::no_such_file_or_directory &&
          loaded.error() != std::errc::illegal_byte_sequence) {
        return tl::unexpected(loaded.error());
      }
      break;
    }
    if (loaded->second > bytes) break;  // it knows what the log does not
    b.index = std::move(loaded->first);
    b.index_covers = loaded->second;
    auto all = read_log_into_index(b, b.index_covers);
    if (!all) return tl::unexpected(all.error());
    if (*all) return {};
  }
  b.index = sent_index();
  b.index_covers = 0;
  if (auto all = read_log_into_index(b, sent_log::header_bytes); !all) return tl::unexpected(all.error());
  return {};
}

result<bool> sent_store::read_log_into_index(bucket& b, std::uint64_t from) {
  const std::uint64_t until = b.tail_from != 0 ? b.tail_from : b.log->bytes();
  std::error_code failed;
  bool all = true;
  auto end = b.log->scan(from, [&](std::uint32_t position, const sent_log::record& r) {
    if (std::uint64_t{position} * 8 >= until) return;
    if (r.type == static_cast<std::uint8_t>(sent_record::fate)) {
      const auto f = decode_stored_fate(r.payload);
      if (!f) return;
      if (auto done = b.index.replace(f->fingerprint, f->replaces, position); !done) failed = done.error();
    } else if (!b.index.in_memory()) {
      all = false;
    } else if (const auto m = decode_sent_message(r.payload)) {
      index_message(b, *m, position);
    }
  });
  if (!end) return tl::unexpected(end.error());
  if (failed) return tl::unexpected(failed);
  return all;
}

result<void> sent_store::prepare(std::int64_t now_ms) {
  bucket& b = current();
  if (b.log->bytes() <= sent_log::header_bytes) return {};
  const std::int64_t age = now_ms - b.log->created_ms();
  if (b.index.size() < options_.bucket_slots && b.log->bytes() < max_log_bytes && age < options_.keep.count() / 8)
    return {};
  const std::uint32_t before = buckets_.rbegin()->first;
  if (auto added = add_bucket(before + 1, now_ms); !added) return added;
  bucket& old = buckets_[before];
  old.filled = true;
  if (old.index.in_memory()) old.index.fit();
  return {};
}

result<void> sent_store::flush(bool everything) {
  for (auto& [number, b] : buckets_) {
    if (auto flushed = b.log->flush(everything); !flushed) return flushed;
  }
  return {};
}

result<void> sent_store::sync_messages() {
  for (auto& [number, b] : buckets_) {
    if (!b.messages_waiting) continue;
    if (auto synced = b.log->sync(); !synced) return synced;
    b.messages_waiting = false;
  }
  if (!names_changed_) return {};
  if (auto synced = files_.sync_directory(directory_); !synced) return synced;
  names_changed_ = false;
  return {};
}

result<std::vector<sent_store::extent>> sent_store::sync() {
  if (auto synced = sync_messages(); !synced) return tl::unexpected(synced.error());
  std::vector<extent> all;
  for (auto& [number, b] : buckets_) {
    if (auto synced = b.log->sync(); !synced) return tl::unexpected(synced.error());
    all.push_back({number, b.tail_from != 0 ? b.tail_from : b.log->bytes(), b.filled_until_ms});
  }
  return all;
}

result<void> sent_store::noted() {
  std::uint64_t in_memory = index_bytes();
  for (auto& [number, b] : buckets_) {
    const std::uint64_t bytes = b.log->bytes();
    if (!b.index.in_memory()) {
      if (!b.index.changed()) continue;
      if (auto written = b.index.write_changes(bytes); !written) return written;
      b.index_covers = bytes;
      continue;
    }
    const bool goes = b.filled && in_memory > options_.index_memory;
    if (!goes && bytes - b.index_covers < index_lag_bytes) continue;
    if (b.index_covers != bytes) {
      if (auto saved = b.index.save(files_, index_path(number), bytes); !saved) return saved;
      b.index_covers = bytes;
      names_changed_ = true;
    }
    if (!goes) continue;
    in_memory -= b.index.memory_bytes();
    auto loaded = sent_index::load(files_, index_path(number), false);
    if (!loaded) return tl::unexpected(loaded.error());
    b.index = std::move(loaded->first);
  }
  return {};
}

result<void> sent_store::remove_bucket(std::uint32_t number) {
  for (const auto& path : {log_path(number), index_path(number)}) {
    auto removed = files_.remove(path);
    if (!removed && removed.error() != std::errc::no_such_file_or_directory) return removed;
  }
  buckets_.erase(number);
  names_changed_ = true;
  return {};
}

std::optional<std::int64_t> sent_store::expires_at_ms(std::uint32_t number) const {
  const auto found = buckets_.find(number);
  if (found == buckets_.end()) return 0;
  if (!found->second.filled) return std::nullopt;
  return found->second.filled_until_ms + options_.keep.count();
}

result<void> sent_store::expire(std::int64_t now_ms, std::uint32_t first_needed) {
  while (!buckets_.empty()) {
    const auto& [number, b] = *buckets_.begin();
    if (!b.filled || number >= first_needed || b.filled_until_ms + options_.keep.count() > now_ms) break;
    if (auto removed = remove_bucket(number); !removed) return removed;
  }
  return {};
}

}  // namespace trunkline::engine
