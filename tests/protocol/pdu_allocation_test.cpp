// Replaces operator new of the test binary by one that counts, to show that the codec allocates nothing.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "protocol/gsm_packing.hpp"
#include "protocol/pdu_dispatch.hpp"
#include "protocol/segmentation.hpp"
#include "protocol/segmentation_reassembly.hpp"
#include "protocol/session_machine.hpp"
#include "protocol/smpp_time.hpp"
#include "protocol/text_smart.hpp"
#include "protocol/udh.hpp"
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

TEST(allocation, texts_parts_headers_and_times_allocate_nothing) {
  const std::vector<std::string> texts{std::string(400, 'x'),
                                       "Gr\xC3\xBC\xC3\x9F"
                                       "e \xE2\x82\xAC 5",
                                       "\xC4\x9F\xC4\xB1\xC5\x9F", "\xF0\x9F\x98\x80 \xD0\xBC\xD0\xB8\xD1\x80"};
  test::octets octets(1024);
  test::octets packed(1024);
  std::array<char, 4096> back{};
  const std::size_t before = test::allocation_count();
  std::size_t parts = 0;
  for (const std::string& text : texts) {
    for (const auto languages : {gsm_languages{}, gsm_languages::all()}) {
      const auto encoded = encode_text(text, {.requested = automatic, .national = languages}, octets);
      ASSERT_TRUE(encoded);
      const auto used = std::span<const std::uint8_t>(octets).first(encoded->octets);
      const auto plan = plan_segments(used, encoded->used, {long_mode::udh16, 255, encoded->tables.header_elements()});
      ASSERT_TRUE(plan);
      for (std::size_t i = 0; i < plan->count(); ++i) {
        udh_fields header;
        header.part =
            concatenation{1, static_cast<std::uint8_t>(plan->count()), static_cast<std::uint8_t>(i + 1), true};
        ASSERT_TRUE(write_udh(header, packed));
        ASSERT_TRUE(parse_udh(packed));
        (void)pack_septets(plan->part(used, i), packed, 1);
        ++parts;
      }
      ASSERT_TRUE(decode_text(used, encoded->used, back));
    }
    ASSERT_TRUE(replace_smart(text, back));
  }
  EXPECT_GT(parts, 8U);
  ASSERT_TRUE(parse_smpp_time("261122203015400+"));
  ASSERT_TRUE(relative_time_text(std::chrono::seconds(90)));
  EXPECT_EQ(test::allocation_count(), before);
}

TEST(allocation, reassembly_allocates_only_at_the_start) {
  reassembler collected({.messages = 8, .parts = 16});
  const std::array<std::uint8_t, 3> text{'a', 'b', 'c'};
  const std::size_t before = test::allocation_count();
  std::size_t complete = 0;
  for (std::uint16_t reference = 0; reference < 100; ++reference) {
    for (std::uint8_t sequence = 3; sequence > 0; --sequence) {
      const auto result = collected.add(
          {.source = "1", .destination = "2", .place = {reference, 3, sequence, true}, .octets = text}, {});
      complete += result.complete ? 1 : 0;
    }
  }
  EXPECT_EQ(complete, 100U);
  EXPECT_EQ(test::allocation_count(), before);
}

TEST(allocation, a_session_in_its_stride_allocates_nothing) {
  struct : session_handler {
    void on_bound(std::string_view, std::optional<std::uint8_t>) noexcept override {}
    void on_submit_answer(const submit_answer&) noexcept override { ++answers; }
    void on_submit_timeout(submit_token) noexcept override {}
    bool on_received(const frame&) noexcept override { return true; }
    void on_fault(session_fault, std::span<const std::uint8_t>) noexcept override { ++faults; }
    int answers = 0;
    int faults = 0;
  } handler;
  session_machine machine({.system_id = "user"}, handler);
  session_machine::time_point now{std::chrono::hours(1)};
  machine.connected(now);
  test::octets out(4096);
  (void)machine.fill(out);
  const auto accepted = test::from_hex("0000001180000009000000000000000100");
  (void)machine.on_bytes(accepted, now);
  ASSERT_TRUE(machine.bound());
  deliver_sm message;
  message.destination_addr = "12345";
  test::octets heard(1024);
  const auto round = [&](std::uint32_t number) {
    submit_sm_resp answer;
    answer.message_id = "0123456789";
    std::size_t size = write_pdu(heard, command_status::rok, machine.open_submit(now, {}), answer);
    size += write_pdu(std::span(heard).subspan(size), command_status::rok, number, message);
    (void)machine.on_bytes(std::span<const std::uint8_t>(heard).first(size), now);
    ASSERT_TRUE(machine.answer(number, command_status::rok));
    (void)machine.fill(out);
    now += std::chrono::milliseconds(1);
    machine.tick(now);
  };
  const std::size_t before = test::allocation_count();
  for (std::uint32_t i = 1; i <= 1000; ++i) round(i);
  EXPECT_EQ(test::allocation_count(), before);
  EXPECT_EQ(handler.answers, 1000);
  EXPECT_EQ(handler.faults, 0);
}

}  // namespace
}  // namespace trunkline::protocol
