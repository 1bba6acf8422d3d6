// The standard's table of commands and states (tests/data/tables/smpp-commands.csv), in both directions: what the
// machine says in each state it may say, and what it may not hear there it refuses.
#include <gtest/gtest.h>

#include <set>

#include "protocol/pdu_dispatch.hpp"
#include "tests/protocol/session_fixture.hpp"
#include "tests/protocol/table_file.hpp"

namespace trunkline::protocol {
namespace {

using test::octets;
using test::seconds;

struct states_test : test::machine_test {
  /// What the table calls the state.
  static std::string column(session_phase phase, bind_type bind) {
    if (phase != session_phase::bound) return "v34_OPEN";
    if (bind == bind_type::transmitter) return "v34_BOUND_TX";
    return bind == bind_type::receiver ? "v34_BOUND_RX" : "v34_BOUND_TRX";
  }
  static bool may_stand_in(const test::row& row, const std::string& state) {
    const bool in_50 = state == "v34_OPEN" && row.at("v50_extra_states").find("OPEN") != std::string::npos;
    return row.at(state) == "Y" || in_50;
  }
  static command_id id_of(const test::row& row) { return *command_of(row.at("name")); }

  /// A PDU of that command with nothing wrong in it.
  static octets any_pdu(command_id id, std::uint32_t sequence) {
    octets out(512);
    octets tlvs(16);
    octet_writer parameters(tlvs);
    if (id == command_id::data_sm) write_tlv_u8(parameters, tlv_tag::message_state, 2);
    const bool known = with_pdu_type(id, [&]<class Pdu>(std::type_identity<Pdu>) {
      Pdu pdu;
      if constexpr (requires { pdu.id = id; }) pdu.id = id;
      pdu.tlvs = tlv_view(parameters.written());
      out.resize(write_pdu(out, command_status::rok, sequence, pdu));
      return true;
    });
    EXPECT_TRUE(known);
    return out;
  }
  /// Brings the machine there; what it said on the way is in `last_said`.
  void go_to(session_phase phase, bind_type type) {
    kept.clear();
    if (phase == session_phase::bound) return bind({.bind = type});
    make({.bind = type});
    machine->connected(now);
    (void)said();
  }
  /// Departures from the table, each because a message would be lost otherwise: some carriers send receipts to whoever
  /// is there, and a peer that takes its leave early is answered.
  static bool is_taken_all_the_same(command_id id, session_phase phase) {
    if (phase == session_phase::bound)
      return id == command_id::deliver_sm || id == command_id::data_sm || id == command_id::alert_notification;
    return id == command_id::unbind;
  }
};

TEST_F(states_test, what_the_peer_may_not_send_is_refused_and_counted) {
  int refused = 0;
  for (const auto& row : test::load_table("smpp-commands.csv")) {
    const command_id id = id_of(row);
    for (const auto phase : {session_phase::binding, session_phase::bound}) {
      for (const auto type : {bind_type::transmitter, bind_type::receiver, bind_type::transceiver}) {
        const std::string state = column(phase, type);
        SCOPED_TRACE(row.at("name") + " in " + state);
        go_to(phase, type);
        hear(any_pdu(id, 77));
        const auto answers = said();
        if (is_response(id)) {  // nobody asked for it
          EXPECT_TRUE(answers.empty()) << "a response is never answered";
          EXPECT_EQ(machine->phase(), phase);
          EXPECT_EQ(heard.faults.size(), id == command_id::enquire_link_resp ? 0U : 1U);
          continue;
        }
        const bool allowed = row.at("issuer") != "ESME" && may_stand_in(row, state) && id != command_id::outbind;
        if (allowed || is_taken_all_the_same(id, phase)) {
          EXPECT_TRUE(heard.faults.empty());
          continue;
        }
        ++refused;
        EXPECT_EQ(heard.faults[session_fault::unexpected], 1);
        EXPECT_TRUE(heard.received.empty());
        EXPECT_EQ(heard.alerts, 0);
        EXPECT_EQ(machine->phase(), phase);
        ASSERT_EQ(answers.size(), has_response(id) ? 1U : 0U);
        if (!has_response(id)) continue;
        EXPECT_EQ(answers[0].id, response_of(id));
        EXPECT_EQ(answers[0].sequence_number, 77U);
        EXPECT_NE(answers[0].status, command_status::rok);
      }
    }
  }
  EXPECT_GT(refused, 60);
}

TEST_F(states_test, what_the_machine_says_it_may_say) {
  std::map<command_id, test::row> table;
  for (const auto& row : test::load_table("smpp-commands.csv")) table[id_of(row)] = row;
  std::set<command_id> spoken;
  const auto check = [&](const std::vector<pdu_header>& sent, const std::string& state) {
    for (const pdu_header& header : sent) {
      SCOPED_TRACE(std::string(name_of(header.id)) + " in " + state);
      spoken.insert(header.id);
      const auto& row = table.at(header.id);
      EXPECT_TRUE(row.at("issuer") != "SMSC" || header.status != command_status::rok) << "only to refuse";
      const bool answers_what_was_taken_all_the_same =
          state == "v34_BOUND_TX" &&
          (header.id == command_id::deliver_sm_resp || header.id == command_id::data_sm_resp);
      EXPECT_TRUE(header.status != command_status::rok || answers_what_was_taken_all_the_same ||
                  may_stand_in(row, state));
    }
  };
  for (const auto type : {bind_type::transmitter, bind_type::receiver, bind_type::transceiver}) {
    kept.clear();
    make({.bind = type});
    EXPECT_EQ(machine->free_slots(), 0U);
    machine->connected(now);
    EXPECT_EQ(machine->free_slots(), 0U);
    check(said(), "v34_OPEN");
    hear(any_pdu(command_id::enquire_link, 5));
    check(said(), "v34_OPEN");

    bind({.bind = type});
    const std::string state = column(session_phase::bound, type);
    EXPECT_EQ(machine->free_slots() != 0, may_stand_in(table.at(command_id::submit_sm), state));
    for (const auto& [id, row] : table)
      if (!is_response(id) && id != command_id::unbind) hear(any_pdu(id, 100));
    for (std::size_t i = heard.received.size(); i > 0; --i) machine->answer(100, command_status::rok);
    check(said(), state);
    pass(seconds(30));
    check(said(), state);
    machine->begin_unbind(now);
    check(said(), state);
  }
  for (const auto id :
       {command_id::bind_transmitter, command_id::bind_receiver, command_id::bind_transceiver, command_id::enquire_link,
        command_id::enquire_link_resp, command_id::unbind, command_id::deliver_sm_resp, command_id::data_sm_resp})
    EXPECT_TRUE(spoken.contains(id)) << name_of(id);
}

}  // namespace
}  // namespace trunkline::protocol
