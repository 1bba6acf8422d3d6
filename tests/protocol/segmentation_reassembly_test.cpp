#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "protocol/segmentation_reassembly.hpp"

namespace trunkline::protocol {
namespace {

using namespace std::chrono_literals;
using outcome = reassembler::outcome;

constexpr reassembler::time_point start{};

struct sent_part {
  std::string source = "491701234567";
  std::string destination = "12345";
  concatenation place{7, 3, 1, false};
  std::string text;
  std::uint32_t scope = 0;
};

inbound_part inbound(const sent_part& p) {
  return {p.scope,
          p.source,
          p.destination,
          p.place,
          p.place.sequence * 10U,
          {reinterpret_cast<const std::uint8_t*>(p.text.data()), p.text.size()}};
}

std::string text_of(const reassembler::message& m) {
  std::string text;
  m.each([&](std::uint8_t sequence, std::uint64_t tag, std::span<const std::uint8_t> octets) {
    EXPECT_EQ(tag, sequence * 10U);
    text.append(octets.begin(), octets.end());
  });
  return text;
}

sent_part part(std::uint8_t sequence, std::string text, std::uint16_t reference = 7) {
  sent_part p;
  p.place.sequence = sequence;
  p.place.reference = reference;
  p.text = std::move(text);
  return p;
}

TEST(reassembly, any_order_with_duplicates) {
  std::vector<int> order{1, 2, 3};
  do {
    reassembler parts({4, 8, 1h, 1});
    for (int i = 0; i < 3; ++i) {
      const auto sequence = static_cast<std::uint8_t>(order[static_cast<std::size_t>(i)]);
      const sent_part p = part(sequence, std::string(1, static_cast<char>('a' + sequence)));
      const auto result = parts.add(inbound(p), start);
      EXPECT_EQ(result.what, i == 2 ? outcome::complete : outcome::stored);
      if (i == 2) {
        EXPECT_EQ(text_of(*result.complete), "bcd");
        EXPECT_EQ(result.complete->source(), p.source);
        EXPECT_EQ(result.complete->destination(), p.destination);
        EXPECT_EQ(result.complete->reference(), 7);
        EXPECT_EQ(result.complete->total(), 3U);
        EXPECT_EQ(result.complete->received(), 3U);
        EXPECT_EQ(result.complete->scope(), 0U);
      }
      EXPECT_EQ(parts.add(inbound(p), start).what, outcome::duplicate);
    }
    EXPECT_EQ(parts.unfinished(), 0U);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(reassembly, keys_keep_messages_apart) {
  reassembler parts({16, 32, 1h, 1});
  const sent_part base = part(1, "a");
  std::vector<sent_part> others(6, part(2, "b"));
  others[0].source = "491701234568";
  others[1].destination = "12346";
  others[2].place.reference = 8;
  others[3].place.total = 4;
  others[4].place.wide = true;
  others[5].scope = 1;
  EXPECT_EQ(parts.add(inbound(base), start).what, outcome::stored);
  for (const auto& other : others) EXPECT_EQ(parts.add(inbound(other), start).what, outcome::stored);
  EXPECT_EQ(parts.unfinished(), 7U);
}

TEST(reassembly, expires_by_age) {
  reassembler parts({4, 8, 1h, 1});
  EXPECT_EQ(parts.deadline(), reassembler::time_point::max());
  ASSERT_EQ(parts.add(inbound(part(2, "b", 1)), start).what, outcome::stored);
  ASSERT_EQ(parts.add(inbound(part(1, "x", 2)), start + 1min).what, outcome::stored);
  ASSERT_EQ(parts.add(inbound(part(3, "c", 1)), start + 30min).what, outcome::stored);
  EXPECT_EQ(parts.deadline(), start + 1h);
  EXPECT_FALSE(parts.take_expired(start + 59min));
  const auto expired = parts.take_expired(start + 1h);
  ASSERT_TRUE(expired);
  EXPECT_EQ(text_of(*expired), "bc");
  EXPECT_EQ(expired->received(), 2U);
  EXPECT_EQ(expired->first_at(), start);
  EXPECT_FALSE(parts.take_expired(start + 1h));
  EXPECT_EQ(parts.unfinished(), 1U);
  EXPECT_EQ(parts.parts(), 1U);
  // What was given up begins anew.
  EXPECT_EQ(parts.add(inbound(part(1, "a", 1)), start + 1h).what, outcome::stored);
}

TEST(reassembly, a_reference_used_again_displaces) {
  reassembler parts({4, 8, 1h, 1});
  ASSERT_EQ(parts.add(inbound(part(1, "old")), start).what, outcome::stored);
  const auto again = parts.add(inbound(part(1, "new")), start);
  EXPECT_EQ(again.what, outcome::stored);
  ASSERT_TRUE(again.displaced);
  EXPECT_EQ(text_of(*again.displaced), "old");
  ASSERT_EQ(parts.add(inbound(part(2, "2")), start).what, outcome::stored);
  const auto done = parts.add(inbound(part(3, "3")), start);
  ASSERT_EQ(done.what, outcome::complete);
  EXPECT_EQ(text_of(*done.complete), "new23");
  // A finished one gives way without a word, and for `keep` it knows repeats.
  EXPECT_EQ(parts.add(inbound(part(3, "3")), start + 59min).what, outcome::duplicate);
  const auto next = parts.add(inbound(part(3, "other")), start);
  EXPECT_EQ(next.what, outcome::stored);
  EXPECT_FALSE(next.displaced);
  EXPECT_EQ(parts.parts(), 1U);
}

TEST(reassembly, finished_messages_are_forgotten_after_keep) {
  reassembler parts({4, 8, 1h, 1});
  for (std::uint8_t i = 1; i <= 3; ++i) (void)parts.add(inbound(part(i, "x")), start);
  EXPECT_EQ(parts.parts(), 3U);
  EXPECT_EQ(parts.add(inbound(part(1, "x")), start + 1h).what, outcome::stored);
  EXPECT_EQ(parts.parts(), 1U);
}

TEST(reassembly, bounds_hold) {
  reassembler parts({2, 4, 1h, 1});
  ASSERT_EQ(parts.add(inbound(part(1, "a", 1)), start).what, outcome::stored);
  ASSERT_EQ(parts.add(inbound(part(1, "b", 2)), start).what, outcome::stored);
  EXPECT_EQ(parts.add(inbound(part(1, "c", 3)), start).what, outcome::full);
  EXPECT_EQ(parts.add(inbound(part(2, "d", 1)), start).what, outcome::stored);
  EXPECT_EQ(text_of(*parts.take_oldest()), "ad");
  EXPECT_EQ(parts.add(inbound(part(1, "c", 3)), start).what, outcome::stored);
  // Out of parts while entries are left; displacing an unfinished message does not help at once, but the next time.
  reassembler few({4, 2, 1h, 1});
  sent_part pair = part(1, "a");
  pair.place.total = 2;
  sent_part other = pair;
  other.place.reference = 9;
  ASSERT_EQ(few.add(inbound(pair), start).what, outcome::stored);
  ASSERT_EQ(few.add(inbound(other), start).what, outcome::stored);
  pair.text = "b";
  const auto displaced = few.add(inbound(pair), start);
  EXPECT_EQ(displaced.what, outcome::full);
  ASSERT_TRUE(displaced.displaced);
  EXPECT_EQ(few.add(inbound(pair), start).what, outcome::stored);
  // Finished ones make room.
  pair.place.sequence = 2;
  EXPECT_EQ(few.add(inbound(pair), start).what, outcome::full);
  EXPECT_TRUE(few.take_oldest());
  EXPECT_EQ(few.add(inbound(pair), start).what, outcome::complete);
  EXPECT_EQ(few.add(inbound(other), start).what, outcome::stored);
  EXPECT_EQ(few.parts(), 1U);
  EXPECT_TRUE(few.take_oldest());
  EXPECT_FALSE(few.take_oldest());
}

TEST(reassembly, refuses_the_impossible) {
  reassembler parts({2, 4, 1h, 1});
  std::vector<sent_part> wrong(7, part(1, "a"));
  wrong[0].place.total = 1;
  wrong[1].place.sequence = 0;
  wrong[2].place.sequence = 4;
  wrong[3].place.total = 5;  // more than there are slots
  wrong[4].text = std::string(256, 'x');
  wrong[5].source = std::string(65, '1');
  wrong[6].destination = std::string(65, '1');
  for (const auto& p : wrong) EXPECT_EQ(parts.add(inbound(p), start).what, outcome::refused);
  EXPECT_EQ(parts.parts(), 0U);
  EXPECT_EQ(parts.add(inbound(part(1, "")), start).what, outcome::stored);
}

TEST(reassembly, agrees_with_a_simple_model) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    reassembler parts({64, 512, 1h, seed});
    std::map<std::string, std::map<unsigned, std::string>> model;
    std::size_t completed = 0;
    for (int step = 0; step < 2000; ++step) {
      sent_part p = part(1, "");
      p.source = std::to_string(random() % 4);
      p.place.total = static_cast<std::uint8_t>(random() % 5 + 2);
      p.place.sequence = static_cast<std::uint8_t>(random() % p.place.total + 1);
      p.place.reference = static_cast<std::uint16_t>(random() % 3);
      const std::string key = p.source + '/' + std::to_string(p.place.total) + '/' + std::to_string(p.place.reference);
      p.text = key + '#' + std::to_string(p.place.sequence) + (random() % 40 == 0 ? "!" : "");
      auto& known = model[key];
      const auto result = parts.add(inbound(p), start);
      const auto at = known.find(p.place.sequence);
      if (at != known.end() && at->second == p.text) {
        ASSERT_EQ(result.what, outcome::duplicate);
        continue;
      }
      if (at != known.end()) {
        ASSERT_EQ(result.displaced.has_value(), known.size() < p.place.total);
        known.clear();
      }
      known[p.place.sequence] = p.text;
      ASSERT_EQ(result.what, known.size() == p.place.total ? outcome::complete : outcome::stored);
      if (result.complete) {
        ++completed;
        std::string expected;
        for (const auto& [sequence, text] : known) expected += text;
        ASSERT_EQ(text_of(*result.complete), expected);
      }
    }
    ASSERT_GT(completed, 20U);
    while (parts.take_oldest()) continue;
    ASSERT_EQ(parts.unfinished(), 0U);
  }
}

}  // namespace
}  // namespace trunkline::protocol
