#include "router/answer_share.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace trunkline::router {
namespace {

using namespace std::chrono_literals;
using time_point = answer_share::time_point;

const time_point start = time_point(100h);

TEST(answer_share, up_to_a_twentieth_is_the_trouble_of_a_few) {
  answer_share share;
  for (int i = 0; i < 950; ++i) share.add(start + i * 10ms, 1, 0);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(share.add(start + 9500ms, 1, 1)) << i;
  EXPECT_TRUE(share.add(start + 9500ms, 1, 1));
}

TEST(answer_share, one_alone_says_nothing) {
  answer_share share;
  EXPECT_FALSE(share.add(start, 1, 1));
  EXPECT_TRUE(share.add(start, 1, 1));
}

TEST(answer_share, forgets_after_ten_seconds) {
  answer_share share;
  EXPECT_TRUE(share.add(start, 100, 50));
  EXPECT_TRUE(share.add(start + 8s, 100, 2));
  EXPECT_FALSE(share.add(start + 11s, 100, 2)) << "4 of 200";
  EXPECT_FALSE(share.add(start + 1h, 100, 2));
  EXPECT_TRUE(share.add(start + 1h, 0, 20));
}

TEST(answer_share, adds_up_over_threads) {
  answer_share share;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) share.add(start + 500ms, 1, 0);
      });
  }
  EXPECT_FALSE(share.add(start + 500ms, 0, 2000)) << "exactly a twentieth";
  EXPECT_TRUE(share.add(start + 500ms, 0, 1));
}

}  // namespace
}  // namespace trunkline::router
