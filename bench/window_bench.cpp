// The window: open and close in the order of a healthy session, in a shuffled order, and against what a map would cost.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <unordered_map>
#include <vector>

#include "protocol/session_machine.hpp"
#include "protocol/window.hpp"

namespace {

using namespace trunkline::protocol;

std::vector<std::size_t> order_of(std::size_t size, bool shuffled) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (shuffled) std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  return order;
}

/// Argument 0: window; argument 1: answers in order (0) or shuffled (1). One item is one open and one close.
void open_and_close(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  window<submit_token> w(static_cast<std::uint32_t>(size));
  const auto order = order_of(size, state.range(1) != 0);
  std::vector<std::uint32_t> numbers(size);
  const window<submit_token>::time_point now{};
  for (auto _ : state) {
    for (std::uint32_t& number : numbers) number = w.open(now, {});
    for (const std::size_t i : order) benchmark::DoNotOptimize(w.close(numbers[i]));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(open_and_close)->ArgsProduct({{10, 100, 1000}, {0, 1}})->ArgNames({"window", "shuffled"});

void unordered_map(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  std::unordered_map<std::uint32_t, submit_token> map;
  map.reserve(2 * size);
  const auto order = order_of(size, state.range(1) != 0);
  std::vector<std::uint32_t> numbers(size);
  std::uint32_t next = 1;
  for (auto _ : state) {
    for (std::uint32_t& number : numbers) map.emplace(number = next++, submit_token{});
    for (const std::size_t i : order) benchmark::DoNotOptimize(map.extract(numbers[i]));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(unordered_map)->ArgsProduct({{100}, {0, 1}})->ArgNames({"window", "shuffled"});

struct sink final : session_handler {
  void on_bound(std::string_view, std::optional<std::uint8_t>) noexcept override {}
  void on_submit_answer(const submit_answer& answer) noexcept override { benchmark::DoNotOptimize(answer.message_id); }
  void on_submit_timeout(submit_token) noexcept override {}
  bool on_received(const frame&) noexcept override { return true; }
  void on_fault(session_fault, std::span<const std::uint8_t>) noexcept override {}
};

/// A whole window through the machine: open each, read all answers in one piece.
void machine_round(benchmark::State& state) {
  const auto size = static_cast<std::uint32_t>(state.range(0));
  sink handler;
  session_settings settings;
  settings.window = size;
  session_machine machine(settings, handler);
  const session_machine::time_point now{std::chrono::hours(1)};
  machine.connected(now);
  const std::uint8_t accepted[] = {0, 0, 0, 17, 0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0};
  machine.on_bytes(accepted, now);
  constexpr std::size_t answer_bytes = header_bytes + 9;
  std::vector<std::uint8_t> answers(answer_bytes * size, std::uint8_t{'a'});
  for (auto _ : state) {
    for (std::uint32_t i = 0; i < size; ++i) {
      std::uint8_t* at = answers.data() + i * answer_bytes;
      write_header(std::span<std::uint8_t, header_bytes>(at, header_bytes),
                   {.command_length = answer_bytes,
                    .id = command_id::submit_sm_resp,
                    .status = command_status::rok,
                    .sequence_number = machine.open_submit(now, {})});
      at[answer_bytes - 1] = 0;
    }
    benchmark::DoNotOptimize(machine.on_bytes(answers, now));
  }
  if (machine.in_flight() != 0) state.SkipWithError("answers went astray");
  state.SetItemsProcessed(state.iterations() * size);
}
BENCHMARK(machine_round)->Arg(10)->Arg(100)->Arg(1000)->ArgName("window");

}  // namespace
