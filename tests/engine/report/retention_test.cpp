// What is removed when, and what never: on the in-memory file system, with a clock that the test turns.
#include "engine/report/retention.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

struct retention_test : testing::Test {
  retention_test() : files(1, &time) {
    for (const auto& path : {std::string("/spool"), paths.done(), paths.results(), paths.receipts(), paths.rejected(),
                             paths.inbound(), paths.unrouted()}) {
      (void)files.make_directory(path);
    }
  }
  void put(const std::string& path) { (void)files.open(path, open_mode::create_new); }
  void finish_batch(const std::string& name) {
    put(paths.done(name));
    put(paths.summary(name));
    put(paths.report(name));
  }
  std::set<std::string> in(const std::string& directory) {
    std::set<std::string> names;
    const auto entries = files.list(directory);
    for (const auto& entry : *entries) names.insert(entry.name);
    return names;
  }
  /// One whole round.
  void round(retention& r) {
    time.advance(1h);
    int steps = 0;
    while (r.step().worked) ASSERT_LT(++steps, 10'000);
  }

  manual_clock time;
  const spool_paths paths{"/spool", "/data"};
  memory_file_system files;
  spool_config config;
};

TEST_F(retention_test, batches_and_results_go_after_keep_done) {
  config.keep_done = 10h;
  retention r(files, time, config, paths);
  finish_batch("old.jsonl");
  put(paths.results() + "/1.jsonl");
  time.advance(5h);
  finish_batch("young.csv.gz");
  put(paths.results() + "/2.jsonl");
  round(r);
  EXPECT_EQ(in(paths.done()).size(), 6U);
  time.advance(4h);
  round(r);
  const std::set<std::string> left{"young.csv.gz", "young.csv.gz.report.jsonl", "young.csv.gz.summary.json"};
  EXPECT_EQ(in(paths.done()), left);
  EXPECT_EQ(in(paths.results()), std::set<std::string>{"2.jsonl"});
  EXPECT_EQ(r.removed[0].value(), 3U);
  EXPECT_EQ(r.removed[1].value(), 1U);
  time.advance(5h);
  round(r);
  EXPECT_TRUE(in(paths.done()).empty());
}

TEST_F(retention_test, receipts_and_rejected_go_after_keep_output_and_inbound_never) {
  config.keep_output = 10h;
  retention r(files, time, config, paths);
  put(paths.receipts() + "/1.jsonl");
  put(paths.rejected() + "/bad.jsonl");
  put(paths.rejected() + "/bad.jsonl.error");
  put(paths.unrouted() + "/1.jsonl");
  time.advance(8h);
  round(r);
  EXPECT_EQ(in(paths.rejected()).size(), 2U);
  time.advance(2h);
  round(r);
  EXPECT_TRUE(in(paths.receipts()).empty());
  EXPECT_TRUE(in(paths.rejected()).empty());
  time.advance(24h * 365);
  round(r);
  EXPECT_EQ(in(paths.unrouted()).size(), 1U);
}

TEST_F(retention_test, zero_keeps_for_ever) {
  config.keep_done = config.keep_output = 0ms;
  retention r(files, time, config, paths);
  finish_batch("a.jsonl");
  put(paths.receipts() + "/1.jsonl");
  time.advance(24h * 3650);
  round(r);
  EXPECT_EQ(in(paths.done()).size(), 3U);
  EXPECT_EQ(in(paths.receipts()).size(), 1U);
}

TEST_F(retention_test, a_batch_that_is_being_closed_is_left_alone) {
  config.keep_done = 1h;
  retention r(files, time, config, paths);
  put(paths.done("a.jsonl"));
  put(paths.hidden_report("a.jsonl"));
  put(paths.summary("a.jsonl"));
  put(paths.hidden_report("open.jsonl"));
  time.advance(1000h);
  round(r);
  EXPECT_EQ(in(paths.done()).size(), 4U);
}

TEST_F(retention_test, what_a_consumer_has_left_of_a_batch_goes_too) {
  config.keep_done = 10h;
  retention r(files, time, config, paths);
  finish_batch("a.jsonl");
  (void)files.remove(paths.report("a.jsonl"));
  finish_batch("b.jsonl");
  (void)files.remove(paths.report("b.jsonl"));
  (void)files.remove(paths.summary("b.jsonl"));
  round(r);
  EXPECT_EQ(in(paths.done()).size(), 3U);
  time.advance(10h);
  round(r);
  EXPECT_TRUE(in(paths.done()).empty());
}

TEST_F(retention_test, a_batch_whose_file_cannot_be_removed_keeps_its_report) {
  config.keep_done = 1h;
  retention r(files, time, config, paths);
  finish_batch("a.jsonl");
  files.set_fault_hook([&](file_operation what, const std::string& path) -> std::optional<std::error_code> {
    if (what == file_operation::remove && path == paths.done("a.jsonl"))
      return std::make_error_code(std::errc::permission_denied);
    return std::nullopt;
  });
  time.advance(2h);
  round(r);
  EXPECT_EQ(in(paths.done()).size(), 3U);
  files.set_fault_hook({});
  round(r);
  EXPECT_TRUE(in(paths.done()).empty());
}

TEST_F(retention_test, hidden_leftovers_of_a_crash_go_after_a_day) {
  retention r(files, time, config, paths);
  put(paths.results() + "/.1.jsonl");
  time.advance(22h);
  round(r);
  EXPECT_EQ(in(paths.results()).size(), 1U);
  time.advance(2h);
  round(r);
  EXPECT_TRUE(in(paths.results()).empty());
}

TEST_F(retention_test, the_age_counts_from_the_name_and_the_oldest_is_told) {
  config.keep_done = 10h;
  retention r(files, time, config, paths);
  EXPECT_FALSE(r.oldest(kept_directory::results));
  put(paths.results() + "/.1.jsonl");
  time.advance(20h);
  (void)files.rename(paths.results() + "/.1.jsonl", paths.results() + "/1.jsonl");
  const auto named = time.wall();
  round(r);
  EXPECT_EQ(in(paths.results()).size(), 1U) << "shown an hour ago, whenever it was written";
  EXPECT_EQ(r.oldest(kept_directory::results), named);
  EXPECT_FALSE(r.oldest(kept_directory::inbound));
}

TEST_F(retention_test, large_directories_are_worked_through_in_steps) {
  config.keep_done = 1h;
  retention r(files, time, config, paths);
  for (int i = 0; i < 1000; ++i) put(paths.results() + "/" + std::to_string(i) + ".jsonl");
  time.advance(2h);
  int steps = 0;
  while (r.step().worked) ++steps;
  EXPECT_GE(steps, 1000 / 256);
  EXPECT_TRUE(in(paths.results()).empty());
  EXPECT_FALSE(r.step().worked) << "the next round is not due";
}

}  // namespace
}  // namespace trunkline::engine
