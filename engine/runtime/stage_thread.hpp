#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "engine/runtime/wake_slot.hpp"

namespace trunkline::engine {

/// A thread that calls one stage's `step` for as long as it says it worked, and then sleeps until it is woken or the
/// time that the step named. The stage decides, the thread only waits.
class stage_thread {
 public:
  struct outcome {
    bool worked = false;
    std::chrono::steady_clock::time_point next;
  };
  using step_function = std::function<outcome()>;

  stage_thread() : slot_([](void* self) noexcept { static_cast<stage_thread*>(self)->notify(); }, this) {}
  ~stage_thread() { stop(); }
  stage_thread(const stage_thread&) = delete;
  stage_thread& operator=(const stage_thread&) = delete;

  /// What producers wake; valid before `start`.
  wake_slot& slot() noexcept { return slot_; }
  void start(const char* name, step_function step);
  /// Ends the thread after the step it is in.
  void stop();

 private:
  void run();
  void notify() noexcept;

  wake_slot slot_;
  step_function step_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool notified_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trunkline::engine
