// The decisions made for each message or drain: prefix match, route match, carrier choice, pace, outcome policy.
#include <benchmark/benchmark.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "router/outcome_policy.hpp"
#include "router/pacing.hpp"
#include "router/prefix_table.hpp"
#include "router/route_table.hpp"

namespace {

using namespace trunkline::router;

/// `count` distinct prefixes, most of them long, as operators publish them: country, network, range.
std::vector<std::string> make_prefixes(std::size_t count, std::size_t longest) {
  std::mt19937_64 random(1);
  std::set<std::string> made;
  while (made.size() < count) {
    std::string digits(2 + random() % (longest - 1), '0');
    for (char& c : digits) c = static_cast<char>('0' + random() % 10);
    digits[0] = static_cast<char>('1' + random() % 9);
    made.insert(std::move(digits));
  }
  return {made.begin(), made.end()};
}

/// Numbers that begin with one of the prefixes, in random order.
std::vector<std::string> make_numbers(const std::vector<std::string>& prefixes) {
  std::mt19937_64 random(2);
  std::vector<std::string> numbers(1 << 14);
  for (std::string& number : numbers) {
    number = prefixes[random() % prefixes.size()];
    while (number.size() < 12) number += static_cast<char>('0' + random() % 10);
  }
  return numbers;
}

void longest_prefix(benchmark::State& state) {
  const auto prefixes = make_prefixes(static_cast<std::size_t>(state.range(0)), state.range(0) > 100'000 ? 9 : 7);
  std::vector<prefix_table::entry> entries;
  for (std::uint32_t i = 0; i < prefixes.size(); ++i) entries.push_back({prefixes[i], i});
  const prefix_table table(entries);
  const auto numbers = make_numbers(prefixes);
  std::size_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(table.longest(numbers[at++ & (numbers.size() - 1)]));
  state.counters["MiB"] = static_cast<double>(table.memory_bytes()) / (1 << 20);
}
BENCHMARK(longest_prefix)->Arg(100)->Arg(10'000)->Arg(1'000'000);

void route_match(benchmark::State& state) {
  const auto prefixes = make_prefixes(static_cast<std::size_t>(state.range(0)), 7);
  std::vector<route> rules;
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    route rule;
    rule.name = prefixes[i];
    rule.prefixes = {prefixes[i]};
    rule.to = {{0, 1}, {1, 1}};
    rules.push_back(std::move(rule));
  }
  route rest;
  rest.rank = 1;
  rest.to = {{0, 1}};
  rules.push_back(rest);
  const route_table table(std::move(rules));
  const auto numbers = make_numbers(prefixes);
  std::size_t at = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(table.match({numbers[at++ & (numbers.size() - 1)], "ACME", priority::bulk, {}}));
}
BENCHMARK(route_match)->Arg(1)->Arg(100)->Arg(10'000);

void carrier_choice_by(benchmark::State& state, route_strategy strategy) {
  route rule;
  rule.strategy = strategy;
  rule.to = {{0, 70}, {1, 25}, {2, 5}};
  std::uint64_t counter = 0;
  for (auto _ : state) benchmark::DoNotOptimize(choose_carrier(rule, 0b111, 0, counter++));
}
BENCHMARK_CAPTURE(carrier_choice_by, failover, route_strategy::failover);
BENCHMARK_CAPTURE(carrier_choice_by, round_robin, route_strategy::round_robin);
BENCHMARK_CAPTURE(carrier_choice_by, weighted, route_strategy::weighted);

/// One drain of 64 parts, whatever the number of threads.
void pace_drain(benchmark::State& state, double rate) {
  static pace* shared = nullptr;
  if (state.thread_index() == 0) shared = new pace(rate);
  pace::time_point now = pace::time_point(std::chrono::hours(1));
  for (auto _ : state) {
    now += std::chrono::microseconds(1);
    benchmark::DoNotOptimize(shared->try_take(now, 64));
  }
  if (state.thread_index() == 0) delete shared;
}
BENCHMARK_CAPTURE(pace_drain, unlimited, 0.0)->Threads(1)->Threads(2);
BENCHMARK_CAPTURE(pace_drain, million_a_second, 1e6)->Threads(1)->Threads(2);

void policy_look_up(benchmark::State& state) {
  const policy_override overrides[] = {{0x14, 0x14, {}}, {0x400, 0x4ff, {}}};
  const outcome_policy policy(overrides);
  const auto status = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(policy.for_submit(status));
}
BENCHMARK(policy_look_up)->Arg(0)->Arg(0x58)->Arg(0x45);

}  // namespace
