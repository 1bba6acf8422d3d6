// User data headers, and reassembly by what they say. The input is a sequence of parts: length octet, then so much user
// data. What is read from a header and written again is read the same; the reassembler keeps its bounds.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "protocol/segmentation_reassembly.hpp"
#include "protocol/udh.hpp"

namespace {

using namespace trunkline::protocol;

void require(bool condition) {
  if (!condition) std::abort();
}

bool same(const udh_fields& a, const udh_fields& b) {
  return a.part == b.part && a.ports == b.ports && a.single_shift == b.single_shift &&
         a.locking_shift == b.locking_shift;
}

void write_again(const udh_fields& fields) {
  std::vector<std::uint8_t> octets(udh_octets(fields));
  require(write_udh(fields, octets).value() == octets.size());
  if (octets.empty()) return;
  const auto again = parse_udh(octets);
  require(again && again->intact && !again->others && same(again->fields, fields));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t most_parts = 12;
  reassembler parts({4, most_parts, std::chrono::seconds(10), 1});
  reassembler::time_point now{};
  std::span<const std::uint8_t> input(data, size);
  while (!input.empty()) {
    const std::size_t length = std::min<std::size_t>(input[0], input.size() - 1);
    const std::vector<std::uint8_t> user_data(input.begin() + 1,
                                              input.begin() + 1 + static_cast<std::ptrdiff_t>(length));
    input = input.subspan(1 + length);
    now += std::chrono::seconds(1);
    const auto view = parse_udh(user_data);
    if (!view) continue;
    require(view->header_octets >= 1 && view->header_octets <= user_data.size());
    write_again(view->fields);
    if (!view->fields.part) continue;
    const inbound_part part{0, "1", "2", *view->fields.part, 0, std::span(user_data).subspan(view->header_octets)};
    const auto result = parts.add(part, now);
    require(parts.parts() <= most_parts && parts.unfinished() <= 4);
    for (const auto& message : {result.complete, result.displaced}) {
      if (!message) continue;
      std::size_t seen = 0;
      unsigned last = 0;
      message->each([&](std::uint8_t sequence, std::uint64_t, std::span<const std::uint8_t>) {
        require(sequence > last && sequence <= message->total());
        last = sequence;
        ++seen;
      });
      require(seen == message->received());
    }
    if (result.complete) require(result.complete->received() == result.complete->total());
    if (result.what == reassembler::outcome::full) {
      require(parts.take_oldest().has_value());
      require(parts.add(part, now).what != reassembler::outcome::full || parts.unfinished() > 0);
    }
    while (parts.take_expired(now)) continue;
  }
  while (parts.take_oldest()) continue;
  require(parts.unfinished() == 0);
  return 0;
}
