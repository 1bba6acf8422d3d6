// When a commit is put off so that one sync covers more, and when somebody waits for it; what must be read before what.
#include "engine/journal/commit_stage.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "engine/runtime/memory_file_system.hpp"
#include "tests/engine/smpp/message_fixture.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

class commit_stage_test : public testing::Test {
 protected:
  commit_stage_test() {
    queues_.journal_wake = queues_.dispatcher_wake = &slot_;
    queues_.credit.set_limit(400);
    (void)files_.make_directory("/journal");
    EXPECT_TRUE(stage_.start());
  }

  /// As much as is decided in a moment of full load, without messages.
  void decide(unsigned events) {
    outcome_sink sink(queues_);
    for (unsigned i = 0; i < events; ++i) sink.event(event_kind::control, new control_record);
    sink.flush();
  }

  std::size_t finals_synced() {
    std::size_t finals = 0;
    std::vector<journal_event> events;
    while (synced_.pop(events)) {
      for (const auto& event : events) finals += event.kind == event_kind::final ? 1 : 0;
    }
    return finals;
  }

  memory_file_system files_;
  manual_clock time_;
  wake_slot slot_{[](void*) noexcept {}, nullptr};
  outcome_queues queues_;
  synced_queue synced_{nullptr};
  journal_writer writer_{files_, "/journal"};
  commit_stage stage_{
      writer_, queues_, synced_, time_, {[] {}, [](std::uint64_t) {}, [](std::error_code) {}, [](bool) {}}};
};

TEST_F(commit_stage_test, one_sync_covers_a_millisecond_when_much_is_decided) {
  decide(64);
  ASSERT_TRUE(stage_.step());
  EXPECT_EQ(stage_.next_round(), time_.steady() + 1ms);
}

TEST_F(commit_stage_test, nothing_waits_when_little_is_decided) {
  decide(63);
  ASSERT_TRUE(stage_.step());
  EXPECT_LE(stage_.next_round(), time_.steady());
}

TEST_F(commit_stage_test, nothing_waits_when_credit_runs_out) {
  decide(64);
  ASSERT_TRUE(stage_.step());
  EXPECT_EQ(queues_.credit.take(301), 301U);
  EXPECT_LE(stage_.next_round(), time_.steady());
  queues_.credit.give(1);
  EXPECT_GT(stage_.next_round(), time_.steady());
}

TEST_F(commit_stage_test, a_peer_that_waits_for_its_answer_is_not_kept_waiting) {
  decide(64);
  outcome_sink sink(queues_);
  const std::array<std::uint8_t, 16> pdu{};
  sink.received(received_pdu::make(pdu));
  sink.flush();
  ASSERT_TRUE(stage_.step());
  EXPECT_LE(stage_.next_round(), time_.steady());
}

// One session accepted a part, its connection went, another session's answer made the message final: the journal may
// meet the two in any order. Read after the end of the message, the part would be of memory that is somebody else's.
TEST_F(commit_stage_test, a_message_does_not_end_before_its_parts_are_read) {
  test::stage around;
  message* m = around.make(1, 2);
  outcome_sink first(queues_);
  outcome_sink second(queues_);
  first.part(m, 0);
  second.final(m);
  second.flush();
  (void)stage_.step();
  EXPECT_EQ(finals_synced(), 0U);
  first.flush();
  while (stage_.step()) {
  }
  EXPECT_EQ(m->part_events, 0U);
  EXPECT_EQ(finals_synced(), 1U);
  around.release(m);
}

// The same of intents: read in the other order, a message that is about to be written would count as one that is not.
TEST_F(commit_stage_test, a_message_is_not_announced_again_before_its_return_is_read) {
  struct session final : acknowledger {
    void acknowledge(std::uint32_t, bool) noexcept override {}
    bool announced(std::unique_ptr<intent_list>& list) noexcept override {
      messages += list->messages.size();
      list.reset();
      return true;
    }
    std::size_t messages = 0;
  };
  test::stage around;
  message* m = around.make(1);
  outcome_sink first(queues_);
  outcome_sink second(queues_);
  first.returned(m);
  const auto to = std::make_shared<session>();
  second.intents(std::make_unique<intent_list>(intent_list{to, 0, {m}}));
  second.flush();
  (void)stage_.step();
  EXPECT_EQ(to->messages, 0U);
  first.flush();
  while (stage_.step()) {
  }
  EXPECT_EQ(to->messages, 1U);
  around.release(m);
}

}  // namespace
}  // namespace trunkline::engine
