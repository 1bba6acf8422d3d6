#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "engine/simulator/smsc_session_machine.hpp"
#include "tests/engine/simulator/smsc_harness.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

protocol::deliver_sm read(const kept_pdu& pdu) {
  const auto message = protocol::decode<protocol::deliver_sm>(std::span<const std::uint8_t>(pdu.body));
  if (!message) throw std::runtime_error("no deliver_sm");
  return *message;
}

std::string text_of(const protocol::deliver_sm& message) {
  return {message.short_message.begin(), message.short_message.end()};
}

simulator_options with_receipts(std::chrono::nanoseconds delay = 2s) {
  simulator_options options;
  options.receipts = delay;
  return options;
}

std::string as_decimal(const std::string& hex) { return std::to_string(std::stoull(hex, nullptr, 16)); }

TEST(SmscReceipts, ComeInTimeAndForm) {
  auto options = with_receipts();
  options.latency = 20ms;
  smsc_world world(options);
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  const auto start = world.now;
  client.submit(1, 2, 1);
  world.now = start + 20ms;
  const auto answers = client.receive();
  ASSERT_EQ(answers.size(), 1U);
  const std::string id = answers[0].message_id();
  EXPECT_EQ(client.machine().next_deadline(), start + 2020ms);
  world.now = start + 2020ms - 1ns;
  EXPECT_TRUE(client.receive().empty());
  world.now = start + 2020ms + 60s;
  const auto receipts = client.receive();
  ASSERT_EQ(receipts.size(), 1U);
  EXPECT_EQ(receipts[0].header.id, command_id::deliver_sm);
  const auto receipt = read(receipts[0]);
  EXPECT_EQ(receipt.esm_class, 0x04);
  EXPECT_EQ(receipt.source_addr, "491701234567");
  EXPECT_EQ(receipt.source_addr_ton, 1);
  EXPECT_EQ(receipt.destination_addr, "ACME");
  EXPECT_EQ(receipt.dest_addr_ton, 5);
  EXPECT_EQ(text_of(receipt), "id:" + id +
                                  " sub:001 dlvrd:001 submit date:2611221000 done date:2611221001 stat:DELIVRD err:000"
                                  " text:Hello, world. This i");
  EXPECT_EQ(receipt.tlvs.find_text(protocol::tlv_tag::receipted_message_id), id);
  EXPECT_EQ(receipt.tlvs.find_u8(protocol::tlv_tag::message_state), 2);

  client.send(protocol::deliver_sm_resp{}, receipts[0].header.sequence_number);
  EXPECT_EQ(world.counters.deliveries_acked.value(), 1U);
  EXPECT_EQ(client.machine().next_deadline(), smsc_world::time_point::max());
}

TEST(SmscReceipts, WriteIdsInTheFormAskedFor) {
  struct form_case {
    const char* name;
    id_form responses;
    std::optional<id_form> receipts;
    bool decimal_response, decimal_receipt;
  };
  const form_case cases[] = {
      {"same", id_form::hex, std::nullopt, false, false},
      {"hex and dec", id_form::hex, id_form::dec, false, true},
      {"hex and hex", id_form::hex, id_form::hex, false, false},
      {"dec and same", id_form::dec, std::nullopt, true, true},
      {"dec and hex", id_form::dec, id_form::hex, true, false},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    auto options = with_receipts(0s);
    options.message_ids = each.responses;
    options.receipt_ids = each.receipts;
    smsc_world world(options);
    smsc_client client(world);
    ASSERT_EQ(client.bind(), command_status::rok);
    client.submit(1, 2, 1);
    const auto said = client.receive();
    ASSERT_EQ(said.size(), 2U);
    const std::string in_response = said[0].message_id();
    const std::string in_receipt(*read(said[1]).tlvs.find_text(protocol::tlv_tag::receipted_message_id));
    EXPECT_THAT(text_of(read(said[1])), testing::StartsWith("id:" + in_receipt + " "));
    const std::string decimal = each.decimal_response ? in_response : as_decimal(in_response);
    EXPECT_EQ(each.decimal_receipt ? in_receipt : as_decimal(in_receipt), decimal);
  }
}

TEST(SmscReceipts, FollowRegisteredDeliveryAndTheStatesAskedFor) {
  auto options = with_receipts(0s);
  options.receipt_states = {{"UNDELIV", 5, 0.5}};
  smsc_world world(options);
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  std::map<int, std::map<int, int>> counts;
  for (std::uint8_t wanted = 0; wanted < 4; ++wanted) {
    client.submit(400, 1000U * (wanted + 1U), wanted);
    for (const auto& pdu : client.receive()) {
      if (pdu.header.id != command_id::deliver_sm) continue;
      ++counts[wanted][*read(pdu).tlvs.find_u8(protocol::tlv_tag::message_state)];
      client.send(protocol::deliver_sm_resp{}, pdu.header.sequence_number);
    }
  }
  EXPECT_TRUE(counts[0].empty());
  EXPECT_EQ(counts[1][2] + counts[1][5], 400);
  EXPECT_NEAR(counts[1][5], 200, 60);
  EXPECT_EQ(counts[2][2], 0);
  EXPECT_NEAR(counts[2][5], 200, 60);
  EXPECT_EQ(counts[3][5], 0);
  EXPECT_NEAR(counts[3][2], 200, 60);
}

TEST(SmscReceipts, OvertakeTheirAnswersWhenTold) {
  for (const unsigned reorder : {0U, 7U}) {
    auto options = with_receipts();
    options.receipts_first = true;
    options.latency = 20ms;
    options.reorder = reorder;
    smsc_world world(options);
    smsc_client client(world);
    ASSERT_EQ(client.bind(), command_status::rok);
    client.submit(20, 2, 1);
    EXPECT_TRUE(client.receive().empty());
    world.now += 30ms;
    std::map<std::string, bool> receipt_seen;
    int answers = 0;
    for (const auto& pdu : client.receive()) {
      if (pdu.header.id == command_id::deliver_sm) {
        receipt_seen[std::string(*read(pdu).tlvs.find_text(protocol::tlv_tag::receipted_message_id))] = true;
      } else {
        ++answers;
        EXPECT_TRUE(receipt_seen[pdu.message_id()]);
      }
    }
    EXPECT_EQ(answers, 20);
    EXPECT_EQ(receipt_seen.size(), 20U);
  }
}

TEST(SmscReceipts, OfATransmitterGoToAReceiverOfTheSameAccount) {
  smsc_world world(with_receipts());
  smsc_client transmitter(world, 1), stranger(world, 2), receiver(world, 3);
  ASSERT_EQ(transmitter.bind(command_id::bind_transmitter), command_status::rok);
  ASSERT_EQ(stranger.bind(command_id::bind_receiver, "stranger"), command_status::rok);
  ASSERT_EQ(receiver.bind(command_id::bind_receiver), command_status::rok);
  transmitter.submit(3, 2, 1);
  EXPECT_EQ(world.mails, 1) << "whoever waits is told once, of the earliest";
  EXPECT_EQ(receiver.machine().next_deadline(), world.now + 2s);
  EXPECT_EQ(stranger.machine().next_deadline(), smsc_world::time_point::max());
  world.now += 2s;
  EXPECT_EQ(transmitter.receive().size(), 3U) << "answers only";
  EXPECT_TRUE(stranger.receive().empty());
  EXPECT_EQ(receiver.receive().size(), 3U);
}

TEST(SmscReceipts, AreNotLostWithTheSession) {
  smsc_world world(with_receipts());
  {
    smsc_client client(world, 1);
    ASSERT_EQ(client.bind(), command_status::rok);
    client.submit(5, 2, 1);
    world.now += 1s;
    client.submit(4, 10, 1);
    world.now += 1s;
    EXPECT_EQ(client.receive().size(), 9U + 5U) << "five receipts are sent and not answered";
  }
  smsc_client next(world, 2);
  ASSERT_EQ(next.bind(), command_status::rok);
  EXPECT_EQ(next.receive().size(), 5U);
  world.now += 1s;
  EXPECT_EQ(next.receive().size(), 4U);
}

TEST(SmscReceipts, ComeAgainWhenRefusedOrUnanswered) {
  smsc_world world(with_receipts(0s));
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(2, 2, 1);
  const auto said = client.receive();
  ASSERT_EQ(said.size(), 4U);
  client.send(protocol::deliver_sm_resp{}, said[2].header.sequence_number, command_status::rx_t_appn);
  EXPECT_TRUE(client.receive().empty());
  world.now += 5s;
  EXPECT_EQ(client.receive().size(), 1U) << "the refused one";
  world.now += 55s;
  const auto again = client.receive();
  ASSERT_EQ(again.size(), 0U) << "put back, and due at once";
  EXPECT_EQ(client.receive().size(), 1U) << "the unanswered one";
  EXPECT_EQ(world.counters.redeliveries.value(), 2U);
}

TEST(SmscReceipts, StayWithinTheDeliverWindow) {
  auto options = with_receipts(0s);
  options.deliver_window = 10;
  smsc_world world(options);
  smsc_client client(world);
  ASSERT_EQ(client.bind(), command_status::rok);
  client.submit(25, 2, 1);
  auto said = client.receive();
  EXPECT_EQ(said.size(), 25U + 10U);
  EXPECT_GT(client.machine().next_deadline(), world.now) << "no busy loop while the window is full";
  int receipts = 0;
  while (!said.empty()) {
    for (const auto& pdu : said) {
      if (pdu.header.id != command_id::deliver_sm) continue;
      ++receipts;
      client.send(protocol::deliver_sm_resp{}, pdu.header.sequence_number);
    }
    said = client.receive();
  }
  EXPECT_EQ(receipts, 25);
}

TEST(SmscInbound, ComesAtItsRateOverAllReceivers) {
  simulator_options options;
  options.inbound_per_second = 100;
  options.inbound_text = "STOP {n}, really {n}";
  options.inbound_to = "54321";
  smsc_world world(options);
  smsc_client one(world, 1), two(world, 2), transmitter(world, 3);
  ASSERT_EQ(one.bind(), command_status::rok);
  ASSERT_EQ(two.bind(command_id::bind_receiver), command_status::rok);
  ASSERT_EQ(transmitter.bind(command_id::bind_transmitter), command_status::rok);
  std::vector<kept_pdu> all;
  const auto end = world.now + 10s;
  while (world.now < end) {
    world.now = std::min(one.machine().next_deadline(), end);
    for (auto* client : {&one, &two}) {
      for (auto& pdu : client->receive()) {
        client->send(protocol::deliver_sm_resp{}, pdu.header.sequence_number);
        all.push_back(std::move(pdu));
      }
    }
    EXPECT_TRUE(transmitter.receive().empty());
  }
  EXPECT_NEAR(static_cast<double>(all.size()), 1000, 12);
  const auto first = read(all.front());
  EXPECT_EQ(first.esm_class, 0);
  EXPECT_EQ(text_of(first), "STOP 1, really 1");
  EXPECT_EQ(first.source_addr, "491700000001");
  EXPECT_EQ(first.destination_addr, "54321");
}

TEST(SmscInbound, EndsWithItsCount) {
  simulator_options options;
  options.inbound_per_second = 1000;
  options.inbound_count = 7;
  options.inbound_from = "491701234567";
  smsc_world world(options);
  smsc_client client(world, 1);
  ASSERT_EQ(client.bind(), command_status::rok);
  std::size_t count = 0;
  for (auto said = client.receive(); !said.empty(); said = client.receive()) {
    for (auto& pdu : said) {
      EXPECT_EQ(read(pdu).source_addr, "491701234567");
      client.send(protocol::deliver_sm_resp{}, pdu.header.sequence_number);
    }
    count += said.size();
    if (client.machine().next_deadline() == smsc_session_machine::time_point::max()) break;
    world.now = std::max(world.now, client.machine().next_deadline());
  }
  EXPECT_EQ(count, 7U);
}

TEST(MessageIds, DifferOverBlocksAndRestarts) {
  const std::chrono::system_clock::time_point start{std::chrono::seconds(1'800'000'000)};
  message_id_source first(start);
  message_id_source later(start + 1s);
  const auto a = first.take_block();
  EXPECT_EQ(first.take_block(), a + message_id_source::block);
  EXPECT_GE(later.take_block(), a + 3'000'000);
  char text[max_message_id_bytes];
  EXPECT_EQ(std::string(text, write_message_id(text, 0x12'3456'789aU, id_form::hex)), "123456789a");
  EXPECT_EQ(std::string(text, write_message_id(text, 0x12'3456'789aU, id_form::dec)), "78187493530");
}

}  // namespace
}  // namespace trunkline::engine
