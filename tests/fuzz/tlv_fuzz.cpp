// Optional parameters: any octets split into TLVs and a broken tail that cover them without a gap.
#include <cstdint>
#include <cstdlib>
#include <variant>

#include "protocol/tlv_table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trunkline::protocol;
  const tlv_view view(std::span(data, size));
  std::size_t covered = 0;
  unsigned sum = 0;
  for (const tlv parameter : view) {
    if (parameter.value.data() != data + covered + tlv_header_bytes) std::abort();
    covered += tlv_header_bytes + parameter.value.size();
    std::visit(
        [&](const auto& value) {
          if constexpr (requires { value.size(); }) {
            for (const auto octet : value) sum += static_cast<unsigned>(octet);
          } else {
            sum += value;
          }
        },
        typed_value(parameter));
    if (!view.find(parameter.tag)) std::abort();
    (void)view.find_u8(parameter.tag);
    (void)view.find_u16(parameter.tag);
    (void)view.find_u32(parameter.tag);
    (void)view.find_text(parameter.tag);
  }
  if (covered + view.broken_tail().size() != size) std::abort();
  return sum == 0xFFFFFFFF ? 1 : 0;
}
