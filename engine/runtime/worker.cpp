#include "engine/runtime/worker.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <exception>
#include <thread>
#include <utility>

namespace trunkline::engine {

struct worker::implementation {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  std::thread thread;

  void run() {
    for (;;) {
      try {
        context.run();
        return;
      } catch (const std::exception& e) {
        // A handler must not throw; losing one is better than losing every session of the thread.
        spdlog::error("a handler ended by an exception: {}", e.what());
      }
    }
  }
};

worker::worker(const std::string& name) : implementation_(std::make_unique<implementation>()) {
  implementation_->thread = std::thread([this] { implementation_->run(); });
  pthread_setname_np(implementation_->thread.native_handle(), name.substr(0, 15).c_str());
}

worker::~worker() { join(); }

asio::io_context& worker::context() noexcept { return implementation_->context; }

void worker::post(std::function<void()> f) { asio::post(implementation_->context, std::move(f)); }

void worker::join() {
  if (!implementation_->thread.joinable()) return;
  implementation_->guard.reset();
  implementation_->thread.join();
}

}  // namespace trunkline::engine
