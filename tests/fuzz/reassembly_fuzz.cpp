// Reassembly of anything in any order, over time. The input is a sequence of parts of eight octets of instructions and
// so much user data as they say. Memory keeps its bounds, a whole message is whole, nothing comes out that did not go
// in, and in the end everything is out.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/segmentation_reassembly.hpp"

namespace {

using namespace trunkline::protocol;

constexpr std::size_t most_messages = 4;
constexpr std::size_t most_parts = 12;

void require(bool condition) {
  if (!condition) std::abort();
}

/// What went in, by the tag that it was given.
using history = std::map<std::uint64_t, std::vector<std::uint8_t>>;

void look_at(const reassembler::message& message, const history& given, bool whole) {
  std::size_t seen = 0;
  unsigned last = 0;
  message.each([&](std::uint8_t sequence, std::uint64_t tag, std::span<const std::uint8_t> octets) {
    require(sequence > last && sequence <= message.total());
    last = sequence;
    ++seen;
    const auto in = given.find(tag);
    require(in != given.end() && std::ranges::equal(in->second, octets));
  });
  require(seen == message.received());
  require(!whole || message.received() == message.total());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array<std::string_view, 4> addresses{"", "1", "491701234567", "a longer address than usual"};
  reassembler parts({most_messages, most_parts, std::chrono::seconds(10), 1});
  reassembler::time_point now{};
  history given;
  std::uint64_t tag = 0;
  std::span<const std::uint8_t> input(data, size);
  while (input.size() >= 8) {
    const auto head = input.first(8);
    input = input.subspan(8);
    const auto octets = input.first(std::min<std::size_t>(head[7], input.size()));
    input = input.subspan(octets.size());
    now += std::chrono::seconds(head[6] % 16);
    given[++tag] = {octets.begin(), octets.end()};
    const concatenation place{static_cast<std::uint16_t>(head[2] << 8U | head[3]), head[4], head[5],
                              (head[0] & 1U) != 0};
    const inbound_part part{static_cast<std::uint32_t>(head[0] >> 4U),
                            addresses[head[1] & 3U],
                            addresses[head[1] >> 2U & 3U],
                            place,
                            tag,
                            octets};
    auto result = parts.add(part, now);
    require(parts.parts() <= most_parts && parts.unfinished() <= most_messages);
    if (result.displaced) look_at(*result.displaced, given, false);
    if (result.complete) look_at(*result.complete, given, true);
    for (int room = 0; result.what == reassembler::outcome::full; ++room) {
      require(room <= static_cast<int>(most_messages));
      const auto oldest = parts.take_oldest();
      require(oldest.has_value());
      look_at(*oldest, given, false);
      result = parts.add(part, now);
    }
    while (const auto expired = parts.take_expired(now)) look_at(*expired, given, false);
    require(parts.deadline() > now);
  }
  while (const auto left = parts.take_oldest()) look_at(*left, given, false);
  require(parts.unfinished() == 0);
  require(parts.deadline() == reassembler::time_point::max());
  return 0;
}
