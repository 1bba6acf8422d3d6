#include "protocol/window.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <map>
#include <random>
#include <vector>

namespace trunkline::protocol {
namespace {

using std::chrono::milliseconds;
using time_point = window<int>::time_point;

constexpr time_point start{std::chrono::hours(1)};

TEST(window, opens_as_many_as_its_size) {
  for (const std::uint32_t size : {1U, 2U, 3U, 10U, 100U, 1000U}) {
    window<std::uint32_t> w(size);
    for (std::uint32_t i = 1; i <= size; ++i) EXPECT_EQ(w.open(start, i), i);
    EXPECT_EQ(w.free(), 0U);
    EXPECT_EQ(w.open(start, 0), 0U) << "full";
    const auto closed = w.close(1);
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->value, 1U);
    EXPECT_EQ(w.free(), 1U);
  }
}

TEST(window, ends_each_request_once) {
  window<int> w(4);
  const std::uint32_t first = w.open(start, 11);
  EXPECT_TRUE(w.contains(first));
  ASSERT_NE(w.find(first), nullptr);
  EXPECT_EQ(*w.find(first), 11);
  EXPECT_EQ(w.find(first + 1), nullptr);
  EXPECT_EQ(w.find(first + 8), nullptr) << "same slot, never sent";
  EXPECT_TRUE(w.close(first));
  EXPECT_EQ(w.find(first), nullptr);
  EXPECT_FALSE(w.close(first)) << "duplicate";
  EXPECT_FALSE(w.close(0));
  EXPECT_FALSE(w.close(first + 8)) << "same slot, never sent";
  EXPECT_FALSE(w.contains(first));
}

TEST(window, a_late_answer_hits_no_newer_request) {
  window<int> w(1);  // a ring of four slots
  std::vector<std::uint32_t> numbers;
  for (int i = 0; i < 100; ++i) {
    numbers.push_back(w.open(start, i));
    for (const std::uint32_t old : numbers) {
      if (old != numbers.back()) {
        EXPECT_FALSE(w.close(old)) << old;
      }
    }
    const auto closed = w.close(numbers.back());
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->value, i);
  }
}

TEST(window, a_lost_answer_does_not_stop_the_stream) {
  window<int> w(3);
  const std::uint32_t lost = w.open(start, -1);
  for (int i = 0; i < 1000; ++i) {
    const std::uint32_t number = w.open(start + milliseconds(i), i);
    ASSERT_NE(number, 0U);
    ASSERT_NE(number, lost);
    EXPECT_EQ(w.close(number)->value, i);
  }
  EXPECT_EQ(w.oldest(), start);
  EXPECT_EQ(w.close(lost)->value, -1);
}

TEST(window, numbers_wrap_to_one) {
  window<int> w(2, max_sequence_number - 1);
  EXPECT_EQ(w.open(start, 1), max_sequence_number - 1);
  EXPECT_EQ(w.open(start, 2), max_sequence_number);
  EXPECT_TRUE(w.close(max_sequence_number));
  EXPECT_EQ(w.open(start, 3), 1U);
  EXPECT_EQ(w.take_number(), 2U);
  EXPECT_TRUE(w.close(max_sequence_number - 1));
  EXPECT_EQ(w.open(start, 4), 3U);
  EXPECT_FALSE(w.close(2)) << "taken for another kind of request";
}

TEST(window, a_number_that_is_unanswered_is_never_given_out_again) {
  // Numbers from 1 to 31, so that they go round often while some answers never come.
  window<int, 31> w(4);
  std::map<std::uint32_t, int> unanswered;
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    switch (random() % 3) {
      case 0: {
        const std::uint32_t number = w.open(start, i);
        ASSERT_EQ(number == 0, unanswered.size() == 4);
        if (number == 0) break;
        ASSERT_LE(number, 31U);
        ASSERT_TRUE(unanswered.emplace(number, i).second) << number;
        break;
      }
      case 1: {
        const std::uint32_t number = w.take_number();
        ASSERT_TRUE(number >= 1 && number <= 31);
        ASSERT_FALSE(unanswered.contains(number)) << "an enquire_link with the number of a submit_sm";
        break;
      }
      default:
        if (unanswered.empty()) break;
        const auto answered = std::next(unanswered.begin(), static_cast<std::ptrdiff_t>(random() % unanswered.size()));
        ASSERT_EQ(w.close(answered->first)->value, answered->second);
        ASSERT_FALSE(w.close(answered->first));
        unanswered.erase(answered);
    }
    ASSERT_EQ(w.in_flight(), unanswered.size());
  }
}

TEST(window, expires_oldest_first_and_only_what_is_due) {
  window<int> w(10);
  for (int i = 0; i < 5; ++i) ASSERT_NE(w.open(start + milliseconds(i * 10), i), 0U);
  EXPECT_TRUE(w.close(2));  // value 1
  std::vector<int> expired;
  const auto note = [&](std::uint32_t number, window<int>::entry e) {
    EXPECT_EQ(number, static_cast<std::uint32_t>(e.value + 1));
    expired.push_back(e.value);
  };
  w.expire(start + milliseconds(99), milliseconds(100), note);
  EXPECT_TRUE(expired.empty());
  w.expire(start + milliseconds(120), milliseconds(100), note);
  EXPECT_EQ(expired, (std::vector<int>{0, 2}));
  EXPECT_EQ(w.oldest(), start + milliseconds(30));
  EXPECT_EQ(w.in_flight(), 2U);
  w.drain(note);
  EXPECT_EQ(expired, (std::vector<int>{0, 2, 3, 4}));
  EXPECT_EQ(w.in_flight(), 0U);
  EXPECT_FALSE(w.oldest());
}

TEST(window, changes_its_size_and_forgets_nothing) {
  window<int> w(4);
  for (int i = 0; i < 4; ++i) ASSERT_NE(w.open(start, i), 0U);
  w.resize(2);
  EXPECT_EQ(w.free(), 0U);
  EXPECT_EQ(w.open(start, 9), 0U);
  EXPECT_TRUE(w.close(1) && w.close(2) && w.close(3));
  EXPECT_EQ(w.free(), 1U);
  w.resize(1000);
  EXPECT_EQ(w.in_flight(), 1U);
  EXPECT_EQ(w.free(), 999U);
  for (int i = 0; i < 999; ++i) ASSERT_NE(w.open(start + milliseconds(i), i), 0U) << i;
  EXPECT_EQ(w.open(start, 0), 0U);
  EXPECT_EQ(w.oldest(), start);
  const auto last_of_the_small_ring = w.close(4);
  ASSERT_TRUE(last_of_the_small_ring);
  EXPECT_EQ(last_of_the_small_ring->value, 3);
}

/// Random operations against the obvious implementation.
TEST(window, behaves_as_a_map) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto size = static_cast<std::uint32_t>(1 + random() % 50);
    window<std::uint64_t> w(size, random() % 4 == 0 ? max_sequence_number - 500 : 1);
    struct expected {
      std::uint64_t value;
      time_point sent;
    };
    std::map<std::uint64_t, expected> model;           // by order of opening
    std::map<std::uint32_t, std::uint64_t> by_number;  // -> order
    std::vector<std::uint32_t> ever;
    std::uint64_t order = 0;
    time_point now = start;
    for (int step = 0; step < 5000; ++step) {
      now += milliseconds(random() % 3);
      switch (random() % 8) {
        case 0:
        case 1:
        case 2: {
          const std::uint64_t value = random();
          const std::uint32_t number = w.open(now, value);
          ASSERT_EQ(number == 0, model.size() >= size);
          if (number == 0) break;
          ASSERT_LE(number, max_sequence_number);
          ASSERT_FALSE(by_number.contains(number));
          by_number[number] = ++order;
          model[order] = {value, now};
          ever.push_back(number);
          break;
        }
        case 3:
        case 4:
        case 5: {  // any number ever used, or nonsense
          const std::uint32_t number =
              ever.empty() || random() % 10 == 0 ? static_cast<std::uint32_t>(random()) : ever[random() % ever.size()];
          const auto closed = w.close(number);
          const auto found = by_number.find(number);
          ASSERT_EQ(closed.has_value(), found != by_number.end());
          if (!closed) break;
          ASSERT_EQ(closed->value, model.at(found->second).value);
          ASSERT_EQ(closed->sent, model.at(found->second).sent);
          model.erase(found->second);
          by_number.erase(found);
          break;
        }
        case 6: {
          const auto timeout = milliseconds(random() % 200);
          w.expire(now, timeout, [&](std::uint32_t number, window<std::uint64_t>::entry e) {
            ASSERT_FALSE(model.empty());
            ASSERT_EQ(by_number.at(number), model.begin()->first) << "oldest first";
            ASSERT_EQ(e.value, model.begin()->second.value);
            ASSERT_GE(now - e.sent, timeout);
            model.erase(model.begin());
            by_number.erase(number);
          });
          if (!model.empty()) {
            ASSERT_LT(now - model.begin()->second.sent, timeout);
          }
          break;
        }
        default:
          if (random() % 50 == 0) (void)w.take_number();
      }
      ASSERT_EQ(w.in_flight(), model.size());
      if (model.empty()) {
        ASSERT_FALSE(w.oldest());
      } else {
        ASSERT_EQ(w.oldest(), model.begin()->second.sent);
      }
    }
  }
}

}  // namespace
}  // namespace trunkline::protocol
