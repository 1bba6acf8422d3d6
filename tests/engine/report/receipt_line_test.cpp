#include "engine/report/receipt_line.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include <nlohmann/json.hpp>

namespace trunkline::engine {
namespace {

using protocol::message_state;
using states = std::vector<std::optional<message_state>>;
constexpr std::nullopt_t none = std::nullopt;

TEST(fate_of_message, follows_its_parts) {
  const struct {
    const char* name;
    states parts;
    bool complete;
    std::optional<message_state> state;
    bool final;
  } cases[] = {
      {"nothing known", {none, none}, true, none, false},
      {"all delivered", {message_state::delivered, message_state::delivered}, true, message_state::delivered, true},
      {"one delivered", {message_state::delivered, none}, true, none, false},
      {"one failed", {none, message_state::undeliverable}, true, message_state::undeliverable, true},
      {"first failure counts",
       {message_state::delivered, message_state::expired, message_state::rejected},
       true,
       message_state::expired,
       true},
      {"the furthest behind",
       {message_state::delivered, message_state::accepted, message_state::enroute},
       true,
       message_state::enroute,
       false},
      {"not all were sent", {message_state::delivered}, false, none, false},
      {"not all were sent, one failed", {message_state::deleted}, false, message_state::deleted, true},
      {"no part", {}, true, none, false},
  };
  for (const auto& c : cases) {
    const message_fate fate = fate_of_message(c.parts, c.complete);
    EXPECT_EQ(fate.state, c.state) << c.name;
    EXPECT_EQ(fate.final, c.final) << c.name;
  }
}

/// Receipts in any order, repeated and late: whatever comes, each part only moves forward, the message becomes final
/// once and stays what it is, and it is delivered exactly when all its parts are.
TEST(fate_of_message, random_receipts_keep_the_rules) {
  std::mt19937 random(20261127);
  for (int round = 0; round < 20'000; ++round) {
    states parts(1 + random() % 5);
    std::optional<message_state> decided;
    for (int receipt = 0; receipt < 25; ++receipt) {
      auto& part = parts[random() % parts.size()];
      // Mostly delivered, so that whole messages are, too.
      const auto next = random() % 3 != 0 ? message_state::delivered : static_cast<message_state>(random() % 10);
      const auto before = part;
      const bool moves = moves_forward(before, next);
      if (moves) part = next;
      if (before) {
        EXPECT_FALSE(protocol::is_final(*before) && moves);
        EXPECT_FALSE(*before == next && moves);
      } else {
        EXPECT_TRUE(moves);
      }
      const message_fate whole = fate_of_message(parts, true);
      const bool all_delivered =
          std::all_of(parts.begin(), parts.end(), [](const auto& p) { return p == message_state::delivered; });
      const bool any_failed = std::any_of(parts.begin(), parts.end(), [](const auto& p) {
        return p && protocol::is_final(*p) && *p != message_state::delivered;
      });
      EXPECT_EQ(whole.final, all_delivered || any_failed);
      EXPECT_EQ(whole.final && whole.state == message_state::delivered, all_delivered);
      if (decided) {
        EXPECT_TRUE(whole.final);
      }
      if (!whole.final) continue;
      EXPECT_TRUE(whole.state && protocol::is_final(*whole.state));
      // Another part that fails may come first in the order of parts; it never becomes a delivery.
      if (decided) {
        EXPECT_EQ(*decided == message_state::delivered, whole.state == message_state::delivered);
      }
      decided = whole.state;
    }
  }
}

TEST(receipt_line, has_exactly_the_fields_of_the_contract) {
  const std::vector<std::uint8_t> ids{0, 2, 'a', '1', 1, 2, 'a', '2'};
  sent_message m;
  m.batch = "b.jsonl";
  m.line = 12;
  m.id = "\"m-12\"";
  m.number = "491701234567";
  m.carrier = "acme";
  m.parts = 2;
  m.ids = ids;
  const part_fate fate{message_state::delivered, 1'795'341'600'000, 1'795'341'600'123, "000"};
  std::string line;
  append_part_line(line, m, 1, "a2", fate);
  EXPECT_EQ(line, R"({"kind":"part","batch":"b.jsonl","line":12,"id":"m-12","number":"491701234567","carrier":"acme",)"
                  R"("message_id":"a2","part":2,"parts":2,"state":"delivered","final":true,"error":"000",)"
                  R"("done_at":"2026-11-22T10:00:00.000Z","received_at":"2026-11-22T10:00:00.123Z"})"
                  "\n");
  line.clear();
  append_message_line(line, m, {message_state::delivered, true}, &fate);
  EXPECT_EQ(line,
            R"({"kind":"message","batch":"b.jsonl","line":12,"id":"m-12","number":"491701234567","carrier":"acme",)"
            R"("message_ids":["a1","a2"],"parts":2,"state":"delivered","final":true,"error":"000",)"
            R"("done_at":"2026-11-22T10:00:00.000Z","received_at":"2026-11-22T10:00:00.123Z"})"
            "\n");
  line.clear();
  m.id = {};
  append_message_line(line, m, {}, nullptr);
  EXPECT_EQ(nlohmann::json::parse(line)["state"], nullptr);
  EXPECT_FALSE(nlohmann::json::parse(line).contains("id"));
}

}  // namespace
}  // namespace trunkline::engine
