#include "engine/simulator/esme_account.hpp"

#include <algorithm>

namespace trunkline::engine {
namespace {

/// Orders a heap so that the earliest is in front.
constexpr auto later = [](const delivery& a, const delivery& b) noexcept { return a.due > b.due; };

}  // namespace

esme_account::esme_account(const simulator_options& options) {
  using namespace std::chrono_literals;
  const auto add = [this](const simulator_options& from) {
    auto& pace = throttle_.emplace_back();
    if (from.throttle_per_second > 0) pace.emplace(from.throttle_per_second, 100ms);
  };
  add(options);
  for (const simulator_step& step : options.steps) add(step.options);
}

bool esme_account::begin_bind(unsigned max) noexcept {
  if (binds_.fetch_add(1, std::memory_order_relaxed) < max || max == 0) return true;
  end_bind();
  return false;
}

bool esme_account::put(const delivery& what) {
  const std::lock_guard lock(mutex_);
  const time_point before = next_due();
  waiting_.push_back(what);
  std::push_heap(waiting_.begin(), waiting_.end(), later);
  note_front();
  return what.due < before;
}

void esme_account::take_due(time_point now, std::size_t max, std::vector<delivery>& out) {
  const std::lock_guard lock(mutex_);
  for (; max > 0 && !waiting_.empty() && waiting_.front().due <= now; --max) {
    std::pop_heap(waiting_.begin(), waiting_.end(), later);
    out.push_back(waiting_.back());
    waiting_.pop_back();
  }
  note_front();
}

void esme_account::note_front() noexcept {
  const time_point front = waiting_.empty() ? time_point::max() : waiting_.front().due;
  next_due_.store(front.time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace trunkline::engine
