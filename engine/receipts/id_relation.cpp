#include "engine/receipts/id_relation.hpp"

#include <algorithm>
#include <cstring>

#include "engine/receipts/sent_store.hpp"
#include "protocol/ascii.hpp"
#include "protocol/message_id.hpp"

namespace trunkline::engine {
namespace {

constexpr std::size_t max_digits = 64;

int hex_digit(char c) noexcept {
  c = protocol::to_lower(c);
  return protocol::is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// A hexadecimal number of up to 64 digits in decimal, without leading zeros.
std::string_view decimal_of(std::string_view id, std::array<char, 256>& room) noexcept {
  if (id.empty() || id.size() > max_digits) return {};
  std::array<std::uint8_t, 80> digits{};  // the lowest first; 16^64 has 78
  std::size_t used = 1;
  for (const char c : id) {
    const int value = hex_digit(c);
    if (value < 0) return {};
    unsigned carry = static_cast<unsigned>(value);
    for (std::size_t i = 0; i < used; ++i) {
      carry += digits[i] * 16U;
      digits[i] = static_cast<std::uint8_t>(carry % 10);
      carry /= 10;
    }
    for (; carry != 0; carry /= 10) digits[used++] = static_cast<std::uint8_t>(carry % 10);
  }
  for (std::size_t i = 0; i < used; ++i) room[i] = static_cast<char>('0' + digits[used - 1 - i]);
  return {room.data(), used};
}

}  // namespace

std::string_view name_of(id_relation r) noexcept {
  switch (r) {
    case id_relation::unknown:
      break;
    case id_relation::text:
      return "same in receipts and responses";
    case id_relation::decimal_receipts:
      return "decimal in receipts, hexadecimal in responses";
    case id_relation::hexadecimal_receipts:
      return "hexadecimal in receipts, decimal in responses";
  }
  return "not known yet";
}

std::string_view response_key(std::string_view receipt_id, id_relation r, std::array<char, 256>& room) noexcept {
  switch (r) {
    case id_relation::unknown:
    case id_relation::text:
      return receipt_id.empty() ? std::string_view() : sent_store::key_of(receipt_id, room);
    case id_relation::decimal_receipts: {
      if (receipt_id.size() > max_digits || !std::all_of(receipt_id.begin(), receipt_id.end(), protocol::is_digit))
        return {};
      const protocol::canonical_id canonical(receipt_id, protocol::id_radix::decimal);
      std::memcpy(room.data(), canonical.view().data(), canonical.view().size());
      return {room.data(), canonical.view().size()};
    }
    case id_relation::hexadecimal_receipts:
      return decimal_of(receipt_id, room);
  }
  return {};
}

void id_knowledge::configure(id_format responses, id_format receipts) noexcept {
  strict_text_ = responses == id_format::text && receipts == id_format::text;
  if (responses == id_format::automatic || receipts == id_format::automatic) {
    configured_ = id_relation::unknown;
  } else if (responses == id_format::hex && receipts == id_format::dec) {
    configured_ = id_relation::decimal_receipts;
  } else if (responses == id_format::dec && receipts == id_format::hex) {
    configured_ = id_relation::hexadecimal_receipts;
  } else {
    configured_ = id_relation::text;
  }
}

bool id_knowledge::agree(id_relation r, const sent_place& message, std::uint8_t part) {
  if (!learning()) return false;
  auto& mine = votes_[static_cast<std::size_t>(r)];
  const vote v{message, part};
  if (mine.size() < votes_needed && std::find(mine.begin(), mine.end(), v) == mine.end()) mine.push_back(v);
  if (mine.size() < votes_needed || contradictions_[static_cast<std::size_t>(r)] != 0) return false;
  for (std::size_t other = 0; other < votes_.size(); ++other) {
    if (other != static_cast<std::size_t>(r) && !votes_[other].empty()) return false;
  }
  learned_ = r;
  return true;
}

}  // namespace trunkline::engine
