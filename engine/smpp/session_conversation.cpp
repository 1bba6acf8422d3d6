// One connection: reader(), writer() and ticker() run together, and the first to end closes the socket, which ends the
// others. Deadlines are the ticker's: it closes the socket, so that no operation needs a timeout of its own. TLS or not
// is one branch at each read and each write.
#include <openssl/ssl.h>

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/write.hpp>
#include <cstring>
#include <utility>

#include "engine/smpp/session_implementation.hpp"

namespace trunkline::engine {

using asio::ip::tcp;
using protocol::command_status;
using std::chrono::milliseconds;

namespace {

/// How long the last PDUs of an ended session may take to be written.
constexpr milliseconds last_words = std::chrono::seconds(1);
/// How long what a peer said before it hung up may take to be read, once nothing can be written any more.
constexpr milliseconds last_words_of_peer{200};
/// Timers are not set shorter: the pace makes up for up to 50 ms, so that waking up less often costs no rate.
constexpr milliseconds pace_step{5};

}  // namespace

task<void> session::implementation::reader() {
  for (;;) {
    const asio::mutable_buffer room(read_buffer.get() + kept, read_buffer_bytes - kept);
    asio::error_code error;
    std::size_t count = 0;
    if (tls) {
      const auto [outcome, size] = co_await tls->async_read_some(room, as_values);
      error = outcome;
      count = size;
    } else {
      const auto [outcome, size] = co_await socket->async_read_some(room, as_values);
      error = outcome;
      count = size;
    }
    if (error && !closing) read_error = error;
    if (error || closing) co_return;
    const std::size_t total = kept + count;
    const std::size_t used = flow.on_bytes({read_buffer.get(), total}, now(), wall_ms());
    kept = total - used;
    if (kept != 0 && used != 0) std::memmove(read_buffer.get(), read_buffer.get() + used, kept);
    after_turn();
    if (machine().ended()) co_return;
    // The last act of the turn: the writer runs inside this call.
    writer_slot.resume();
  }
}

task<void> session::implementation::writer() {
  bool parked = false;
  flow_wait parked_for = flow_wait::window;
  while (!closing) {
    inbox->take([this](const answer_inbox::item& item) {
      machine().answer(item.sequence_number, item.stored ? command_status::rok : command_status::rx_t_appn);
    });
    inbox->take_announced([this](std::unique_ptr<intent_list> list) { flow.announced(std::move(list)); });
    const std::span<const std::uint8_t> octets = flow.build(now(), wall_ms());
    end_turn();
    if (!octets.empty()) {
      if (parked) unpark();
      parked = false;
      const asio::const_buffer out(octets.data(), octets.size());
      asio::error_code error;
      std::size_t written = 0;
      if (tls) {
        const auto [outcome, size] = co_await asio::async_write(*tls, out, as_values);
        error = outcome;
        written = size;
      } else {
        // Nearly always the socket takes all of it at once, without a turn of the scheduler.
        written = socket->write_some(out, error);
        if (error == asio::error::would_block) error.clear();
        if (!error && written < out.size()) {
          const auto [outcome, size] = co_await asio::async_write(*socket, out + written, as_values);
          error = outcome;
          written += size;
        }
      }
      if (error) {
        failed_write = octets;
        transferred = written;
        // Why the peer hung up (a TLS alert, an unbind, answers) may still wait to be read: the reader ends this, or
        // the ticker soon.
        close_at = std::min(close_at, now() + last_words_of_peer);
        tick_timer.cancel();
        co_return;
      }
      continue;
    }
    if (machine().ended()) break;
    if (!parked || parked_for != flow.waits_for()) {
      // Announced first, then looked once more: see wake_slot. The second look may find another thing missing (credit
      // came, and a sibling took the pace), which nobody would announce.
      park();
      parked = true;
      parked_for = flow.waits_for();
      continue;
    }
    if (stopping || told_to_leave()) consider_leaving(now());
    if (machine().has_staged()) continue;
    co_await writer_slot.park();
    unpark();
    parked = false;
  }
  if (tls && machine().ended() && !closing && failed_write.empty()) {
    // Our close_notify, without waiting for the peer's: the unbind has said what there was to say.
    SSL_set_shutdown(tls->native_handle(), SSL_RECEIVED_SHUTDOWN);
    const auto [ignored] = co_await tls->async_shutdown(as_values);
    (void)ignored;
  }
  close_connection();
}

task<void> session::implementation::ticker() {
  while (!closing) {
    const steady_time at = now();
    flow.tick(at, wall_ms());
    consider_leaving(at);
    end_turn();
    if (machine().ended() && close_at == steady_time::max()) close_at = at + last_words;
    if (at >= close_at) break;
    writer_slot.resume();
    if (closing) co_return;
    steady_time next = std::min(machine().next_deadline(), at + config->response_timeout);
    next = std::min(next, close_at);
    if (stopping && at < stop_deadline) next = std::min(next, stop_deadline);
    if (at < leave_deadline) next = std::min(next, leave_deadline);
    if (on_demand() && config->idle_unbind.count() > 0) next = std::min(next, at + config->idle_unbind);
    tick_at = next;
    tick_timer.expires_after(std::max<std::chrono::nanoseconds>(next - at, milliseconds(1)));
    co_await tick_timer.async_wait(as_values);
  }
  close_connection();
}

/// After octets from the peer.
void session::implementation::after_turn() {
  if (!logged_in && flow.logged_in()) {
    logged_in = true;
    setup.gate.succeeded(setup.probe->index);
    setup.from->set_credentials_refused(false);
    if (can_send()) setup.from->count_sendable(1, now());
    if (on_demand()) set_idle_usable(true);
  }
  if (stopping || flow.refused() || told_to_leave()) consider_leaving(now());
  end_turn();
  if (machine().next_deadline() < tick_at) tick_timer.cancel();
}

void session::implementation::end_turn() {
  if (flow.end_turn()) setup.wake_all();
}

/// Unbinds when there is a reason to and nothing is owed any more, or the deadline for that has come.
void session::implementation::consider_leaving(steady_time at) {
  if (machine().ended()) return;
  const bool told = told_to_leave();
  flow.close_admission(stopping || told);
  if (!machine().bound()) {
    if (stopping || told) machine().begin_unbind(at);
    return;
  }
  if (stopping || told || flow.refused()) {
    if (!stopping && leave_deadline == steady_time::max()) {
      const milliseconds patience = flow.refused() ? setup.options.unbind_timeout : setup.options.remove_deadline;
      leave_deadline = at + std::min<milliseconds>(config->response_timeout, patience);
    }
    const bool nothing_owed = flow.idle() && machine().unacknowledged() == 0;
    if (nothing_owed || at >= std::min(stop_deadline, leave_deadline)) machine().begin_unbind(at);
    return;
  }
  if (on_demand() && config->idle_unbind.count() > 0 && flow.idle() && at - flow.last_active() >= config->idle_unbind &&
      setup.from->queued() == 0) {
    leaving_idle = true;
    machine().begin_unbind(at);
  }
}

void session::implementation::park() {
  inbox->slot().park();
  if (flow.waits_for() == flow_wait::work) work_slot.park();
  if (flow.waits_for() == flow_wait::pace) arm_pace_timer();
}

void session::implementation::unpark() {
  inbox->slot().unpark();
  work_slot.unpark();
}

void session::implementation::arm_pace_timer() {
  const steady_time at = now();
  const steady_time due = std::max(setup.from->pacing().next_at(at), at + pace_step);
  pace_timer.expires_after(due - at);
  pace_timer.async_wait([this](asio::error_code cancelled) {
    if (!cancelled && conversing) writer_slot.resume();
  });
}

/// Ends reader, writer and ticker. Idempotent.
void session::implementation::close_connection() {
  if (closing) return;
  closing = true;
  asio::error_code ignored;
  socket->shutdown(tcp::socket::shutdown_both, ignored);
  socket->close(ignored);
  tick_timer.cancel();
  pace_timer.cancel();
  writer_slot.resume();
}

}  // namespace trunkline::engine
