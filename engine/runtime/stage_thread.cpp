#include "engine/runtime/stage_thread.hpp"

#include <pthread.h>

namespace trunkline::engine {

void stage_thread::start(const char* name, step_function step) {
  step_ = std::move(step);
  thread_ = std::thread([this] { run(); });
  ::pthread_setname_np(thread_.native_handle(), name);
}

void stage_thread::notify() noexcept {
  {
    const std::lock_guard lock(mutex_);
    notified_ = true;
  }
  changed_.notify_one();
}

void stage_thread::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void stage_thread::run() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (step_().worked) continue;
    // Announce the sleep, then look once more: a producer either sees the announcement or its work is seen here.
    slot_.park();
    const outcome last = step_();
    if (last.worked) {
      if (!slot_.unpark()) {
        const std::lock_guard lock(mutex_);
        notified_ = false;
      }
      continue;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, last.next, [this] { return notified_ || stopping_; });
    notified_ = false;
    lock.unlock();
    slot_.unpark();
  }
}

}  // namespace trunkline::engine
