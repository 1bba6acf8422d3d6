// Messages of phones through rules to files and new messages, as docs/inbound.md says, and what is journaled for the
// next start.
#include "engine/inbound/inbound_stage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/dispatch/admission.hpp"
#include "engine/journal/records.hpp"
#include "tests/engine/inbound/inbound_fixture.hpp"
#include "tests/engine/inbound/phone_pdu.hpp"

namespace trunkline::engine::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::ElementsAre;

struct known_sent final : sent_lookup {
  std::optional<answered_line> find_last_sent(std::string_view number, std::string_view sender, std::int64_t since_ms,
                                              bool details) override {
    last_since_ms = since_ms;
    if (number != "491701234567" || sender != "12345") return std::nullopt;
    answered_line a{"spring.jsonl", 7, "m-7", {}, {}};
    if (details) {
      a.batch_name = "spring";
      a.tags = {{"campaign", "x"}};
    }
    return a;
  }
  std::int64_t last_since_ms = 0;
};

struct inbound_stage_test : testing::Test, inbound_fixture {
  outcome_queues queues{64};
  wake_slot nobody{[](void*) noexcept {}, nullptr};
  std::unique_ptr<outcome_sink> sink;
  known_sent sent;
  std::vector<journal_event> journal;

  inbound_stage_test()
      : inbound_fixture([](std::error_code why, const std::string& what) { ADD_FAILURE() << what << why; }) {
    for (const auto& d : {"/spool/inbound/unrouted", "/spool/inbound/a", "/spool/inbound/b"})
      (void)files.make_directory(d);
    EXPECT_TRUE(problems.empty());
    queues.journal_wake = queues.dispatcher_wake = &nobody;
    sink = std::make_unique<outcome_sink>(queues);
  }
  ~inbound_stage_test() override {
    for (const auto& e : journal) discard(e);
  }
  void start(std::string_view rules, std::uint64_t number = 1) {
    inbound_fixture::start(plan(rules), inbound_options{1h, {}, {}, 1, "49"}, number);
  }
  static std::shared_ptr<const inbound_plan> plan(std::string_view rules) {
    std::vector<std::string> faults;
    auto made = inbound_fixture::plan(rules, &faults);
    EXPECT_THAT(faults, testing::IsEmpty());
    return made;
  }
  std::int64_t wall_ms() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.wall().time_since_epoch()).count();
  }
  void receive(const phone_pdu& pdu, const char* carrier = "acme") {
    stage->received({carrier}, wall_ms(), pdu.octets());
  }
  void receive(std::string text) {
    phone_pdu pdu;
    pdu.text = std::move(text);
    receive(pdu);
  }
  /// Everything due is shown; records in the journal are as good as durable.
  void settle() {
    time.advance(1100ms);
    (void)stage->step(*sink);
    take_journal();
    while (shown.step()) {
    }
  }
  void take_journal() {
    sink->flush();
    journal_event e;
    while (queues.journal.try_dequeue(e)) {
      auto* r = static_cast<control_record*>(e.subject);
      if (r->at_outputs) r->at_outputs();
      journal.push_back(e);
    }
  }
  std::vector<json> lines(const std::string& directory) {
    std::vector<json> found;
    auto entries = files.list(directory);
    std::sort(entries->begin(), entries->end(), [](const auto& x, const auto& y) { return x.name < y.name; });
    for (const auto& entry : *entries) {
      if (entry.name.starts_with('.')) continue;
      names.push_back(entry.name);
      auto f = files.open(directory + "/" + entry.name, open_mode::read);
      std::string text(*(*f)->size(), '\0');
      (void)(*f)->read_at({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0);
      for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
        found.push_back(json::parse(text.substr(at, text.find('\n', at) - at)));
      (void)files.remove(directory + "/" + entry.name);
    }
    return found;
  }
  std::vector<json> made() {
    auto all = lines("/spool/incoming");
    std::erase_if(all, [](const json& j) { return j.contains("batch"); });
    return all;
  }
  std::vector<std::string> names;
};

TEST_F(inbound_stage_test, without_rules_everything_is_unrouted) {
  start("");
  receive("hello");
  EXPECT_FALSE(stage->idle());
  settle();
  (void)stage->step(*sink);
  EXPECT_TRUE(stage->idle());
  const auto found = lines("/spool/inbound/unrouted");
  ASSERT_EQ(found.size(), 1U);
  json expected = {{"carrier", "acme"},
                   {"from", "491701234567"},
                   {"to", "12345"},
                   {"text", "hello"},
                   {"data_coding", 0},
                   {"parts", 1},
                   {"received_at", "2027-01-15T08:00:00.000Z"},
                   {"reply_to", nullptr}};
  expected["id"] = found[0]["id"];
  EXPECT_EQ(found[0], expected);
  EXPECT_TRUE(made().empty());
}

TEST_F(inbound_stage_test, every_coding_in_both_kinds_of_pdu) {
  struct row {
    const char* name;
    std::uint8_t data_coding;
    std::string octets;
    std::optional<std::string> text;
  };
  const row rows[] = {
      {"GSM 7-bit", 0, "a@\x1b\x65", "a¡€"},
      {"ASCII", 1, "a@", "a@"},
      {"octets", 2, "a@", std::nullopt},
      {"Latin-1", 3, "\xe9t\xe9", "été"},
      {"octets", 4, "\x01\x02", std::nullopt},
      {"Cyrillic", 6, "\xbf\xe0", "Пр"},
      {"Hebrew", 7, "\xe0", "א"},
      {"UCS-2", 8, std::string("\x04\x1f\xd8\x3d\xdc\x4d", 6), "П👍"},
  };
  start("");
  for (const bool data_sm : {false, true}) {
    for (const auto& r : rows) {
      phone_pdu pdu;
      pdu.text = r.octets;
      pdu.data_coding = r.data_coding;
      pdu.data_sm = data_sm;
      receive(pdu);
      settle();
      const auto found = lines("/spool/inbound/unrouted");
      ASSERT_EQ(found.size(), 1U) << r.name;
      EXPECT_EQ(found[0].contains("text"), r.text.has_value()) << r.name;
      EXPECT_EQ(found[0].value("text", ""), r.text.value_or("")) << r.name;
      EXPECT_EQ(found[0].contains("raw"), !r.text) << r.name;
      EXPECT_EQ(found[0]["data_coding"], r.data_coding) << r.name;
      EXPECT_EQ(found[0]["from"], "491701234567") << r.name;
    }
  }
}

TEST_F(inbound_stage_test, parts_of_one_message_in_both_kinds_of_pdu) {
  start("");
  phone_pdu one;
  one.text = "half ";
  one.tlvs = phone_pdu::sar(9, 2, 1);
  phone_pdu two;
  two.text = "and half";
  two.tlvs = phone_pdu::sar(9, 2, 2);
  two.data_sm = true;
  receive(two);
  receive(one);
  settle();
  const auto found = lines("/spool/inbound/unrouted");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]["text"], "half and half");
}

TEST_F(inbound_stage_test, rules_choose_directories_and_drop) {
  start(R"toml([[inbound]]
name = "stop"
text_prefix = "STOP"
to = "drop"
[[inbound]]
name = "both"
from = "49*"
to = ["a", "b"]
replace = "%c: %sr(1,0)"
)toml");
  receive(" stop it");
  receive("hello");
  phone_pdu other;
  other.from = "33123";
  other.text = "hello";
  receive(other);
  settle();
  const auto a = lines("/spool/inbound/a");
  ASSERT_EQ(a.size(), 1U);
  EXPECT_EQ(a[0]["text"], "491701234567: ello");
  EXPECT_EQ(a[0]["rule"], "both");
  EXPECT_EQ(lines("/spool/inbound/b"), a);
  const auto rest = lines("/spool/inbound/unrouted");
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0]["from"], "33123");
  std::map<std::string, std::uint64_t> counts;
  stage->for_each_count([&](const std::string& carrier, const std::string& route, std::uint64_t n) {
    EXPECT_EQ(carrier, "acme");
    counts[route] = n;
  });
  EXPECT_EQ(counts, (std::map<std::string, std::uint64_t>{{"stop", 1}, {"both", 1}, {"unrouted", 1}}));
}

TEST_F(inbound_stage_test, forwards_and_replies_are_lines_of_one_batch) {
  start(R"toml([[inbound]]
name = "all"
forward = { to = ["+49 171 1", "%l"], priority = "urgent", tags = { kind = "fwd" } }
to = ["a", "acme"]
reply = { text = "Thanks for \"%sm(1,5)\"", from = "ACME" }
source = { rewrite = "always", address = "ALERT", ton = 5, npi = 0 }
destination = { ton = 2 }
)toml");
  receive("hello world");
  settle();
  ASSERT_EQ(lines("/spool/inbound/a").size(), 1U);
  const auto all = made();
  ASSERT_EQ(all.size(), 4U);
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(names[1], "_inbound-20270115-1-000001.jsonl");
  const json id = all[0]["id"];
  const auto forward = [&](const char* to, json more, json tags) {
    json j = {{"to", to},        {"from", "ALERT"}, {"id", id},     {"text", "hello world"},
              {"source_ton", 5}, {"source_npi", 0}, {"dest_ton", 2}};
    j["tags"] = {{"inbound", "forward"}, {"rule", "all"}};
    j["tags"].update(tags);
    j.update(more);
    return j;
  };
  EXPECT_EQ(all[0], forward("12345", {{"carrier", "acme"}, {"priority", "normal"}}, json::object()));
  EXPECT_EQ(all[1], forward("+49 171 1", {{"priority", "urgent"}}, {{"kind", "fwd"}}));
  EXPECT_EQ(all[2], forward("12345", {{"priority", "urgent"}}, {{"kind", "fwd"}}));
  EXPECT_EQ(all[3], (json{{"to", "491701234567"},
                          {"from", "ACME"},
                          {"carrier", "acme"},
                          {"id", id},
                          {"tags", {{"inbound", "reply"}, {"rule", "all"}}},
                          {"priority", "normal"},
                          {"text", "Thanks for \"hello\""}}));
}

TEST_F(inbound_stage_test, a_reply_goes_by_the_routes_when_its_carrier_only_receives) {
  start("[[inbound]]\nname = \"all\"\nreply = \"ok\"\n");
  phone_pdu pdu;
  pdu.from = "+491709";
  pdu.text = "x";
  receive(pdu, "listener");
  settle();
  const auto all = made();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_FALSE(all[0].contains("carrier"));
  EXPECT_EQ(all[0]["to"], "491709");
  EXPECT_EQ(all[0]["from"], "12345");
}

TEST_F(inbound_stage_test, octets_are_forwarded_as_octets) {
  start("[[inbound]]\nname = \"all\"\nto = \"acme\"\nreplace = \"never seen\"\n[[inbound]]\nname=\"b\"\nto=\"b\"\n");
  phone_pdu pdu;
  pdu.header = {6, 5, 4, 0x15, 0x8a, 0, 0};
  pdu.text = std::string("\x00\xff", 2);
  pdu.data_coding = 4;
  receive(pdu);
  settle();
  const auto all = made();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_FALSE(all[0].contains("text"));
  EXPECT_EQ(all[0]["data"], "00ff");
  EXPECT_EQ(all[0]["data_coding"], 4);
  EXPECT_EQ(all[0]["udh"], "060504158a0000");
}

TEST_F(inbound_stage_test, keeps_what_cannot_be_read) {
  start("");
  stage->received({"acme"}, wall_ms(),
                  std::vector<std::uint8_t>{0, 0, 0, 18, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 'x', 'y'});
  phone_pdu binary;
  binary.data_coding = 4;
  binary.text = "\x01";
  receive(binary);
  settle();
  const auto found = lines("/spool/inbound/unrouted");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0]["raw"], "000000120000000500000000000000017879");
  EXPECT_FALSE(found[0].contains("text"));
  EXPECT_TRUE(found[1].contains("raw"));
  EXPECT_FALSE(found[1].contains("text"));
}

TEST_F(inbound_stage_test, the_last_message_to_the_phone) {
  start(R"toml([[inbound]]
name = "campaign"
batch = "spring*"
batch_name = "spring"
tags = { campaign = "x" }
to = "a"
[engine]
reply_window = "2h"
)toml");
  stage->set_sent_lookup(&sent);
  receive("yes");
  phone_pdu stranger;
  stranger.from = "33";
  receive(stranger);
  settle();
  const auto a = lines("/spool/inbound/a");
  ASSERT_EQ(a.size(), 1U);
  EXPECT_EQ(a[0]["reply_to"], (json{{"batch", "spring.jsonl"}, {"line", 7}, {"id", "m-7"}}));
  EXPECT_EQ(lines("/spool/inbound/unrouted").at(0)["reply_to"], nullptr);
  EXPECT_EQ(sent.last_since_ms, wall_ms() - 1100 - 2 * 3'600'000);
}

TEST_F(inbound_stage_test, time_of_day_in_its_zone) {
  start(R"toml([[inbound]]
name = "office"
time = "09:00-10:00"
days = "fri"
timezone = "Europe/Prague"
to = "a"
[[inbound]]
name = "else"
to = "b"
)toml");
  // 08:00 UTC on Friday 15 January 2027 is 09:00 there.
  receive("in time");
  time.advance(1h);
  receive("too late");
  settle();
  EXPECT_EQ(lines("/spool/inbound/a").at(0)["text"], "in time");
  EXPECT_EQ(lines("/spool/inbound/b").at(0)["text"], "too late");
}

TEST_F(inbound_stage_test, opting_out_and_in) {
  start(R"toml([[inbound]]
name = "all"
to = "a"
[optout]
stop_reply = "You will hear no more"
help_reply = "Call us"
[[optout.language]]
name = "de"
stop = "STOPP"
)toml");
  receive("Stop.");
  EXPECT_TRUE(optouts.contains("12345", "491701234567"));
  receive("start");
  EXPECT_FALSE(optouts.contains("12345", "491701234567"));
  receive("please stop");
  EXPECT_FALSE(optouts.contains("12345", "491701234567"));
  receive("stopp");
  EXPECT_TRUE(optouts.contains("12345", "491701234567"));
  receive("HELP");
  settle();
  const auto a = lines("/spool/inbound/a");
  ASSERT_EQ(a.size(), 5U);
  EXPECT_EQ(a[0]["optout"], "stop");
  EXPECT_EQ(a[1]["optout"], "start");
  EXPECT_FALSE(a[2].contains("optout"));
  EXPECT_EQ(a[4]["optout"], "help");
  const auto all = made();
  ASSERT_EQ(all.size(), 2U) << "START and the other language have no text to answer with";
  EXPECT_EQ(all[0]["text"], "You will hear no more");
  EXPECT_EQ(all[0]["to"], "491701234567");
  EXPECT_EQ(all[0]["from"], "12345");
  EXPECT_EQ(all[0]["tags"]["inbound"], "optout");
  EXPECT_EQ(all[1]["text"], "Call us");
  EXPECT_FALSE(optouts.dirty());
}

/// However a carrier writes the phone's number: it is the one that messages are sent to.
TEST_F(inbound_stage_test, a_phone_is_the_same_one_with_anything_in_front_of_its_number) {
  for (const char* from : {"491701234567", "+491701234567", "00491701234567", "01701234567"}) {
    SCOPED_TRACE(from);
    start("[[inbound]]\nname = \"mobile\"\nfrom = \"4917*\"\nto = \"a\"\n[optout]\n");
    stage->set_sent_lookup(&sent);
    phone_pdu pdu;
    pdu.from = from;
    pdu.text = "STOP";
    receive(pdu);
    EXPECT_TRUE(optouts.contains("12345", "491701234567"));
    pdu.text = "START";
    receive(pdu);
    EXPECT_FALSE(optouts.contains("12345", "491701234567"));
    EXPECT_EQ(optouts.size(), 0U);
    settle();
    const auto a = lines("/spool/inbound/a");
    ASSERT_GE(a.size(), 2U);
    EXPECT_EQ(a.back()["reply_to"]["batch"], "spring.jsonl");
    EXPECT_EQ(a.back()["from"], from);
  }
}

TEST_F(inbound_stage_test, keywords_count_for_the_carriers_named) {
  start("[[inbound]]\nname = \"all\"\nto = \"a\"\n[optout]\ncarrier = \"listener\"\n");
  receive("STOP");
  EXPECT_EQ(optouts.size(), 0U);
  phone_pdu pdu;
  pdu.text = "STOP";
  receive(pdu, "listener");
  EXPECT_EQ(optouts.size(), 1U);
}

TEST_F(inbound_stage_test, a_new_plan_counts_from_the_next_message_on) {
  start("");
  receive("before");
  stage->set_plan(plan("[[inbound]]\nname = \"all\"\nto = \"a\"\n"));
  receive("after");
  settle();
  EXPECT_EQ(lines("/spool/inbound/unrouted").at(0)["text"], "before");
  EXPECT_EQ(lines("/spool/inbound/a").at(0)["text"], "after");
}

/// The whole of what a restart does with the records that a checkpoint left.
TEST_F(inbound_stage_test, a_restart_makes_nothing_twice_and_forgets_no_part) {
  const char* rules = "[[inbound]]\nname = \"all\"\nreply = \"%sr(0,0)\"\n";
  start(rules);
  phone_pdu whole;
  whole.text = "whole";
  const auto whole_ms = wall_ms();
  receive(whole);
  phone_pdu part;
  part.header = phone_pdu::concatenated(1, 2, 2);
  part.text = "two";
  receive(part);
  EXPECT_TRUE(stage->checkpoint(*sink));
  sink->flush();
  // Records only: the process dies before their effects.
  std::vector<journal_records::made_batch> batches;
  std::vector<journal_records::received> kept;
  std::string name;
  journal_event e;
  while (queues.journal.try_dequeue(e)) {
    auto* r = static_cast<control_record*>(e.subject);
    if (const auto type = static_cast<journal_records::type>(r->type); type == journal_records::type::made_batch) {
      batches.push_back(*journal_records::decode<journal_records::made_batch>(r->payload));
    } else if (type == journal_records::type::carrier_name) {
      name = journal_records::decode<journal_records::carrier_name>(r->payload)->name;
    } else {
      kept.push_back(*journal_records::decode<journal_records::received>(r->payload));
    }
    journal.push_back(e);
  }
  ASSERT_EQ(batches.size(), 1U);
  ASSERT_EQ(batches[0].id_count(), 1U);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(name, "acme");
  EXPECT_TRUE(made().empty());

  start(rules, 2);
  stage->adopt({std::string(batches[0].name), std::string(batches[0].contents), {batches[0].id(0)}}, false);
  stage->received({"acme"}, whole_ms, whole.octets());
  stage->received({name}, kept[0].received_at_ms, kept[0].octets);
  part.header = phone_pdu::concatenated(1, 2, 1);
  part.text = "one ";
  receive(part);
  settle();
  const auto all = made();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["text"], "whole");
  EXPECT_EQ(all[1]["text"], "one two");
  EXPECT_THAT(names, ElementsAre("_inbound-20270115-1-000001.jsonl", "_inbound-20270115-2-000001.jsonl"));
}

}  // namespace
}  // namespace trunkline::engine::test
