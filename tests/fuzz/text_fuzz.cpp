// Text codecs. The first octet selects encoding, tables and limits; the rest is taken both as UTF-8 to encode and as
// octets to decode. What was encoded decodes to the same text, in whole and part by part; what was decoded is valid
// UTF-8.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/gsm_packing.hpp"
#include "protocol/segmentation.hpp"
#include "protocol/text_encoding.hpp"
#include "protocol/text_smart.hpp"
#include "protocol/utf8.hpp"

namespace {

using namespace trunkline::protocol;

void require(bool condition) {
  if (!condition) std::abort();
}

void encode_and_back(std::string_view text, std::uint8_t choice) {
  text_request request;
  if ((choice & 7) != 7) request.requested = static_cast<encoding>(choice & 7);
  if ((choice & 8) != 0) request.national = gsm_languages::all();
  std::vector<std::uint8_t> octets(text.size() * 2);
  const auto encoded = encode_text(text, request, octets);
  if (!encoded) {
    require(encoded.error() == errc::cannot_encode || encoded.error() == errc::bad_text);
    require(request.requested || encoded.error() == errc::bad_text);
    require((encoded.error() == errc::bad_text) <= !valid_utf8(text));
    return;
  }
  octets.resize(encoded->octets);
  const bool binary = encoded->used == encoding::binary;
  require(binary || valid_utf8(text));
  const auto append = [&](std::span<const std::uint8_t> part, std::string& out) {
    if (encoded->used == encoding::gsm7) {
      append_gsm7(part, encoded->tables, out);
    } else {
      append_text(part, encoded->used, out);
    }
  };
  std::string back;
  append(octets, back);
  require(binary || back == text);

  const segment_limits limits{static_cast<long_mode>(choice >> 4 & 3), 255, encoded->tables.header_elements()};
  const auto plan = plan_segments(octets, encoded->used, limits);
  if (!plan) {
    require(plan.error() == errc::too_long);
    return;
  }
  std::string joined;
  std::size_t covered = 0;
  for (std::size_t i = 0; i < plan->count(); ++i) {
    covered += plan->length(i);
    append(plan->part(octets, i), joined);
    if (plan->count() > 1) {
      const std::size_t header = concatenation_header_octets(limits.mode, limits.other_elements);
      require(units_of(encoded->used, plan->length(i)) <= segment_capacity(encoded->used, header));
      require(plan->length(i) > 0);
    }
  }
  require(covered == octets.size());
  require(joined == back);
}

void decode(std::span<const std::uint8_t> octets, std::uint8_t choice) {
  std::string text;
  append_text(octets, static_cast<encoding>(choice % 7), text);
  require(valid_utf8(text));
  text.clear();
  append_gsm7(octets, {static_cast<std::uint8_t>(choice & 15), static_cast<std::uint8_t>(choice >> 4)}, text);
  require(valid_utf8(text));
  // Any cut is legal that lies inside and rises, whatever the octets mean.
  (void)plan_segments(octets, encoding::gsm7, {long_mode::udh, 255, 0});
  (void)plan_segments(octets, encoding::ucs2, {long_mode::udh16, 255, choice});
}

void pack_and_back(std::span<const std::uint8_t> octets, std::uint8_t choice) {
  const unsigned fill = choice % 7U;
  std::vector<std::uint8_t> packed(packed_octets(octets.size(), fill));
  require(pack_septets(octets, packed, fill) == packed.size());
  std::vector<std::uint8_t> back(octets.size() + 1);
  const std::size_t size = unpack_septets(packed, back, fill);
  // A last "@" or carriage return that ends where the octets do is taken for padding.
  require(size == octets.size() || size + 1 == octets.size());
  for (std::size_t i = 0; i < size; ++i) require(back[i] == (octets[i] & 0x7F));
  std::vector<std::uint8_t> any(septets_in(octets.size(), fill));
  (void)unpack_septets(octets, any, fill);
}

void replace(std::string_view text) {
  std::string out(text.size(), '\0');
  const auto result = replace_smart(text, out);
  require(result.has_value() == valid_utf8(text));
  if (!result) return;
  out.resize(result->octets);
  require(valid_utf8(out));
  require(result->replacements != 0 || out == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  const std::vector<std::uint8_t> octets(data + 1, data + size);
  const std::string_view text(reinterpret_cast<const char*>(octets.data()), octets.size());
  encode_and_back(text, choice);
  decode(octets, choice);
  pack_and_back(octets, choice);
  replace(text);
  return 0;
}
