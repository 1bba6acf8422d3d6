// The shell around the session machines: sockets, threads, timers. Each thread has its io_context and its sessions;
// nothing is shared between threads but the message_centre and the log file.
//
// A session is a reader and a writer. The reader gives what it reads to the machine and at once writes, without
// waiting, what the machine has to say: one read and one write for a whole burst. Only when the socket takes no more
// does the writer wait for it; otherwise the writer waits for the machine's next deadline. Deadlines are met up to
// 50 us late, so that at high rates the timer fires for many answers and not for each.
//
// With TLS writing cannot be tried without waiting: there everything is written by the writer, and flush() only wakes
// it.
#include "engine/simulator/simulator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "engine/runtime/tls_context.hpp"
#include "engine/simulator/log_file.hpp"
#include "engine/simulator/message_centre.hpp"
#include "engine/simulator/smsc_session_machine.hpp"
#include "engine/simulator/submit_log.hpp"

namespace trunkline::engine {
namespace {

using asio::ip::tcp;
using time_point = std::chrono::steady_clock::time_point;

constexpr auto result_tuple = asio::experimental::as_tuple(asio::use_awaitable);

constexpr std::size_t buffer_bytes = 256U << 10U;
static_assert(buffer_bytes > 2 * protocol::default_max_pdu_bytes);
constexpr auto timer_grain = std::chrono::microseconds(50);
constexpr auto log_patience = std::chrono::milliseconds(20);
constexpr std::size_t log_bytes = 256U << 10U;
constexpr auto handshake_patience = std::chrono::seconds(10);
constexpr auto stop_patience = std::chrono::milliseconds(500);

class connection;

/// One thread: its sessions, counters and log lines. Its members but the atomics belong to that thread.
struct worker {
  worker(const simulator_options& all_options, const log_file* log_to)
      : options(all_options), file(log_to), log_timer(context), stop_timer(context) {}

  /// Writes the log lines out when there are enough of them, or soon.
  void log_added() {
    if (log.empty()) return;
    if (options.log_sync || log.lines().size() >= log_bytes) return flush_log();
    if (std::exchange(log_timer_runs, true)) return;
    log_timer.expires_after(log_patience);
    log_timer.async_wait([this](std::error_code) {
      log_timer_runs = false;
      flush_log();
    });
  }
  void flush_log() {
    if (log.empty()) return;
    file->write(log.lines());
    log.clear();
  }

  const simulator_options& options;
  simulator_counters counters;
  counter session_count;
  submit_log log;
  const log_file* file;
  std::vector<connection*> connections;
  asio::io_context context{1};  // behind what connections use: destroying it may destroy connections
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  asio::steady_timer log_timer;
  bool log_timer_runs = false;
  asio::steady_timer stop_timer;
  bool stopping = false;
  std::atomic<bool> mail_posted{false};
  std::thread thread;
};

/// What escapes a coroutine or a thread is an error of ours, or of the log's disk: tests must not trust what follows.
void give_up(const std::exception_ptr& error) {
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& reason) {
    fmt::print(stderr, "simulator: {}\n", reason.what());
  }
  std::_Exit(1);
}

/// A socket and its machine; lives as long as its two coroutines.
class connection {
 public:
  /// `tls` may be null: plain TCP.
  connection(worker& owner, message_centre& centre, std::uint64_t number, tcp::socket socket, asio::ssl::context* tls)
      : worker_(owner),
        machine_(centre, number, owner.counters, owner.file == nullptr ? nullptr : &owner.log),
        socket_(std::move(socket)),
        timer_(owner.context),
        in_(std::make_unique_for_overwrite<std::uint8_t[]>(buffer_bytes)),
        out_(std::make_unique_for_overwrite<std::uint8_t[]>(buffer_bytes)) {
    std::error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    if (tls != nullptr) tls_.emplace(socket_, *tls);
    worker_.connections.push_back(this);
    worker_.session_count.set(worker_.connections.size());
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() {
    machine_.on_closed(std::chrono::steady_clock::now());
    std::erase(worker_.connections, this);
    worker_.session_count.set(worker_.connections.size());
    if (worker_.stopping && worker_.connections.empty()) worker_.stop_timer.cancel();
  }

  bool open() const { return socket_.is_open(); }

  /// Ends both coroutines.
  void close() {
    std::error_code ignored;
    if (machine_.reset() && socket_.is_open()) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
    timer_.cancel();
  }

  void stop() {
    machine_.stop();
    flush(std::chrono::steady_clock::now());
  }

  /// Writes what is due as far as the socket takes it.
  void flush(time_point now) {
    if (blocked_ || !open()) return;
    if (tls_) {
      woken_ = true;
      if (shaken_) timer_.cancel();
      return;
    }
    for (;;) {
      if (out_begin_ == out_end_) {
        out_begin_ = 0;
        out_end_ = machine_.fill({out_.get(), buffer_bytes}, now);
        if (machine_.cut_off()) return close();
        if (out_end_ == 0) break;
      }
      std::error_code error;
      out_begin_ += socket_.write_some(asio::buffer(out_.get() + out_begin_, out_end_ - out_begin_), error);
      if (error == asio::error::would_block) {
        blocked_ = true;
        timer_.cancel();  // the writer is to wait for the socket instead
        return;
      }
      if (error) return close();
    }
    if (machine_.finished()) return close();
    if (machine_.next_deadline() < armed_for_) timer_.cancel();  // the writer is to wait for something earlier
  }

  static asio::awaitable<void> read(std::shared_ptr<connection> self) {
    while (self->open()) {
      // What is read slowly is read in small pieces.
      const double rate = self->machine_.read_rate();
      std::size_t most = buffer_bytes - self->in_size_;
      if (rate > 0) most = std::min(most, static_cast<std::size_t>(std::max(rate / 20, 1.0)));
      const auto space = asio::buffer(self->in_.get() + self->in_size_, most);
      std::error_code error;
      std::size_t size = 0;
      if (self->tls_) {
        const auto [outcome, count] = co_await self->tls_->async_read_some(space, result_tuple);
        error = outcome;
        size = count;
      } else {
        const auto [outcome, count] = co_await self->socket_.async_read_some(space, result_tuple);
        error = outcome;
        size = count;
      }
      if (error) break;
      self->received(size);
      if (rate > 0) {
        const auto pause_for =
            std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(size) * 1e9 / rate));
        asio::steady_timer pause(self->worker_.context, pause_for);
        co_await pause.async_wait(result_tuple);
      }
      while (self->open() && !self->machine_.wants_input()) {
        asio::steady_timer pause(self->worker_.context, std::chrono::milliseconds(1));
        co_await pause.async_wait(result_tuple);
      }
    }
    self->close();
  }

  static asio::awaitable<void> write(std::shared_ptr<connection> self) {
    while (self->open()) {
      if (self->blocked_) {
        const auto [error] = co_await self->socket_.async_wait(tcp::socket::wait_write, result_tuple);
        self->blocked_ = false;
        if (error) break;
      } else {
        const auto now = std::chrono::steady_clock::now();
        self->armed_for_ = self->machine_.next_deadline();
        self->timer_.expires_at(std::max(self->armed_for_, now + timer_grain));
        co_await self->timer_.async_wait(result_tuple);
      }
      self->flush(std::chrono::steady_clock::now());
    }
    self->close();
  }

  /// The handshake, then reading and writing.
  static asio::awaitable<void> serve_tls(std::shared_ptr<connection> self) {
    self->timer_.expires_after(handshake_patience);
    self->timer_.async_wait([self](std::error_code error) {
      if (!error) self->close();
    });
    const auto [error] = co_await self->tls_->async_handshake(asio::ssl::stream_base::server, result_tuple);
    self->timer_.cancel();
    if (error) {
      self->worker_.counters.tls_failed.add();
      co_return self->close();
    }
    self->shaken_ = true;
    asio::co_spawn(self->worker_.context, read(self), give_up);
    asio::co_spawn(self->worker_.context, write_tls(self), give_up);
  }

  static asio::awaitable<void> write_tls(std::shared_ptr<connection> self) {
    while (self->open()) {
      self->woken_ = false;
      const auto now = std::chrono::steady_clock::now();
      const std::size_t size = self->machine_.fill({self->out_.get(), buffer_bytes}, now);
      if (self->machine_.cut_off()) break;
      if (size != 0) {
        const auto octets = asio::buffer(self->out_.get(), size);
        const auto [error, written] = co_await asio::async_write(*self->tls_, octets, result_tuple);
        if (error) break;
        continue;
      }
      if (self->machine_.finished()) break;
      if (self->woken_) continue;
      self->timer_.expires_at(std::max(self->machine_.next_deadline(), now + timer_grain));
      co_await self->timer_.async_wait(result_tuple);
    }
    self->close();
  }

 private:
  void received(std::size_t size) {
    const auto now = std::chrono::steady_clock::now();
    in_size_ += size;
    const std::size_t done = machine_.on_bytes({in_.get(), in_size_}, now);
    in_size_ -= done;
    if (in_size_ > 0) std::memmove(in_.get(), in_.get() + done, in_size_);
    if (worker_.file != nullptr) worker_.log_added();
    if (machine_.cut_off()) return close();
    flush(now);
  }

  worker& worker_;
  smsc_session_machine machine_;
  tcp::socket socket_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  asio::steady_timer timer_;
  time_point armed_for_ = time_point::min();  // the deadline that the writer waits for
  bool shaken_ = false;                       // the TLS handshake is done
  bool woken_ = false;                        // with TLS: there may be something to write
  bool blocked_ = false;                      // the writer waits for the socket
  std::unique_ptr<std::uint8_t[]> in_;
  std::size_t in_size_ = 0;
  std::unique_ptr<std::uint8_t[]> out_;
  std::size_t out_begin_ = 0;
  std::size_t out_end_ = 0;
};

}  // namespace

struct simulator::state {
  explicit state(simulator_options options)
      : centre(std::move(options), std::chrono::steady_clock::now(), std::chrono::system_clock::now()) {
    if (!centre.options().log_file.empty()) file.emplace(centre.options().log_file);
    for (unsigned i = 0; i < std::max(1U, centre.options().threads); ++i) {
      workers.push_back(std::make_unique<worker>(centre.options(), file ? &*file : nullptr));
    }
    if (const auto& o = centre.options(); !o.tls_cert.empty()) {
      auto context = make_tls_server_context(o.tls_cert, o.tls_key, o.tls_client_ca);
      if (!context) throw std::runtime_error(context.error());
      tls = std::move(*context);
    }
    acceptor.emplace(workers.front()->context);
    centre.on_mail = [this] { tell_about_mail(); };
  }

  static asio::awaitable<void> accept(state* self) {
    std::size_t turn = 0;
    while (self->acceptor->is_open()) {
      worker& chosen = *self->workers[turn++ % self->workers.size()];
      auto [error, socket] = co_await self->acceptor->async_accept(chosen.context, result_tuple);
      if (!self->acceptor->is_open()) break;
      if (error) {  // out of descriptors, or the peer is gone again: not in a tight loop
        asio::steady_timer pause(self->workers.front()->context, std::chrono::milliseconds(10));
        co_await pause.async_wait(result_tuple);
        continue;
      }
      self->hand_over(chosen, std::move(socket));
    }
  }

  void hand_over(worker& chosen, tcp::socket socket) {
    asio::post(chosen.context, [this, &chosen, socket = std::move(socket), number = ++connection_count]() mutable {
      if (chosen.stopping) return;
      const auto now = std::chrono::steady_clock::now();
      if (!centre.options_of(centre.step_at(now)).accept) return;  // closed with the socket
      const auto made = std::make_shared<connection>(chosen, centre, number, std::move(socket), tls.get());
      if (tls) return asio::co_spawn(chosen.context, connection::serve_tls(made), give_up);
      asio::co_spawn(chosen.context, connection::read(made), give_up);
      asio::co_spawn(chosen.context, connection::write(made), give_up);
    });
  }

  void tell_about_mail() {
    for (auto& each : workers) {
      if (each->mail_posted.exchange(true)) continue;
      asio::post(each->context, [w = each.get()] {
        w->mail_posted.store(false);
        const auto now = std::chrono::steady_clock::now();
        const auto connections = w->connections;
        for (connection* member : connections) member->flush(now);
      });
    }
  }

  static void stop_worker(worker* w) {
    w->stopping = true;
    w->guard.reset();
    const auto connections = w->connections;
    for (connection* each : connections) each->stop();
    if (w->connections.empty()) return;
    w->stop_timer.expires_after(stop_patience);
    w->stop_timer.async_wait([w](std::error_code error) {
      if (error) return;
      for (connection* each : w->connections) each->close();
    });
  }

  message_centre centre;
  std::unique_ptr<asio::ssl::context> tls;  // behind the connections' back: outlives the workers
  std::optional<log_file> file;
  std::vector<std::unique_ptr<worker>> workers;
  std::optional<tcp::acceptor> acceptor;
  std::uint64_t connection_count = 0;
  bool started = false;
};

simulator::simulator(simulator_options options) : state_(std::make_unique<state>(std::move(options))) {}

simulator::~simulator() { stop(); }

std::uint16_t simulator::start() {
  auto& acceptor = *state_->acceptor;
  const auto& options = state_->centre.options();
  try {
    const tcp::endpoint at(asio::ip::make_address(options.listen), options.port);
    acceptor.open(at.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    // A peer that reads slowly does not take in much unread either.
    if (options.read_rate > 0) acceptor.set_option(asio::socket_base::receive_buffer_size(4096));
    acceptor.bind(at);
    acceptor.listen();
  } catch (const std::system_error& error) {
    throw std::system_error(error.code(), fmt::format("cannot listen on {} port {}", options.listen, options.port));
  }
  asio::co_spawn(state_->workers.front()->context, state::accept(state_.get()), give_up);
  for (auto& each : state_->workers) {
    each->thread = std::thread([w = each.get()] {
      try {
        w->context.run();
        w->flush_log();
      } catch (...) {
        give_up(std::current_exception());
      }
    });
  }
  state_->started = true;
  return acceptor.local_endpoint().port();
}

void simulator::stop() {
  if (!std::exchange(state_->started, false)) return;
  asio::post(state_->workers.front()->context, [s = state_.get()] {
    s->acceptor->close();
    for (auto& each : s->workers) asio::post(each->context, [w = each.get()] { state::stop_worker(w); });
  });
  for (auto& each : state_->workers) each->thread.join();
}

simulator_totals simulator::totals() const {
  simulator_totals sum;
  for (const auto& each : state_->workers) {
    sum.add(each->counters);
    sum.sessions += each->session_count.value();
  }
  return sum;
}

std::string to_json(const simulator_totals& totals) {
  return fmt::format(
      "{{\"submits\":{},\"accepted\":{},\"throttled\":{},\"refused\":{},\"dropped\":{},\"receipts\":{},\"inbound\":{},"
      "\"deliveries_acked\":{},\"redeliveries\":{},\"binds\":{},\"binds_refused\":{},\"enquire_links\":{},\"nacks\":{},"
      "\"malformed\":{},\"tls_failed\":{},\"sessions\":{}}}",
      totals.submits, totals.accepted, totals.throttled, totals.refused, totals.dropped, totals.receipts,
      totals.inbound, totals.deliveries_acked, totals.redeliveries, totals.binds, totals.binds_refused,
      totals.enquire_links, totals.nacks, totals.malformed, totals.tls_failed, totals.sessions);
}

}  // namespace trunkline::engine
