// Turns of everybody. What a session's coroutines do (connect, read, write, leave, conclude) is written down here once
// more as plain functions of the clock; what they call is the real thing.
#include "tests/engine/assembly/carrier_life.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/engine/assembly/carrier_life_link.hpp"

namespace trunkline::engine::test {
namespace {

using protocol::command_status;
using protocol::session_end;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds turn_time{10};
constexpr std::size_t most_alive = 160;

}  // namespace

carrier_life::carrier_life(std::uint64_t seed)
    : random_(seed),
      carrier_(make_carrier(configuration())),
      tokens_(std::make_unique<carrier::producer>(*carrier_)),
      gate_(options_.login_probes,
            [this] {
              for (auto& l : links_)
                if (l->at_gate) l->retry_at = now_;
            }),
      centre_(scenario(), begin_, std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)) {
  const std::size_t sessions = 1 + draw(3);
  for (std::size_t i = 0; i < sessions; ++i) links_.push_back(std::make_unique<link>(*this, i));
}

carrier_life::~carrier_life() {
  for (auto& l : links_) {
    if (l->peer) l->peer->on_closed(now_);
  }
}

carrier_config carrier_life::configuration() {
  carrier_config config = test_config();
  config.throughput = throughput;
  config.response_timeout = seconds(5 + static_cast<int>(draw(10)));
  config.enquire_link = seconds(10);
  config.window = static_cast<unsigned>(1 + draw(largest_window));
  if (draw(3) == 0) {
    config.window.automatic = true;
    config.window.max = largest_window;
  }
  return config;
}

/// An hour in stretches of 10 to 60 seconds: half of them well, the others with one to three things wrong.
simulator_options carrier_life::scenario() {
  simulator_options well;
  well.latency = milliseconds(20 + draw(200));
  well.seed = random_();
  well.deliver_window = 10;
  well.receipts = seconds(2);
  well.inbound_per_second = 0.5;
  simulator_options all = well;
  static constexpr std::array statuses{
      command_status::rmsgqful,   command_status::rsyserr,     command_status::rthrottled, command_status{0x421},
      command_status::rinvdstadr, command_status::rsubmitfail, command_status::rinvbndsts, command_status::rinvsrcadr,
      command_status::rx_t_appn,  command_status::rcntsubdl};
  static constexpr std::array refusals{command_status::rbindfail, command_status::rinvpaswd, command_status::rinvsysid,
                                       command_status::ralybnd,   command_status::rsyserr,   command_status::rsyserr};
  static constexpr std::array bind_faults{bind_fault::nack, bind_fault::silence, bind_fault::other, bind_fault::close};
  const auto some_fault = [&] { return static_cast<session_fault_kind>(draw(7)); };
  for (seconds at{static_cast<int>(20 + draw(20))}; at < hour; at += seconds(10 + draw(50))) {
    simulator_options now = well;
    if (draw(2) == 0) {
      for (std::uint64_t faults = 1 + draw(3); faults != 0; --faults) {
        switch (draw(15)) {
          case 0:
            now.errors = {{statuses[draw(statuses.size())], 0.3}, {statuses[draw(statuses.size())], 0.1}};
            break;
          case 1:
            now.drop_responses = 0.05;
            break;
          case 2:
            now.late = {seconds(1 + draw(40)), 0.1};
            break;
          case 3:
            now.duplicate = 0.3;
            break;
          case 4:
            now.nack = 0.1;
            break;
          case 5:
            now.wrong_sequence = 0.05;
            break;
          case 6:
            now.throttle_per_second = static_cast<double>(5 + draw(30));
            break;
          case 7:
            now.window = static_cast<unsigned>(1 + draw(5));
            break;
          case 8:
            now.congestion = static_cast<std::uint8_t>(80 + draw(21));
            break;
          case 9:
            now.reorder = 4;
            break;
          case 10:
            now.disconnect_after = 10 + draw(100);
            break;
          case 11:
            now.fault = {some_fault(), 1 + draw(50)};
            break;
          case 12:
            now.action = some_fault();
            break;
          case 13:
            // Refusals matter to those who bind: everybody has to.
            now.action = session_fault_kind::reset;
            if (draw(2) == 0) {
              now.bind_error = refusals[draw(refusals.size())];
            } else {
              now.bind_answer = bind_faults[draw(bind_faults.size())];
            }
            break;
          default:
            now.action = session_fault_kind::disconnect;
            now.accept = false;
        }
      }
    }
    all.steps.push_back({at, now});
  }
  all.steps.push_back({hour, well});
  return all;
}

void carrier_life::step() {
  now_ += turn_time;
  wall_ += turn_time.count();
  written_now_ = 0;
  if (supply_) offer();
  come_back();
  // A campaign is paused now and then, and an operator, or a reload, changes what can be changed.
  if (supply_ && draw(6000) == 0) around_.batch.paused = true;
  if (around_.batch.paused.load() && (!supply_ || draw(300) == 0)) around_.batch.paused = false;
  if (draw(20'000) == 0) links_[draw(links_.size())]->told_to_leave = true;
  if (draw(20'000) == 0 || !supply_) gate_.retry();
  if (draw(10'000) == 0) {
    carrier_config changed = carrier_->config();
    changed.window = static_cast<unsigned>(1 + draw(largest_window));
    carrier_->reconfigure(std::make_shared<const carrier_config>(changed));
    for (auto& l : links_) l->flow.reconfigure(changed.window);
  }
  const std::size_t first = draw(links_.size());
  for (std::size_t i = 0; i < links_.size(); ++i) turn(*links_[(first + i) % links_.size()]);
  collect();
  check();
}

/// New messages: none, few or more than the carrier takes, for some seconds each.
void carrier_life::offer() {
  if (draw(1000) == 0) arrivals_ = static_cast<double>(draw(3) * 30);
  while (live_.size() < most_alive && chance(arrivals_ * 0.01)) {
    static constexpr std::array<std::uint8_t, 8> part_counts{1, 1, 1, 1, 1, 2, 3, 7};
    const bool expires = draw(10) == 0;
    message* m = around_.make(next_line_++, part_counts[draw(part_counts.size())], 0, expires);
    m->priority = static_cast<router::priority>(draw(3));
    if (draw(8) == 0) m->flags |= flag_hold;
    if (expires) m->expires_at_ms = wall_ + static_cast<std::int64_t>(1000 + draw(60'000));
    live_.emplace(m->line, fate{m});
    ++counts_.offered;
    carrier_->push(lane_of(m->priority), {&m, 1}, *tokens_);
    if (arrivals_ < 50) break;
  }
}

/// What waited its time goes back to the lanes, as the feeder does it.
void carrier_life::come_back() {
  for (auto& [line, f] : live_) {
    if (!f.waiting || f.due > now_) continue;
    f.waiting = false;
    if (f.subject->attempts == 0) {
      carrier_->push_again(f.subject);
    } else {
      carrier_->push_returned(f.subject);
    }
  }
}

void carrier_life::turn(link& l) {
  if (!l.up && now_ >= l.retry_at) try_to_connect(l);
  if (!l.up) return;
  peer_turn(l);
  if (!l.up) return;
  // What has arrived here.
  bool heard = false;
  while (!l.back.chunks.empty() && l.back.chunks.front().first <= now_) {
    auto& chunk = l.back.chunks.front().second;
    l.back.kept.insert(l.back.kept.end(), chunk.begin(), chunk.end());
    l.back.chunks.pop_front();
    heard = true;
  }
  if (heard) {
    const std::size_t used = l.flow.on_bytes(l.back.kept, now_, wall_);
    l.back.kept.erase(l.back.kept.begin(), l.back.kept.begin() + static_cast<std::ptrdiff_t>(used));
  }
  if (l.flow.logged_in() && !l.logged_in) {
    l.logged_in = true;
    ++counts_.binds;
    gate_.succeeded(l.index);
  }
  l.flow.tick(now_, wall_);
  leave(l);
  write(l);
  if (!l.up) return;
  if (l.flow.machine().ended() || (l.peer_gone && l.back.chunks.empty())) return broken_off(l);
  // The network breaks by itself, too, and takes with it what is on its way.
  if (draw(60'000) == 0) broken_off(l);
}

void carrier_life::try_to_connect(link& l) {
  const login_gate::verdict verdict = gate_.ask(l.index, now_);
  l.at_gate = !verdict.go;
  if (!verdict.go) {
    l.retry_at = now_ + verdict.wait;
    return;
  }
  if (!centre_.options_of(centre_.step_at(now_)).accept) {
    gate_.undecided(l.index, now_);
    l.retry_at = now_ + std::max(l.delays.next(random_), milliseconds(1));
    return;
  }
  l.up = true;
  l.logged_in = l.told_to_leave = l.peer_gone = false;
  l.leave_by = time_point::max();
  l.lateness = milliseconds(draw(40));
  l.there = l.back = {};
  l.peer = std::make_unique<smsc_session_machine>(centre_, ++connections_, smsc_counters_, nullptr);
  l.answers = std::make_shared<acks>();
  l.flow.close_admission(false);
  l.flow.connected(l.answers, now_);
}

/// Who was refused, or told to: waits for its answers and unbinds.
void carrier_life::leave(link& l) {
  auto& machine = l.flow.machine();
  if (machine.ended() || !(l.told_to_leave || l.flow.refused())) return;
  l.flow.close_admission(l.told_to_leave);
  if (!machine.bound()) {
    if (l.told_to_leave) machine.begin_unbind(now_);
    return;
  }
  if (l.leave_by == time_point::max()) l.leave_by = now_ + seconds(5);
  if ((l.flow.idle() && machine.unacknowledged() == 0) || now_ >= l.leave_by) machine.begin_unbind(now_);
}

void carrier_life::write(link& l) {
  for (const auto& [sequence, stored] : std::exchange(l.answers->answers, {}))
    l.flow.machine().answer(sequence, stored ? command_status::rok : command_status::rx_t_appn);
  for (auto& list : std::exchange(l.answers->lists, {})) l.flow.announced(std::move(list));
  for (;;) {
    const bool paused = carrier_->pacing().paused(now_);
    const auto octets = l.flow.build(now_, wall_);
    if (octets.empty()) break;
    std::uint32_t submits = 0;
    for (std::size_t at = 0; at < octets.size();) {
      const auto cut = protocol::next_frame(octets.subspan(at));
      if (cut.kind != protocol::frame_kind::complete) return wrong("writes what is no PDU");
      submits += cut.frame.header.id == protocol::command_id::submit_sm ? 1U : 0U;
      at += cut.frame.octets.size();
    }
    if (paused && submits != 0) wrong("sends in the pause after a throttle");
    written_now_ += submits;
    counts_.submits += submits;
    const bool torn = draw(20'000) == 0;
    const std::size_t arrives = torn ? draw(octets.size()) : octets.size();
    l.there.chunks.emplace_back(now_ + l.lateness,
                                std::vector<std::uint8_t>(octets.begin(), octets.begin() + static_cast<long>(arrives)));
    if (torn) return broken_off(l, octets, arrives);
  }
  (void)l.flow.end_turn();
}

void carrier_life::peer_turn(link& l) {
  smsc_session_machine& peer = *l.peer;
  bool heard = false;
  while (peer.wants_input() && !l.there.chunks.empty() && l.there.chunks.front().first <= now_) {
    auto& chunk = l.there.chunks.front().second;
    l.there.kept.insert(l.there.kept.end(), chunk.begin(), chunk.end());
    l.there.chunks.pop_front();
    heard = true;
  }
  if (heard && !peer.finished()) {
    const std::size_t used = peer.on_bytes(l.there.kept, now_);
    l.there.kept.erase(l.there.kept.begin(), l.there.kept.begin() + static_cast<std::ptrdiff_t>(used));
  }
  if (peer.cut_off()) return broken_off(l);
  if (heard || peer.next_deadline() <= now_ || !centre_.options().steps.empty()) {
    std::array<std::uint8_t, 2048> some;
    while (const std::size_t size = peer.fill(some, now_))
      l.back.chunks.emplace_back(now_ + l.lateness,
                                 std::vector<std::uint8_t>(some.begin(), some.begin() + static_cast<long>(size)));
  }
  if (peer.cut_off()) return broken_off(l);
  l.peer_gone = peer.finished();
}

void carrier_life::broken_off(link& l, std::span<const std::uint8_t> written, std::size_t transferred) {
  // What had been written whole may still be read by the other side.
  if (draw(2) == 0 && !l.peer->cut_off() && l.peer->wants_input()) {
    for (auto& [due, chunk] : l.there.chunks) l.there.kept.insert(l.there.kept.end(), chunk.begin(), chunk.end());
    if (!l.there.kept.empty()) (void)l.peer->on_bytes(l.there.kept, now_);
  }
  l.peer->on_closed(now_);
  l.answers->open = false;
  for (auto& list : std::exchange(l.answers->lists, {})) l.flow.announced(std::move(list));
  const milliseconds delay = conclude(l);
  l.flow.disconnected(now_, written, transferred);
  (void)l.flow.end_turn();
  l.up = false;
  ++counts_.breaks;
  l.retry_at = now_ + delay;
}

milliseconds carrier_life::conclude(link& l) {
  const auto& machine = l.flow.machine();
  const bool told = std::exchange(l.told_to_leave, false);
  if (l.logged_in) {
    if (!l.flow.refused()) l.delays.reset();
    if (told) return milliseconds(0);
  } else if (machine.end_reason() == session_end::bind_refused) {
    const command_status status = machine.end_status();
    if (status == command_status::rinvpaswd || status == command_status::rinvsysid ||
        status == command_status::rbindfail) {
      gate_.refused(l.index, now_, status);
      return milliseconds(0);
    }
    gate_.undecided(l.index, now_);
    if (status == command_status::ralybnd) return options_.already_bound;
  } else {
    gate_.undecided(l.index, now_);
  }
  return std::max(l.delays.next(random_), milliseconds(1));
}

}  // namespace trunkline::engine::test
