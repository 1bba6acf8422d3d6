#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "protocol/command_id.hpp"
#include "protocol/command_status.hpp"

namespace trunkline::protocol {

/// Octets of the header that every PDU starts with (SMPP 3.4, 3.2).
inline constexpr std::size_t header_bytes = 16;

/// The largest sequence number a request may carry (SMPP 3.4, 5.1.4); after it comes 1 again. Peers are known to use
/// larger ones: they are read and echoed.
inline constexpr std::uint32_t max_sequence_number = 0x7FFFFFFF;

/// The header in wire order. `id` and `status` hold whatever number the peer sent, named or not.
struct pdu_header {
  std::uint32_t command_length = header_bytes;  ///< octets of the whole PDU, these four included
  command_id id{};
  command_status status = command_status::rok;
  std::uint32_t sequence_number = 0;

  friend bool operator==(const pdu_header&, const pdu_header&) = default;
};

/// Reads four octets, big endian.
[[nodiscard]] inline std::uint32_t load_u32(const std::uint8_t* octets) noexcept {
  return (std::uint32_t{octets[0]} << 24U) | (std::uint32_t{octets[1]} << 16U) | (std::uint32_t{octets[2]} << 8U) |
         std::uint32_t{octets[3]};
}

/// Writes four octets, big endian.
inline void store_u32(std::uint8_t* octets, std::uint32_t value) noexcept {
  octets[0] = static_cast<std::uint8_t>(value >> 24U);
  octets[1] = static_cast<std::uint8_t>(value >> 16U);
  octets[2] = static_cast<std::uint8_t>(value >> 8U);
  octets[3] = static_cast<std::uint8_t>(value);
}

/// Reads the header; judges nothing in it.
[[nodiscard]] inline pdu_header read_header(std::span<const std::uint8_t, header_bytes> octets) noexcept {
  return {.command_length = load_u32(octets.data()),
          .id = static_cast<command_id>(load_u32(octets.data() + 4)),
          .status = static_cast<command_status>(load_u32(octets.data() + 8)),
          .sequence_number = load_u32(octets.data() + 12)};
}

/// Writes the header in front of a body that is (or will be) at out + header_bytes.
inline void write_header(std::span<std::uint8_t, header_bytes> out, const pdu_header& header) noexcept {
  store_u32(out.data(), header.command_length);
  store_u32(out.data() + 4, static_cast<std::uint32_t>(header.id));
  store_u32(out.data() + 8, static_cast<std::uint32_t>(header.status));
  store_u32(out.data() + 12, header.sequence_number);
}

}  // namespace trunkline::protocol
