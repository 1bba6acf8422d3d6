#include "engine/receipts/receipt_park.hpp"

#include <algorithm>
#include <functional>

namespace trunkline::engine {
namespace {

std::size_t cost(const parked_receipt& r) noexcept { return r.pdu.size() + 256; }

}  // namespace

std::uint64_t receipt_park::key_of(std::string_view carrier, std::string_view key) noexcept {
  const std::hash<std::string_view> hash;
  return hash(carrier) * 0x9e3779b97f4a7c15U ^ hash(key);
}

void receipt_park::put(parked_receipt what, const std::vector<std::uint64_t>& keys) {
  bytes_ += cost(what);
  for (const std::uint64_t key : keys) by_key_.emplace(key, next_);
  waiting_.emplace_hint(waiting_.end(), next_++, waiting{std::move(what), keys});
}

std::vector<std::uint64_t> receipt_park::find(std::uint64_t key) const {
  std::vector<std::uint64_t> numbers;
  const auto [first, last] = by_key_.equal_range(key);
  for (auto at = first; at != last; ++at) numbers.push_back(at->second);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::vector<std::uint64_t> receipt_park::of_carrier(std::string_view carrier) const {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, w] : waiting_) {
    if (w.receipt.carrier == carrier) numbers.push_back(number);
  }
  return numbers;
}

const parked_receipt* receipt_park::at(std::uint64_t number) const {
  const auto found = waiting_.find(number);
  return found == waiting_.end() ? nullptr : &found->second.receipt;
}

parked_receipt receipt_park::take(std::uint64_t number) {
  const auto found = waiting_.find(number);
  for (const std::uint64_t key : found->second.keys) {
    const auto [first, last] = by_key_.equal_range(key);
    for (auto at = first; at != last; ++at) {
      if (at->second != number) continue;
      by_key_.erase(at);
      break;
    }
  }
  parked_receipt taken = std::move(found->second.receipt);
  waiting_.erase(found);
  bytes_ -= cost(taken);
  return taken;
}

std::optional<parked_receipt> receipt_park::take_overdue(std::int64_t received_before_ms) {
  if (waiting_.empty()) return std::nullopt;
  const auto& [number, oldest] = *waiting_.begin();
  if (waiting_.size() <= most_ && bytes_ <= most_bytes_ && oldest.receipt.received_at_ms >= received_before_ms)
    return std::nullopt;
  return take(number);
}

std::optional<std::int64_t> receipt_park::oldest_ms() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.begin()->second.receipt.received_at_ms;
}

}  // namespace trunkline::engine
