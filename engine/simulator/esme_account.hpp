#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/simulator/delivery.hpp"
#include "engine/simulator/shared_pace.hpp"
#include "engine/simulator/simulator_options.hpp"

namespace trunkline::engine {

/// What the sessions bound with one system_id share: the number of binds, the rate, and the deliveries that no session
/// holds at the moment, because the one that caused them cannot receive or is gone, or because they were refused. All
/// members may be called from any thread.
class esme_account {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit esme_account(const simulator_options& options);

  /// Counts one bind more unless `max` (0: no limit) are there; the caller gives it back with end_bind().
  bool begin_bind(unsigned max) noexcept;
  void end_bind() noexcept { binds_.fetch_sub(1, std::memory_order_relaxed); }

  /// The rate of submit_sm in a step of the scenario, if there is one.
  std::optional<shared_pace>& throttle(std::size_t step) noexcept { return throttle_[step]; }

  /// Leaves a delivery for whichever session can receive when it is due. True when it is due before all others there,
  /// so that sessions which wait for those must be told.
  bool put(const delivery& what);

  /// Takes up to `max` deliveries that are due, appending to `out`.
  void take_due(time_point now, std::size_t max, std::vector<delivery>& out);

  /// When the first of the deliveries here is due; time_point::max() without any.
  time_point next_due() const noexcept {
    return time_point(time_point::duration(next_due_.load(std::memory_order_relaxed)));
  }

 private:
  void note_front() noexcept;

  std::atomic<unsigned> binds_{0};
  std::deque<std::optional<shared_pace>> throttle_;  ///< one a step
  std::mutex mutex_;
  std::vector<delivery> waiting_;  // a heap, the earliest in front
  std::atomic<time_point::rep> next_due_{time_point::max().time_since_epoch().count()};
};

}  // namespace trunkline::engine
