#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/runtime/configuration.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::string_view carriers = R"([[carrier]]
name = "acme"
host = "h"
system_id = "u"
password = "p"
[[carrier]]
name = "in"
host = "h"
system_id = "u"
password = "p"
bind = "receiver"
[[carrier]]
name = "out"
host = "h"
system_id = "u"
password = "p"
bind = "transmitter"
[[route]]
name = "all"
to = ["acme"]
)";
constexpr std::uint32_t first_line = 21;  // of what follows

loaded parse(std::string_view rest) { return parse_configuration(std::string(carriers) + std::string(rest), "t.toml"); }

TEST(configuration_inbound, every_key) {
  const loaded l = parse(R"toml([[inbound]]
name = "shop"
enabled = false
carrier = ["acme", "in"]
to_number = ["+12345", "4917*"]
from = "49???"
text_prefix = ["BUY", "ORDER"]
case_sensitive = true
regex = "[0-9]{4}"
time = ["08:00-17:00", "22:00-06:00"]
days = ["mon", "Sunday"]
timezone = "Europe/Prague"
batch = ["spring-*"]
batch_name = "spring"
tags = { campaign = "x" }
to = ["shop", "audit", "out"]
forward = { to = ["491701", "%l"], carrier = "acme", priority = "urgent", tags = { kind = "fwd" } }
reply = { text = "Thanks, %c", from = "ACME", carrier = "acme" }
replace = "%c: %sr(4,0)"
source = { rewrite = "if_empty", address = "ACME", ton = 5, npi = 0 }
destination = { address = "%l", ton = "auto", npi = 1 }
[[inbound]]
name = "rest"
to = "rest"
[engine]
reassembly_ttl = "1h"
reply_window = "2h"
[optout]
carrier = "in"
stop = ["STOP", "ENDE"]
help = []
stop_reply = "bye"
[[optout.language]]
name = "cs"
stop = ["STOP CZ"]
start = "ANO"
start_reply = "ahoj"
)toml");
  for (const auto& f : l.faults) ADD_FAILURE() << to_string(f);
  ASSERT_TRUE(l.ok());
  inbound_config r;
  r.name = "shop";
  r.enabled = false;
  r.carrier = {"acme", "in"};
  r.to_number = {"12345", "4917*"};
  r.from = {"49???"};
  r.text_prefix = {"BUY", "ORDER"};
  r.case_sensitive = true;
  r.regex = "[0-9]{4}";
  r.time = {{480, 1020}, {1320, 360}};
  r.days = 0x41;
  r.timezone = "Europe/Prague";
  r.batch = {"spring-*"};
  r.batch_name = {"spring"};
  r.tags = {{"campaign", "x"}};
  r.directories = {"shop", "audit"};
  r.forwards.resize(2);
  r.forwards[0].carrier = "out";
  r.forwards[1] = {{"491701", "%l"}, "acme", router::priority::urgent, {{"kind", "fwd"}}};
  r.reply = {"Thanks, %c", "ACME", "acme"};
  r.replace = "%c: %sr(4,0)";
  r.source = {router::address_rewrite::if_empty, "ACME", 5, 0};
  r.destination = {router::address_rewrite::always, "%l", std::nullopt, 1};
  ASSERT_EQ(l.config->inbound.size(), 2U);
  EXPECT_EQ(l.config->inbound[0], r);
  EXPECT_EQ(l.config->engine.reassembly_ttl, 1h);
  EXPECT_EQ(l.config->engine.reply_window, 2h);
  optout_config o;
  o.enabled = true;
  o.carriers = {"in"};
  o.languages = {{"", {"STOP", "ENDE"}, {"START", "UNSTOP"}, {}, "bye", "", ""},
                 {"cs", {"STOP CZ"}, {"ANO"}, {}, "", "ahoj", ""}};
  EXPECT_EQ(l.config->optout, o);
}

TEST(configuration_inbound, short_forms_and_defaults) {
  const loaded l = parse(R"([[inbound]]
name = "a"
text_prefix = "STOP"
to = "drop"
reply = "ok"
forward = "491701"
[[inbound]]
name = "b"
to = "b"
[optout]
)");
  ASSERT_TRUE(l.ok());
  EXPECT_TRUE(l.faults.empty());
  const inbound_config& r = l.config->inbound[0];
  EXPECT_TRUE(r.drop);
  EXPECT_EQ(r.reply->text, "ok");
  ASSERT_EQ(r.forwards.size(), 1U);
  EXPECT_EQ(r.forwards[0].to, std::vector<std::string>{"491701"});
  EXPECT_TRUE(l.config->optout.enabled);
  EXPECT_EQ(l.config->optout.languages[0].stop,
            (std::vector<std::string>{"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}));
  EXPECT_EQ(l.config->optout.languages[0].start, (std::vector<std::string>{"START", "UNSTOP"}));
  EXPECT_EQ(l.config->optout.languages[0].help, std::vector<std::string>{"HELP"});
  EXPECT_FALSE(parse("").config->optout.enabled);
  EXPECT_FALSE(parse("[optout]\nenabled = false\n").config->optout.enabled);
}

struct fault_case {
  const char* name;
  const char* rest;
  std::uint32_t line;  // of `rest`, from 1
  std::uint32_t column;
  const char* message;
};

constexpr const char* catch_all = "[[inbound]]\nname = \"all\"\nto = \"all\"\n";

TEST(configuration_inbound, faults_at_their_place) {
  const fault_case cases[] = {
      {"no action", "[[inbound]]\nname = \"a\"\n", 1, 1, "does nothing"},
      {"no name", "[[inbound]]\nto = \"a\"\n", 1, 1, "a name is missing"},
      {"unknown key", "[[inbound]]\nname = \"a\"\nto = \"b\"\ntext_prefx = \"x\"\n", 4, 1, "\"text_prefix\""},
      {"bad directory", "[[inbound]]\nname = \"a\"\nto = \"../x\"\n", 3, 6, "directory name"},
      {"drop and directory", "[[inbound]]\nname = \"a\"\nto = [\"drop\", \"x\"]\n", 3, 1, "both"},
      {"directory twice", "[[inbound]]\nname = \"a\"\nto = [\"x\", \"x\"]\n", 3, 12, "twice"},
      {"receiver as target", "[[inbound]]\nname = \"a\"\nto = \"in\"\n", 3, 6, "only receives"},
      {"unknown carrier", "[[inbound]]\nname = \"a\"\ncarrier = \"acm\"\nto = \"x\"\n", 3, 11, "\"acme\""},
      {"carrier that only sends", "[[inbound]]\nname = \"a\"\ncarrier = \"out\"\nto = \"x\"\n", 3, 11, "only sends"},
      {"bad mask", "[[inbound]]\nname = \"a\"\nfrom = \"1 2\"\nto = \"x\"\n", 3, 8, "no mask"},
      {"bad regex", "[[inbound]]\nname = \"a\"\nregex = \"a(\"\nto = \"x\"\n", 3, 9, "missing )"},
      {"bad time", "[[inbound]]\nname = \"a\"\ntime = \"8-17\"\nto = \"x\"\n", 3, 8, "\"08:00-17:00\""},
      {"bad day", "[[inbound]]\nname = \"a\"\ndays = \"Montag\"\nto = \"x\"\n", 3, 8, "mon, tue"},
      {"bad zone", "[[inbound]]\nname = \"a\"\ndays = \"mon\"\ntimezone = \"Prague\"\nto = \"x\"\n", 4, 12,
       "time zone database"},
      {"bad replace", "[[inbound]]\nname = \"a\"\nreplace = \"ab%q\"\nto = \"x\"\n", 3, 11, "at character 3"},
      {"forward to nothing", "[[inbound]]\nname = \"a\"\nforward = \"\"\n", 3, 11, "empty"},
      {"forward by a receiver", "[[inbound]]\nname = \"a\"\nforward = { carrier = \"in\" }\n", 3, 23, "only receives"},
      {"forward key", "[[inbound]]\nname = \"a\"\nforward = { too = \"1\" }\n", 3, 13, "\"to\""},
      {"reply without text", "[[inbound]]\nname = \"a\"\nreply = { from = \"ACME\" }\n", 3, 9, "no text"},
      {"reply from", "[[inbound]]\nname = \"a\"\nreply = { text = \"x\", from = \"ACME CORPORATION\" }\n", 3, 30, "11"},
      {"address without one", "[[inbound]]\nname = \"a\"\nto = \"out\"\nsource = { rewrite = \"always\" }\n", 4, 10,
       "no address"},
      {"bad rewrite", "[[inbound]]\nname = \"a\"\nto = \"out\"\nsource = { rewrite = \"often\", address = \"1\" }\n", 4,
       22, "\"if_empty\""},
      {"bad ton", "[[inbound]]\nname = \"a\"\nto = \"out\"\nsource = { ton = 8 }\n", 4, 18, "from 0 to 7"},
      {"addresses of nothing", "[[inbound]]\nname = \"a\"\nto = \"x\"\nsource = { ton = 1 }\n", 4, 1, "forwards none"},
      {"too many numbers",
       "[[inbound]]\nname = \"a\"\nforward = "
       "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\"]\n",
       1, 1, "at most 12"},
      {"keyword", "[optout]\nstop = \"\"\n", 2, 8, "1 to 64"},
      {"language without a name", "[optout]\n[[optout.language]]\nstop = \"x\"\n", 2, 1, "a name is missing"},
      {"optout key", "[optout]\nstopp = \"x\"\n", 2, 1, "\"stop\""},
      {"ttl", "[engine]\nreassembly_ttl = \"0s\"\n", 2, 18, "not from 1s"},
      {"window", "[engine]\nreply_window = 1\n", 2, 16, "is a duration"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    loaded l = parse(std::string(c.rest) + catch_all);
    EXPECT_FALSE(l.ok());
    std::erase_if(l.faults, [](const fault& f) { return f.is_warning; });
    ASSERT_EQ(l.faults.size(), 1U) << (l.faults.size() < 2 ? "" : to_string(l.faults[1]));
    EXPECT_EQ(l.faults[0].line, first_line + c.line - 1) << l.faults[0].message;
    EXPECT_EQ(l.faults[0].column, c.column) << l.faults[0].message;
    EXPECT_THAT(l.faults[0].message, HasSubstr(c.message));
  }
}

TEST(configuration_inbound, warnings) {
  const auto warning = [](std::string_view rest) {
    const loaded l = parse(rest);
    EXPECT_TRUE(l.ok());
    return l.faults.size() == 1 && l.faults[0].is_warning ? l.faults[0].message : "no warning";
  };
  EXPECT_THAT(warning("[[inbound]]\nname = \"a\"\nfrom = \"49*\"\nto = \"a\"\n"), HasSubstr("inbound/unrouted/"));
  EXPECT_THAT(warning(std::string(catch_all) + "[[inbound]]\nname = \"b\"\nto = \"b\"\n"), HasSubstr("never reached"));
  EXPECT_THAT(warning("[[inbound]]\nname = \"a\"\ntimezone = \"UTC\"\nto = \"a\"\n"), HasSubstr("no effect"));
  EXPECT_TRUE(parse(catch_all).faults.empty());
}

}  // namespace
}  // namespace trunkline::engine
