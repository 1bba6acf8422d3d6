#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/pdu.hpp"
#include "protocol/session_machine.hpp"

// A session machine with the peer and the clock in the hands of the test.
namespace trunkline::protocol::test {

using std::chrono::seconds;
using octets = std::vector<std::uint8_t>;
using time_point = session_machine::time_point;

/// Notes what it is told.
struct recorder : session_handler {
  struct answered {
    submit_token token;
    std::uint32_t sequence_number;
    command_status status;
    bool nack;
    std::string message_id;
    std::chrono::steady_clock::duration duration;
  };
  void on_bound(std::string_view id, std::optional<std::uint8_t> version) noexcept override {
    bound = std::string(id);
    peer_version = version;
  }
  void on_submit_answer(const submit_answer& a) noexcept override {
    answers.push_back({a.token, a.sequence_number, a.status, a.nack, std::string(a.message_id), a.duration});
  }
  void on_submit_timeout(submit_token token) noexcept override { timeouts.push_back(token); }
  bool on_received(const frame& pdu) noexcept override {
    if (!takes) return false;
    received.push_back(pdu.header.sequence_number);
    return true;
  }
  void on_fault(session_fault kind, std::span<const std::uint8_t>) noexcept override { ++faults[kind]; }
  void on_alert(const frame&) noexcept override { ++alerts; }

  std::optional<std::string> bound;
  std::optional<std::uint8_t> peer_version;
  std::vector<answered> answers;
  std::vector<submit_token> timeouts;
  std::vector<std::uint32_t> received;
  std::map<session_fault, int> faults;
  int alerts = 0;
  bool takes = true;
};

struct machine_test : testing::Test {
  machine_test() { make({}); }

  void make(session_settings s) {
    if (s.system_id.empty()) s.system_id = "user";
    if (s.password.empty()) s.password = "pass";
    heard = {};
    machine = std::make_unique<session_machine>(s, heard);
  }
  void bind(session_settings s = {}) {
    make(s);
    machine->connected(now);
    const auto sent = said();
    ASSERT_EQ(sent.size(), 1U);
    bind_resp resp;
    resp.id = response_of(sent[0].id);
    resp.system_id = "SMSC";
    hear(pdu(resp, sent[0].sequence_number));
    ASSERT_TRUE(machine->bound());
  }
  template <typename Pdu>
  static octets pdu(const Pdu& p, std::uint32_t sequence, command_status status = command_status::rok) {
    octets out(2048);
    out.resize(write_pdu(out, status, sequence, p));
    EXPECT_FALSE(out.empty());
    return out;
  }
  static octets submit_resp(std::uint32_t sequence, std::string_view id, command_status status = command_status::rok) {
    submit_sm_resp resp;
    resp.message_id = id;
    return pdu(resp, sequence, status);
  }
  static octets deliver(std::uint32_t sequence) {
    deliver_sm d;
    d.source_addr = "4915100000001";
    d.destination_addr = "12345";
    return pdu(d, sequence);
  }
  /// Gives octets to the machine as a shell would: what is not used up stays in front.
  void hear(const octets& more) {
    kept.insert(kept.end(), more.begin(), more.end());
    const std::size_t used = machine->on_bytes(kept, now);
    ASSERT_LE(used, kept.size());
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(used));
  }
  /// The headers of everything it wants to write.
  std::vector<pdu_header> said() {
    octets out(1 << 16);
    out.resize(machine->fill(out));
    std::vector<pdu_header> headers;
    last_said = out;
    for (std::size_t at = 0; at < out.size();) {
      const auto cut = next_frame(std::span<const std::uint8_t>(out).subspan(at));
      if (cut.kind != frame_kind::complete) {
        ADD_FAILURE() << "said something that is no PDU";
        break;
      }
      headers.push_back(cut.frame.header);
      at += cut.frame.octets.size();
    }
    return headers;
  }
  std::uint32_t submit(std::uint32_t part = 0) { return machine->open_submit(now, {.subject = this, .part = part}); }
  void pass(std::chrono::steady_clock::duration time) {
    now += time;
    machine->tick(now);
  }

  time_point now{std::chrono::hours(100)};
  recorder heard;
  std::unique_ptr<session_machine> machine;
  octets kept;
  octets last_said;
};

}  // namespace trunkline::protocol::test
