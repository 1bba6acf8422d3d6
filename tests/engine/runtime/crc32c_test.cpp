#include "engine/runtime/crc32c.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace trunkline::engine {
namespace {

struct vector_case {
  std::string name;
  std::vector<std::uint8_t> octets;
  std::uint32_t checksum;
};

std::vector<std::uint8_t> counting(int first, int step) {
  std::vector<std::uint8_t> octets(32);
  for (int index = 0; index < 32; ++index)
    octets[static_cast<std::size_t>(index)] = static_cast<std::uint8_t>(first + step * index);
  return octets;
}

// RFC 3720, B.4, and the check value of the CRC catalogue.
std::vector<vector_case> vectors() {
  return {{"empty", {}, 0},
          {"check", {'1', '2', '3', '4', '5', '6', '7', '8', '9'}, 0xe3069283},
          {"zeros", std::vector<std::uint8_t>(32, 0), 0x8a9136aa},
          {"ones", std::vector<std::uint8_t>(32, 0xff), 0x62a8ab43},
          {"incrementing", counting(0, 1), 0x46dd794e},
          {"decrementing", counting(31, -1), 0x113fdb5c}};
}

TEST(crc32c, known_vectors) {
  for (const auto& given : vectors()) {
    EXPECT_EQ(crc32c(given.octets), given.checksum) << given.name;
    EXPECT_EQ(crc32c_portable(given.octets), given.checksum) << given.name;
  }
}

TEST(crc32c, both_ways_agree_at_every_length_and_alignment) {
  std::mt19937 random{7};
  std::vector<std::uint8_t> octets(300);
  for (auto& octet : octets) octet = static_cast<std::uint8_t>(random());
  for (std::size_t start = 0; start < 9; ++start) {
    for (std::size_t length = 0; length + start <= octets.size(); ++length) {
      const auto part = std::span<const std::uint8_t>{octets}.subspan(start, length);
      ASSERT_EQ(crc32c(part, 12345), crc32c_portable(part, 12345)) << start << ' ' << length;
    }
  }
}

TEST(crc32c, continues_from_a_seed) {
  const auto whole = counting(3, 7);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const auto all = std::span<const std::uint8_t>{whole};
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all));
    EXPECT_EQ(crc32c_portable(all.subspan(cut), crc32c_portable(all.first(cut))), crc32c(all));
  }
}

}  // namespace
}  // namespace trunkline::engine
