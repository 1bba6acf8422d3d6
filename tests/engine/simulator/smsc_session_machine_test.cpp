#include "engine/simulator/smsc_session_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/engine/simulator/smsc_harness.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::vector<std::uint32_t> sequences(const std::vector<kept_pdu>& pdus) {
  std::vector<std::uint32_t> all;
  for (const auto& pdu : pdus) all.push_back(pdu.header.sequence_number);
  return all;
}

TEST(SmscBind, IsAcceptedOrRefused) {
  struct bind_case {
    const char* name;
    std::string_view wanted_id, wanted_password, system_id, password;
    command_status expected;
  };
  const bind_case cases[] = {
      {"anybody", "", "", "esme", "x", command_status::rok},
      {"right credentials", "esme", "secret", "esme", "secret", command_status::rok},
      {"any password", "esme", "", "esme", "other", command_status::rok},
      {"wrong system_id", "esme", "secret", "other", "secret", command_status::rinvsysid},
      {"wrong password", "esme", "secret", "esme", "other", command_status::rinvpaswd},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    simulator_options options;
    options.system_id = each.wanted_id;
    options.password = each.wanted_password;
    for (const auto how : {command_id::bind_transmitter, command_id::bind_receiver, command_id::bind_transceiver}) {
      smsc_world world(options);
      smsc_client client(world);
      EXPECT_EQ(client.bind(how, each.system_id, each.password), each.expected);
      EXPECT_EQ(client.machine().bound(), each.expected == command_status::rok);
      EXPECT_EQ(world.counters.binds.value() + world.counters.binds_refused.value(), 1U);
    }
  }
}

TEST(SmscBind, NamesItselfAndItsVersionUnlessThePeerIsOlder) {
  for (const std::uint8_t version : {std::uint8_t{0x33}, std::uint8_t{0x34}, std::uint8_t{0x50}}) {
    smsc_world world;
    smsc_client client(world);
    protocol::bind_request request;
    request.system_id = "esme";
    request.interface_version = version;
    const auto answers = client.exchange(octets_of(request, 7));
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].header.sequence_number, 7U);
    const auto answer = protocol::decode<protocol::bind_resp>(std::span<const std::uint8_t>(answers[0].body));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->system_id, "trunkline-smsc");
    EXPECT_EQ(answer->tlvs.find_u8(protocol::tlv_tag::sc_interface_version).has_value(), version >= 0x34);
  }
}

TEST(SmscBind, IsRefusedASecondTimeOnOneSession) {
  smsc_world world;
  smsc_client client(world);
  EXPECT_EQ(client.bind(), command_status::rok);
  EXPECT_EQ(client.bind(), command_status::ralybnd);
}

TEST(SmscBind, MaxBindsCountsPerSystemIdAndForgetsClosedSessions) {
  simulator_options options;
  options.max_binds = 2;
  smsc_world world(options);
  smsc_client first(world, 1), second(world, 2), third(world, 3), other(world, 4);
  EXPECT_EQ(first.bind(), command_status::rok);
  EXPECT_EQ(second.bind(), command_status::rok);
  EXPECT_EQ(third.bind(), command_status::ralybnd);
  EXPECT_EQ(other.bind(command_id::bind_transceiver, "somebody"), command_status::rok);
  first.close();
  first.close();
  EXPECT_EQ(third.bind(), command_status::rok);
}

TEST(SmscBind, CanBeRefusedOnPurpose) {
  simulator_options options;
  options.bind_error = command_status::rbindfail;
  smsc_world world(options);
  smsc_client client(world);
  EXPECT_EQ(client.bind(), command_status::rbindfail);
}

TEST(SmscSubmit, IsAnsweredInOrderWithIdsOfTheirOwn) {
  smsc_world world;
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(100, 50);
  const auto answers = client.receive();
  ASSERT_EQ(answers.size(), 100U);
  std::set<std::string> ids;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].header.id, command_id::submit_sm_resp);
    EXPECT_EQ(answers[i].header.status, command_status::rok);
    EXPECT_EQ(answers[i].header.sequence_number, 50 + i);
    const std::string id = answers[i].message_id();
    EXPECT_EQ(id.size(), 10U);
    EXPECT_NE(id[0], '0');
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 100U);
  EXPECT_EQ(world.counters.accepted.value(), 100U);
}

TEST(SmscSubmit, TakesItsOctetsHoweverTheyAreCut) {
  for (std::size_t piece = 1; piece < 200; piece += 13) {
    smsc_world world;
    smsc_client client(world);
    ASSERT_EQ(client.bind(), command_status::rok);
    std::vector<std::uint8_t> all;
    for (std::uint32_t i = 0; i < 5; ++i) {
      const auto one = octets_of(a_message(), 10 + i);
      all.insert(all.end(), one.begin(), one.end());
    }
    std::span<const std::uint8_t> rest = all;
    while (!rest.empty()) {
      const std::size_t size = std::min(piece, rest.size());
      client.send(rest.first(size));
      rest = rest.subspan(size);
    }
    EXPECT_THAT(sequences(client.receive()), ElementsAre(10, 11, 12, 13, 14)) << "pieces of " << piece;
  }
}

TEST(SmscSubmit, FillsASmallBufferBitByBit) {
  smsc_world world;
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(500);
  EXPECT_EQ(client.receive(1024).size(), 500U);
}

TEST(SmscSubmit, IsRefusedWhereItIsNotAllowed) {
  smsc_world world;
  smsc_client unbound(world, 1), receiver(world, 2);
  ASSERT_EQ(receiver.bind(command_id::bind_receiver), command_status::rok);
  for (auto* client : {&unbound, &receiver}) {
    client->submit(1);
    const auto answers = client->receive();
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].header.id, command_id::submit_sm_resp);
    EXPECT_EQ(answers[0].header.status, command_status::rinvbndsts);
    EXPECT_TRUE(answers[0].body.empty());
  }
}

TEST(SmscSubmit, WithABadBodyIsAnsweredWithAnErrorAndTheSessionGoesOn) {
  const auto whole = octets_of(a_message(), 2);
  for (std::size_t size = protocol::header_bytes; size < whole.size(); ++size) {
    smsc_world world;
    smsc_client client(world);
    ASSERT_EQ(client.bind(), command_status::rok);
    std::vector<std::uint8_t> truncated(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    protocol::store_u32(truncated.data(), static_cast<std::uint32_t>(size));
    const auto answers = client.exchange(truncated);
    ASSERT_EQ(answers.size(), 1U) << size;
    EXPECT_EQ(answers[0].header.id, command_id::submit_sm_resp);
    EXPECT_NE(answers[0].header.status, command_status::rok) << size;
    EXPECT_EQ(answers[0].header.sequence_number, 2U);
    client.submit(1, 3);
    EXPECT_THAT(sequences(client.receive()), ElementsAre(3));
  }
}

TEST(SmscLatency, HoldsEachAnswerForItsTimeExactly) {
  simulator_options options;
  options.latency = 20ms;
  smsc_world world(options);
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  const auto start = world.now;
  client.submit(3, 10);
  world.now += 5ms;
  client.submit(2, 20);
  EXPECT_TRUE(client.receive().empty());
  EXPECT_EQ(client.machine().next_deadline(), start + 20ms);
  world.now = start + 20ms - 1ns;
  EXPECT_TRUE(client.receive().empty());
  world.now = start + 20ms;
  EXPECT_THAT(sequences(client.receive()), ElementsAre(10, 11, 12));
  EXPECT_EQ(client.machine().next_deadline(), start + 25ms);
  world.now = start + 25ms;
  EXPECT_THAT(sequences(client.receive()), ElementsAre(20, 21));
  EXPECT_EQ(client.machine().next_deadline(), smsc_world::time_point::max());
}

TEST(SmscLatency, DoesNotHoldEnquireLinkAndLetsUnbindWaitForAllAnswers) {
  simulator_options options;
  options.latency = 20ms;
  smsc_world world(options);
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(2, 10);
  client.send(protocol::enquire_link{}, 20);
  EXPECT_THAT(sequences(client.receive()), ElementsAre(20));
  client.send(protocol::unbind{}, 21);
  client.submit(1, 30);  // too late
  EXPECT_TRUE(client.receive().empty());
  EXPECT_FALSE(client.machine().finished());
  world.now += 20ms;
  const auto answers = client.receive();
  EXPECT_THAT(sequences(answers), ElementsAre(10, 11, 21));
  EXPECT_EQ(answers.back().header.id, command_id::unbind_resp);
  EXPECT_TRUE(client.machine().finished());
}

TEST(SmscErrors, ComeAtTheirRateAndTheSameForTheSameSeed) {
  simulator_options options;
  options.errors = {{command_status::rmsgqful, 0.1}, {command_status::rinvdstadr, 0.02}};
  std::vector<std::vector<command_status>> runs;
  for (const std::uint64_t seed : {7U, 7U, 8U}) {
    options.seed = seed;
    smsc_world world(options);
    smsc_client client(world);
    ASSERT_EQ(client.bind(), command_status::rok);
    client.submit(10'000);
    std::map<command_status, int> counts;
    auto& statuses = runs.emplace_back();
    for (const auto& answer : client.receive()) {
      ++counts[answer.header.status];
      statuses.push_back(answer.header.status);
      EXPECT_EQ(answer.body.empty(), answer.header.status != command_status::rok);
    }
    EXPECT_NEAR(counts[command_status::rmsgqful], 1000, 150);
    EXPECT_NEAR(counts[command_status::rinvdstadr], 200, 70);
    EXPECT_EQ(counts[command_status::rok] + counts[command_status::rmsgqful] + counts[command_status::rinvdstadr],
              10'000);
    EXPECT_EQ(world.counters.refused.value() + world.counters.accepted.value(), 10'000U);
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0], runs[2]);
}

TEST(SmscThrottle, LetsThroughTheRateOfTheAccountAndNoMore) {
  simulator_options options;
  options.throttle_per_second = 1000;
  smsc_world world(options);
  smsc_client one(world, 1), two(world, 2);
  ASSERT_EQ(one.bind(), command_status::rok);
  ASSERT_EQ(two.bind(), command_status::rok);
  for (int millisecond = 0; millisecond < 2000; ++millisecond) {
    world.now += 1ms;
    one.submit(2);
    two.submit(2);
    one.receive();
    two.receive();
  }
  EXPECT_NEAR(static_cast<double>(world.counters.accepted.value()), 2100, 5) << "two seconds and a burst of 100 ms";
  EXPECT_EQ(world.counters.throttled.value() + world.counters.accepted.value(), 8000U);
}

TEST(SmscDrop, AcceptsWithoutAnswering) {
  simulator_options options;
  options.drop_responses = 0.25;
  smsc_world world(options);
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(4000);
  const auto answers = client.receive();
  EXPECT_NEAR(static_cast<double>(answers.size()), 3000, 150);
  EXPECT_EQ(world.counters.accepted.value(), 4000U);
  EXPECT_EQ(world.counters.dropped.value(), 4000 - answers.size());
}

TEST(SmscReorder, ShufflesWithinGroups) {
  simulator_options options;
  options.reorder = 10;
  smsc_world world(options);
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(95, 100);
  auto seen = sequences(client.receive());
  ASSERT_EQ(seen.size(), 90U) << "a group that is not whole waits";
  EXPECT_FALSE(std::is_sorted(seen.begin(), seen.end()));
  for (std::size_t group = 0; group < 9; ++group) {
    const auto from = seen.begin() + static_cast<std::ptrdiff_t>(10 * group);
    std::vector<std::uint32_t> members(from, from + 10);
    std::sort(members.begin(), members.end());
    EXPECT_EQ(members.front(), 100 + 10 * group);
    EXPECT_EQ(members.back(), 109 + 10 * group);
  }
  const auto deadline = client.machine().next_deadline();
  EXPECT_GT(deadline, world.now);
  EXPECT_LE(deadline, world.now + 10ms) << "but not for long";
  world.now = deadline;
  EXPECT_EQ(client.receive().size(), 5U);
}

TEST(SmscDisconnect, CutsOffAtTheNthSubmitWithoutAnsweringIt) {
  simulator_options options;
  options.disconnect_after = 5;
  smsc_world world(options);
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(3, 2);
  EXPECT_THAT(sequences(client.receive()), ElementsAre(2, 3, 4));
  EXPECT_FALSE(client.machine().cut_off());
  client.submit(5, 5);
  EXPECT_TRUE(client.machine().cut_off());
  EXPECT_TRUE(client.receive().empty());
  EXPECT_EQ(world.counters.submits.value(), 5U);
  EXPECT_EQ(world.counters.accepted.value(), 5U);
}

TEST(SmscBadInput, IsNackedAndClosedOrNackedAndKept) {
  struct input_case {
    const char* name;
    std::vector<std::uint8_t> octets;
    command_id answer;
    command_status status;
    std::uint32_t sequence;
    bool closes;
  };
  const input_case cases[] = {
      {"length 0",
       {0, 0, 0, 0, 0, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 9},
       command_id::generic_nack,
       command_status::rinvcmdlen,
       9,
       true},
      {"length 15",
       {0, 0, 0, 15, 0, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 9},
       command_id::generic_nack,
       command_status::rinvcmdlen,
       9,
       true},
      {"length 2 GiB",
       {0x80, 0, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0, 0, 0, 9},
       command_id::generic_nack,
       command_status::rinvcmdlen,
       9,
       true},
      {"HTTP",
       {'G', 'E', 'T', ' ', '/', ' ', 'H', 'T', 'T', 'P', '/', '1', '.', '1', '\r', '\n'},
       command_id::generic_nack,
       command_status::rinvcmdlen,
       0,
       true},
      {"unknown command",
       {0, 0, 0, 16, 0, 0, 0x77, 0x77, 0, 0, 0, 0, 0, 0, 0, 9},
       command_id::generic_nack,
       command_status::rinvcmdid,
       9,
       false},
      {"a request we do not serve",
       {0, 0, 0, 16, 0, 0, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 9},
       command_id::query_sm_resp,
       command_status::rinvcmdid,
       9,
       false},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    smsc_world world;
    smsc_client client(world);
    ASSERT_EQ(client.bind(), command_status::rok);
    const auto answers = client.exchange(each.octets);
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].header.id, each.answer);
    EXPECT_EQ(answers[0].header.status, each.status);
    EXPECT_EQ(answers[0].header.sequence_number, each.sequence);
    EXPECT_EQ(client.machine().finished(), each.closes);
  }
}

TEST(SmscBadInput, ResponsesToNothingAreIgnored) {
  smsc_world world;
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.send(protocol::deliver_sm_resp{}, 1);
  client.send(protocol::enquire_link_resp{}, 2);
  client.send(protocol::generic_nack{}, 3, command_status::rinvcmdid);
  EXPECT_TRUE(client.receive().empty());
  EXPECT_EQ(world.counters.nacks.value(), 1U);
  EXPECT_FALSE(client.machine().finished());
}

TEST(SmscEnquireLink, AsksASilentPeerAndLeavesADeadOne) {
  simulator_options options;
  options.enquire_link = 30s;
  smsc_world world(options);
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  EXPECT_EQ(client.machine().next_deadline(), world.now + 30s);
  world.now += 30s;
  auto asked = client.receive();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].header.id, command_id::enquire_link);
  client.send(protocol::enquire_link_resp{}, asked[0].header.sequence_number);
  world.now += 29s;
  EXPECT_TRUE(client.receive().empty());
  world.now += 1s;
  EXPECT_EQ(client.receive().size(), 1U);
  world.now = client.machine().next_deadline();
  EXPECT_TRUE(client.receive().empty());
  EXPECT_TRUE(client.machine().cut_off());
}

TEST(SmscStop, UnbindsAndWaitsForTheAnswer) {
  smsc_world world;
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.machine().stop();
  const auto said = client.receive();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].header.id, command_id::unbind);
  EXPECT_FALSE(client.machine().finished());
  client.send(protocol::unbind_resp{}, said[0].header.sequence_number);
  EXPECT_TRUE(client.machine().finished());

  smsc_client unbound(world);
  unbound.machine().stop();
  EXPECT_TRUE(unbound.machine().finished());
}

TEST(SmscLog, HasALineOfJsonForEachSubmit) {
  simulator_options options;
  options.disconnect_after = 2;
  smsc_world world(options);
  smsc_client client(world, 17);
  ASSERT_EQ(client.bind(), command_status::rok);
  world.now += 1234ms;
  auto message = a_message(1);
  message.source_addr = "A\"\x01\xff";
  message.validity_period = "000000010000000R";
  const std::uint8_t payload[] = {0xAB, 0xCD};
  std::uint8_t tlv_octets[16];
  protocol::octet_writer tlvs(tlv_octets);
  protocol::write_tlv(tlvs, protocol::tlv_tag::message_payload, payload);
  message.tlvs = protocol::tlv_view(tlvs.written());
  client.send(message, 2);
  client.submit(1, 3);
  const std::string id = "none";

  const std::string text(world.log.lines());
  ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  const auto first = nlohmann::json::parse(text.substr(0, text.find('\n')));
  const auto second = nlohmann::json::parse(text.substr(text.find('\n')));
  EXPECT_EQ(first["time"], "2026-11-22T10:00:01.234Z");
  EXPECT_EQ(first["system_id"], "esme");
  EXPECT_EQ(first["session"], 17);
  EXPECT_EQ(first["sequence"], 2);
  EXPECT_EQ(first["source"], "A\"\x01\u00ff");
  EXPECT_EQ(first["source_ton"], 5);
  EXPECT_EQ(first["destination"], "491701234567");
  EXPECT_EQ(first["dest_npi"], 1);
  EXPECT_EQ(first["esm_class"], 0);
  EXPECT_EQ(first["data_coding"], 0);
  EXPECT_EQ(first["registered_delivery"], 1);
  EXPECT_EQ(first["validity"], "000000010000000R");
  EXPECT_EQ(first["short_message"],
            "48656c6c6f2c20776f726c642e205468697320697320612074657374"
            "2e");
  EXPECT_EQ(first["tlvs"]["0x0424"], "abcd");
  EXPECT_EQ(first["message_id"].get<std::string>().size(), 10U);
  EXPECT_EQ(first["status"], "ESME_ROK");
  EXPECT_EQ(first["answered"], true);
  EXPECT_EQ(second["answered"], false) << "cut off instead";
  EXPECT_FALSE(second.contains("tlvs"));
}

TEST(SmscLog, KeepsRefusalsApart) {
  simulator_options options;
  options.errors = {{static_cast<command_status>(0x421), 1.0}};
  smsc_world world(options);
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(1);
  const auto line = nlohmann::json::parse(world.log.lines());
  EXPECT_EQ(line["status"], "0x00000421");
  EXPECT_TRUE(line["message_id"].is_null());
}

}  // namespace
}  // namespace trunkline::engine
