#pragma once

#include <cstdint>
#include <cstring>

#include "engine/dispatch/message.hpp"

namespace trunkline::engine {

/// The state of a part, through the fast path where its record lies in the first slot.
inline part_record load_part(message& m, std::uint8_t part) noexcept {
  const std::size_t offset = m.parts_offset + std::size_t{m.part_stride} * part;
  if (const std::uint8_t* at = m.contiguous(offset, sizeof(part_record))) [[likely]] {
    part_record record;
    std::memcpy(&record, at, sizeof record);
    return record;
  }
  return read_part(m, part);
}

inline void store_part(message& m, std::uint8_t part, part_record record) noexcept {
  const std::size_t offset = m.parts_offset + std::size_t{m.part_stride} * part;
  if (std::uint8_t* at = m.contiguous(offset, sizeof(part_record))) [[likely]] {
    std::memcpy(at, &record, sizeof record);
    return;
  }
  write_part(m, part, record);
}

inline void set_state(message& m, std::uint8_t part, part_state state) noexcept {
  part_record record = load_part(m, part);
  record.state = state;
  store_part(m, part, record);
}

}  // namespace trunkline::engine
