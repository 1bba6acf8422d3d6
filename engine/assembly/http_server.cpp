#include "engine/assembly/http_server.hpp"

#include <civetweb.h>

#include <array>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "engine/assembly/engine.hpp"
#include "engine/assembly/metrics.hpp"
#include "engine/assembly/status.hpp"

namespace trunkline::engine {

struct http_server::implementation {
  explicit implementation(const engine& e) : of(e), metrics(e) {}
  const engine& of;
  metrics_page metrics;
  std::atomic<bool> serving{false};
  mg_context* context = nullptr;
};

namespace {

struct page {
  int status = 200;
  const char* type = "text/plain; charset=utf-8";
  std::string body;
};

int answer(mg_connection* connection, const page& p) {
  mg_printf(connection,
            "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
            "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            p.status, mg_get_response_code_text(connection, p.status), p.type, p.body.size());
  mg_write(connection, p.body.data(), p.body.size());
  return p.status;
}

page make_page(std::string_view path, http_server::implementation& self) {
  if (path == "/healthz") return {200, "text/plain; charset=utf-8", "ok\n"};
  if (!self.serving.load()) return {503, "text/plain; charset=utf-8", "starting\n"};
  if (path == "/readyz") {
    if (self.of.ready()) return {200, "text/plain; charset=utf-8", "ready\n"};
    return {503, "text/plain; charset=utf-8", self.of.not_ready_because() + "\n"};
  }
  if (path == "/metrics") return {200, "text/plain; version=0.0.4; charset=utf-8", self.metrics.render()};
  if (path == "/status") return {200, "application/json", status_json(self.of)};
  return {404, "text/plain; charset=utf-8", "not found; there are /metrics, /healthz, /readyz and /status\n"};
}

int handle(mg_connection* connection, void* self) {
  const mg_request_info* request = mg_get_request_info(connection);
  const std::string_view method = request->request_method == nullptr ? "" : request->request_method;
  if (method != "GET" && method != "HEAD") return answer(connection, {405, "text/plain; charset=utf-8", "only GET\n"});
  const std::string_view path = request->local_uri == nullptr ? "" : request->local_uri;
  try {
    return answer(connection, make_page(path, *static_cast<http_server::implementation*>(self)));
  } catch (const std::exception&) {
    return answer(connection, {500, "text/plain; charset=utf-8", "cannot make this page\n"});
  }
}

}  // namespace

http_server::http_server(const engine& of, const std::string& listen)
    : implementation_(std::make_unique<implementation>(of)) {
  const std::array<const char*, 13> options = {"listening_ports",
                                               listen.c_str(),
                                               "num_threads",
                                               "4",
                                               "request_timeout_ms",
                                               "5000",
                                               "enable_keep_alive",
                                               "no",
                                               "linger_timeout_ms",
                                               "100",
                                               "max_request_size",
                                               "8192",
                                               nullptr};
  mg_callbacks callbacks{};
  mg_init_library(0);
  implementation_->context = mg_start(&callbacks, implementation_.get(), const_cast<const char**>(options.data()));
  if (implementation_->context == nullptr) {
    throw std::runtime_error(fmt::format("cannot listen on {} for HTTP ([http] listen)", listen));
  }
  mg_set_request_handler(implementation_->context, "/", handle, implementation_.get());
}

http_server::~http_server() {
  // CivetWeb's acceptor looks at its stop flag only every two seconds, or when somebody connects.
  mg_server_port port{};
  const bool known = mg_get_server_ports(implementation_->context, 1, &port) == 1;
  std::thread visitor([known, number = port.port] {
    if (!known) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::array<char, 128> error{};
    if (mg_connection* c = mg_connect_client("localhost", number, 0, error.data(), error.size()))
      mg_close_connection(c);
  });
  mg_stop(implementation_->context);
  visitor.join();
  mg_exit_library();
}

void http_server::serve() noexcept { implementation_->serving.store(true); }

}  // namespace trunkline::engine
