#include "engine/report/gathered_fates.hpp"

#include "tests/engine/report/desk_fixture.hpp"

namespace trunkline::engine {
namespace {

struct gathered_fixture : ::testing::Test {
  memory_file_system files{1};
  publisher shown{files, 0640, [](std::error_code why, const std::string& what) { FAIL() << what << why.message(); }};
  gathered_fates gathered{shown, "/done", 10'000};

  void SetUp() override { ASSERT_TRUE(files.make_directory("/done")); }
  void expect_parts(std::uint32_t batch, std::uint8_t parts) {
    std::vector<std::uint8_t> ids;
    for (std::uint8_t part = 0; part < parts; ++part) ids.insert(ids.end(), {part, 1, 'x'});
    sent_message m;
    m.parts = parts;
    m.ids = ids;
    gathered.expect(batch, m);
  }
  bool is_there(const std::string& name) {
    while (shown.step()) {
    }
    return files.stat("/done/" + name).has_value();
  }
};

TEST_F(gathered_fixture, a_batch_is_whole_when_each_part_and_each_message_has_its_line) {
  gathered.begin(1, "b1");
  expect_parts(1, 2);
  gathered.append(1, "part\n", 1);
  gathered.append(1, "part\nmessage\n", 2);
  EXPECT_TRUE(gathered.finish(1));
  EXPECT_TRUE(is_there("b1"));
  EXPECT_FALSE(gathered.finish(1));
}

TEST_F(gathered_fixture, what_lacks_a_line_or_was_begun_by_nobody_is_not_whole) {
  gathered.begin(1, "b1");
  expect_parts(1, 2);
  gathered.append(1, "part\n", 1);
  EXPECT_FALSE(gathered.finish(1));
  expect_parts(2, 1);
  gathered.append(2, "part\nmessage\n", 2);
  EXPECT_FALSE(gathered.finish(2));
  EXPECT_FALSE(is_there("b1"));
}

TEST_F(gathered_fixture, memory_is_counted_right_over_many_batches) {
  for (std::uint32_t batch = 1; batch <= 2000; ++batch) {
    const std::string name = "b" + std::to_string(batch);
    gathered.begin(batch, name);
    if (batch % 3 != 0) {
      expect_parts(batch, 1);
      gathered.append(batch, "part\nmessage, which is longer than a short string\n", 2);
    }
    ASSERT_TRUE(gathered.finish(batch)) << batch;
    ASSERT_TRUE(is_there(name)) << batch;
  }
  // And there is as much room as at the beginning.
  for (std::uint32_t batch = 3001; batch <= 3020; ++batch) gathered.begin(batch, "c" + std::to_string(batch));
  for (std::uint32_t batch = 3001; batch <= 3020; ++batch) EXPECT_TRUE(gathered.finish(batch)) << batch;
}

TEST_F(gathered_fixture, batches_of_the_same_name_do_not_mix) {
  gathered_fates large(shown, "/done");
  const std::string lines(piecewise_output::piece_bytes, '\n');
  for (const std::uint32_t batch : {1U, 2U}) {
    large.begin(batch, "again");
    sent_message m;
    large.expect(batch, m);
  }
  large.append(1, lines, 0);
  large.append(2, lines + "second\n", 0);
  large.append(1, "first\n", 1);
  EXPECT_TRUE(large.finish(1));
  ASSERT_TRUE(is_there("again"));
  EXPECT_EQ(files.stat("/done/again")->size, lines.size() + 6);
}

TEST_F(gathered_fixture, the_oldest_batches_make_room) {
  const std::string lines(3'000, '\n');
  for (std::uint32_t batch = 1; batch <= 5; ++batch) {
    gathered.begin(batch, "b" + std::to_string(batch));
    expect_parts(batch, 1);
    gathered.append(batch, lines, 2);
  }
  EXPECT_FALSE(gathered.finish(1));
  EXPECT_FALSE(gathered.finish(2));
  EXPECT_TRUE(gathered.finish(4));
  EXPECT_TRUE(gathered.finish(5));
  // What they held can be used again.
  gathered.begin(6, "b6");
  expect_parts(6, 1);
  gathered.append(6, lines + lines, 2);
  EXPECT_TRUE(gathered.finish(6));
}

/// The same lines, in any order, whether they were gathered or read from the store after a restart.
TEST_F(desk_fixture, a_large_file_is_the_same_whether_it_was_gathered_or_made_from_the_store) {
  constexpr std::uint32_t messages = 4'000;
  const auto run = [&](bool restart) {
    files = memory_file_system(1, &time);
    SetUp();
    for (std::uint32_t line = 1; line <= messages; ++line) {
      send(line, {fmt::format("{}-a", line), fmt::format("{}-b", line)});
      if (line % 500 == 0) steps();
    }
    if (restart) {
      EXPECT_TRUE(desk->checkpoint());
      start({1});
    }
    for (std::uint32_t line = 1; line <= messages; ++line) {
      receive_text(fmt::format("{}-b", line), line % 7 == 0 ? "EXPIRED" : "DELIVRD");
      receive_text(fmt::format("{}-a", line));
      if (line % 500 == 0) steps();
    }
    (void)written();
    desk->batch_closed(1);
    steps();
    std::vector<std::string> lines;
    for (const auto& line : file_of(1)) lines.push_back(line.dump());
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  const auto gathered = run(false);
  EXPECT_EQ(gathered.size(), messages * 3);
  EXPECT_EQ(gathered, run(true));
}

TEST_F(desk_fixture, lines_of_a_batch_are_in_receipts_before_its_file_appears) {
  send(1, {"a"});
  desk->batch_closed(1);
  receive_text("a");
  EXPECT_FALSE(lines->empty());
  ASSERT_TRUE(desk->step());
  EXPECT_TRUE(lines->empty());
  EXPECT_EQ(shown->pending(), 2U);
}

}  // namespace
}  // namespace trunkline::engine
