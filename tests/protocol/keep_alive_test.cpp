#include "protocol/keep_alive.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace trunkline::protocol {
namespace {

using action = keep_alive::action;
using std::chrono::seconds;

constexpr keep_alive::time_point start{std::chrono::hours(5)};

/// Histories with what is due after each of them; interval 30 s, answer within 60 s.
TEST(keep_alive, asks_only_a_silent_peer) {
  struct event {
    enum kind { heard, asked } what;
    int at;
  };
  struct row {
    std::string name;
    std::vector<event> history;
    int now;
    action expected;
    int deadline;
  };
  const std::vector<row> rows = {
      {"just bound", {{event::heard, 0}}, 0, action::none, 30},
      {"silent, but not for long", {{event::heard, 0}}, 29, action::none, 30},
      {"silent for the interval", {{event::heard, 0}}, 30, action::ask, 30},
      {"anything heard starts it again", {{event::heard, 0}, {event::heard, 25}}, 30, action::none, 55},
      {"asked, waiting", {{event::heard, 0}, {event::asked, 30}}, 89, action::none, 90},
      {"asked, nothing came", {{event::heard, 0}, {event::asked, 30}}, 90, action::dead, 90},
      {"asked, anything came", {{event::heard, 0}, {event::asked, 30}, {event::heard, 89}}, 90, action::none, 119},
      {"answered and silent again", {{event::heard, 0}, {event::asked, 30}, {event::heard, 31}}, 61, action::ask, 61},
  };
  for (const row& r : rows) {
    SCOPED_TRACE(r.name);
    keep_alive k(seconds(30), seconds(60));
    for (const event& e : r.history)
      e.what == event::heard ? k.heard(start + seconds(e.at)) : k.asked(start + seconds(e.at));
    EXPECT_EQ(k.due(start + seconds(r.now)), r.expected);
    EXPECT_EQ(k.deadline(), start + seconds(r.deadline));
  }
}

TEST(keep_alive, zero_is_off) {
  keep_alive k(seconds(0), seconds(60));
  k.heard(start);
  EXPECT_EQ(k.due(start + std::chrono::hours(1000)), action::none);
  EXPECT_EQ(k.deadline(), keep_alive::time_point::max());
}

}  // namespace
}  // namespace trunkline::protocol
