#pragma once

#include <memory>
#include <string>

namespace trunkline::engine {

class engine;

/// /metrics, /healthz, /readyz and /status. A small thread pool with short timeouts and no keep-alive, so that idle or
/// slow clients cannot starve it. Listens from its construction (throws std::runtime_error when it cannot), answers 503
/// until `serve`.
class http_server {
 public:
  /// `listen` is host:port or [IPv6]:port. `of` must outlive the server.
  http_server(const engine& of, const std::string& listen);
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// The engine has started: pages may look into it.
  void serve() noexcept;

  struct implementation;

 private:
  std::unique_ptr<implementation> implementation_;
};

}  // namespace trunkline::engine
