#include "engine/simulator/simulator_options.hpp"

#include <gtest/gtest.h>

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

TEST(SimulatorOptions, ReadDurations) {
  EXPECT_EQ(parse_simulator_duration("20ms"), std::chrono::nanoseconds(20ms));
  EXPECT_EQ(parse_simulator_duration("1.5s"), std::chrono::nanoseconds(1500ms));
  EXPECT_EQ(parse_simulator_duration("300us"), std::chrono::nanoseconds(300us));
  EXPECT_EQ(parse_simulator_duration("2m"), std::chrono::nanoseconds(2min));
  EXPECT_EQ(parse_simulator_duration("0s"), std::chrono::nanoseconds(0));
  for (const char* wrong : {"", "20", "ms", "-1s", "1 s", "1sec", "nan", "infs", "1e99s", "999999999999999h"}) {
    EXPECT_FALSE(parse_simulator_duration(wrong)) << wrong;
  }
}

TEST(SimulatorOptions, ReadRatesAndProbabilities) {
  EXPECT_EQ(parse_rate("1000/s"), 1000.0);
  EXPECT_EQ(parse_rate("120/m"), 2.0);
  EXPECT_EQ(parse_rate("0.5"), 0.5);
  EXPECT_FALSE(parse_rate("1000/d"));
  EXPECT_FALSE(parse_rate("/s"));
  EXPECT_EQ(parse_probability("0.25"), 0.25);
  EXPECT_EQ(parse_probability("1"), 1.0);
  EXPECT_FALSE(parse_probability("1.1"));
  EXPECT_FALSE(parse_probability("5%"));
}

TEST(SimulatorOptions, ReadStatusesAndStates) {
  using protocol::command_status;
  const auto chance = parse_status_chance("ESME_RMSGQFUL=0.01");
  ASSERT_TRUE(chance);
  EXPECT_EQ(chance->status, command_status::rmsgqful);
  EXPECT_EQ(chance->probability, 0.01);
  EXPECT_EQ(parse_status("0x58"), command_status::rthrottled);
  EXPECT_EQ(parse_status("1057"), static_cast<command_status>(0x421));
  for (const char* wrong : {"ESME_RMSGQFUL", "ESME_NOPE=0.1", "ESME_ROK=0.1", "=0.1", "0x=1", "ESME_RMSGQFUL=2"}) {
    EXPECT_FALSE(parse_status_chance(wrong)) << wrong;
  }
  EXPECT_EQ(parse_state_chance("UNDELIV=0.5")->message_state, 5);
  EXPECT_FALSE(parse_state_chance("GONE=0.5"));
  EXPECT_FALSE(parse_id_form("same").value().has_value());
  EXPECT_FALSE(parse_id_form("oct"));
}

TEST(SimulatorOptions, AreCheckedAsAWhole) {
  EXPECT_EQ(fault_of({}), "");
  simulator_options options;
  options.errors = {{protocol::command_status::rmsgqful, 0.6}, {protocol::command_status::rsyserr, 0.6}};
  EXPECT_NE(fault_of(options), "");
  options = {};
  options.receipts_first = true;
  EXPECT_NE(fault_of(options), "");
  options = {};
  options.log_sync = true;
  EXPECT_NE(fault_of(options), "");
}

}  // namespace
}  // namespace trunkline::engine
