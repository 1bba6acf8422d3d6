// The promise, judged from outside: whatever moment the engine dies at, whatever call fails, each message of each
// accepted file ends in exactly one report line, what is reported as sent did arrive, and what arrived twice is
// flagged.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/engine/assembly/world.hpp"

namespace trunkline::engine::test {
namespace {

std::string join(const std::vector<std::string>& lines) {
  std::string all;
  for (std::size_t i = 0; i < lines.size() && i < 20; ++i) all += lines[i] + "\n";
  return all;
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Every operation is walked; builds that are many times slower (sanitizers) walk every CRASH_STRIDEth.
std::uint64_t walk_stride() { return std::max<std::uint64_t>(1, from_environment("CRASH_STRIDE", 1)); }

/// Starts again until the work is done. An engine that cannot even start (a full disk, a failing one) is started again.
testing::AssertionResult finish(world& w) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    if (!w.running() && !w.start()) {
      w.die();
      continue;
    }
    if (w.run()) return testing::AssertionSuccess();
    if (w.stuck()) return testing::AssertionFailure() << "stuck: " << w.cause_of_death();
    w.die();
  }
  return testing::AssertionFailure() << "does not come to an end: " << w.cause_of_death();
}

/// Everything was done: was the promise kept?
testing::AssertionResult kept(world& w) {
  const auto broken = w.broken_promises();
  if (!broken.empty()) return testing::AssertionFailure() << broken.size() << " broken promises:\n" << join(broken);
  return testing::AssertionSuccess();
}

world_options small_world(std::uint64_t seed) {
  world_options options;
  options.seed = seed;
  options.consumer = seed % 2 == 0;
  options.orders = seed % 3 == 0 ? 8 : 0;
  return options;
}

TEST(crash, a_run_without_faults_keeps_the_promise) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    world w(small_world(seed));
    ASSERT_TRUE(finish(w)) << "seed " << seed;
    ASSERT_TRUE(kept(w)) << "seed " << seed;
    if (std::getenv("CRASH_VERBOSE") != nullptr) {
      std::printf("seed %u: %u steps, %u operations\n", static_cast<unsigned>(seed), static_cast<unsigned>(w.steps()),
                  static_cast<unsigned>(w.files().operations()));
    }
  }
}

/// The number of file operations of a run without faults: how far the walks have to go.
std::uint64_t operations_of(const world_options& options) {
  world w(options);
  const std::uint64_t before = w.files().operations();
  EXPECT_TRUE(finish(w));
  return w.files().operations() - before;
}

/// Dies at operation `n` of the run that `options` describe, is started again, and has to keep the promise.
testing::AssertionResult survives(const world_options& options, std::uint64_t n, bool power) {
  world w(options);
  w.files().stop_after(n);
  if (w.start() && w.run()) return testing::AssertionFailure() << "finished before the crash";
  if (w.stuck()) return testing::AssertionFailure() << "stuck before the crash: " << w.cause_of_death();
  power ? w.lose_power() : w.die();
  if (auto done = finish(w); !done) return done;
  if (!w.problems_at_recovery.empty())
    return testing::AssertionFailure() << "recovery found problems: " << join(w.problems_at_recovery);
  const unsigned bound = w.deaths * (world::max_unsynced + world::links * world::window) + w.lost_answers();
  if (w.duplicates() > bound) {
    return testing::AssertionFailure() << w.duplicates() << " duplicates, more than " << bound;
  }
  return kept(w);
}

TEST(crash, dies_at_every_operation_of_a_run) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const auto options = small_world(seed);
    const std::uint64_t operations = operations_of(options);
    RecordProperty("operations_" + std::to_string(seed), static_cast<int>(operations));
    for (std::uint64_t n = 0; n < operations; n += walk_stride()) {
      ASSERT_TRUE(survives(options, n, n % 3 != 0)) << "seed " << seed << " operation " << n << " of " << operations;
    }
  }
}

// A report that was taken before the journal knew that its batch is closed is not written again.
TEST(crash, dies_at_every_operation_while_somebody_is_quick_to_take_reports) {
  world_options options;
  options.seed = 5;
  options.jsonl_lines = {2, 2, 2, 2, 2, 2};
  options.csv_lines = {};
  options.hold_lines = {};
  options.inbound = 0;
  options.quick_consumer = true;
  const std::uint64_t operations = operations_of(options);
  for (std::uint64_t n = 0; n < operations; n += walk_stride()) {
    ASSERT_TRUE(survives(options, n, false)) << "operation " << n << " of " << operations;
  }
}

TEST(crash, dies_in_the_middle_of_a_large_batch) {
  world_options options;
  options.seed = 77;
  options.jsonl_lines = {1300};
  options.csv_lines = {};
  options.hold_lines = {};
  const std::uint64_t operations = operations_of(options);
  for (std::uint64_t i = 1; i <= 2; ++i) {
    const std::uint64_t n = operations * i / 3;
    ASSERT_TRUE(survives(options, n, true)) << "operation " << n << " of " << operations;
  }
}

/// One operation, and for a while all that need the same, fails with `error`; the engine goes on or dies.
testing::AssertionResult endures(const world_options& options, std::uint64_t n, std::errc error, unsigned times) {
  world w(options);
  std::uint64_t count = 0;
  w.files().set_fault_hook([&](file_operation, const std::string& path) -> std::optional<std::error_code> {
    if (path.starts_with("/spool/staging")) return std::nullopt;
    const std::uint64_t number = count++;
    if (number >= n && number < n + times) return std::make_error_code(error);
    return std::nullopt;
  });
  if (auto done = finish(w); !done) return done;
  return kept(w);
}

class crash_errors : public testing::TestWithParam<std::errc> {};

TEST_P(crash_errors, one_of_every_operation_is_endured) {
  auto options = small_world(5);
  options.may_reject_unreadable = GetParam() == std::errc::io_error;
  const std::uint64_t operations = operations_of(options);
  for (std::uint64_t n = 0; n < operations; n += walk_stride()) {
    ASSERT_TRUE(endures(options, n, GetParam(), 1 + static_cast<unsigned>(n % 20)))
        << "operation " << n << " of " << operations;
  }
}

// CTest tells them by these names.
INSTANTIATE_TEST_SUITE_P(walk, crash_errors,
                         testing::Values(std::errc::no_space_on_device, std::errc::io_error, std::errc::interrupted),
                         [](const auto& tested) {
                           return tested.param == std::errc::no_space_on_device ? "no_space"
                                  : tested.param == std::errc::io_error         ? "io_error"
                                                                                : "interrupted";
                         });

TEST(crash, endures_a_full_disk) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    world w(small_world(seed));
    std::mt19937_64 random(seed);
    std::uint64_t until = 0;
    std::uint64_t count = 0;
    w.files().set_fault_hook([&](file_operation what, const std::string& path) -> std::optional<std::error_code> {
      ++count;
      if (count > until + 400 && random() % 300 == 0) until = count + random() % 200;
      const bool needs_space = what == file_operation::write || what == file_operation::preallocate ||
                               what == file_operation::truncate || what == file_operation::rename ||
                               what == file_operation::open;
      if (!needs_space || count > until || path.starts_with("/spool/staging") || count > 20'000) return std::nullopt;
      return std::make_error_code(std::errc::no_space_on_device);
    });
    ASSERT_TRUE(finish(w)) << "seed " << seed;
    ASSERT_TRUE(kept(w)) << "seed " << seed;
  }
}

/// A few deaths at random moments, then the end.
testing::AssertionResult random_life(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  world_options options;
  options.seed = seed;
  options.jsonl_lines = {static_cast<unsigned>(5 + random() % 30)};
  if (random() % 2 == 0) options.jsonl_lines.push_back(static_cast<unsigned>(5 + random() % 30));
  if (random() % 40 == 0) options.jsonl_lines.push_back(1500);
  options.csv_lines = {static_cast<unsigned>(3 + random() % 15)};
  options.hold_lines = {static_cast<unsigned>(random() % 30)};
  options.consumer = random() % 2 == 0;
  options.max_postponed = random() % 2 == 0 ? 3 : 1000;
  options.segment_bytes = random() % 2 == 0 ? 12U << 10 : 64U << 10;
  options.orders = random() % 3 == 0 ? 1 + static_cast<unsigned>(random() % 20) : 0;
  world w(options);
  const unsigned deaths = 1 + static_cast<unsigned>(random() % 5);
  for (unsigned death = 0; death < deaths; ++death) {
    w.files().stop_after(random() % (random() % 3 == 0 ? 60 : 800));
    if (w.start() && w.run()) break;  // done before it could die
    if (w.stuck()) return testing::AssertionFailure() << "stuck: " << w.cause_of_death();
    random() % 3 != 0 ? w.lose_power() : w.die();
  }
  if (auto done = finish(w); !done) return done;
  if (!w.problems_at_recovery.empty())
    return testing::AssertionFailure() << "recovery found problems: " << join(w.problems_at_recovery);
  return kept(w);
}

/// Each of these found a fault, while the world was as it is: postponed lines that stood still, an opt-out that a
/// killed process had left unsynced, a message of a phone whose repeated part gave it another name after a crash.
TEST(crash, lives_that_broke_a_promise_once) {
  for (const std::uint64_t seed : {149U, 150U, 188U, 1'002'912U, 1'026'704U, 1'042'763U})
    EXPECT_TRUE(random_life(seed)) << "seed " << seed;
}

TEST(crash, lives_many_random_lives) {
  const std::uint64_t first = from_environment("CRASH_FIRST_SEED", 1);
  const std::uint64_t seeds = from_environment("CRASH_SEEDS", 2000);
  unsigned failures = 0;
  for (std::uint64_t seed = first; seed < first + seeds && failures < 5; ++seed) {
    const auto kept_it = random_life(seed);
    EXPECT_TRUE(kept_it) << "replay with CRASH_FIRST_SEED=" << seed << " CRASH_SEEDS=1";
    failures += kept_it ? 0 : 1;
  }
}

}  // namespace
}  // namespace trunkline::engine::test
