#pragma once

#include <atomic>
#include <chrono>

namespace trunkline::engine {

/// The one way to the time. Wall time is for what people and peers see (validity, accepted_at, names of files); it may
/// jump. Steady time is for delays and timeouts. Any thread may ask.
class clock {
 public:
  using wall_time = std::chrono::system_clock::time_point;
  using steady_time = std::chrono::steady_clock::time_point;

  virtual ~clock() = default;
  virtual wall_time wall() const noexcept = 0;
  virtual steady_time steady() const noexcept = 0;
};

/// The machine's clocks.
class real_clock final : public clock {
 public:
  wall_time wall() const noexcept override { return std::chrono::system_clock::now(); }
  steady_time steady() const noexcept override { return std::chrono::steady_clock::now(); }
};

/// A clock that moves only when told, for tests and simulated worlds. Safe to read while another thread moves it.
class manual_clock final : public clock {
 public:
  /// Starts at `wall` and at an arbitrary steady time well above zero, so that subtracting a delay is harmless.
  explicit manual_clock(wall_time wall = wall_time{std::chrono::seconds{1'800'000'000}}) noexcept
      : wall_{wall.time_since_epoch().count()} {}

  wall_time wall() const noexcept override { return wall_time{wall_time::duration{wall_.load()}}; }
  steady_time steady() const noexcept override { return steady_time{steady_time::duration{steady_.load()}}; }

  /// Both clocks go forward by `step` (which must not be negative).
  void advance(std::chrono::nanoseconds step) noexcept {
    steady_.fetch_add(std::chrono::duration_cast<steady_time::duration>(step).count());
    wall_.fetch_add(std::chrono::duration_cast<wall_time::duration>(step).count());
  }

  /// Only the wall clock jumps, in either direction, as when somebody sets it.
  void set_wall(wall_time wall) noexcept { wall_.store(wall.time_since_epoch().count()); }

 private:
  std::atomic<wall_time::rep> wall_;
  std::atomic<steady_time::rep> steady_{std::chrono::steady_clock::duration{std::chrono::hours{1000}}.count()};
};

}  // namespace trunkline::engine
