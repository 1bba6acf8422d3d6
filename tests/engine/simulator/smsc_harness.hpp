#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/simulator/message_centre.hpp"
#include "engine/simulator/smsc_session_machine.hpp"
#include "protocol/pdu.hpp"

namespace trunkline::engine {

using protocol::command_id;
using protocol::command_status;

/// A PDU with octets of its own, so that it outlives what it was cut from.
struct kept_pdu {
  protocol::pdu_header header;
  std::vector<std::uint8_t> body;

  std::string message_id() const {
    const auto answer = protocol::decode<protocol::submit_sm_resp>(std::span<const std::uint8_t>(body));
    return answer ? std::string(answer->message_id) : "cannot be read";
  }
};

/// Octets to PDUs; all of them must be whole.
inline std::vector<kept_pdu> cut(std::span<const std::uint8_t> octets) {
  std::vector<kept_pdu> all;
  while (!octets.empty()) {
    const auto next = protocol::next_frame(octets);
    if (next.kind != protocol::frame_kind::complete) throw std::runtime_error("half a PDU");
    all.push_back({next.frame.header, {next.frame.body.begin(), next.frame.body.end()}});
    octets = octets.subspan(next.frame.octets.size());
  }
  return all;
}

template <class Pdu>
std::vector<std::uint8_t> octets_of(const Pdu& pdu, std::uint32_t sequence,
                                    command_status status = command_status::rok) {
  std::vector<std::uint8_t> out(1024);
  out.resize(protocol::write_pdu(out, status, sequence, pdu));
  return out;
}

inline protocol::submit_sm a_message(std::uint8_t registered_delivery = 0) {
  static constexpr std::string_view text = "Hello, world. This is a test.";
  protocol::submit_sm message;
  message.source_addr_ton = 5;
  message.source_addr = "ACME";
  message.dest_addr_ton = 1;
  message.dest_addr_npi = 1;
  message.destination_addr = "491701234567";
  message.registered_delivery = registered_delivery;
  message.short_message = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
  return message;
}

/// A clock and a centre for any number of clients. The wall clock starts at 2026-11-22T10:00:00Z.
struct smsc_world {
  using time_point = std::chrono::steady_clock::time_point;

  explicit smsc_world(simulator_options options = {})
      : centre(std::move(options), now,
               std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::hours(10)) {
    centre.on_mail = [this] { ++mails; };
  }

  time_point now{std::chrono::hours(100)};
  message_centre centre;
  simulator_counters counters;
  submit_log log;
  int mails = 0;
};

/// A client of one session machine.
class smsc_client {
 public:
  explicit smsc_client(smsc_world& world, std::uint64_t number = 1)
      : world_(world), machine_(world.centre, number, world.counters, &world.log) {}
  ~smsc_client() { close(); }

  /// Everything the machine has to say now.
  std::vector<kept_pdu> receive(std::size_t buffer_bytes = 4096) {
    std::vector<std::uint8_t> all;
    std::vector<kept_pdu> pdus = std::exchange(kept_, {});
    std::vector<std::uint8_t> some(buffer_bytes);
    while (const std::size_t size = machine_.fill(some, world_.now))
      all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(size));
    std::ranges::move(cut(all), std::back_inserter(pdus));
    return pdus;
  }

  void send(std::span<const std::uint8_t> octets) {
    pending_.insert(pending_.end(), octets.begin(), octets.end());
    const std::size_t done = machine_.on_bytes(pending_, world_.now);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(done));
  }
  template <class Pdu>
  void send(const Pdu& pdu, std::uint32_t sequence, command_status status = command_status::rok) {
    send(octets_of(pdu, sequence, status));
  }

  std::vector<kept_pdu> exchange(std::span<const std::uint8_t> octets) {
    send(octets);
    return receive();
  }

  command_status bind(command_id how = command_id::bind_transceiver, std::string_view system_id = "esme",
                      std::string_view password = "secret") {
    protocol::bind_request request;
    request.id = how;
    request.system_id = system_id;
    request.password = password;
    kept_ = exchange(octets_of(request, 1));
    if (kept_.empty() || kept_[0].header.id != protocol::response_of(how)) return command_status::runknownerr;
    const auto status = kept_[0].header.status;
    kept_.erase(kept_.begin());
    return status;
  }

  /// Submits `count` messages with sequence numbers from `first`.
  void submit(std::size_t count, std::uint32_t first = 2, std::uint8_t registered_delivery = 0) {
    std::vector<std::uint8_t> all;
    for (std::size_t i = 0; i < count; ++i) {
      const auto one = octets_of(a_message(registered_delivery), first + static_cast<std::uint32_t>(i));
      all.insert(all.end(), one.begin(), one.end());
    }
    send(all);
  }

  void close() { machine_.on_closed(world_.now); }

  smsc_session_machine& machine() { return machine_; }

 private:
  smsc_world& world_;
  smsc_session_machine machine_;
  std::vector<std::uint8_t> pending_;
  std::vector<kept_pdu> kept_;  // came with the answer to a bind
};

}  // namespace trunkline::engine
