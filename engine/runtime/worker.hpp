#pragma once

#include <functional>
#include <memory>
#include <string>

namespace asio {
class io_context;
}

namespace trunkline::engine {

/// A thread with an io_context that no other thread runs (concurrency hint 1): what lives on it needs no locks and no
/// strands.
class worker {
 public:
  /// Starts the thread. `name` is what the system shows (at most 15 octets of it).
  explicit worker(const std::string& name);
  /// join()
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  /// Lives as long as the worker.
  [[nodiscard]] asio::io_context& context() noexcept;

  /// Any thread: runs `f` on the worker's thread, after everything posted before.
  void post(std::function<void()> f);

  /// Waits until everything on the thread has ended by itself, and ends it. Idempotent; not from the thread itself.
  void join();

 private:
  struct implementation;
  std::unique_ptr<implementation> implementation_;
};

}  // namespace trunkline::engine
