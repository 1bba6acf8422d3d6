// From a name to a connection: look-up, TCP, and TLS where the carrier speaks it. connect_timeout bounds each of the
// look-up and, for each address, TCP and TLS together; the timer closes the socket, which ends whatever is under way.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <asio/post.hpp>
#include <asio/ssl/context.hpp>
#include <cstring>
#include <utility>

#include "engine/runtime/tls_context.hpp"
#include "engine/smpp/session_implementation.hpp"
#include "protocol/pdu.hpp"

namespace trunkline::engine {

using asio::ip::tcp;

task<bool> session::implementation::connect() {
  kept = 0;
  show(session_state::connecting);
  co_await look_up();
  for (const std::string& address : addresses) {
    if (stopping) co_return false;
    asio::error_code error;
    const asio::ip::address parsed = asio::ip::make_address(address, error);
    if (error) continue;
    const tcp::endpoint endpoint(parsed, setup.bind.port);
    const bool connected = co_await connect_to(endpoint);
    if (connected) co_return true;
  }
  co_return false;
}

/// Fills `addresses`: the host itself when it is numeric, else what the resolver finds in time.
task<void> session::implementation::look_up() {
  addresses.clear();
  asio::error_code not_numeric;
  (void)asio::ip::make_address(setup.bind.host, not_numeric);
  if (!not_numeric) {
    addresses.push_back(setup.bind.host);
    co_return;
  }
  look_up_error = "no answer in time";
  sleep_timer.expires_after(config->connect_timeout);
  const std::uint64_t mine = ++connection;
  const auto answered = [this, mine](std::vector<std::string> found, std::string error) {
    asio::post(context, [this, mine, found = std::move(found), error = std::move(error)]() mutable {
      if (mine != connection) return;
      addresses = std::move(found);
      look_up_error = std::move(error);
      sleep_timer.cancel();
    });
  };
  const auto query = setup.names.resolve(setup.bind.host, answered);
  co_await sleep_timer.async_wait(as_values);
  query->abandon();
  ++connection;
  if (addresses.empty() && !stopping) spdlog::warn("{}: cannot look up {}: {}", name, setup.bind.host, look_up_error);
}

task<bool> session::implementation::connect_to(tcp::endpoint endpoint) {
  drop_socket();
  socket.emplace(context.get_executor());
  const std::string host = endpoint.address().to_string();
  setup.probe->set_address(endpoint.address().is_v6() ? fmt::format("[{}]:{}", host, endpoint.port())
                                                      : fmt::format("{}:{}", host, endpoint.port()));
  asio::error_code error;
  socket->open(endpoint.protocol(), error);
  if (!error) socket->set_option(tcp::no_delay(true), error);
  if (!error) socket->non_blocking(true, error);
  if (!error && !setup.bind.local_address.empty()) {
    const tcp::endpoint local(asio::ip::make_address(setup.bind.local_address, error), 0);
    if (!error) socket->bind(local, error);
  }
  if (!error) {
    connecting = true;
    const std::uint64_t mine = ++connection;
    sleep_timer.expires_after(config->connect_timeout);
    sleep_timer.async_wait([this, mine](asio::error_code cancelled) {
      if (cancelled || !connecting || mine != connection) return;
      asio::error_code ignored;
      socket->close(ignored);
    });
    const auto [outcome] = co_await socket->async_connect(endpoint, as_values);
    error = outcome;
    bool secured = true;
    if (!error && !stopping && config->tls.enabled) secured = co_await secure();
    connecting = false;
    sleep_timer.cancel();
    if (!secured) co_return false;
  }
  if (!error && !stopping) co_return true;
  if (!stopping && !told_to_leave()) {
    spdlog::warn("{}: cannot connect to {}: {}", name, setup.probe->address(),
                 error == asio::error::operation_aborted ? "connect timeout" : error.message());
  }
  co_return false;
}

/// Listens until the carrier has connected and said an outbind that may be trusted. The port is closed meanwhile: while
/// this session has a connection nobody could serve another one.
task<bool> session::implementation::wait_for_outbind() {
  drop_socket();
  show(session_state::idle);
  const listen_config& listen = setup.bind.outbind;
  asio::error_code error;
  const tcp::endpoint at(asio::ip::make_address(listen.address, error), listen.port);
  acceptor.emplace(context.get_executor());
  if (!error) acceptor->open(at.protocol(), error);
  if (!error) acceptor->set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor->bind(at, error);
  if (!error) acceptor->listen(1, error);
  socket.emplace(context.get_executor());
  if (!error) {
    const auto [outcome] = co_await acceptor->async_accept(*socket, as_values);
    error = outcome;
  }
  acceptor.reset();
  bool invited = false;
  if (error) {
    if (!stopping)
      spdlog::error("{}: cannot listen on {} port {}: {}", name, listen.address, listen.port, error.message());
  } else {
    const tcp::endpoint from = socket->remote_endpoint(error);
    socket->set_option(tcp::no_delay(true), error);
    socket->non_blocking(true, error);
    setup.probe->set_address(fmt::format("{}:{}", from.address().to_string(), from.port()));
    show(session_state::connecting);
    invited = co_await read_outbind();
  }
  if (!invited && !stopping) {
    drop_socket();
    show(session_state::error);
    show(session_last_state::disconnected);
    const std::chrono::milliseconds pause = std::max(delays.next(random), std::chrono::milliseconds(1));
    co_await sleep(pause);
  }
  co_return invited && !stopping;
}

/// The first PDU on an accepted connection, within bind_timeout.
task<bool> session::implementation::read_outbind() {
  kept = 0;
  connecting = true;
  const std::uint64_t mine = ++connection;
  sleep_timer.expires_after(config->bind_timeout);
  sleep_timer.async_wait([this, mine](asio::error_code cancelled) {
    if (cancelled || !connecting || mine != connection) return;
    asio::error_code ignored;
    socket->close(ignored);
  });
  bool invited = false;
  std::string problem;
  for (;;) {
    const asio::mutable_buffer room(read_buffer.get() + kept, read_buffer_bytes - kept);
    const auto [error, count] = co_await socket->async_read_some(room, as_values);
    if (error) {
      problem = error == asio::error::operation_aborted ? "nothing came in time" : error.message();
      break;
    }
    kept += count;
    const protocol::frame_result cut = protocol::next_frame(std::span<const std::uint8_t>(read_buffer.get(), kept));
    if (cut.kind == protocol::frame_kind::need_more) continue;
    problem = "its first PDU is something else";
    if (cut.kind == protocol::frame_kind::complete && cut.frame.header.id == protocol::command_id::outbind) {
      const auto greeting = protocol::decode<protocol::outbind>(cut.frame);
      invited = greeting && trusts(*greeting);
      problem = greeting
                    ? fmt::format("system_id \"{}\" and its password are not the ones expected", greeting->system_id)
                    : "it cannot be read";
      kept -= cut.frame.octets.size();
      std::memmove(read_buffer.get(), read_buffer.get() + cut.frame.octets.size(), kept);
    }
    break;
  }
  connecting = false;
  sleep_timer.cancel();
  if (invited) spdlog::info("{}: outbind from {}", name, setup.probe->address());
  if (!invited && !stopping) spdlog::warn("{}: no outbind from {}: {}", name, setup.probe->address(), problem);
  co_return invited;
}

bool session::implementation::trusts(const protocol::outbind& greeting) const {
  return (config->outbind_system_id.empty() || greeting.system_id == config->outbind_system_id) &&
         (config->outbind_password.empty() || greeting.password == config->outbind_password.reveal());
}

/// The TLS handshake, with the certificates as the files are now. Says itself what went wrong.
task<bool> session::implementation::secure() {
  const auto files = make_tls_client_context(config->tls);
  if (!files) {
    spdlog::error("{}: no TLS with {}: {}", name, setup.probe->address(), files.error());
    co_return false;
  }
  tls.emplace(*socket, **files);
  SSL* connection = tls->native_handle();
  if (!expect_tls_peer(connection, config->tls, setup.bind.host)) {
    spdlog::error("{}: no TLS with {}: OpenSSL refuses the server name", name, setup.probe->address());
    co_return false;
  }
  const auto [error] = co_await tls->async_handshake(asio::ssl::stream_base::client, as_values);
  if (!error && !stopping) {
    spdlog::info("{}: TLS with {}: {}{}", name, setup.probe->address(), describe_tls(connection),
                 config->tls.insecure ? "; the peer is NOT verified (tls_insecure)" : "");
    co_return true;
  }
  if (!stopping) {
    spdlog::warn(
        "{}: no TLS with {}: {}", name, setup.probe->address(),
        error == asio::error::operation_aborted ? "connect timeout in the handshake" : tls_problem(connection, error));
  }
  co_return false;
}

}  // namespace trunkline::engine
