// The coroutines of one session. run() is the connect loop; while there is a connection, reader(), writer() and
// ticker() run together, and the first to end closes the socket, which ends the others. Deadlines are the ticker's: it
// closes the socket, so that no operation needs a timeout of its own. Everything below runs on the session's thread,
// except post_wake(), stop(), poke() and start(), which only post to it.
#include "engine/smpp/session.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <asio/basic_waitable_timer.hpp>
#include <asio/buffer.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>
#include <cstring>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "engine/runtime/task_group.hpp"
#include "engine/smpp/answer_inbox.hpp"
#include "engine/smpp/message_flow.hpp"
#include "router/back_off.hpp"

namespace trunkline::engine {
namespace {

using asio::ip::tcp;
using protocol::command_status;
using protocol::session_end;
using std::chrono::milliseconds;
using steady_time = std::chrono::steady_clock::time_point;
using stream_socket = asio::basic_stream_socket<tcp, io_executor>;
using steady_timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, io_executor>;

/// Errors come back as values.
constexpr asio::experimental::as_tuple_t<asio::use_awaitable_t<io_executor>> as_values{
    asio::use_awaitable_t<io_executor>{}};

/// More than the largest PDU, so that one that is not yet whole always has room to go on.
constexpr std::size_t read_buffer_bytes = 128 * 1024;
static_assert(read_buffer_bytes > protocol::default_max_pdu_bytes);
/// How long the last PDUs of an ended session may take to be written.
constexpr milliseconds last_words = std::chrono::seconds(1);
/// Timers are not set shorter: the pace makes up for up to 50 ms, so that waking up less often costs no rate.
constexpr milliseconds pace_step{5};

}  // namespace

struct session::implementation {
  explicit implementation(session_setup given)
      : setup(std::move(given)),
        config(setup.from->config()),
        context(setup.home.context()),
        name(fmt::format("{}/{}", config.name, setup.probe->index)),
        flow(*setup.from, *setup.probe, setup.sink, setup.options, name),
        sleep_timer(context.get_executor()),
        tick_timer(context.get_executor()),
        pace_timer(context.get_executor()),
        read_buffer(std::make_unique_for_overwrite<std::uint8_t[]>(read_buffer_bytes)),
        delays(config.reconnect_min, config.reconnect_max),
        random(setup.seed) {}

  // --- the connect loop ------------------------------------------------------------------------------------------
  task<void> run();
  task<void> wait_for_messages();
  task<void> sleep(milliseconds how_long);
  task<bool> connect();
  task<void> look_up();
  task<bool> connect_to(tcp::endpoint endpoint);
  task<void> converse();
  milliseconds conclude(bool connected);
  milliseconds conclude_refused(command_status status, steady_time now);

  // --- one connection --------------------------------------------------------------------------------------------
  task<void> reader();
  task<void> writer();
  task<void> ticker();
  void after_turn();
  void end_turn();
  void consider_leaving(steady_time now);
  void park();
  void unpark();
  void arm_pace_timer();
  void close_connection();

  void stop(steady_time deadline);
  void poke();
  static void post_wake(void* self) noexcept;
  void on_wake() { writer_slot.resume(); }

  [[nodiscard]] steady_time now() const noexcept { return setup.time.steady(); }
  [[nodiscard]] std::int64_t wall_ms() const noexcept {
    return std::chrono::duration_cast<milliseconds>(setup.time.wall().time_since_epoch()).count();
  }
  void show(session_state state) noexcept { setup.probe->state.store(state, std::memory_order_relaxed); }
  void show(session_last_state state) noexcept { setup.probe->last_state.store(state, std::memory_order_relaxed); }
  [[nodiscard]] bool on_demand() const noexcept { return config.bind == bind_mode::transmitter; }
  [[nodiscard]] protocol::session_machine& machine() noexcept { return flow.machine(); }

  session_setup setup;
  const carrier_config& config;
  asio::io_context& context;
  const std::string name;
  message_flow flow;

  std::optional<stream_socket> socket;
  steady_timer sleep_timer;  ///< delays, look-up and connect timeouts
  steady_timer tick_timer;
  steady_timer pace_timer;
  parking_slot writer_slot;  ///< the writer, or the connect loop while it waits for messages
  wake_slot work_slot{&post_wake, this};
  std::shared_ptr<answer_inbox> inbox;
  std::unique_ptr<std::uint8_t[]> read_buffer;
  std::vector<std::string> addresses;
  std::string look_up_error;

  router::back_off delays;
  std::mt19937_64 random;
  std::uint64_t attempts = 0;
  bool login_failed = false;  ///< the last attempt did not come as far as "Logged in"
  bool at_gate = false;       ///< waiting for the login gate
  bool stopping = false;
  steady_time stop_deadline = steady_time::max();

  // of the connection
  bool connecting = false;
  std::uint64_t connection = 0;  ///< number of the attempt, for timers that come too late
  bool conversing = false;
  bool closing = false;
  bool leaving_idle = false;
  bool logged_in = false;
  steady_time leave_deadline = steady_time::max();  ///< of a session that was refused
  steady_time close_at = steady_time::max();        ///< when the last words must have been written
  steady_time tick_at{};
  std::span<const std::uint8_t> failed_write;
  std::size_t transferred = 0;
  session_end ended = session_end::none;
  command_status ended_status = command_status::rok;
};

// --- the connect loop ----------------------------------------------------------------------------------------------

task<void> session::implementation::run() {
  if (config.can_send()) setup.from->add_waiter(&work_slot);
  if (on_demand()) setup.from->set_idle_usable(true);
  while (!stopping) {
    if (on_demand() && !login_failed && setup.from->queued() == 0) {
      co_await wait_for_messages();
      continue;
    }
    const login_gate::verdict verdict = setup.gate.ask(setup.probe->index, now());
    if (!verdict.go) {
      if (verdict.refused) show(session_state::login_failed);
      at_gate = true;
      co_await sleep(verdict.wait);
      at_gate = false;
      continue;
    }
    if (attempts++ != 0) setup.probe->reconnects.add();
    const bool connected = co_await connect();
    if (connected) co_await converse();
    socket.reset();
    const milliseconds delay = conclude(connected);
    if (delay.count() != 0) co_await sleep(delay);
  }
  if (config.can_send()) setup.from->remove_waiter(&work_slot);
  // This session may have been woken for a message that another one has to take now.
  setup.from->wake_all();
  show(session_state::idle);
}

/// A transmitter has no connection until there is something to send.
task<void> session::implementation::wait_for_messages() {
  show(session_state::idle);
  work_slot.park();
  if (setup.from->queued() == 0 && !stopping) co_await writer_slot.park();
  work_slot.unpark();
}

task<void> session::implementation::sleep(milliseconds how_long) {
  if (stopping) co_return;
  sleep_timer.expires_after(how_long);
  co_await sleep_timer.async_wait(as_values);
}

task<bool> session::implementation::connect() {
  show(session_state::connecting);
  co_await look_up();
  for (const std::string& address : addresses) {
    if (stopping) co_return false;
    asio::error_code error;
    const asio::ip::address parsed = asio::ip::make_address(address, error);
    if (error) continue;
    const tcp::endpoint endpoint(parsed, config.port);
    const bool connected = co_await connect_to(endpoint);
    if (connected) co_return true;
  }
  co_return false;
}

/// Fills `addresses`: the host itself when it is numeric, else what the resolver finds in time.
task<void> session::implementation::look_up() {
  addresses.clear();
  asio::error_code not_numeric;
  (void)asio::ip::make_address(config.host, not_numeric);
  if (!not_numeric) {
    addresses.push_back(config.host);
    co_return;
  }
  look_up_error = "no answer in time";
  sleep_timer.expires_after(config.connect_timeout);
  const std::uint64_t mine = ++connection;
  const auto answered = [this, mine](std::vector<std::string> found, std::string error) {
    asio::post(context, [this, mine, found = std::move(found), error = std::move(error)]() mutable {
      if (mine != connection) return;
      addresses = std::move(found);
      look_up_error = std::move(error);
      sleep_timer.cancel();
    });
  };
  const auto query = setup.names.resolve(config.host, answered);
  co_await sleep_timer.async_wait(as_values);
  query->abandon();
  ++connection;
  if (addresses.empty() && !stopping) spdlog::warn("{}: cannot look up {}: {}", name, config.host, look_up_error);
}

task<bool> session::implementation::connect_to(tcp::endpoint endpoint) {
  socket.emplace(context.get_executor());
  const std::string host = endpoint.address().to_string();
  setup.probe->set_address(endpoint.address().is_v6() ? fmt::format("[{}]:{}", host, endpoint.port())
                                                      : fmt::format("{}:{}", host, endpoint.port()));
  asio::error_code error;
  socket->open(endpoint.protocol(), error);
  if (!error) socket->set_option(tcp::no_delay(true), error);
  if (!error && !config.local_address.empty()) {
    const tcp::endpoint local(asio::ip::make_address(config.local_address, error), 0);
    if (!error) socket->bind(local, error);
  }
  if (!error) {
    connecting = true;
    const std::uint64_t mine = ++connection;
    sleep_timer.expires_after(config.connect_timeout);
    sleep_timer.async_wait([this, mine](asio::error_code cancelled) {
      if (cancelled || !connecting || mine != connection) return;
      asio::error_code ignored;
      socket->close(ignored);
    });
    const auto [outcome] = co_await socket->async_connect(endpoint, as_values);
    connecting = false;
    sleep_timer.cancel();
    error = outcome;
  }
  if (!error && !stopping) co_return true;
  if (!stopping) {
    spdlog::warn("{}: cannot connect to {}: {}", name, setup.probe->address(),
                 error == asio::error::operation_aborted ? "connect timeout" : error.message());
  }
  co_return false;
}

task<void> session::implementation::converse() {
  closing = leaving_idle = logged_in = false;
  leave_deadline = close_at = steady_time::max();
  failed_write = {};
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
  if (logged_in && config.can_send()) setup.from->count_sendable(-1, now());
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
  if (logged_in && connected) {
    login_failed = false;
    if (!flow.refused()) delays.reset();
    if (leaving_idle && ended == session_end::unbound) {
      show(session_last_state::ok);
      return milliseconds(0);
    }
  } else {
    login_failed = true;
    if (on_demand()) setup.from->set_idle_usable(false);
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
    spdlog::warn("{}: connection to {} ended ({}); next attempt in {} ms", name, setup.probe->address(),
                 ended == session_end::none ? "closed by the peer or the network" : protocol::name_of(ended),
                 delay.count());
  }
  return std::max(delay, milliseconds(1));
}

milliseconds session::implementation::conclude_refused(command_status status, steady_time at) {
  show(session_state::login_failed);
  show(status == command_status::rinvpaswd   ? session_last_state::invalid_password
       : status == command_status::rinvsysid ? session_last_state::invalid_username
                                             : session_last_state::login_error);
  const auto number = static_cast<std::uint32_t>(status);
  const auto known = protocol::name_of(status);
  const std::string text = known.empty() ? fmt::format("0x{:08x}", number) : std::string(known);
  if (status == command_status::rinvpaswd || status == command_status::rinvsysid ||
      status == command_status::rbindfail) {
    setup.gate.refused(setup.probe->index, at);
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

// --- one connection ------------------------------------------------------------------------------------------------

task<void> session::implementation::reader() {
  std::size_t kept = 0;
  for (;;) {
    const asio::mutable_buffer room(read_buffer.get() + kept, read_buffer_bytes - kept);
    const auto [error, count] = co_await socket->async_read_some(room, as_values);
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
      const auto [error, written] = co_await asio::async_write(*socket, out, as_values);
      if (error) {
        failed_write = octets;
        transferred = written;
        break;
      }
      continue;
    }
    if (machine().ended()) break;
    if (!parked) {
      // Announced first, then looked once more: see wake_slot.
      park();
      parked = true;
      continue;
    }
    if (stopping) consider_leaving(now());
    if (machine().has_staged()) continue;
    co_await writer_slot.park();
    unpark();
    parked = false;
  }
  close_connection();
}

task<void> session::implementation::ticker() {
  while (!closing) {
    const steady_time at = now();
    flow.tick(at, wall_ms());
    consider_leaving(at);
    end_turn();
    if (machine().ended()) {
      if (close_at == steady_time::max()) close_at = at + last_words;
      if (at >= close_at) break;
    }
    writer_slot.resume();
    if (closing) co_return;
    steady_time next = std::min(machine().next_deadline(), at + config.response_timeout);
    next = std::min(next, close_at);
    if (stopping && at < stop_deadline) next = std::min(next, stop_deadline);
    if (flow.refused() && at < leave_deadline) next = std::min(next, leave_deadline);
    if (on_demand() && config.idle_unbind.count() > 0) next = std::min(next, at + config.idle_unbind);
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
    if (config.can_send()) setup.from->count_sendable(1, now());
    if (on_demand()) setup.from->set_idle_usable(true);
  }
  if (stopping || flow.refused()) consider_leaving(now());
  end_turn();
  if (machine().next_deadline() < tick_at) tick_timer.cancel();
}

void session::implementation::end_turn() {
  if (flow.end_turn()) setup.wake_all();
}

/// Unbinds when there is a reason to and nothing is owed any more, or the deadline for that has come.
void session::implementation::consider_leaving(steady_time at) {
  if (machine().ended()) return;
  if (stopping) flow.close_admission(true);
  if (!machine().bound()) {
    if (stopping) machine().begin_unbind(at);
    return;
  }
  if (stopping || flow.refused()) {
    if (flow.refused() && leave_deadline == steady_time::max()) {
      leave_deadline = at + std::min<milliseconds>(config.response_timeout, setup.options.unbind_timeout);
    }
    const bool nothing_owed = flow.idle() && machine().unacknowledged() == 0;
    if (nothing_owed || at >= std::min(stop_deadline, leave_deadline)) machine().begin_unbind(at);
    return;
  }
  if (on_demand() && config.idle_unbind.count() > 0 && flow.idle() && at - flow.last_active() >= config.idle_unbind &&
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

void session::implementation::stop(steady_time deadline) {
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

}  // namespace trunkline::engine
