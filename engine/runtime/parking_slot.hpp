#pragma once

#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <optional>
#include <utility>

namespace trunkline::engine {

/// Coroutines run on one thread each; the executor is named so that no call is type-erased.
using io_executor = asio::io_context::executor_type;
template <typename T>
using task = asio::awaitable<T, io_executor>;

/// Where one coroutine suspends until somebody on the same thread resumes it: its handler is kept in place, and no
/// timer or system call is involved. Other threads go through a wake_slot, whose post calls resume().
///
/// There is no cancellation: the owner resumes whoever is parked before it waits for the coroutine's end.
class parking_slot {
 public:
  parking_slot() = default;
  parking_slot(const parking_slot&) = delete;
  parking_slot& operator=(const parking_slot&) = delete;

  /// Suspends the calling coroutine until resume(). One coroutine at a time.
  [[nodiscard]] task<void> park() {
    initiation start{this};
    token use;
    return asio::async_initiate<token, void()>(start, use);
  }

  [[nodiscard]] bool occupied() const noexcept { return handler_.has_value(); }

  /// Runs the parked coroutine up to its next suspension, inside this call; false when none is parked. The last act of
  /// a turn: anything may have happened when it returns.
  bool resume() {
    if (!handler_) return false;
    handler runnable = std::move(*handler_);
    handler_.reset();
    std::move(runnable)();
    return true;
  }

 private:
  using token = asio::use_awaitable_t<io_executor>;
  using handler = typename asio::async_result<token, void()>::handler_type;

  struct initiation {
    parking_slot* slot;
    void operator()(handler&& h) const { slot->handler_.emplace(std::move(h)); }
  };

  std::optional<handler> handler_;
};

}  // namespace trunkline::engine
