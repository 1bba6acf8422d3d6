#pragma once

#include <fmt/format.h>

#include <asio/basic_waitable_timer.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ssl/stream.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/runtime/parking_slot.hpp"
#include "engine/runtime/task_group.hpp"
#include "engine/smpp/answer_inbox.hpp"
#include "engine/smpp/message_flow.hpp"
#include "engine/smpp/session.hpp"
#include "protocol/pdu_session.hpp"
#include "router/back_off.hpp"

// The inside of a session, shared by session.cpp (the connect loop), session_connect.cpp (from a name to a connection)
// and session_conversation.cpp (reader, writer and ticker). Nobody else includes it.
namespace trunkline::engine {

using steady_time = std::chrono::steady_clock::time_point;
using stream_socket = asio::basic_stream_socket<asio::ip::tcp, io_executor>;
using listening_socket = asio::basic_socket_acceptor<asio::ip::tcp, io_executor>;
using tls_stream = asio::ssl::stream<stream_socket&>;
using steady_timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, io_executor>;

/// Errors come back as values.
inline constexpr asio::experimental::as_tuple_t<asio::use_awaitable_t<io_executor>> as_values{
    asio::use_awaitable_t<io_executor>{}};

/// More than the largest PDU, so that one that is not yet whole always has room to go on.
inline constexpr std::size_t read_buffer_bytes = 128 * 1024;
static_assert(read_buffer_bytes > protocol::default_max_pdu_bytes);

struct session::implementation {
  explicit implementation(session_setup given)
      : setup(std::move(given)),
        config(&setup.from->config()),
        context(setup.home.context()),
        name(fmt::format("{}/{}", config->name, setup.probe->index)),
        flow(*setup.from, *setup.probe, setup.sink, setup.options, name, setup.bind),
        sleep_timer(context.get_executor()),
        tick_timer(context.get_executor()),
        pace_timer(context.get_executor()),
        read_buffer(std::make_unique_for_overwrite<std::uint8_t[]>(read_buffer_bytes)),
        delays(config->reconnect_min, config->reconnect_max),
        random(setup.seed) {}

  // --- the connect loop ------------------------------------------------------------------------------------------
  task<void> run();
  task<void> wait_for_messages();
  task<void> sleep(std::chrono::milliseconds how_long);
  task<bool> connect();
  task<bool> wait_for_outbind();
  task<bool> read_outbind();
  [[nodiscard]] bool trusts(const protocol::outbind& greeting) const;
  task<void> look_up();
  task<bool> connect_to(asio::ip::tcp::endpoint endpoint);
  task<bool> secure();
  void drop_socket() {
    tls.reset();
    socket.reset();
  }
  task<void> converse();
  std::chrono::milliseconds conclude(bool connected);
  std::chrono::milliseconds conclude_refused(protocol::command_status status, steady_time now);

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
  void look_again();
  void reconnect();
  void reconfigure(const bind_config& bind);
  static void post_wake(void* self) noexcept;
  void on_wake() { writer_slot.resume(); }

  [[nodiscard]] steady_time now() const noexcept { return setup.time.steady(); }
  [[nodiscard]] std::int64_t wall_ms() const noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(setup.time.wall().time_since_epoch()).count();
  }
  void show(session_state state) noexcept { setup.probe->state.store(state, std::memory_order_relaxed); }
  void show(session_last_state state) noexcept { setup.probe->last_state.store(state, std::memory_order_relaxed); }
  /// An operator wants this session to end, or to begin anew.
  [[nodiscard]] bool told_to_leave() const noexcept { return reconnecting || setup.from->disabled(); }
  [[nodiscard]] bool on_demand() const noexcept { return setup.bind.bind == bind_mode::transmitter; }
  [[nodiscard]] bool can_send() const noexcept { return setup.bind.can_send(); }
  void set_idle_usable(bool usable) {
    if (usable == idle_usable) return;
    idle_usable = usable;
    setup.from->count_idle_usable(usable ? 1 : -1, now());
  }
  [[nodiscard]] protocol::session_machine& machine() noexcept { return flow.machine(); }

  session_setup setup;
  const carrier_config* config;  ///< of the carrier; another one after reconfigure()
  asio::io_context& context;
  const std::string name;
  message_flow flow;

  std::optional<listening_socket> acceptor;  ///< while an outbind is waited for
  std::optional<stream_socket> socket;
  std::optional<tls_stream> tls;  ///< around the socket, when the carrier speaks TLS
  steady_timer sleep_timer;       ///< delays, look-up and connect timeouts
  steady_timer tick_timer;
  steady_timer pace_timer;
  parking_slot writer_slot;  ///< the writer, or the connect loop while it waits for messages
  wake_slot work_slot{&post_wake, this};
  std::shared_ptr<answer_inbox> inbox;
  std::unique_ptr<std::uint8_t[]> read_buffer;
  std::size_t kept = 0;  ///< octets at the front of read_buffer that are not a whole PDU yet
  std::vector<std::string> addresses;
  std::string look_up_error;

  router::back_off delays;
  std::mt19937_64 random;
  std::uint64_t attempts = 0;
  bool idle_usable = false;   ///< counted at the carrier: ready to log in when there is a message
  bool login_failed = false;  ///< the last attempt did not come as far as "Logged in"
  bool at_gate = false;       ///< waiting for the login gate
  bool sleeping = false;      ///< between attempts
  bool reconnecting = false;  ///< the connection is to end, and the next one to follow at once
  bool stopping = false;
  steady_time stop_deadline = steady_time::max();

  // of the connection
  bool connecting = false;
  std::uint64_t connection = 0;  ///< number of the attempt, for timers that come too late
  bool conversing = false;
  bool closing = false;
  bool leaving_idle = false;
  bool logged_in = false;
  steady_time leave_deadline = steady_time::max();  ///< of a session that was refused, or told to leave
  steady_time close_at = steady_time::max();        ///< when the last words must have been written
  steady_time tick_at{};
  std::span<const std::uint8_t> failed_write;
  std::size_t transferred = 0;
  asio::error_code read_error;
  protocol::session_end ended = protocol::session_end::none;
  protocol::command_status ended_status = protocol::command_status::rok;
};

}  // namespace trunkline::engine
