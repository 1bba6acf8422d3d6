// The simulator against the standard's table of commands and states (tests/data/tables/smpp-commands.csv): what an ESME
// may ask in which state, and what is said to it when it may not.
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "protocol/pdu_dispatch.hpp"
#include "tests/engine/simulator/smsc_harness.hpp"
#include "tests/protocol/table_file.hpp"

namespace trunkline::engine {
namespace {

using protocol::test::load_table;
using protocol::test::row;

struct state {
  const char* column;
  std::optional<command_id> bind;
};
constexpr std::array states{
    state{"v34_OPEN", std::nullopt},
    state{"v34_BOUND_TX", command_id::bind_transmitter},
    state{"v34_BOUND_RX", command_id::bind_receiver},
    state{"v34_BOUND_TRX", command_id::bind_transceiver},
};

std::vector<std::uint8_t> any_pdu(command_id id, std::uint32_t sequence) {
  std::vector<std::uint8_t> out(512);
  EXPECT_TRUE(protocol::with_pdu_type(id, [&]<class Pdu>(std::type_identity<Pdu>) {
    Pdu pdu;
    if constexpr (requires { pdu.id = id; }) pdu.id = id;
    if constexpr (requires { pdu.destination_addr; }) pdu.destination_addr = "491701234567";
    out.resize(protocol::write_pdu(out, command_status::rok, sequence, pdu));
    return true;
  }));
  return out;
}

/// Whether the table lets an ESME send it there. Its notes count, too: data_sm only where it may submit, enquire_link
/// everywhere.
bool may_send(const row& r, const state& in) {
  const command_id id = *protocol::command_of(r.at("name"));
  if (r.at("issuer") == "SMSC") return false;
  if (id == command_id::enquire_link) return true;
  if (id == command_id::data_sm && in.bind == command_id::bind_receiver) return false;
  return r.at(in.column) == "Y";
}

bool is_served(command_id id) {
  return id == command_id::submit_sm || id == command_id::enquire_link || id == command_id::unbind ||
         id == command_id::bind_transmitter || id == command_id::bind_receiver || id == command_id::bind_transceiver;
}

bool is_bind(command_id id) {
  return id == command_id::bind_transmitter || id == command_id::bind_receiver || id == command_id::bind_transceiver;
}

command_status expected(const row& r, const state& in) {
  const command_id id = *protocol::command_of(r.at("name"));
  if (may_send(r, in)) return is_served(id) ? command_status::rok : command_status::rinvcmdid;
  if (r.at("issuer") == "SMSC") return command_status::rinvcmdid;  // nobody may ask an SMSC for it, whatever the state
  return is_bind(id) ? command_status::ralybnd : command_status::rinvbndsts;
}

/// Calls `check` for each request, or each response, of the table on a fresh session in each state.
template <typename Check>
void in_every_state(bool responses, Check check) {
  for (const row& r : load_table("smpp-commands.csv")) {
    const command_id id = *protocol::command_of(r.at("name"));
    if (protocol::is_response(id) != responses) continue;
    for (const state& in : states) {
      SCOPED_TRACE(r.at("name") + " in " + in.column);
      smsc_world world;
      smsc_client client(world);
      if (in.bind) {
        ASSERT_EQ(client.bind(*in.bind), command_status::rok);
      }
      check(r, id, in, client);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(smsc_states, every_request_in_every_state_is_answered_as_the_table_says) {
  std::map<command_status, int> seen;
  in_every_state(false, [&](const row& r, command_id id, const state& in, smsc_client& client) {
    const auto answers = client.exchange(any_pdu(id, 77));
    ASSERT_EQ(answers.size(), 1U);
    const command_status status = expected(r, in);
    EXPECT_EQ(answers[0].header.id, protocol::has_response(id) ? protocol::response_of(id) : command_id::generic_nack);
    EXPECT_EQ(answers[0].header.sequence_number, 77U);
    EXPECT_EQ(answers[0].header.status, status);
    ++seen[status];
    // What was refused has changed nothing.
    const bool left = id == command_id::unbind && in.bind;
    EXPECT_EQ(client.machine().finished(), left);
    if (left) return;
    EXPECT_EQ(client.machine().bound(), in.bind.has_value() || (is_bind(id) && status == command_status::rok));
    const auto still_there = client.exchange(any_pdu(command_id::enquire_link, 78));
    ASSERT_EQ(still_there.size(), 1U);
    EXPECT_EQ(still_there[0].header.id, command_id::enquire_link_resp);
  });
  EXPECT_EQ(seen[command_status::ralybnd], 9) << "three binds in three states";
  EXPECT_GE(seen[command_status::rinvbndsts], 19) << "nine commands of senders in two states, and unbind in OPEN";
  EXPECT_EQ(seen[command_status::rok], 12) << "enquire_link everywhere, and what is served where it may be";
}

TEST(smsc_states, responses_are_never_answered) {
  in_every_state(true, [](const row&, command_id id, const state&, smsc_client& client) {
    EXPECT_TRUE(client.exchange(any_pdu(id, 77)).empty());
  });
}

TEST(smsc_states, what_the_simulator_says_it_may_say) {
  std::map<command_id, row> table;
  for (const row& r : load_table("smpp-commands.csv")) table[*protocol::command_of(r.at("name"))] = r;
  for (const state& in : states) {
    simulator_options options;
    options.receipts = std::chrono::seconds(0);
    options.inbound_per_second = 5;
    options.enquire_link = std::chrono::seconds(2);
    smsc_world world(options);
    smsc_client client(world);
    if (in.bind) {
      ASSERT_EQ(client.bind(*in.bind), command_status::rok);
    }
    client.submit(3, 10, 1);
    std::vector<kept_pdu> said = client.receive();
    for (int i = 0; i < 30; ++i) {
      world.now += std::chrono::milliseconds(100);
      for (auto& pdu : client.receive()) said.push_back(std::move(pdu));
    }
    client.machine().stop();
    for (auto& pdu : client.receive()) said.push_back(std::move(pdu));
    std::map<command_id, int> spoken;
    for (const kept_pdu& pdu : said) {
      SCOPED_TRACE(std::string(protocol::name_of(pdu.header.id)) + " in " + in.column);
      ++spoken[pdu.header.id];
      const row& r = table.at(pdu.header.id);
      EXPECT_NE(r.at("issuer"), "ESME");
      EXPECT_TRUE(pdu.header.status != command_status::rok || r.at(in.column) == "Y");
    }
    const bool receives = in.bind && *in.bind != command_id::bind_transmitter;
    EXPECT_EQ(spoken.contains(command_id::deliver_sm), receives) << in.column;
    EXPECT_EQ(spoken.contains(command_id::unbind), in.bind.has_value()) << in.column;
    EXPECT_EQ(spoken.contains(command_id::enquire_link), in.bind.has_value()) << in.column;
  }
}

}  // namespace
}  // namespace trunkline::engine
