// The connect loop of one session: when to connect, and what the end of each attempt means. How a connection is made is
// in session_connect.cpp, what happens on it in session_conversation.cpp. Everything runs on the session's thread,
// except post_wake(), stop(), poke() and start(), which only post to it.
#include "engine/smpp/session.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <asio/post.hpp>
#include <utility>

#include "engine/smpp/session_implementation.hpp"

namespace trunkline::engine {

using protocol::command_status;
using protocol::session_end;
using std::chrono::milliseconds;

namespace {

/// A session of a disabled carrier is woken when that changes.
constexpr milliseconds at_rest = std::chrono::hours(1);

/// What a refused login is shown as.
session_last_state state_of_refusal(command_status status) noexcept {
  return status == command_status::rinvpaswd   ? session_last_state::invalid_password
         : status == command_status::rinvsysid ? session_last_state::invalid_username
                                               : session_last_state::login_error;
}

}  // namespace

// --- the connect loop ----------------------------------------------------------------------------------------------

task<void> session::implementation::run() {
  if (can_send()) setup.from->add_waiter(&work_slot);
  if (on_demand()) set_idle_usable(true);
  while (!stopping) {
    if (setup.from->disabled()) {
      drop_socket();
      show(session_state::idle);
      co_await sleep(at_rest);
      continue;
    }
    if (setup.bind.outbind.enabled()) {
      const bool invited = co_await wait_for_outbind();
      if (!invited) continue;
    }
    if (on_demand() && !login_failed && setup.from->queued() == 0) {
      co_await wait_for_messages();
      continue;
    }
    const login_gate::verdict verdict = setup.gate.ask(setup.probe->index, now());
    if (!verdict.go) {
      if (verdict.refused) {
        // What another session was told holds for this one, which does not try it again.
        show(session_state::login_failed);
        show(state_of_refusal(*verdict.refused));
        if (setup.probe->address().empty())
          setup.probe->set_address(fmt::format("{}:{}", setup.bind.host, setup.bind.port));
      }
      drop_socket();  // of an outbind: the peer may try again
      at_gate = true;
      co_await sleep(verdict.wait);
      at_gate = false;
      continue;
    }
    if (attempts++ != 0) setup.probe->reconnects.add();
    bool connected = setup.bind.outbind.enabled();
    if (!connected) connected = co_await connect();
    if (connected) co_await converse();
    drop_socket();
    const milliseconds delay = conclude(connected);
    if (delay.count() != 0) co_await sleep(delay);
  }
  set_idle_usable(false);
  if (can_send()) setup.from->remove_waiter(&work_slot);
  // This session may have been woken for a message that another one has to take now.
  setup.from->wake_all();
  show(session_state::idle);
}

/// A transmitter has no connection until there is something to send.
task<void> session::implementation::wait_for_messages() {
  show(session_state::idle);
  work_slot.park();
  if (setup.from->queued() == 0 && !stopping && !told_to_leave()) co_await writer_slot.park();
  work_slot.unpark();
}

task<void> session::implementation::sleep(milliseconds how_long) {
  if (stopping) co_return;
  sleeping = true;
  sleep_timer.expires_after(how_long);
  co_await sleep_timer.async_wait(as_values);
  sleeping = false;
}

task<void> session::implementation::converse() {
  closing = leaving_idle = logged_in = false;
  leave_deadline = close_at = steady_time::max();
  failed_write = {};
  read_error.clear();
  ended = session_end::none;
  show(session_state::logging_in);
  inbox = std::make_shared<answer_inbox>(&post_wake, this);
  flow.close_admission(false);
  flow.connected(inbox, now());
  conversing = true;
  task_group group(context);
  group.spawn(name + " writer", writer());
  group.spawn(name + " ticker", ticker());
  co_await reader();
  // A machine that ended has its last words to write; the ticker sees to it that they do not take for ever.
  if (!machine().ended()) close_connection();
  tick_timer.cancel();
  writer_slot.resume();
  co_await group.all_ended();
  conversing = false;
  inbox->close();
  inbox->take_announced([this](std::unique_ptr<intent_list> list) { flow.announced(std::move(list)); });
  ended = machine().end_reason();
  ended_status = machine().end_status();
  if (logged_in && can_send()) setup.from->count_sendable(-1, now());
  flow.disconnected(now(), failed_write, transferred);
  end_turn();
  // Wake-ups that this session was given are passed on.
  setup.from->wake_all();
}

/// What the end of an attempt means: shown, logged, and turned into a delay before the next one.
milliseconds session::implementation::conclude(bool connected) {
  const steady_time at = now();
  if (stopping) {
    setup.gate.undecided(setup.probe->index, at);
    return milliseconds(0);
  }
  if (told_to_leave()) {
    reconnecting = false;
    setup.gate.undecided(setup.probe->index, at);
    login_failed = false;
    delays.reset();
    show(connected && ended != session_end::unbound ? session_last_state::disconnected : session_last_state::ok);
    return milliseconds(0);
  }
  if (logged_in && connected) {
    login_failed = false;
    if (!flow.refused()) delays.reset();
    if (leaving_idle && ended == session_end::unbound) {
      show(session_last_state::ok);
      return milliseconds(0);
    }
  } else {
    login_failed = true;
    if (on_demand()) set_idle_usable(false);
    if (connected && ended == session_end::bind_refused) return conclude_refused(ended_status, at);
    setup.gate.undecided(setup.probe->index, at);
  }
  show(session_state::error);
  switch (connected ? ended : session_end::none) {
    case session_end::bind_nack:
      show(session_state::login_failed);
      show(session_last_state::nack);
      break;
    case session_end::bind_invalid:
      show(session_state::login_failed);
      show(session_last_state::login_error);
      break;
    case session_end::bind_timeout:
    case session_end::peer_silent:
    case session_end::unbind_timeout:
    case session_end::stalled_pdu:
      show(session_last_state::timeout);
      break;
    default:
      show(session_last_state::disconnected);
  }
  const milliseconds delay = delays.next(random);
  if (connected) {
    const std::string detail = read_error && read_error != asio::error::eof ? ": " + read_error.message() : "";
    spdlog::warn("{}: connection to {} ended ({}{}); next attempt in {} ms", name, setup.probe->address(),
                 ended == session_end::none ? "closed by the peer or the network" : protocol::name_of(ended), detail,
                 delay.count());
  }
  return std::max(delay, milliseconds(1));
}

milliseconds session::implementation::conclude_refused(command_status status, steady_time at) {
  show(session_state::login_failed);
  show(state_of_refusal(status));
  const auto number = static_cast<std::uint32_t>(status);
  const auto known = protocol::name_of(status);
  const std::string text = known.empty() ? fmt::format("0x{:08x}", number) : std::string(known);
  if (status == command_status::rinvpaswd || status == command_status::rinvsysid ||
      status == command_status::rbindfail) {
    setup.gate.refused(setup.probe->index, at, status);
    setup.from->set_credentials_refused(true);
    spdlog::error("{}: login refused with {}; one session of this carrier will probe", name, text);
    // The gate says when.
    return milliseconds(0);
  }
  setup.gate.undecided(setup.probe->index, at);
  milliseconds delay = std::max(delays.next(random), milliseconds(1));
  if (status == command_status::ralybnd) delay = std::max(delay, setup.options.already_bound);
  spdlog::warn("{}: login refused with {}; next attempt in {} ms", name, text, delay.count());
  return delay;
}

void session::implementation::stop(steady_time deadline) {
  if (acceptor) {
    asio::error_code ignored;
    acceptor->close(ignored);
  }
  stop_deadline = std::min(stop_deadline, deadline);
  stopping = true;
  if (connecting) {
    asio::error_code ignored;
    socket->close(ignored);
  }
  sleep_timer.cancel();
  tick_timer.cancel();
  writer_slot.resume();
}

/// The carrier was disabled or enabled.
void session::implementation::look_again() {
  if (setup.from->disabled()) {
    asio::error_code ignored;
    if (acceptor) acceptor->close(ignored);
    if (connecting) socket->close(ignored);
  }
  leave_deadline = steady_time::max();
  if (sleeping) sleep_timer.cancel();
  tick_timer.cancel();
  writer_slot.resume();
}

void session::implementation::reconnect() {
  delays.reset();
  // Who is just logging in does what is wanted already.
  if (conversing && logged_in) {
    reconnecting = true;
    leave_deadline = steady_time::max();
    tick_timer.cancel();
    writer_slot.resume();
  } else if (sleeping) {
    sleep_timer.cancel();
  }
}

void session::implementation::reconfigure(const bind_config& bind) {
  config = &setup.from->config();
  setup.bind = bind;
  delays = router::back_off(config->reconnect_min, config->reconnect_max);
  flow.reconfigure(bind.window);
  tick_timer.cancel();
  writer_slot.resume();
}

void session::implementation::poke() {
  // Only who waits for the gate: a delay after a failure is not cut short.
  if (at_gate) sleep_timer.cancel();
}

void session::implementation::post_wake(void* self) noexcept {
  auto* me = static_cast<implementation*>(self);
  asio::post(me->context, [me] { me->on_wake(); });
}

// --- public --------------------------------------------------------------------------------------------------------

session::session(session_setup setup) : implementation_(std::make_shared<implementation>(std::move(setup))) {}

session::~session() = default;

void session::start(std::function<void()> ended) {
  auto me = implementation_;
  asio::post(me->context, [me, ended = std::move(ended)]() mutable {
    me->setup.tasks.spawn(me->name, me->run(), std::move(ended));
  });
}

void session::stop(std::chrono::steady_clock::time_point deadline) {
  auto me = implementation_;
  asio::post(me->context, [me, deadline] { me->stop(deadline); });
}

void session::poke() {
  auto me = implementation_;
  asio::post(me->context, [me] { me->poke(); });
}

void session::look_again() {
  auto me = implementation_;
  asio::post(me->context, [me] { me->look_again(); });
}

void session::reconnect() {
  auto me = implementation_;
  asio::post(me->context, [me] { me->reconnect(); });
}

void session::reconfigure(bind_config bind) {
  auto me = implementation_;
  asio::post(me->context, [me, bind = std::move(bind)] { me->reconfigure(bind); });
}

}  // namespace trunkline::engine
