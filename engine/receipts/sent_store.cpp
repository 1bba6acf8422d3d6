// What is put into the store and how it is found again. An index leads from a fingerprint, of carrier and message id or
// of number and sender, to a record of its bucket's log, which tells whether it is the one that was meant.
// sent_store_files.cpp has the life of the files.
#include "engine/receipts/sent_store.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/ascii.hpp"
#include "protocol/message_id.hpp"

namespace trunkline::engine {
namespace {

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

sent_place sent_store::insert(const sent_message& m, std::int64_t now_ms) {
  bucket& b = current();
  sent_message kept = m;
  if (kept.tags.size() > max_tags_bytes) kept.tags = {};
  if (kept.receipt) {
    std::array<char, 256> room;
    kept.each_part([&](std::uint8_t, std::string_view id) {
      b.index.prefetch(fingerprint_of_id(b.log->salt(), kept.carrier, key_of(id, room)));
    });
  }
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
