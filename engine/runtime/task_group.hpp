#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "engine/runtime/parking_slot.hpp"

namespace trunkline::engine {

/// The one place where coroutines are spawned. Its owner can wait for all of them, and an exception that escapes one is
/// logged with its name instead of being lost. One thread: that of the context.
class task_group {
 public:
  /// `context` must outlive the group.
  explicit task_group(asio::io_context& context) : context_(context) {}
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;
  /// Every coroutine must have ended.
  ~task_group();

  /// Starts `body` on the context's thread, in a turn of its own. `ended` is called after its frame is gone. Bodies
  /// take values, or references to what outlives the group.
  void spawn(std::string name, task<void> body, std::function<void()> ended = {});

  [[nodiscard]] std::size_t running() const noexcept { return running_; }

  /// Suspends until none is running. One waiter at a time.
  [[nodiscard]] task<void> all_ended();

 private:
  asio::io_context& context_;
  std::size_t running_ = 0;
  parking_slot waiter_;
};

}  // namespace trunkline::engine
