#include "engine/report/publisher.hpp"

#include <gtest/gtest.h>

#include "engine/report/piecewise_output.hpp"
#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

struct publisher_fixture : ::testing::Test {
  memory_file_system files{1};
  std::vector<std::string> fatal;
  publisher shown{files, 0640, [this](std::error_code, const std::string& what) { fatal.push_back(what); }};

  void SetUp() override {
    ASSERT_TRUE(files.make_directory("/done"));
    ASSERT_TRUE(files.sync_directory("/"));
  }
  void work() {
    while (shown.step()) {
    }
  }
  /// Nothing: there is no such file.
  std::optional<std::string> contents(const std::string& path) {
    auto f = files.open(path, open_mode::read);
    if (!f) return std::nullopt;
    std::string text((*f)->size().value(), ' ');
    (void)(*f)->read_at({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0);
    return text;
  }
};

TEST_F(publisher_fixture, a_file_in_pieces_appears_with_its_last_and_survives_a_crash) {
  shown.publish_piece("/done", "piece", "a", "one ", 0, false);
  shown.publish_piece("/done", "piece", "a", "two ", 4, false);
  work();
  EXPECT_EQ(shown.pending(), 0U);
  EXPECT_FALSE(contents("/done/a"));
  shown.publish_piece("/done", "piece", "a", "three", 8, true);
  work();
  files.crash();
  EXPECT_EQ(contents("/done/a"), "one two three");
}

TEST_F(publisher_fixture, the_first_piece_begins_anew_whatever_was_there_before) {
  shown.publish_piece("/done", "piece", "a", "abandoned, and longer", 0, false);
  work();
  shown.publish_piece("/done", "piece", "a", "one ", 0, false);
  shown.publish_piece("/done", "piece", "a", "two", 4, true);
  work();
  EXPECT_EQ(contents("/done/a"), "one two");
}

TEST_F(publisher_fixture, pieces_that_found_no_space_are_written_when_there_is_some) {
  shown.publish_piece("/done", "piece", "a", std::string(1000, 'a'), 0, false);
  work();
  files.set_capacity(1500);
  shown.publish_piece("/done", "piece", "a", std::string(1000, 'b'), 1000, false);
  shown.publish_piece("/done", "piece", "a", std::string(1000, 'c'), 2000, true);
  work();
  EXPECT_TRUE(shown.blocked());
  EXPECT_FALSE(contents("/done/a"));
  files.set_capacity(1U << 20);
  work();
  EXPECT_FALSE(shown.blocked());
  EXPECT_EQ(contents("/done/a"), std::string(1000, 'a') + std::string(1000, 'b') + std::string(1000, 'c'));
  EXPECT_TRUE(fatal.empty());
}

TEST_F(publisher_fixture, a_sync_that_lost_earlier_pieces_is_never_tried_again) {
  shown.publish_piece("/done", "piece", "a", "one ", 0, false);
  work();
  files.set_fault_hook([](file_operation what, const std::string&) {
    return what == file_operation::sync_finish ? std::make_error_code(std::errc::no_space_on_device)
                                               : std::error_code();
  });
  shown.publish_piece("/done", "piece", "a", "two", 4, true);
  work();
  EXPECT_EQ(fatal.size(), 1U);
  EXPECT_FALSE(contents("/done/a"));
}

TEST_F(publisher_fixture, a_large_output_is_handed_over_as_it_grows) {
  piecewise_output out(shown, "/done", "piece", "large");
  std::string all;
  for (int n = 0; n < 300'000; ++n) {
    const std::string line = std::to_string(n) + " line\n";
    out.buffer().append(line);
    all.append(line);
    out.hand_over_large();
    ASSERT_LT(out.buffer().size(), piecewise_output::piece_bytes);
  }
  EXPECT_GE(shown.handed_over(), all.size() / piecewise_output::piece_bytes);
  out.finish();
  work();
  EXPECT_EQ(contents("/done/large"), all);
}

}  // namespace
}  // namespace trunkline::engine
