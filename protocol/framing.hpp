#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/errc.hpp"
#include "protocol/pdu_header.hpp"

namespace trunkline::protocol {

/// The default limit of command_length: room for the largest PDU of the standard, a message_payload of 65,535 octets in
/// a submit_multi to 255 destinations, and a few more TLVs. A stricter 65,536 is what many peers use.
inline constexpr std::uint32_t default_max_pdu_bytes = 73'728;

/// One PDU cut out of a stream. Both spans point into the buffer given to next_frame() and die with it; octets.size()
/// is what to advance by.
struct frame {
  pdu_header header;
  std::span<const std::uint8_t> body;    ///< the octets behind the header, possibly none
  std::span<const std::uint8_t> octets;  ///< header and body
};

enum class frame_kind : std::uint8_t {
  complete,     ///< `frame` holds a PDU
  need_more,    ///< at least `missing` octets must follow before there is one
  unframeable,  ///< the stream cannot be cut into PDUs any more: nack with `sequence_number`, count, close
};

struct frame_result {
  frame_kind kind = frame_kind::need_more;
  errc error = errc::bad_length;      ///< of unframeable
  std::uint32_t sequence_number = 0;  ///< of unframeable: the bad PDU's own where it could be read, otherwise 0
  std::size_t missing = 0;            ///< of need_more: exact once command_length is there, else a lower bound, never 0
  protocol::frame frame{};            ///< of complete
};

/// The rare outcomes of next_frame(), kept out of its loop.
[[nodiscard]] frame_result incomplete_frame(std::span<const std::uint8_t> buffer, std::uint32_t max_pdu_bytes) noexcept;

/// Cuts the first PDU off `buffer` (SMPP 3.4, 3.2). A command_length below 16 or above `max_pdu_bytes` is unframeable
/// as soon as its four octets are there; nothing is ever allocated or awaited by a length that was not checked. Whether
/// the command is known is left to the caller: an unknown one is framed like any other.
[[nodiscard]] inline frame_result next_frame(std::span<const std::uint8_t> buffer,
                                             std::uint32_t max_pdu_bytes = default_max_pdu_bytes) noexcept {
  if (buffer.size() >= header_bytes) [[likely]] {
    const pdu_header header = read_header(buffer.first<header_bytes>());
    const std::size_t length = header.command_length;
    if (length >= header_bytes && length <= max_pdu_bytes && length <= buffer.size()) [[likely]] {
      return {.kind = frame_kind::complete,
              .frame = {.header = header,
                        .body = {buffer.data() + header_bytes, length - header_bytes},
                        .octets = {buffer.data(), length}}};
    }
  }
  return incomplete_frame(buffer, max_pdu_bytes);
}

}  // namespace trunkline::protocol
