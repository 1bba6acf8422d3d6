// Replaces operator new of the test binary by one that counts, to show that the codec allocates nothing.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#include "protocol/pdu_dispatch.hpp"
#include "tests/protocol/allocation_count.hpp"
#include "tests/protocol/test_octets.hpp"

namespace {
std::atomic<std::size_t> allocations = 0;

void* counted(std::size_t size, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory =
      alignment == 0 ? std::malloc(size) : std::aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));
  if (memory == nullptr) std::abort();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return counted(size, 0); }
void* operator new[](std::size_t size) { return counted(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace trunkline::protocol {

std::size_t test::allocation_count() noexcept { return allocations.load(std::memory_order_relaxed); }

namespace {

TEST(allocation, the_counter_counts) {
  const std::size_t before = test::allocation_count();
  delete new int(1);
  EXPECT_EQ(test::allocation_count(), before + 1);
}

TEST(allocation, framing_decoding_and_encoding_allocate_nothing) {
  std::vector<test::octets> pdus;
  for (const auto& row : test::load_lines("pdus/vectors.jsonl")) {
    pdus.push_back(test::from_hex(row.at("hex").get<std::string>()));
  }
  test::octets out(default_max_pdu_bytes);
  const std::size_t before = test::allocation_count();
  std::size_t written = 0;
  for (const auto& octets : pdus) {
    const auto framed = next_frame(octets);
    with_pdu_type(framed.frame.header.id, [&]<class Pdu>(std::type_identity<Pdu>) {
      const auto pdu = decode<Pdu>(framed.frame);
      if (!pdu) return false;
      for (const tlv parameter : pdu->tlvs) written += parameter.value.size();
      written += write_pdu(out, framed.frame.header.status, framed.frame.header.sequence_number, *pdu);
      return true;
    });
  }
  EXPECT_EQ(test::allocation_count(), before);
  EXPECT_GT(written, 10'000U);
}

}  // namespace
}  // namespace trunkline::protocol
