#include "engine/runtime/task_group.hpp"

#include <spdlog/spdlog.h>

#include <asio/co_spawn.hpp>
#include <cassert>
#include <exception>
#include <utility>

namespace trunkline::engine {

task_group::~task_group() { assert(running_ == 0); }

void task_group::spawn(std::string name, task<void> body, std::function<void()> ended) {
  ++running_;
  asio::co_spawn(context_.get_executor(), std::move(body),
                 [this, name = std::move(name), ended = std::move(ended)](std::exception_ptr escaped) {
                   if (escaped) {
                     try {
                       std::rethrow_exception(escaped);
                     } catch (const std::exception& e) {
                       spdlog::error("{} ended by an exception: {}", name, e.what());
                     } catch (...) {
                       spdlog::error("{} ended by an unknown exception", name);
                     }
                   }
                   --running_;
                   if (ended) ended();
                   if (running_ == 0) waiter_.resume();
                 });
}

task<void> task_group::all_ended() {
  while (running_ != 0) co_await waiter_.park();
}

}  // namespace trunkline::engine
