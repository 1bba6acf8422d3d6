// How the store survives: its logs are append-only, and what counts of each is noted elsewhere (receipt_state) after
// they are synced. After a crash, fates behind that are cut off, because the lines that they led to may not be there;
// the journal makes them again. Messages behind it are kept, because a batch is closed, and forgotten by the journal,
// as soon as `sync_messages` has made them durable.
#include "engine/receipts/sent_store.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <random>

#include <fmt/format.h>

#include "protocol/ascii.hpp"
#include "protocol/message_id.hpp"

namespace trunkline::engine {
namespace {

constexpr std::uint64_t max_log_bytes = std::uint64_t{4} << 30;
constexpr std::uint64_t index_lag_bytes = 64U << 20;
constexpr std::size_t max_tags_bytes = 8192;

__extension__ using wide = unsigned __int128;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  const wide product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

/// Multiply and fold, eight octets at a time.
std::uint64_t hash(std::uint64_t seed, std::string_view text) noexcept {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15U;
  seed = mix(seed ^ text.size(), odd);
  while (text.size() >= 8) {
    std::uint64_t chunk = 0;
    std::memcpy(&chunk, text.data(), 8);
    seed = mix(seed ^ chunk, odd);
    text.remove_prefix(8);
  }
  std::uint64_t rest = 0;
  if (!text.empty()) std::memcpy(&rest, text.data(), text.size());  // an empty view may point nowhere
  return mix(seed ^ rest, odd);
}

std::string_view without_plus(std::string_view number) noexcept {
  return number.starts_with('+') ? number.substr(1) : number;
}

}  // namespace

sent_store::sent_store(file_system& files, std::string directory, options with)
    : files_(files), directory_(std::move(directory)), options_(with) {}

std::string sent_store::log_path(std::uint32_t number) const {
  return fmt::format("{}/{:08x}.sent", directory_, number);
}
std::string sent_store::index_path(std::uint32_t number) const {
  return fmt::format("{}/{:08x}.index", directory_, number);
}

std::string_view sent_store::key_of(std::string_view id, std::array<char, 256>& room) noexcept {
  id = protocol::without_leading_zeros(id.substr(0, room.size()));
  std::transform(id.begin(), id.end(), room.begin(), protocol::to_lower);
  return {room.data(), id.size()};
}

std::uint32_t sent_store::fingerprint_of_id(std::uint64_t salt, std::string_view carrier,
                                            std::string_view key) noexcept {
  return static_cast<std::uint32_t>(hash(hash(salt, carrier), key) >> 32U);
}

std::uint32_t sent_store::fingerprint_of_reply(std::uint64_t salt, std::string_view number,
                                               std::string_view sender) noexcept {
  return static_cast<std::uint32_t>(hash(hash(~salt, without_plus(number)), without_plus(sender)) >> 32U);
}

sent_store::bucket* sent_store::find_bucket(std::uint32_t number) noexcept {
  const auto found = buckets_.find(number);
  return found == buckets_.end() ? nullptr : &found->second;
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

void sent_store::index_message(bucket& b, const sent_message& m, std::uint32_t position) {
  std::array<char, 256> room;
  if (m.receipt) {
    m.each_part([&](std::uint8_t, std::string_view id) {
      if (id.empty()) return;
      b.index.add(fingerprint_of_id(b.log->salt(), m.carrier, key_of(id, room)), position);
    });
  }
  if (replies() && !m.number.empty()) index_reply(b, m, position);
}

/// One slot for a number and a sender: it leads to the newest message.
void sent_store::index_reply(bucket& b, const sent_message& m, std::uint32_t position) {
  const std::uint32_t fingerprint = fingerprint_of_reply(b.log->salt(), m.number, m.sender);
  std::vector<std::uint32_t> before;
  (void)b.index.find(fingerprint, [&](std::uint32_t at) {
    before.push_back(at);
    return false;
  });
  if (!before.empty()) {
    // `m` may view what the next read overwrites.
    const std::string number(without_plus(m.number));
    const std::string sender(without_plus(m.sender));
    for (const std::uint32_t at : before) {
      auto found = b.log->read(at);
      if (!found || !*found || (*found)->type != static_cast<std::uint8_t>(sent_record::message)) continue;
      const auto older = decode_sent_message((*found)->payload);
      if (!older || without_plus(older->number) != number || without_plus(older->sender) != sender) continue;
      (void)b.index.replace(fingerprint, at, position);
      return;
    }
  }
  b.index.add(fingerprint, position);
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

sent_place sent_store::insert(const sent_message& m, std::int64_t now_ms) {
  bucket& b = current();
  sent_message kept = m;
  if (kept.tags.size() > max_tags_bytes) kept.tags = {};
  payload_.clear();
  encode(kept, payload_);
  const std::uint32_t position = b.log->append(static_cast<std::uint8_t>(sent_record::message), payload_);
  index_message(b, kept, position);
  b.filled_until_ms = std::max(b.filled_until_ms, now_ms);
  b.messages_waiting = true;
  return {buckets_.rbegin()->first, position};
}

result<bool> sent_store::read_message(bucket& b, std::uint32_t position, sent_message& out) {
  auto found = b.log->read(position);
  if (!found) return tl::unexpected(found.error());
  if (!*found || (*found)->type != static_cast<std::uint8_t>(sent_record::message)) return false;
  copy_.assign((*found)->payload.begin(), (*found)->payload.end());
  const auto m = decode_sent_message(copy_);
  if (!m) return false;
  out = *m;
  return true;
}

result<bool> sent_store::read_slot(bucket& b, std::uint32_t position, sent_part& out,
                                   std::optional<std::uint8_t>& only) {
  auto found = b.log->read(position);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return false;
  std::uint32_t message = position;
  if ((*found)->type == static_cast<std::uint8_t>(sent_record::fate)) {
    auto fate = decode_stored_fate((*found)->payload);
    if (!fate) return false;
    only = fate->part;
    message = fate->message;
    const std::string_view error = fate->fate.error;
    std::copy(error.begin(), error.end(), error_copy_.begin());
    fate->fate.error = {error_copy_.data(), error.size()};
    out.fate = fate->fate;
  }
  out.place.position = message;
  return read_message(b, message, out.message);
}

result<bool> sent_store::read_part(bucket& b, std::uint32_t position, std::string_view carrier, std::string_view key,
                                   sent_part& out) {
  std::optional<std::uint8_t> only;
  auto read = read_slot(b, position, out, only);
  if (!read || !*read) return read;
  if (!carrier.empty() && out.message.carrier != carrier) return false;
  bool matches = false;
  out.message.each_part([&](std::uint8_t part, std::string_view id) {
    std::array<char, 256> room;
    if (matches || (only && *only != part) || key_of(id, room) != key) return;
    matches = true;
    out.part = part;
    out.id = id;
  });
  return matches;
}

result<std::optional<sent_store::sent_part>> sent_store::again(sent_place message, std::uint8_t part,
                                                               std::uint32_t fingerprint, std::uint32_t indexed) {
  bucket* b = find_bucket(message.bucket);
  if (b == nullptr) return std::nullopt;
  sent_part out;
  out.place.bucket = message.bucket;
  out.fingerprint = fingerprint;
  out.indexed = indexed;
  std::optional<std::uint8_t> only;
  auto read = read_slot(*b, indexed, out, only);
  if (!read) return tl::unexpected(read.error());
  if (!*read || !(out.place == message)) return std::nullopt;
  out.part = part;
  out.message.each_part([&](std::uint8_t number, std::string_view id) {
    if (number == part) out.id = id;
  });
  return out;
}

result<std::optional<sent_store::sent_part>> sent_store::part_of(const sent_place& place, std::uint8_t part) {
  bucket* b = find_bucket(place.bucket);
  if (b == nullptr) return std::nullopt;
  sent_message m;
  auto read = read_message(*b, place.position, m);
  if (!read) return tl::unexpected(read.error());
  std::array<char, 256> room;
  std::string_view key;
  if (*read) {
    m.each_part([&](std::uint8_t number, std::string_view id) {
      if (number == part) key = key_of(id, room);
    });
  }
  if (key.empty()) return std::nullopt;
  const std::uint32_t fingerprint = fingerprint_of_id(b->log->salt(), m.carrier, key);
  std::vector<std::uint32_t> positions;
  auto found = b->index.find(fingerprint, [&](std::uint32_t position) {
    positions.push_back(position);
    return false;
  });
  if (!found) return tl::unexpected(found.error());
  for (const std::uint32_t position : positions) {
    sent_part out;
    out.place.bucket = place.bucket;
    out.fingerprint = fingerprint;
    out.indexed = position;
    auto got = read_part(*b, position, {}, key, out);
    if (!got) return tl::unexpected(got.error());
    if (*got && out.place == place && out.part == part) return out;
  }
  return std::nullopt;
}

result<void> sent_store::set_fate(const sent_part& of, const part_fate& fate) {
  bucket* b = find_bucket(of.place.bucket);
  if (b == nullptr) return {};
  payload_.clear();
  encode(stored_fate{of.fingerprint, of.indexed, of.place.position, of.part, fate}, payload_);
  const std::uint32_t position = b->log->append(static_cast<std::uint8_t>(sent_record::fate), payload_);
  auto replaced = b->index.replace(of.fingerprint, of.indexed, position);
  if (!replaced) return tl::unexpected(replaced.error());
  return {};
}

result<std::optional<sent_message>> sent_store::message_at(const sent_place& place) {
  bucket* b = find_bucket(place.bucket);
  if (b == nullptr) return std::nullopt;
  sent_message m;
  auto read = read_message(*b, place.position, m);
  if (!read) return tl::unexpected(read.error());
  if (!*read) return std::nullopt;
  return m;
}

result<bool> sent_store::contains(const sent_message& m) {
  bool there = false;
  std::optional<std::string> key;
  std::array<char, 256> room;
  m.each_part([&](std::uint8_t, std::string_view id) {
    if (!key && !id.empty()) key = std::string(key_of(id, room));
  });
  if (key) {
    auto looked = each_part(m.carrier, *key, [&](const sent_part& p) {
      there = p.message.batch_id == m.batch_id && p.message.line == m.line && p.message.batch == m.batch;
      return there;
    });
    if (!looked) return tl::unexpected(looked.error());
  }
  return there;
}

result<std::optional<sent_store::last_sent>> sent_store::find_last_sent(std::string_view number,
                                                                        std::string_view sender,
                                                                        std::int64_t since_ms) {
  std::optional<last_sent> newest;
  if (!replies()) return newest;
  number = without_plus(number);
  sender = without_plus(sender);
  for (auto at = buckets_.rbegin(); at != buckets_.rend(); ++at) {
    bucket& b = at->second;
    if (newest || b.filled_until_ms < since_ms) break;
    for (const std::string_view from : {sender, std::string_view()}) {
      std::vector<std::uint32_t> positions;
      auto found = b.index.find(fingerprint_of_reply(b.log->salt(), number, from), [&](std::uint32_t position) {
        positions.push_back(position);
        return false;
      });
      if (!found) return tl::unexpected(found.error());
      for (const std::uint32_t position : positions) {
        sent_message m;
        auto read = read_message(b, position, m);
        if (!read) return tl::unexpected(read.error());
        if (!*read || without_plus(m.number) != number || without_plus(m.sender) != from) continue;
        if (m.submitted_at_ms < since_ms || (newest && newest->submitted_at_ms >= m.submitted_at_ms)) continue;
        newest = last_sent{std::string(m.batch), std::string(m.batch_name), m.line,           std::string(m.id),
                           std::string(m.tags),  std::string(m.carrier),    m.submitted_at_ms};
      }
      if (sender.empty()) break;
    }
  }
  return newest;
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

std::uint64_t sent_store::ids() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& [number, b] : buckets_) sum += b.index.size();
  return sum;
}

std::uint64_t sent_store::index_bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& [number, b] : buckets_) sum += b.index.memory_bytes();
  return sum;
}

std::uint64_t sent_store::log_bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& [number, b] : buckets_) sum += b.log->bytes();
  return sum;
}

}  // namespace trunkline::engine
