// No wake-up is lost: a consumer that parks as it should always gets its post, and the same test finds the loss when
// the exchanges are replaced by plain loads and stores.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "engine/runtime/wake_slot.hpp"

namespace trunkline::engine {
namespace {

/// The protocol, one step at a time, with the choice of what the announcement is. Run through every interleaving of one
/// producer and one consumer, and with the store buffers that a processor has: a plain store becomes visible to the
/// other thread only when it is flushed, an exchange flushes.
struct model {
  bool exchanges;  ///< as wake_slot does; false: plain load and store

  // memory
  bool parked = false;
  int work = 0;
  // what each thread has stored and the other does not see yet
  std::vector<std::function<void(model&)>> consumer_buffer{};
  std::vector<std::function<void(model&)>> producer_buffer{};
  // where they are
  int consumer = 0;
  int producer = 0;
  bool saw_work = false;
  bool suspended = false;
  bool posted = false;

  void flush(std::vector<std::function<void(model&)>>& buffer) {
    for (const auto& store : buffer) store(*this);
    buffer.clear();
  }
  /// Does step `choice`; false when it is not possible.
  bool step(int choice) {
    switch (choice) {
      case 0:
        return consumer_step();
      case 1:
        return producer_step();
      case 2:
        if (consumer_buffer.empty()) return false;
        flush(consumer_buffer);
        return true;
      default:
        if (producer_buffer.empty()) return false;
        flush(producer_buffer);
        return true;
    }
  }
  bool consumer_step() {
    switch (consumer++) {
      case 0:  // announce
        if (exchanges) {
          flush(consumer_buffer);
          parked = true;
        } else {
          consumer_buffer.push_back([](model& m) { m.parked = true; });
        }
        return true;
      case 1:  // look again
        saw_work = work != 0;
        return true;
      case 2:
        if (!saw_work) suspended = true;
        return true;
      default:
        consumer = 3;
        return false;
    }
  }
  bool producer_step() {
    switch (producer++) {
      case 0:  // publish
        producer_buffer.push_back([](model& m) { m.work = 1; });
        return true;
      case 1:  // wake
        if (exchanges) {
          flush(producer_buffer);
          posted = parked;
          parked = false;
        } else if (parked) {
          posted = true;
          producer_buffer.push_back([](model& m) { m.parked = false; });
        }
        return true;
      default:
        producer = 2;
        return false;
    }
  }
};

/// Runs every interleaving to its end and counts those in which the consumer sleeps beside work.
void explore(const model& from, std::uint64_t& runs, std::uint64_t& lost) {
  bool moved = false;
  for (int choice = 0; choice < 4; ++choice) {
    model next = from;
    if (!next.step(choice)) continue;
    moved = true;
    explore(next, runs, lost);
  }
  if (moved) return;
  ++runs;
  if (from.suspended && from.work != 0 && !from.posted) ++lost;
}

TEST(wake_up, no_interleaving_loses_one) {
  std::uint64_t runs = 0;
  std::uint64_t lost = 0;
  explore({.exchanges = true}, runs, lost);
  EXPECT_GT(runs, 10U);
  EXPECT_EQ(lost, 0U);
}

TEST(wake_up, plain_loads_and_stores_would_lose_one) {
  std::uint64_t runs = 0;
  std::uint64_t lost = 0;
  explore({.exchanges = false}, runs, lost);
  EXPECT_GT(lost, 0U);
  EXPECT_LT(lost, runs);
}

/// The real thing on real threads: items handed over one at a time, so that nearly each one meets a consumer that is
/// about to sleep.
TEST(wake_up, stress) {
  constexpr std::uint32_t items = 15'000;
  struct shared {
    std::atomic<std::uint32_t> published{0};
    std::atomic<std::uint32_t> posts{0};
    std::atomic<std::uint32_t> consumed{0};
  } s;
  wake_slot slot(
      [](void* context) noexcept {
        auto& posts = static_cast<shared*>(context)->posts;
        posts.fetch_add(1, std::memory_order_release);
        posts.notify_one();
      },
      &s);
  std::thread consumer([&] {
    std::uint32_t seen = 0;
    std::uint32_t posts = 0;
    while (seen != items) {
      const std::uint32_t now = s.published.load(std::memory_order_acquire);
      if (now != seen) {
        seen = now;
        s.consumed.store(seen, std::memory_order_release);
        s.consumed.notify_one();
        continue;
      }
      slot.park();
      if (s.published.load(std::memory_order_acquire) != seen) {
        if (!slot.unpark()) {
          s.posts.wait(posts, std::memory_order_acquire);  // a post is on its way
          ++posts;
        }
        continue;
      }
      s.posts.wait(posts, std::memory_order_acquire);  // suspended: a lost wake-up hangs here
      ++posts;
    }
  });
  for (std::uint32_t i = 1; i <= items; ++i) {
    s.published.store(i, std::memory_order_release);
    slot.wake();
    if (i % 3 != 0) continue;
    for (std::uint32_t done; (done = s.consumed.load(std::memory_order_acquire)) != i;) {
      s.consumed.wait(done, std::memory_order_acquire);
    }
  }
  consumer.join();
  EXPECT_EQ(s.consumed.load(), items);
}

}  // namespace
}  // namespace trunkline::engine
