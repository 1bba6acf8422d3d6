#include "engine/dispatch/message.hpp"

#include <algorithm>
#include <cstring>

namespace trunkline::engine {
namespace {

/// Calls `copy(pointer, length)` for each contiguous piece of payload [offset, offset + length).
template <class Message, class Copy>
void for_pieces(Message* m, std::size_t offset, std::size_t length, Copy copy) noexcept {
  auto* octets = m->payload();
  std::size_t capacity = message::first_payload_bytes;
  Message* slot = m;
  while (length != 0) {
    if (offset < capacity) {
      const std::size_t n = std::min(length, capacity - offset);
      copy(octets + offset, n);
      length -= n;
      offset = 0;
    } else {
      offset -= capacity;
    }
    if (length == 0) return;
    slot = slot->next_slot;
    using octet = std::remove_pointer_t<decltype(octets)>;
    octets = reinterpret_cast<octet*>(slot) + sizeof(message*);
    capacity = message::next_payload_bytes;
  }
}

}  // namespace

void message::read(std::size_t offset, std::span<std::uint8_t> out) const noexcept {
  std::uint8_t* to = out.data();
  for_pieces(this, offset, out.size(), [&](const std::uint8_t* from, std::size_t n) {
    std::memcpy(to, from, n);
    to += n;
  });
}

void message::write(std::size_t offset, std::span<const std::uint8_t> octets) noexcept {
  const std::uint8_t* from = octets.data();
  for_pieces(this, offset, octets.size(), [&](std::uint8_t* to, std::size_t n) {
    std::memcpy(to, from, n);
    from += n;
  });
}

part_record read_part(const message& m, std::uint8_t part) noexcept {
  part_record record;
  std::uint8_t raw[sizeof record];
  m.read(m.parts_offset + std::size_t{m.part_stride} * part, raw);
  std::memcpy(&record, raw, sizeof record);
  return record;
}

void write_part(message& m, std::uint8_t part, part_record record) noexcept {
  std::uint8_t raw[sizeof record];
  std::memcpy(raw, &record, sizeof record);
  m.write(m.parts_offset + std::size_t{m.part_stride} * part, raw);
}

}  // namespace trunkline::engine
