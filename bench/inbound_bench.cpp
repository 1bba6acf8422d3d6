// Messages of phones from the journal to lines for inbound/, and the opt-out list: what each message costs.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/engine/inbound/inbound_fixture.hpp"
#include "tests/engine/inbound/phone_pdu.hpp"

namespace trunkline::engine {
namespace {

using test::phone_pdu;

std::unique_ptr<test::inbound_fixture> start(std::string_view rules) {
  auto made = std::make_unique<test::inbound_fixture>([](std::error_code, const std::string&) {});
  made->start(test::inbound_fixture::plan(rules));
  return made;
}

constexpr const char* five_rules = R"toml(
[[inbound]]
name = "a"
from = "33*"
to = "a"
[[inbound]]
name = "b"
text_prefix = ["ORDER", "BUY"]
to = "a"
[[inbound]]
name = "c"
regex = "^[0-9]{4}$"
to = "a"
[[inbound]]
name = "d"
time = "08:00-17:00"
days = ["sat", "sun"]
timezone = "Europe/Prague"
to = "a"
[[inbound]]
name = "rest"
to = "rest"
[optout]
)toml";

void inbound_line(benchmark::State& state, const char* rules) {
  phone_pdu message;
  message.text = "a message of a phone, of a usual length, which is about so long";
  const auto pdu = message.octets();
  std::int64_t now = 1'800'000'000'000;
  constexpr int per_round = 8000;  // less than what a file holds
  for (auto _ : state) {
    state.PauseTiming();
    auto w = start(rules);
    state.ResumeTiming();
    for (int i = 0; i < per_round; ++i) w->stage->received({"acme"}, ++now, pdu);
    state.PauseTiming();
    w.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * per_round);
}
BENCHMARK_CAPTURE(inbound_line, without_rules, "")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(inbound_line, five_rules_and_keywords, five_rules)->Unit(benchmark::kMillisecond);

void inbound_parts(benchmark::State& state) {
  std::int64_t now = 1'800'000'000'000;
  constexpr int messages = 2000;
  for (auto _ : state) {
    state.PauseTiming();
    auto w = start("");
    std::vector<std::vector<std::uint8_t>> pdus;
    for (int i = 0; i < messages; ++i) {
      for (std::uint8_t part = 1; part <= 3; ++part) {
        phone_pdu message;
        message.text = std::string(150, 'x');
        message.header = {6, 8, 4, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 3, part};
        pdus.push_back(message.octets());
      }
    }
    state.ResumeTiming();
    for (const auto& pdu : pdus) w->stage->received({"acme"}, ++now, pdu);
    state.PauseTiming();
    w.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * messages * 3);
}
BENCHMARK(inbound_parts)->Unit(benchmark::kMillisecond);

/// Look-ups of pairs that are in a list of so many, and of others, at random: loaded with its size known before (1), or
/// grown one by one (0). `peak_MB` is the most that it took meanwhile.
void optout_lookup(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  static std::unique_ptr<optout_set> set;
  static std::uint64_t filled = 0;
  static std::size_t peak = 0;
  if (filled != count) {
    set = std::make_unique<optout_set>();
    if (state.range(1) != 0) set->reserve(count);
    peak = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      set->insert(optout_set::key_of("12345", std::to_string(491'700'000'000 + i)));
      peak = std::max(peak, set->memory_bytes());
    }
    filled = count;
  }
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> keys(1U << 16U);
  for (auto& k : keys) k = optout_set::key_of("12345", std::to_string(491'700'000'000 + random() % (2 * count)));
  std::size_t at = 0;
  std::uint64_t hits = 0;
  for (auto _ : state) hits += set->contains(keys[at++ & 0xffffU]) ? 1 : 0;
  benchmark::DoNotOptimize(hits);
  state.counters["bytes_a_pair"] = static_cast<double>(set->memory_bytes()) / static_cast<double>(count);
  state.counters["peak_MB"] = static_cast<double>(peak) / 1e6;
  state.counters["MB"] = static_cast<double>(set->memory_bytes()) / 1e6;
}
BENCHMARK(optout_lookup)->Args({1'000, 1})->Args({10'000'000, 1})->Args({10'000'001, 0});

/// A pair into a list that grows from nothing to so many.
void optout_insert(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    optout_set set;
    std::uint64_t key = 0x9E3779B97F4A7C15;
    for (std::uint64_t i = 0; i < count; ++i) set.insert(key = key * 6364136223846793005U + 1442695040888963407U);
    benchmark::DoNotOptimize(set.size());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(optout_insert)->Arg(10'000'000)->Unit(benchmark::kMillisecond);

void optout_key(benchmark::State& state) {
  std::string number = "491701234567";
  for (auto _ : state) {
    benchmark::DoNotOptimize(number);
    benchmark::DoNotOptimize(optout_set::key_of("12345", number));
  }
}
BENCHMARK(optout_key);

/// From a file of so many pairs to a list that can be asked.
void optout_load(benchmark::State& state) {
  manual_clock time;
  memory_file_system files(1, &time);
  (void)files.make_directory("/data");
  std::vector<std::string> problems;
  {
    optout_list list(files, "/data/optout");
    (void)list.load(problems);
    for (std::int64_t i = 0; i < state.range(0); ++i) list.add("12345", std::to_string(491'700'000'000 + i), i);
    (void)list.flush();
  }
  for (auto _ : state) {
    optout_list list(files, "/data/optout");
    if (!list.load(problems) || list.size() != static_cast<std::size_t>(state.range(0)))
      state.SkipWithError("not loaded");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(optout_load)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace trunkline::engine
