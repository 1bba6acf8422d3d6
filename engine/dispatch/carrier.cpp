// The lanes of one carrier and the ways to wake its sessions. Registration of sessions is rare and takes the mutex;
// pushing, draining and waking do not.
#include "engine/dispatch/carrier.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

#include "engine/dispatch/session_probe.hpp"

namespace trunkline::engine {

carrier::carrier(std::uint16_t id, std::shared_ptr<const carrier_config> config, std::uint32_t share_slots)
    : id_(id),
      pace_(config->throughput),
      feeding_senders_(config->throughput_per_sender),
      sending_senders_(config->throughput_per_sender),
      share_(share_slots),
      depth_(share_slots) {
  router::outcome_policy policy(config->policy);
  all_terms_.push_back(std::make_unique<const terms>(std::move(config), std::move(policy)));
  terms_.store(all_terms_.back().get(), std::memory_order_release);
}

carrier::~carrier() = default;

void carrier::reconfigure(std::shared_ptr<const carrier_config> config) {
  pace_.set_rate(config->throughput);
  feeding_senders_.set_rate(config->throughput_per_sender);
  sending_senders_.set_rate(config->throughput_per_sender);
  {
    const std::lock_guard lock(mutex_);
    router::outcome_policy policy(config->policy);
    all_terms_.push_back(std::make_unique<const terms>(std::move(config), std::move(policy)));
    terms_.store(all_terms_.back().get(), std::memory_order_release);
  }
  // Whoever waits for the pace looks at the new one.
  wake_all();
}

bool carrier::release(router::priority p, std::uint32_t slots) noexcept {
  held_[static_cast<std::size_t>(p)].fetch_sub(slots, std::memory_order_seq_cst);
  const std::uint8_t wanted = wanted_.load(std::memory_order_seq_cst);
  if (wanted == 0) return false;
  for (std::size_t i = 0; i < router::priority_count; ++i) {
    if ((wanted & 1U << i) != 0 && roomy(static_cast<router::priority>(i)))
      return wanted_.exchange(0, std::memory_order_seq_cst) != 0;
  }
  return false;
}

carrier::producer::producer(carrier& c)
    : tokens{queue::producer_token(c.lanes_[0]), queue::producer_token(c.lanes_[1]),
             queue::producer_token(c.lanes_[2]), queue::producer_token(c.lanes_[3]),
             queue::producer_token(c.lanes_[4]), queue::producer_token(c.lanes_[5])} {}

carrier::consumer::consumer(carrier& c)
    : tokens{queue::consumer_token(c.lanes_[0]), queue::consumer_token(c.lanes_[1]),
             queue::consumer_token(c.lanes_[2]), queue::consumer_token(c.lanes_[3]),
             queue::consumer_token(c.lanes_[4]), queue::consumer_token(c.lanes_[5])} {}

void carrier::push(lane to, std::span<message* const> messages, producer& via) {
  if (messages.empty()) return;
  const auto index = static_cast<std::size_t>(to);
  lanes_[index].enqueue_bulk(via.tokens[index], messages.data(), messages.size());
  wake(messages.size());
}

void carrier::push_returned(message* m) {
  lanes_[static_cast<std::size_t>(again_lane_of(m->priority))].enqueue(m);
  wake(1);
}

void carrier::push_again(message* m) {
  lanes_[static_cast<std::size_t>(lane_of(m->priority))].enqueue(m);
  wake(1);
}

std::size_t carrier::drain(std::span<message*> out, consumer& via) noexcept {
  if (out.empty()) return 0;
  constexpr std::size_t priorities = lane_count / 2;
  const auto take_lane = [&](std::size_t index, std::span<message*> into) {
    return into.empty() ? std::size_t{0} : lanes_[index].try_dequeue_bulk(via.tokens[index], into.data(), into.size());
  };
  const auto take = [&](std::size_t priority, std::span<message*> into) {
    const std::size_t again = take_lane(2 * priority, into);
    return again + take_lane(2 * priority + 1, into.subspan(again));
  };
  // `turn` counts messages in its low bits, so that small drains leave an eighth too, and whose turn it is above them.
  const auto asked = static_cast<std::uint32_t>(std::min<std::size_t>(out.size(), 1U << 20U));
  const std::uint32_t counted = (via.turn & 7U) + asked;
  const std::uint32_t reserve = counted / 8;
  std::uint32_t rotation = via.turn >> 3U;
  std::size_t taken = 0;
  std::size_t highest = 0;  // the first priority that gave something
  const auto from_the_top = [&](std::size_t limit) {
    for (std::size_t i = 0; i < priorities && taken < limit; ++i) {
      const std::size_t got = take(i, out.subspan(taken, limit - taken));
      if (taken == 0 && got != 0) highest = i;
      taken += got;
    }
  };
  from_the_top(out.size() - reserve);
  if (reserve != 0 && highest + 1 < priorities) {
    // The priorities below take turns in being asked first.
    const std::size_t below = priorities - 1 - highest;
    for (std::size_t i = 0; i < below && taken < out.size(); ++i) {
      taken += take(highest + 1 + (rotation + i) % below, out.subspan(taken));
    }
    rotation = (rotation + 1) % 2;
  }
  from_the_top(out.size());
  via.turn = (rotation << 3U) | (counted & 7U);
  return taken;
}

std::size_t carrier::drain(lane from, std::span<message*> out, consumer& via) noexcept {
  const auto at = static_cast<std::size_t>(from);
  return lanes_[at].try_dequeue_bulk(via.tokens[at], out.begin(), out.size());
}

std::size_t carrier::queued(lane l) const noexcept { return lanes_[static_cast<std::size_t>(l)].size_approx(); }

std::size_t carrier::queued() const noexcept {
  std::size_t total = 0;
  for (const queue& q : lanes_) total += q.size_approx();
  return total;
}

std::size_t carrier::queued_again() const noexcept {
  return queued(lane::urgent_again) + queued(lane::normal_again) + queued(lane::bulk_again);
}

void carrier::add_waiter(wake_slot* slot) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < max_waiters; ++i) {
    if (waiters_[i].load(std::memory_order_relaxed) != nullptr) continue;
    waiters_[i].store(slot, std::memory_order_seq_cst);
    if (i >= waiter_count_.load(std::memory_order_relaxed)) waiter_count_.store(i + 1, std::memory_order_seq_cst);
    return;
  }
  throw std::length_error("too many sessions at one carrier");
}

void carrier::remove_waiter(wake_slot* slot) {
  const std::lock_guard lock(mutex_);
  for (auto& entry : waiters_) {
    if (entry.load(std::memory_order_relaxed) == slot) entry.store(nullptr, std::memory_order_seq_cst);
  }
  // Whoever comes in from now on does not see the slot; whoever was in before is out in a moment.
  while (waking_.load(std::memory_order_seq_cst) != 0) std::this_thread::yield();
}

void carrier::wake(std::size_t count) noexcept {
  waking_.fetch_add(1, std::memory_order_seq_cst);
  const std::size_t waiters = waiter_count_.load(std::memory_order_seq_cst);
  if (waiters != 0) {
    const std::size_t first = waiters == 1 ? 0 : first_to_wake_.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t i = 0; i < waiters && count != 0; ++i) {
      wake_slot* slot = waiters_[(first + i) % waiters].load(std::memory_order_seq_cst);
      if (slot != nullptr && slot->wake()) --count;
    }
  }
  waking_.fetch_sub(1, std::memory_order_seq_cst);
}

void carrier::count_sendable(int change, std::chrono::steady_clock::time_point now) noexcept {
  const auto at = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  last_usable_ns_.store(at, std::memory_order_relaxed);
  sendable_.fetch_add(change, std::memory_order_relaxed);
}

void carrier::count_idle_usable(int change, std::chrono::steady_clock::time_point now) noexcept {
  if (change < 0) count_sendable(0, now);
  idle_usable_.fetch_add(change, std::memory_order_relaxed);
}

bool carrier::usable(std::chrono::steady_clock::time_point now, std::chrono::milliseconds patience) const noexcept {
  if (!config().can_send() || closed() || disabled()) return false;
  if (sendable_.load(std::memory_order_relaxed) > 0 || idle_usable_.load(std::memory_order_relaxed) > 0) return true;
  const std::int64_t last = last_usable_ns_.load(std::memory_order_relaxed);
  // 0: its sessions were not started yet.
  return last == 0 || now - std::chrono::steady_clock::time_point(std::chrono::nanoseconds(last)) < patience;
}

std::chrono::nanoseconds carrier::down_for(std::chrono::steady_clock::time_point now) const noexcept {
  if (usable(now, std::chrono::milliseconds(0))) return std::chrono::nanoseconds(0);
  const std::int64_t last = last_usable_ns_.load(std::memory_order_relaxed);
  return now - std::chrono::steady_clock::time_point(std::chrono::nanoseconds(last));
}

void carrier::add_probe(std::shared_ptr<session_probe> probe) {
  const std::lock_guard lock(mutex_);
  probes_.push_back(std::move(probe));
}

std::vector<std::shared_ptr<session_probe>> carrier::probes() const {
  const std::lock_guard lock(mutex_);
  return probes_;
}

}  // namespace trunkline::engine
