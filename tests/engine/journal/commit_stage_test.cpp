// When a commit is put off so that one sync covers more, and when somebody waits for it.
#include "engine/journal/commit_stage.hpp"

#include <gtest/gtest.h>

#include <array>

#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

class commit_spacing : public testing::Test {
 protected:
  commit_spacing() {
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

  memory_file_system files_;
  manual_clock time_;
  wake_slot slot_{[](void*) noexcept {}, nullptr};
  outcome_queues queues_;
  synced_queue synced_{nullptr};
  journal_writer writer_{files_, "/journal"};
  commit_stage stage_{
      writer_, queues_, synced_, time_, {[] {}, [](std::uint64_t) {}, [](std::error_code) {}, [](bool) {}}};
};

TEST_F(commit_spacing, one_sync_covers_a_millisecond_when_much_is_decided) {
  decide(64);
  ASSERT_TRUE(stage_.step());
  EXPECT_EQ(stage_.next_round(), time_.steady() + 1ms);
}

TEST_F(commit_spacing, nothing_waits_when_little_is_decided) {
  decide(63);
  ASSERT_TRUE(stage_.step());
  EXPECT_LE(stage_.next_round(), time_.steady());
}

TEST_F(commit_spacing, nothing_waits_when_credit_runs_out) {
  decide(64);
  ASSERT_TRUE(stage_.step());
  EXPECT_EQ(queues_.credit.take(301), 301U);
  EXPECT_LE(stage_.next_round(), time_.steady());
  queues_.credit.give(1);
  EXPECT_GT(stage_.next_round(), time_.steady());
}

TEST_F(commit_spacing, a_peer_that_waits_for_its_answer_is_not_kept_waiting) {
  decide(64);
  outcome_sink sink(queues_);
  const std::array<std::uint8_t, 16> pdu{};
  sink.received(received_pdu::make(pdu));
  sink.flush();
  ASSERT_TRUE(stage_.step());
  EXPECT_LE(stage_.next_round(), time_.steady());
}

}  // namespace
}  // namespace trunkline::engine
