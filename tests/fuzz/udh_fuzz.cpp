// User data headers. The input is a sequence of parts: length octet, then so much user data. What is read from a header
// and written again is read the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

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
  std::span<const std::uint8_t> input(data, size);
  while (!input.empty()) {
    const std::size_t length = std::min<std::size_t>(input[0], input.size() - 1);
    const std::vector<std::uint8_t> user_data(input.begin() + 1,
                                              input.begin() + 1 + static_cast<std::ptrdiff_t>(length));
    input = input.subspan(1 + length);
    const auto view = parse_udh(user_data);
    if (!view) continue;
    require(view->header_octets >= 1 && view->header_octets <= user_data.size());
    write_again(view->fields);
  }
  return 0;
}
