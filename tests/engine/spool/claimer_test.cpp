#include "engine/spool/claimer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

using std::chrono::milliseconds;

/// A spool in memory with one file in incoming/. While `failing_`, its name in active/ can be neither looked at nor
/// moved.
class claimer_test : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto& path : {paths_.spool, paths_.incoming(), paths_.active(), paths_.done(), paths_.rejected(),
                             paths_.data, paths_.expanded()}) {
      ASSERT_TRUE(files_.make_directory(path));
    }
    drop();
    ASSERT_TRUE(names_.load(0));
    files_.set_fault_hook([this](file_operation what, const std::string& path) -> std::optional<std::error_code> {
      const bool looks_or_moves = what == file_operation::stat || what == file_operation::rename;
      if (!failing_ || !looks_or_moves || path != paths_.active("a.jsonl")) return std::nullopt;
      ++failed_;
      return std::make_error_code(error_);
    });
  }

  /// A producer hands a batch of this name in.
  void drop() {
    const std::string text = "{\"to\":\"491701234567\",\"text\":\"hello\"}\n";
    auto opened = files_.open(paths_.incoming() + "/a.jsonl", open_mode::create_new);
    ASSERT_TRUE(opened);
    ASSERT_TRUE((*opened)->write_at({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, 0));
    ASSERT_TRUE((*opened)->sync());
  }

  void steps(int count) {
    for (int i = 0; i < count; ++i) {
      (void)claimer_.step(accepted_, 10);
      time_.advance(milliseconds(200));
    }
  }

  manual_clock time_;
  memory_file_system files_{1, &time_};
  spool_paths paths_{"/spool", "/data"};
  spool_config spool_;
  name_memory names_{files_, paths_.names(), 3600};
  std::atomic<std::uint32_t> next_{1};
  claimer claimer_{files_, time_, spool_, paths_, record_options{}, names_, next_};
  std::vector<std::unique_ptr<batch>> accepted_;
  bool failing_ = false;
  int failed_ = 0;
  std::errc error_{};
};

TEST_F(claimer_test, a_file_with_too_many_lines_is_refused) {
  const std::string line = "{\"to\":\"491701234567\",\"text\":\"hello\"}\n";
  const std::string text = line + line + "\n\n" + line;
  auto opened = files_.open("/spool/many.jsonl", open_mode::create_new);
  ASSERT_TRUE(opened);
  ASSERT_TRUE((*opened)->write_at({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, 0));
  for (const std::uint64_t limit : {4U, 5U, 1000U}) {
    auto again = files_.open("/spool/many.jsonl", open_mode::read);
    ASSERT_TRUE(again);
    candidate c(files_, paths_, "many.jsonl", std::move(*again), text.size(), false, std::nullopt);
    c.limit_lines(limit);
    record_parser parser{record_options{}};
    auto done = c.step(parser);
    for (int i = 0; i < 20 && done && !*done; ++i) done = c.step(parser);
    ASSERT_EQ(done.has_value(), limit != 4) << limit;
    if (limit == 4) {
      EXPECT_EQ(done.error().text, "it has more than 4 lines; split it");
      EXPECT_FALSE(done.error().io);
    }
  }
}

TEST_F(claimer_test, a_name_that_was_accepted_is_known_after_a_power_cut) {
  steps(20);
  ASSERT_EQ(accepted_.size(), 1U);
  // The batch is done and has been taken away; the machine stops.
  ASSERT_TRUE(files_.remove(paths_.active("a.jsonl")));
  for (const auto& path : {std::string("/"), paths_.spool, paths_.data, paths_.incoming(), paths_.active()})
    ASSERT_TRUE(files_.sync_directory(path));
  files_.crash();
  name_memory names(files_, paths_.names(), 3600);
  ASSERT_TRUE(names.load(0));
  claimer again(files_, time_, spool_, paths_, record_options{}, names, next_);
  drop();
  accepted_.clear();
  for (int i = 0; i < 20; ++i) {
    (void)again.step(accepted_, 10);
    time_.advance(milliseconds(200));
  }
  EXPECT_TRUE(accepted_.empty());
  EXPECT_TRUE(files_.stat(paths_.rejected() + "/a.jsonl.1"));
  EXPECT_TRUE(files_.stat(paths_.rejected() + "/a.jsonl.1.error"));
}

class claimer_error_test : public claimer_test, public testing::WithParamInterface<std::errc> {};

TEST_P(claimer_error_test, what_can_be_neither_looked_at_nor_given_back_is_accepted_once_it_can) {
  error_ = GetParam();
  failing_ = true;
  steps(20);
  EXPECT_GT(failed_, 2) << "it is tried again";
  EXPECT_TRUE(accepted_.empty()) << "nothing is accepted that was not looked at";
  EXPECT_FALSE(claimer_.idle()) << "it still waits";
  failing_ = false;
  steps(20);
  ASSERT_EQ(accepted_.size(), 1U);
  EXPECT_EQ(accepted_.front()->name, "a.jsonl");
  EXPECT_TRUE(claimer_.idle());
  steps(20);
  EXPECT_EQ(accepted_.size(), 1U) << "once";
}

INSTANTIATE_TEST_SUITE_P(each_error, claimer_error_test,
                         testing::Values(std::errc::no_space_on_device, std::errc::io_error));

}  // namespace
}  // namespace trunkline::engine
