#include "protocol/framing.hpp"

namespace trunkline::protocol {

frame_result incomplete_frame(std::span<const std::uint8_t> buffer, std::uint32_t max_pdu_bytes) noexcept {
  frame_result result;
  if (buffer.size() < 4) {
    result.missing = header_bytes - buffer.size();
    return result;
  }
  const std::uint32_t length = load_u32(buffer.data());
  if (length >= header_bytes && length <= max_pdu_bytes) {
    result.missing = length - buffer.size();
    return result;
  }
  result.kind = frame_kind::unframeable;
  // The octets at offset 12 are a sequence number only if the peer speaks SMPP at all: an HTTP request or a TLS hello
  // has no command there, and its octets are not to be echoed.
  if (buffer.size() >= header_bytes) {
    const pdu_header header = read_header(buffer.first<header_bytes>());
    if (is_known(header.id)) result.sequence_number = header.sequence_number;
  }
  return result;
}

}  // namespace trunkline::protocol
