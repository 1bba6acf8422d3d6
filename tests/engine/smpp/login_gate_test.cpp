#include "engine/smpp/login_gate.hpp"

#include <gtest/gtest.h>

namespace trunkline::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct gate_test : testing::Test {
  login_gate::verdict ask(std::size_t index) { return gate.ask(index, now); }

  int changes = 0;
  login_gate gate{{minutes(1), minutes(5), minutes(15), minutes(60)}, [this] { ++changes; }};
  login_gate::time_point now{std::chrono::hours(100)};
};

TEST_F(gate_test, the_first_login_is_tried_by_one) {
  EXPECT_TRUE(ask(2).go);
  EXPECT_TRUE(ask(2).go) << "still it";
  EXPECT_FALSE(ask(0).go);
  EXPECT_FALSE(ask(0).refused);
  gate.succeeded(2);
  EXPECT_EQ(changes, 1);
  EXPECT_TRUE(ask(0).go);
  EXPECT_TRUE(ask(1).go);
}

TEST_F(gate_test, a_first_attempt_without_an_answer_holds_nobody_up) {
  EXPECT_TRUE(ask(0).go);
  gate.undecided(0, now);
  EXPECT_EQ(changes, 1);
  EXPECT_TRUE(ask(0).go);
  EXPECT_TRUE(ask(1).go);
}

TEST_F(gate_test, after_a_refusal_one_probes_after_1_5_15_60_60_minutes) {
  EXPECT_TRUE(ask(0).go);
  std::size_t prober = 0;
  for (const int wait : {1, 5, 15, 60, 60}) {
    gate.refused(prober, now, protocol::command_status::rinvpaswd);
    for (std::size_t i = 0; i < 4; ++i) {
      const auto verdict = ask(i);
      EXPECT_FALSE(verdict.go);
      EXPECT_EQ(verdict.refused, protocol::command_status::rinvpaswd);
      EXPECT_EQ(verdict.wait, minutes(wait));
    }
    now += minutes(wait) - milliseconds(1);
    EXPECT_FALSE(ask(1).go);
    now += milliseconds(1);
    prober = (prober + 1) % 4;
    EXPECT_TRUE(ask(prober).go);
    EXPECT_FALSE(ask((prober + 1) % 4).go) << "one at a time";
  }
  gate.succeeded(prober);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(ask(i).go);
  gate.refused(3, now, protocol::command_status::rinvpaswd);
  EXPECT_EQ(ask(0).wait, minutes(1)) << "from the beginning";
}

TEST_F(gate_test, refusals_at_the_same_moment_count_once) {
  gate.succeeded(0);
  for (std::size_t i = 0; i < 4; ++i) gate.refused(i, now, protocol::command_status::rinvpaswd);
  EXPECT_EQ(ask(0).wait, minutes(1));
}

TEST_F(gate_test, a_probe_that_gets_no_answer_is_tried_again_soon) {
  EXPECT_TRUE(ask(0).go);
  gate.refused(0, now, protocol::command_status::rinvpaswd);
  now += minutes(1);
  EXPECT_TRUE(ask(1).go);
  gate.undecided(1, now);
  EXPECT_FALSE(ask(0).go);
  EXPECT_LE(ask(0).wait, seconds(10));
  now += seconds(10);
  EXPECT_TRUE(ask(0).go);
}

}  // namespace
}  // namespace trunkline::engine
