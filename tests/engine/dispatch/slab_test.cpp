#include "engine/dispatch/slab.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace trunkline::engine {
namespace {

TEST(slab, what_one_thread_has_given_back_is_there_for_another) {
  for (const std::size_t capacity : {16U, 100U, 512U, 5000U}) {
    slab memory(capacity);
    slab::magazine feeder(memory);
    slab::magazine outputs(memory);
    // All of it goes round and round, one thread taking and another giving, as messages do.
    std::size_t least = capacity;
    for (int round = 0; round < 20; ++round) {
      std::vector<message*> taken;
      while (message* m = feeder.take(1)) taken.push_back(m);
      least = std::min(least, taken.size());
      for (message* m : taken) outputs.give(m);
    }
    EXPECT_GE(least, capacity * 3 / 4) << capacity;
  }
}

TEST(slab, a_chain_is_taken_whole_or_not_at_all) {
  slab memory(16);
  slab::magazine from(memory);
  const std::size_t ten_slots = message::first_payload_bytes + 9 * message::next_payload_bytes;
  message* m = from.take(ten_slots);
  ASSERT_NE(m, nullptr);
  EXPECT_EQ(m->slots, 10);
  EXPECT_EQ(from.take(ten_slots), nullptr);
  message* small = from.take(1);
  EXPECT_NE(small, nullptr);
  from.give(m);
  from.give(small);
  m = from.take(message::first_payload_bytes + 15 * message::next_payload_bytes);
  ASSERT_NE(m, nullptr);
  EXPECT_EQ(m->slots, 16);
  from.give(m);
}

}  // namespace
}  // namespace trunkline::engine
