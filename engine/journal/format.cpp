#include "engine/journal/format.hpp"

#include <bit>
#include <cstdio>
#include <cstring>

#include "engine/runtime/crc32c.hpp"

namespace trunkline::engine::journal_format {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

template <class Integer>
void put(std::uint8_t* to, Integer value) noexcept {
  std::memcpy(to, &value, sizeof value);
}

template <class Integer>
Integer get(const std::uint8_t* from) noexcept {
  Integer value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::uint32_t salted(std::uint64_t salt) noexcept {
  std::uint8_t octets[8];
  put(octets, salt);
  return crc32c(octets);
}

}  // namespace

void encode(const segment_header& header, std::span<std::uint8_t, segment_header_bytes> to) noexcept {
  std::memset(to.data(), 0, to.size());
  put(to.data(), segment_magic);
  put(to.data() + 8, version);
  put(to.data() + 16, header.segment);
  put(to.data() + 24, header.first_frame);
  put(to.data() + 32, header.salt);
  put(to.data() + 44, crc32c(to.first<44>()));
}

decode_error decode(std::span<const std::uint8_t, segment_header_bytes> from, segment_header& header) noexcept {
  if (get<std::uint64_t>(from.data()) != segment_magic ||
      get<std::uint32_t>(from.data() + 44) != crc32c(from.first<44>())) {
    return decode_error::damaged;
  }
  if (get<std::uint16_t>(from.data() + 8) != version) return decode_error::unsupported_version;
  header.segment = get<std::uint64_t>(from.data() + 16);
  header.first_frame = get<std::uint64_t>(from.data() + 24);
  header.salt = get<std::uint64_t>(from.data() + 32);
  return decode_error::none;
}

void encode(const frame_header& header, std::uint64_t salt, std::span<std::uint8_t, frame_header_bytes> to) noexcept {
  put(to.data(), frame_magic);
  put(to.data() + 4, version);
  put(to.data() + 6, std::uint16_t{0});
  put(to.data() + 8, header.segment);
  put(to.data() + 16, header.frame);
  put(to.data() + 24, header.payload_bytes);
  put(to.data() + 28, crc32c(to.first<28>(), salted(salt)));
}

decode_error decode(std::span<const std::uint8_t, frame_header_bytes> from, std::uint64_t salt,
                    frame_header& header) noexcept {
  if (get<std::uint32_t>(from.data()) != frame_magic ||
      get<std::uint32_t>(from.data() + 28) != crc32c(from.first<28>(), salted(salt))) {
    return decode_error::damaged;
  }
  if (get<std::uint16_t>(from.data() + 4) != version) return decode_error::unsupported_version;
  header.segment = get<std::uint64_t>(from.data() + 8);
  header.frame = get<std::uint64_t>(from.data() + 16);
  header.payload_bytes = get<std::uint32_t>(from.data() + 24);
  return header.payload_bytes <= max_frame_payload_bytes ? decode_error::none : decode_error::damaged;
}

std::uint32_t record_seed(std::uint64_t salt, std::uint64_t frame) noexcept {
  std::uint8_t octets[8];
  put(octets, frame);
  return crc32c(octets, salted(salt));
}

void encode_record(std::uint32_t seed, std::uint8_t type, std::uint8_t record_version, std::size_t payload_bytes,
                   std::uint8_t* record) noexcept {
  put(record + 4, static_cast<std::uint32_t>(payload_bytes));
  record[8] = type;
  record[9] = record_version;
  put(record, crc32c({record + 4, record_header_bytes - 4 + payload_bytes}, seed));
}

std::optional<record> decode_record(std::uint32_t seed, std::span<const std::uint8_t> from) noexcept {
  if (from.size() < record_header_bytes) return std::nullopt;
  const auto payload_bytes = get<std::uint32_t>(from.data() + 4);
  if (payload_bytes > from.size() - record_header_bytes || from[8] == 0) return std::nullopt;
  if (get<std::uint32_t>(from.data()) != crc32c(from.subspan(4, record_header_bytes - 4 + payload_bytes), seed)) {
    return std::nullopt;
  }
  return record{from[8], from[9], from.subspan(record_header_bytes, payload_bytes)};
}

record undisputed_record(std::span<const std::uint8_t> from) noexcept {
  return {from[8], from[9], from.subspan(record_header_bytes, get<std::uint32_t>(from.data() + 4))};
}

std::string segment_name(std::uint64_t segment) {
  char name[24];
  std::snprintf(name, sizeof name, "%016llx.log", static_cast<unsigned long long>(segment));
  return name;
}

std::optional<std::uint64_t> parse_segment_name(std::string_view name) noexcept {
  if (name.size() != 20 || name.substr(16) != ".log") return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : name.substr(0, 16)) {
    const bool decimal = digit >= '0' && digit <= '9';
    if (!decimal && !(digit >= 'a' && digit <= 'f')) return std::nullopt;
    number = number << 4 | static_cast<std::uint64_t>(decimal ? digit - '0' : digit - 'a' + 10);
  }
  return number;
}

}  // namespace trunkline::engine::journal_format
