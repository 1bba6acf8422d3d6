// Framing: any octets, however they are cut into reads, yield the same PDUs, in order, within the buffer.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "protocol/framing.hpp"

namespace {

using namespace trunkline::protocol;

constexpr std::uint32_t max_pdu_bytes = 256;

void check(bool holds) {
  if (!holds) std::abort();
}

/// Frames `stream` as it would arrive in reads of `step` octets; returns the offsets where PDUs end.
std::vector<std::size_t> cut(std::span<const std::uint8_t> stream, std::size_t step) {
  std::vector<std::size_t> ends;
  std::size_t begin = 0;
  std::size_t end = 0;
  while (end < stream.size()) {
    end = std::min(stream.size(), end + step);
    for (;;) {
      const auto buffer = stream.subspan(begin, end - begin);
      const frame_result result = next_frame(buffer, max_pdu_bytes);
      if (result.kind == frame_kind::unframeable) return ends;
      if (result.kind == frame_kind::need_more) {
        check(result.missing > 0 && result.missing <= max_pdu_bytes);
        break;
      }
      check(result.frame.octets.data() == buffer.data());
      check(result.frame.octets.size() >= header_bytes && result.frame.octets.size() <= buffer.size());
      check(result.frame.octets.size() == result.frame.header.command_length);
      check(result.frame.body.size() + header_bytes == result.frame.octets.size());
      begin += result.frame.octets.size();
      ends.push_back(begin);
    }
  }
  return ends;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::uint8_t> stream(data + 1, size - 1);
  check(cut(stream, std::size_t{data[0]} + 1) == cut(stream, stream.size() + 1));
  return 0;
}
