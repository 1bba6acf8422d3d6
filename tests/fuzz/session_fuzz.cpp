// A session machine that hears arbitrary octets in arbitrary cuts, with submits opened and time passing in between:
// every submit ends once, what the machine says can be framed, and nothing is read outside of the input.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "protocol/session_machine.hpp"

namespace {

using namespace trunkline::protocol;

void check(bool holds) {
  if (!holds) std::abort();
}

struct counting_handler final : session_handler {
  void on_bound(std::string_view, std::optional<std::uint8_t>) noexcept override { ++bound; }
  void on_submit_answer(const submit_answer&) noexcept override { ++ended; }
  void on_submit_timeout(submit_token) noexcept override { ++ended; }
  bool on_received(const frame& pdu) noexcept override {
    received.push_back(pdu.header.sequence_number);
    return pdu.header.sequence_number % 5 != 0;
  }
  void on_fault(session_fault, std::span<const std::uint8_t>) noexcept override {}

  int bound = 0;
  std::size_t ended = 0;
  std::vector<std::uint32_t> received;
};

/// Everything that was said so far must be whole PDUs.
void read_what_was_said(session_machine& machine) {
  if (!machine.has_staged()) return;
  static std::vector<std::uint8_t> out(std::size_t{2} << 20U);
  const std::size_t size = machine.fill(out);
  check(!machine.has_staged());
  std::size_t at = 0;
  while (at < size) {
    const auto cut = next_frame(std::span<const std::uint8_t>(out).subspan(at, size - at));
    check(cut.kind == frame_kind::complete);
    at += cut.frame.octets.size();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  counting_handler handler;
  session_settings settings;
  settings.window = 1U + data[0] % 16U;
  settings.max_unacknowledged = 8;
  session_machine machine(settings, handler);
  session_machine::time_point now{std::chrono::hours(1)};
  machine.connected(now);
  read_what_was_said(machine);
  if ((data[0] & 0x80U) == 0) {  // bound, so that most inputs reach the states behind
    const std::uint8_t accepted[] = {0, 0, 0, 17, 0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0};
    check(machine.on_bytes(accepted, now) == sizeof accepted);
    check(handler.bound == 1);
  }
  const std::size_t step = 1U + data[1];
  std::vector<std::uint8_t> kept;
  std::size_t opened = 0;
  for (std::size_t at = 2; at < size && !machine.ended(); at += step) {
    if (machine.free_slots() != 0 && at % 3 == 0) {
      check(machine.open_submit(now, {.subject = nullptr, .part = 0}) != 0);
      ++opened;
    }
    kept.insert(kept.end(), data + at, data + std::min(size, at + step));
    // Exactly as many octets as there are, so that a read past them is seen.
    const std::vector<std::uint8_t> exact(kept.begin(), kept.end());
    const std::size_t used = machine.on_bytes(exact, now);
    check(used <= kept.size());
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(used));
    for (const std::uint32_t number : handler.received) machine.answer(number, command_status::rok);
    handler.received.clear();
    now += std::chrono::milliseconds(100U * (data[at] % 8U));
    machine.tick(now);
    check(opened == machine.in_flight() + handler.ended);
    check(machine.ended() || machine.next_deadline() >= now);
    read_what_was_said(machine);
  }
  machine.drain([&](submit_token) { ++handler.ended; });
  check(opened == handler.ended && machine.in_flight() == 0);
  return 0;
}
