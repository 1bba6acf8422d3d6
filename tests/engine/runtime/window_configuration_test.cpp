// What `window` may say, and which changes of a carrier a reload makes without new sessions.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "engine/runtime/configuration.hpp"

namespace trunkline::engine {
namespace {

loaded parse(const std::string& carrier, const std::string& binds = "") {
  return parse_configuration("[[carrier]]\nname = \"a\"\nhost = \"h\"\nsystem_id = \"u\"\npassword = \"p\"\n" +
                                 carrier + binds + "[[route]]\nname = \"all\"\nto = \"a\"\n",
                             "test.toml");
}

TEST(window_configuration, a_number_or_found_out_within_bounds) {
  EXPECT_EQ(parse("").config->carriers[0].window, 10U);
  EXPECT_EQ(parse("window = 7\n").config->carriers[0].windows(), 7U);
  const auto automatic = parse("window = \"auto\"\n").config->carriers[0].window;
  EXPECT_TRUE(automatic.automatic);
  EXPECT_EQ(automatic.min, 1U);
  EXPECT_EQ(automatic.largest(), 500U);
  const auto bounded =
      parse("window = \"auto\"\nwindow_range = { min = 5, max = 60 }\nsessions = 3\n").config->carriers[0];
  EXPECT_EQ(bounded.window.min, 5U);
  EXPECT_EQ(bounded.windows(), 180U) << "what may be under way at most";
}

TEST(window_configuration, a_bind_may_say_otherwise) {
  const auto read =
      parse("window = \"auto\"\nwindow_range = { max = 60 }\n",
            "[[carrier.bind]]\nbind = \"transmitter\"\n[[carrier.bind]]\nbind = \"transmitter\"\nwindow = 4\n"
            "[[carrier.bind]]\nbind = \"receiver\"\n");
  ASSERT_TRUE(read.config);
  const auto& binds = read.config->carriers[0].binds;
  EXPECT_TRUE(binds[0].window.automatic);
  EXPECT_EQ(binds[0].window.max, 60U);
  EXPECT_FALSE(binds[1].window.automatic);
  EXPECT_EQ(binds[1].window.largest(), 4U);
  EXPECT_EQ(read.config->carriers[0].windows(), 64U);
}

TEST(window_configuration, a_range_without_auto_is_a_warning) {
  const auto read = parse("window_range = { max = 60 }\n");
  ASSERT_TRUE(read.config);
  ASSERT_EQ(read.faults.size(), 1U);
  EXPECT_NE(read.faults[0].message.find("no effect"), std::string::npos);
}

TEST(same_sessions, holds_for_what_needs_no_new_bind) {
  const carrier_config before;
  for (const auto& change : std::initializer_list<std::function<void(carrier_config&)>>{
           [](carrier_config& c) { c.window = 20; }, [](carrier_config& c) { c.window.automatic = true; },
           [](carrier_config& c) { c.throughput = 5; }, [](carrier_config& c) { c.throughput_per_sender = 5; },
           [](carrier_config& c) { c.response_timeout = std::chrono::seconds(1); },
           [](carrier_config& c) { c.enquire_link = std::chrono::seconds(1); },
           [](carrier_config& c) { c.idle_unbind = std::chrono::seconds(1); },
           [](carrier_config& c) { c.reconnect_max = std::chrono::seconds(5); },
           [](carrier_config& c) {
             c.policy = {{1, 2, {}}};
           },
           [](carrier_config& c) { c.from = "ACME"; }}) {
    carrier_config after = before;
    change(after);
    EXPECT_FALSE(after == before);
    EXPECT_TRUE(after.same_sessions(before));
    EXPECT_TRUE(before.same_sessions(after));
  }
}

TEST(same_sessions, does_not_hold_for_what_a_bind_says) {
  const carrier_config before;
  for (const auto& change : std::initializer_list<std::function<void(carrier_config&)>>{
           [](carrier_config& c) { c.host = "other"; }, [](carrier_config& c) { c.port = 1; },
           [](carrier_config& c) { c.password = secret("other"); }, [](carrier_config& c) { c.system_id = "other"; },
           [](carrier_config& c) { c.sessions = 2; }, [](carrier_config& c) { c.tls.enabled = true; },
           [](carrier_config& c) { c.bind = bind_mode::receiver; },
           [](carrier_config& c) { c.interface_version = 0x33; },
           [](carrier_config& c) { c.binds = {bind_config{}}; }}) {
    carrier_config after = before;
    change(after);
    EXPECT_FALSE(after.same_sessions(before));
  }
  carrier_config one = before;
  one.binds = {bind_config{}, bind_config{}};
  carrier_config two = one;
  two.binds[1].window = 77;
  EXPECT_TRUE(one.same_sessions(two));
  two.binds[1].port = 77;
  EXPECT_FALSE(one.same_sessions(two));
}

}  // namespace
}  // namespace trunkline::engine
