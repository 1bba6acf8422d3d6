#include "engine/journal/synced_queue.hpp"

#include <gtest/gtest.h>

namespace trunkline::engine {
namespace {

TEST(synced_queue, answers_received_pdus_ahead_of_the_outputs_up_to_its_bound) {
  synced_queue queue(nullptr, 250);
  EXPECT_TRUE(queue.answer_ahead(100));
  EXPECT_TRUE(queue.answer_ahead(100));
  EXPECT_TRUE(queue.answer_ahead(100)) << "the bound is looked at before, so that a PDU of any size passes";
  EXPECT_FALSE(queue.answer_ahead(1));
  queue.taken(100);
  EXPECT_TRUE(queue.answer_ahead(1));
}

TEST(synced_queue, drops_what_nobody_took) {
  synced_queue queue(nullptr);
  std::vector<journal_event> events;
  events.push_back({event_kind::received, 0, received_pdu::make({}).release()});
  queue.push(events);
  EXPECT_TRUE(events.empty());
  EXPECT_EQ(queue.depth(), 1U);
}

}  // namespace
}  // namespace trunkline::engine
