// Handing messages from one thread to another through a carrier's lane: singly and in bulk. One item is one message;
// the time is that of the whole hand-over, both threads working at once.
#include <benchmark/benchmark.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "engine/dispatch/carrier.hpp"

namespace {

using namespace trunkline::engine;

constexpr std::size_t messages_a_round = 1U << 16U;

/// Argument: messages a push and a drain.
void hand_over(benchmark::State& state) {
  const auto bulk = static_cast<std::size_t>(state.range(0));
  carrier_config config;
  config.name = "bench";
  carrier lanes(0, std::make_shared<const carrier_config>(config), messages_a_round);
  std::vector<message> messages(messages_a_round);
  std::vector<message*> pointers;
  for (message& m : messages) pointers.push_back(&m);
  for (auto _ : state) {
    std::atomic<bool> go{false};
    std::thread consumer([&] {
      carrier::consumer out(lanes);
      std::vector<message*> got(bulk);
      while (!go.load(std::memory_order_acquire)) {
      }
      for (std::size_t total = 0; total < messages_a_round;) {
        const std::size_t n = lanes.drain(got, out);
        if (n == 0) std::this_thread::yield();
        total += n;
      }
    });
    carrier::producer in(lanes);
    go.store(true, std::memory_order_release);
    for (std::size_t at = 0; at < messages_a_round; at += bulk) {
      lanes.push(lane::bulk, std::span<message* const>(pointers).subspan(at, bulk), in);
    }
    consumer.join();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(messages_a_round));
}
BENCHMARK(hand_over)->Arg(1)->Arg(16)->Arg(256)->ArgName("bulk")->UseRealTime()->Unit(benchmark::kMillisecond);

/// Push and drain on one thread: what the lanes themselves cost.
void through_a_lane(benchmark::State& state) {
  const auto bulk = static_cast<std::size_t>(state.range(0));
  carrier_config config;
  config.name = "bench";
  carrier lanes(0, std::make_shared<const carrier_config>(config), messages_a_round);
  std::vector<message> messages(bulk);
  std::vector<message*> pointers;
  for (message& m : messages) pointers.push_back(&m);
  carrier::producer in(lanes);
  carrier::consumer out(lanes);
  std::vector<message*> got(bulk);
  for (auto _ : state) {
    lanes.push(lane::normal, pointers, in);
    benchmark::DoNotOptimize(lanes.drain(got, out));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(through_a_lane)->Arg(1)->Arg(16)->Arg(256)->ArgName("bulk");

}  // namespace
