// Entries (messages) and slots (parts) live in two arrays with free lists; a chained hash table finds an entry, and two
// queues keep the unfinished and the finished ones by age. Finished messages stay as long as there is room, so that a
// part that the SMSC repeats after our answer was lost is known; they are told from a new use of the same reference by
// content.
#include "protocol/segmentation_reassembly.hpp"

#include <algorithm>
#include <bit>

namespace trunkline::protocol {

std::uint32_t reassembler::message::scope() const noexcept { return owner_->entries_[index_].scope; }
std::string_view reassembler::message::source() const noexcept {
  const entry& e = owner_->entries_[index_];
  return {e.source.data(), e.source_size};
}
std::string_view reassembler::message::destination() const noexcept {
  const entry& e = owner_->entries_[index_];
  return {e.destination.data(), e.destination_size};
}
std::uint16_t reassembler::message::reference() const noexcept { return owner_->entries_[index_].reference; }
std::size_t reassembler::message::total() const noexcept { return owner_->entries_[index_].total; }
std::size_t reassembler::message::received() const noexcept { return owner_->entries_[index_].received; }
reassembler::time_point reassembler::message::first_at() const noexcept { return owner_->entries_[index_].since; }

reassembler::reassembler(const bounds& limits)
    : keep_(limits.keep),
      seed_(limits.seed),
      entries_(std::max<std::size_t>(limits.messages, 1)),
      slots_(std::max<std::size_t>(limits.parts, 2)),
      buckets_(std::bit_ceil(entries_.size() * 2), none) {
  for (std::size_t i = entries_.size(); i-- > 0;) {
    entries_[i].in_bucket = free_entry_;
    free_entry_ = static_cast<std::uint32_t>(i);
  }
  for (std::size_t i = slots_.size(); i-- > 0;) {
    slots_[i].next = free_slot_;
    free_slot_ = static_cast<std::uint32_t>(i);
  }
}

reassembler::result reassembler::add(const inbound_part& part, time_point now) noexcept {
  release_leaving();
  while (finished_.oldest != none && now - entries_[finished_.oldest].since >= keep_) {
    const std::uint32_t old = finished_.oldest;
    forget(old);
    release(old);
  }
  result answer;
  const concatenation& place = part.place;
  if (place.total < 2 || place.sequence == 0 || place.sequence > place.total || place.total > slots_.size() ||
      part.octets.size() > max_part_octets || part.source.size() > max_address_octets ||
      part.destination.size() > max_address_octets)
    return answer;

  const std::uint64_t hash = hash_of(part);
  std::uint32_t index = find(part, hash);
  std::uint32_t* link = nullptr;  // where the part goes in the chain of its message
  if (index != none) {
    link = &entries_[index].first;
    while (*link != none && slots_[*link].sequence < place.sequence) link = &slots_[*link].next;
    if (*link != none && slots_[*link].sequence == place.sequence) {
      const slot& known = slots_[*link];
      if (std::ranges::equal(std::span(known.octets).first(known.size), part.octets)) {
        answer.what = outcome::duplicate;
        return answer;
      }
      const bool finished = entries_[index].finished;
      forget(index);
      leaving_ = index;
      if (finished) {
        release_leaving();
      } else {
        answer.displaced = message(*this, index);
      }
      index = none;
    }
  }
  if (!make_room(index == none)) {
    answer.what = outcome::full;
    return answer;
  }
  if (index == none) {
    index = create(part, hash, now);
    link = &entries_[index].first;
  }
  const std::uint32_t at = free_slot_;
  slot& fresh = slots_[at];
  free_slot_ = fresh.next;
  ++used_slots_;
  fresh.tag = part.tag;
  fresh.next = *link;
  fresh.sequence = place.sequence;
  fresh.size = static_cast<std::uint8_t>(part.octets.size());
  if (!part.octets.empty()) std::memcpy(fresh.octets.data(), part.octets.data(), part.octets.size());
  *link = at;

  entry& e = entries_[index];
  answer.what = outcome::stored;
  if (++e.received == e.total) {
    unlink(open_, index);
    e.finished = true;
    e.since = now;
    push(finished_, index);
    answer.what = outcome::complete;
    answer.complete = message(*this, index);
  }
  return answer;
}

std::optional<reassembler::message> reassembler::take_expired(time_point now) noexcept {
  release_leaving();
  if (open_.oldest == none || now - entries_[open_.oldest].since < keep_) return std::nullopt;
  return take_oldest();
}

std::optional<reassembler::message> reassembler::take_oldest() noexcept {
  release_leaving();
  if (open_.oldest == none) return std::nullopt;
  leaving_ = open_.oldest;
  forget(leaving_);
  return message(*this, leaving_);
}

reassembler::time_point reassembler::deadline() const noexcept {
  return open_.oldest == none ? time_point::max() : entries_[open_.oldest].since + keep_;
}

std::uint64_t reassembler::hash_of(const inbound_part& part) const noexcept {
  std::uint64_t hash = seed_ ^ 0x9E3779B97F4A7C15;
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * 0xD6E8FEB86659FD93;
    hash ^= hash >> 32;
  };
  const auto mix_text = [&](std::string_view text) {
    for (std::size_t at = 0; at < text.size(); at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, std::min<std::size_t>(8, text.size() - at));
      mix(word);
    }
    mix(text.size());
  };
  mix_text(part.source);
  mix_text(part.destination);
  mix(std::uint64_t{part.scope} << 32 | std::uint64_t{part.place.reference} << 16 |
      std::uint64_t{part.place.total} << 8 | (part.place.wide ? 1U : 0U));
  return hash;
}

std::uint32_t reassembler::find(const inbound_part& part, std::uint64_t hash) const noexcept {
  std::uint32_t index = buckets_[hash & (buckets_.size() - 1)];
  for (; index != none; index = entries_[index].in_bucket) {
    const entry& e = entries_[index];
    if (e.hash == hash && e.scope == part.scope && e.reference == part.place.reference && e.total == part.place.total &&
        e.wide == part.place.wide && std::string_view(e.source.data(), e.source_size) == part.source &&
        std::string_view(e.destination.data(), e.destination_size) == part.destination)
      break;
  }
  return index;
}

std::uint32_t reassembler::create(const inbound_part& part, std::uint64_t hash, time_point now) noexcept {
  const std::uint32_t index = free_entry_;
  entry& e = entries_[index];
  free_entry_ = e.in_bucket;
  std::uint32_t& bucket = buckets_[hash & (buckets_.size() - 1)];
  e.hash = hash;
  e.since = now;
  e.in_bucket = bucket;
  e.first = none;
  e.scope = part.scope;
  e.reference = part.place.reference;
  e.total = part.place.total;
  e.received = 0;
  e.wide = part.place.wide;
  e.finished = false;
  e.source_size = static_cast<std::uint8_t>(part.source.copy(e.source.data(), e.source.size()));
  e.destination_size = static_cast<std::uint8_t>(part.destination.copy(e.destination.data(), e.destination.size()));
  bucket = index;
  push(open_, index);
  return index;
}

/// A free slot, and an entry if one is needed, at the cost of finished messages.
bool reassembler::make_room(bool entry_needed) noexcept {
  while (free_slot_ == none || (entry_needed && free_entry_ == none)) {
    const std::uint32_t old = finished_.oldest;
    if (old == none) return false;
    forget(old);
    release(old);
  }
  return true;
}

void reassembler::push(queue& to, std::uint32_t index) noexcept {
  entries_[index].older = to.newest;
  entries_[index].newer = none;
  (to.newest == none ? to.oldest : entries_[to.newest].newer) = index;
  to.newest = index;
  ++to.size;
}

void reassembler::unlink(queue& from, std::uint32_t index) noexcept {
  const entry& e = entries_[index];
  (e.older == none ? from.oldest : entries_[e.older].newer) = e.newer;
  (e.newer == none ? from.newest : entries_[e.newer].older) = e.older;
  --from.size;
}

void reassembler::forget(std::uint32_t index) noexcept {
  unlink(entries_[index].finished ? finished_ : open_, index);
  std::uint32_t* link = &buckets_[entries_[index].hash & (buckets_.size() - 1)];
  while (*link != index) link = &entries_[*link].in_bucket;
  *link = entries_[index].in_bucket;
}

void reassembler::release(std::uint32_t index) noexcept {
  for (std::uint32_t at = entries_[index].first; at != none;) {
    const std::uint32_t next = slots_[at].next;
    slots_[at].next = free_slot_;
    free_slot_ = at;
    --used_slots_;
    at = next;
  }
  entries_[index].in_bucket = free_entry_;
  free_entry_ = index;
}

void reassembler::release_leaving() noexcept {
  if (leaving_ == none) return;
  release(leaving_);
  leaving_ = none;
}

}  // namespace trunkline::protocol
