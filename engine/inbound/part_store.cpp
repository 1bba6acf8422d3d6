#include "engine/inbound/part_store.hpp"

#include <algorithm>
#include <limits>

namespace trunkline::engine {
namespace {

/// A PDU longer than this has more in it than a part of a message: it is not kept, so that memory stays bounded.
constexpr std::size_t max_kept_pdu = 1024;

}  // namespace

part_store::part_store(std::chrono::milliseconds ttl, bounds limits, std::uint64_t seed)
    : parts_({limits.messages, limits.parts, ttl, seed}) {}

/// Wall-clock milliseconds as the reassembler's time, which must not go back.
protocol::reassembler::time_point part_store::time_of(std::int64_t ms) noexcept {
  latest_ms_ = std::max(latest_ms_, ms);
  return protocol::reassembler::time_point(std::chrono::milliseconds(latest_ms_));
}

bool part_store::add(const received_from& from, std::int64_t received_at_ms, std::uint64_t id,
                     const received_fields& fields, std::span<const std::uint8_t> pdu, const emit& out) {
  if (!fields.place || pdu.size() > max_kept_pdu) return false;
  const auto [scope, fresh] =
      scopes_.try_emplace(std::string(from.carrier), static_cast<std::uint32_t>(scopes_.size()));
  (void)fresh;
  const protocol::inbound_part part{scope->second, fields.source, fields.destination,
                                    *fields.place, next_tag_,     fields.user_data};
  using outcome = protocol::reassembler::outcome;
  // The PDU first: the part may complete its message, which needs it.
  auto result = parts_.add(part, time_of(received_at_ms));
  while (result.what == outcome::full) {
    const auto oldest = parts_.take_oldest();
    if (!oldest) return false;
    expired.add();
    give_out(*oldest, out);
    result = parts_.add(part, time_of(received_at_ms));
  }
  if (result.what == outcome::refused) return false;
  if (result.displaced) {
    expired.add();
    give_out(*result.displaced, out);
  }
  if (result.what == outcome::duplicate) {
    duplicates.add();
    return true;
  }
  kept_[next_tag_++] = {scope->second,
                        received_at_ms,
                        id,
                        {scope->first, from.default_alphabet, from.gsm_packed},
                        {pdu.begin(), pdu.end()}};
  if (result.complete) give_out(*result.complete, out);
  pending_messages.store(parts_.unfinished(), std::memory_order_relaxed);
  return true;
}

void part_store::give_out(const protocol::reassembler::message& message, const emit& out) {
  bool begun = false;
  message.each([&](std::uint8_t sequence, std::uint64_t tag, std::span<const std::uint8_t>) {
    const auto kept = kept_.find(tag);
    if (kept == kept_.end()) return;
    if (!std::exchange(begun, true)) assembler_.begin(kept->second.from, static_cast<std::uint8_t>(message.total()));
    assembler_.add(sequence, kept->second.received_at_ms, kept->second.id, kept->second.pdu);
    kept_.erase(kept);
  });
  if (begun) out(assembler_.finish());
}

void part_store::expire(std::int64_t now_ms, const emit& out) {
  while (const auto old = parts_.take_expired(time_of(now_ms))) {
    expired.add();
    give_out(*old, out);
  }
  pending_messages.store(parts_.unfinished(), std::memory_order_relaxed);
}

std::int64_t part_store::deadline_ms() const noexcept {
  const auto at = parts_.deadline();
  if (at == protocol::reassembler::time_point::max()) return std::numeric_limits<std::int64_t>::max();
  return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

void part_store::each(const std::function<void(const kept_part&)>& visit) const {
  std::vector<std::pair<std::uint64_t, const kept_part*>> all;
  all.reserve(kept_.size());
  for (const auto& [tag, part] : kept_) all.emplace_back(tag, &part);
  std::sort(all.begin(), all.end());
  for (const auto& [tag, part] : all) visit(*part);
}

}  // namespace trunkline::engine
