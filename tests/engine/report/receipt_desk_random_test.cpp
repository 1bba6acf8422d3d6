// Batches whose receipts come in any order, before their messages, several times and after the end, with checkpoints
// and crashes in between, against what docs/receipts.md promises: each part goes through the states that only move
// forward, a message is decided once, and the file of the batch says the same.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "engine/report/receipt_line.hpp"
#include "tests/engine/report/desk_fixture.hpp"

namespace trunkline::engine {
namespace {

using protocol::message_state;

constexpr std::pair<const char*, message_state> states[] = {
    {"ENROUTE", message_state::enroute},       {"ACCEPTD", message_state::accepted},
    {"DELIVRD", message_state::delivered},     {"EXPIRED", message_state::expired},
    {"UNDELIV", message_state::undeliverable}, {"REJECTD", message_state::rejected},
};

/// Something that happens: a message becomes final, or a receipt comes.
struct happening {
  std::uint32_t line = 0;
  int part = -1;  // of the receipt; below 0: the message
  std::size_t state = 0;
  std::int64_t at_ms = 0;  // when it came first
};

/// What is to come out of it.
struct expected_message {
  std::vector<std::vector<message_state>> passed;  // of each part, in order
  std::optional<message_state> failed;             // of the part that failed first

  bool all_final() const {
    return std::all_of(passed.begin(), passed.end(),
                       [](const auto& p) { return !p.empty() && protocol::is_final(p.back()); });
  }
  std::string_view outcome() const { return protocol::name_of(failed.value_or(message_state::delivered)); }
};

struct random_desk : desk_fixture {
  std::mt19937 random;
  std::vector<happening> all;
  std::map<std::uint32_t, expected_message> messages;
  std::map<std::pair<std::string, std::string>, int> part_lines;  // by message_id and state
  std::map<std::uint32_t, std::set<std::string>> message_lines;   // states
  int crashes = 0;

  unsigned below(unsigned n) { return static_cast<unsigned>(random() % n); }
  std::string id(std::uint32_t line, int part) const { return fmt::format("id-{}-{}", line, part); }
  std::vector<std::string> ids(std::uint32_t line) {
    std::vector<std::string> made;
    for (std::size_t p = 0; p < messages[line].passed.size(); ++p) made.push_back(id(line, static_cast<int>(p)));
    return made;
  }

  void draw() {
    for (std::uint32_t line = 1; line <= 12; ++line) {
      messages[line].passed.resize(1 + below(3));
      all.push_back({line});
      for (int part = 0; part < static_cast<int>(messages[line].passed.size()); ++part) {
        for (unsigned n = below(4); n > 0; --n)
          all.push_back({line, part, below(3) != 0 ? 2U : below(std::size(states))});
      }
    }
    std::shuffle(all.begin(), all.end(), random);
    // In the end every part has a final state.
    for (const auto& [line, m] : messages) {
      for (int part = 0; part < static_cast<int>(m.passed.size()); ++part) all.push_back({line, part, 2});
    }
  }
  void expect(const happening& h) {
    if (h.part < 0) return;
    auto& m = messages[h.line];
    auto& passed = m.passed[static_cast<std::size_t>(h.part)];
    const message_state next = states[h.state].second;
    if (!moves_forward(passed.empty() ? std::nullopt : std::optional(passed.back()), next)) return;
    passed.push_back(next);
    if (protocol::is_final(next) && next != message_state::delivered && !m.failed) m.failed = next;
  }
  void apply(const happening& h, bool again) {
    if (h.part < 0) {
      send(h.line, ids(h.line), 1, "491701234567", true, again);
    } else {
      desk->received("acme", h.at_ms, receipt_pdu(text_of(id(h.line, h.part), states[h.state].first)).octets());
    }
    for (const auto& line : written()) {
      if (line["kind"] == "part") {
        ++part_lines[{line["message_id"], line["state"]}];
      } else {
        message_lines[line["line"]].insert(line["state"]);
        EXPECT_EQ(line["final"], true);
      }
    }
  }
  /// The journal tells messages first, then what was received.
  void crash(const std::vector<happening>& journal) {
    ++crashes;
    files.crash();
    start({1});
    for (const auto& h : journal)
      if (h.part < 0) apply(h, true);
    for (const auto& h : journal)
      if (h.part >= 0) apply(h, true);
  }
};

TEST_F(random_desk, whatever_comes_when_everything_is_said_once) {
  const char* given = std::getenv("SEED");
  const auto seed = given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
  SCOPED_TRACE(fmt::format("SEED={}", seed));
  random.seed(seed);
  for (int round = 0; round < 150 && !HasFailure(); ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    files = memory_file_system(seed + static_cast<unsigned>(round), &time);
    all.clear();
    messages.clear();
    part_lines.clear();
    message_lines.clear();
    crashes = 0;
    SetUp();
    draw();
    std::vector<happening> journal;
    for (auto& h : all) {
      time.advance(10ms);
      h.at_ms = now();
      expect(h);
      apply(h, false);
      journal.push_back(h);
      const unsigned what = below(40);
      if (what == 0) crash(journal);
      if (what == 1) {
        ASSERT_TRUE(desk->checkpoint());
        journal.clear();
      }
    }
    ASSERT_TRUE(desk->sync_messages());
    desk->batch_closed(1);
    steps();

    std::size_t lines_expected = 0;
    for (const auto& [line, m] : messages) {
      ASSERT_TRUE(m.all_final());
      EXPECT_EQ(message_lines[line], std::set<std::string>{std::string(m.outcome())}) << line;
      for (std::size_t p = 0; p < m.passed.size(); ++p) {
        for (const message_state s : m.passed[p]) {
          const int n = part_lines[{id(line, static_cast<int>(p)), std::string(protocol::name_of(s))}];
          EXPECT_GE(n, 1) << id(line, static_cast<int>(p)) << ' ' << protocol::name_of(s);
          EXPECT_LE(n, 1 + crashes);
          ++lines_expected;
        }
      }
    }
    EXPECT_EQ(part_lines.size(), lines_expected) << "a state was told that no part had";

    std::map<std::string, std::string> parts_in_file;
    std::map<std::uint32_t, std::string> messages_in_file;
    for (const auto& line : file_of(1)) {
      if (line["kind"] == "part") {
        EXPECT_TRUE(parts_in_file.emplace(line["message_id"], line["state"]).second);
      } else {
        EXPECT_TRUE(messages_in_file.emplace(line["line"], line["state"]).second);
      }
    }
    EXPECT_EQ(messages_in_file.size(), messages.size());
    for (const auto& [line, m] : messages) {
      EXPECT_EQ(messages_in_file[line], m.outcome()) << line;
      for (std::size_t p = 0; p < m.passed.size(); ++p)
        EXPECT_EQ(parts_in_file[id(line, static_cast<int>(p))], protocol::name_of(m.passed[p].back()));
    }
  }
}

}  // namespace
}  // namespace trunkline::engine
