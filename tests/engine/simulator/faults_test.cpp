// What a carrier does wrong, one test a fault, and scenarios that change it with time. Clocks are the tests'.
#include <gtest/gtest.h>

#include <string>

#include "engine/simulator/simulator_settings.hpp"
#include "tests/engine/simulator/smsc_harness.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

simulator_options with(const std::string& text) {
  simulator_options options;
  EXPECT_EQ(parse_scenario(text, "s.toml", options), "");
  return options;
}

std::size_t count(const std::vector<kept_pdu>& pdus, command_id id) {
  return static_cast<std::size_t>(std::ranges::count_if(pdus, [id](const auto& p) { return p.header.id == id; }));
}

TEST(SmscFault, BindsAreAnsweredWrongly) {
  for (const auto& [fault, answer] :
       {std::pair{"nack", command_id::generic_nack}, {"other", command_id::bind_transmitter_resp}}) {
    smsc_world world(with("bind-fault = \"" + std::string(fault) + "\""));
    smsc_client client(world);
    (void)client.bind();
    const auto said = client.receive();
    ASSERT_EQ(said.size(), 1U) << fault;
    EXPECT_EQ(said[0].header.id, answer) << fault;
    EXPECT_FALSE(client.machine().bound());
    EXPECT_EQ(world.counters.binds_refused.value(), 1U);
  }
  smsc_world silent(with("bind-fault = \"silence\"\nmax-binds = 1"));
  smsc_client first(silent);
  (void)first.bind();
  EXPECT_TRUE(first.receive().empty());
  EXPECT_FALSE(first.machine().cut_off());
  smsc_world rude(with("bind-fault = \"close\""));
  smsc_client second(rude);
  (void)second.bind();
  EXPECT_TRUE(second.machine().cut_off());
}

TEST(SmscFault, EveryFaultAtTheNthSubmit) {
  struct row {
    const char* fault;
    std::size_t answers;
    bool cut_off;
  };
  for (const row& r : {row{"disconnect", 0, true}, row{"reset", 0, true}, row{"unbind", 3, false},
                       row{"nack", 3, false}, row{"mute", 0, false}, row{"stall", 0, false}}) {
    smsc_world world(with("fault = \"" + std::string(r.fault) + "@3\""));
    smsc_client client(world);
    ASSERT_EQ(client.bind(), command_status::rok);
    client.submit(3);
    const auto said = client.receive();
    EXPECT_EQ(count(said, command_id::submit_sm_resp), r.answers) << r.fault;
    EXPECT_EQ(client.machine().cut_off(), r.cut_off) << r.fault;
    EXPECT_EQ(client.machine().reset(), std::string(r.fault) == "reset");
    EXPECT_EQ(count(said, command_id::unbind), std::string(r.fault) == "unbind" ? 1U : 0U);
    EXPECT_EQ(count(said, command_id::generic_nack), std::string(r.fault) == "nack" ? 1U : 0U);
    EXPECT_EQ(client.machine().wants_input(), std::string(r.fault) != "stall") << r.fault;
    EXPECT_EQ(world.counters.accepted.value(), 3U);
  }
}

TEST(SmscFault, GarbageCannotBeFramed) {
  smsc_world world(with("fault = \"garbage@1\""));
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(1);
  std::array<std::uint8_t, 1024> octets{};
  const std::size_t size = client.machine().fill(octets, world.now);
  const auto cut = protocol::next_frame(std::span<const std::uint8_t>(octets).first(size));
  EXPECT_EQ(cut.kind, protocol::frame_kind::unframeable);
}

TEST(SmscFault, SharesOfAnswers) {
  struct row {
    const char* option;
    std::size_t answers, nacks, strange;
  };
  for (const row& r : {row{"duplicate = 1", 20, 0, 0}, row{"nack = 1", 0, 10, 0}, row{"wrong-sequence = 1", 10, 0, 10},
                       row{"late = \"5s=1\"", 0, 0, 0}}) {
    smsc_world world(with(r.option));
    smsc_client client(world);
    ASSERT_EQ(client.bind(), command_status::rok);
    client.submit(10, 2);
    const auto said = client.receive();
    EXPECT_EQ(count(said, command_id::submit_sm_resp), r.answers) << r.option;
    EXPECT_EQ(count(said, command_id::generic_nack), r.nacks) << r.option;
    EXPECT_EQ(std::ranges::count_if(said, [](const auto& p) { return p.header.sequence_number > 100; }),
              static_cast<std::ptrdiff_t>(r.strange))
        << r.option;
    if (r.answers != 0 || r.nacks != 0) continue;
    EXPECT_EQ(client.machine().next_deadline(), world.now + 5s);
    world.now += 5s;
    EXPECT_EQ(count(client.receive(), command_id::submit_sm_resp), 10U) << "late, but they come";
  }
}

TEST(SmscFault, MoreThanItsWindowIsThrottled) {
  smsc_world world(with("window = 4\nlatency = \"1s\""));
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(10);
  EXPECT_EQ(world.counters.accepted.value(), 4U);
  EXPECT_EQ(world.counters.throttled.value(), 6U);
}

TEST(SmscFault, SaysHowBusyItIs) {
  smsc_world world(with("congestion = 95"));
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(1);
  const auto said = client.receive();
  ASSERT_EQ(said.size(), 1U);
  const auto answer = protocol::decode<protocol::submit_sm_resp>(std::span<const std::uint8_t>(said[0].body));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->tlvs.find_u8(protocol::tlv_tag::congestion_state), 95);
  EXPECT_FALSE(answer->message_id.empty());
}

TEST(SmscScenario, ChangesWithTimeSinceTheFirstConnection) {
  smsc_world world(with(R"(
latency = "10ms"
[[step]]
at = "5s"
error = "ESME_RMSGQFUL=1"
[[step]]
at = "10s"
error = []
throttle = "1/s"
[[step]]
at = "15s"
action = "unbind"
)"));
  world.now += 1h;  // before it has begun nothing passes
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  const auto try_one = [&](std::uint32_t number) {
    client.submit(1, number);
    world.now += 10ms;
    const auto said = client.receive();
    return said.size() == 1 ? said[0].header.status : command_status::runknownerr;
  };
  EXPECT_EQ(try_one(2), command_status::rok);
  EXPECT_EQ(client.machine().next_deadline(), world.now - 10ms + 5s) << "the next step";
  world.now += 5s;
  EXPECT_EQ(try_one(3), command_status::rmsgqful);
  world.now += 5s;
  EXPECT_EQ(try_one(4), command_status::rok);
  EXPECT_EQ(try_one(5), command_status::rthrottled);
  world.now += 5s;
  EXPECT_EQ(count(client.receive(), command_id::unbind), 1U);
  smsc_client later(world, 2);
  ASSERT_EQ(later.bind(), command_status::rok);
  EXPECT_EQ(count(later.receive(), command_id::unbind), 0U) << "actions are for those who were there";
}

TEST(SmscScenario, FaultsHaveTheirPlace) {
  for (const auto& [text, fault] : {std::pair{"latenzy = \"1s\"", "s.toml:1:11: there is no option \"latenzy\""},
                                    {"latency = 5", "s.toml:1:11: latency: \"5\" is not a duration"},
                                    {"[[step]]\nlatency = \"1s\"", "a step needs its time"},
                                    {"[[step]]\nat = \"2s\"\n[[step]]\nat = \"2s\"", "later than the one before"},
                                    {"[[step]]\nat = \"1s\"\nport = 5", "s.toml:3:8: port cannot change in a step"},
                                    {"[[step]]\nat = \"1s\"\naction = \"dance\"", "is not disconnect, reset"},
                                    {"[[step]]\nat = \"1s\"\naccept = 3", "accept is true or false"},
                                    {"latency = [\"1s\"]", "latency has one value"},
                                    {"fault = \"reset\"", "FAULT@N"},
                                    {"step = 5", "steps are written as [[step]]"},
                                    {"[[step]\n", "s.toml:1:"}}) {
    simulator_options options;
    const std::string said = parse_scenario(text, "s.toml", options);
    EXPECT_NE(said.find(fault), std::string::npos) << text << " says " << said;
  }
}

TEST(SmscScenario, EveryOptionOfTheCommandLineHasItsHelp) {
  for (const simulator_setting& setting : simulator_settings()) EXPECT_FALSE(setting.help.empty()) << setting.name;
}

}  // namespace
}  // namespace trunkline::engine
