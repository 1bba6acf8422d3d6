// Parts to messages: any order, repeats, both ways of numbering, what is missing, and what memory bounds give up.
#include "engine/inbound/part_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/engine/inbound/phone_pdu.hpp"

namespace trunkline::engine::test {
namespace {

using namespace std::chrono_literals;
using octets = std::vector<std::uint8_t>;

struct part_store_test : testing::Test {
  part_store store{1h, {8, 32}, 1};
  std::vector<received_message> out;
  std::int64_t now_ms = 1'800'000'000'000;

  bool add(const octets& pdu, const received_from& from = {"acme"}) {
    const auto fields = read_received(pdu);
    return fields && store.add(from, now_ms, identify(from.carrier, now_ms, pdu), *fields, pdu,
                               [this](const received_message& m) { out.push_back(m); });
  }
  bool add(const phone_pdu& pdu) { return add(pdu.octets()); }
  static phone_pdu part(std::uint8_t number, std::string text, std::uint8_t total = 3, std::uint8_t reference = 7) {
    phone_pdu p;
    p.header = phone_pdu::concatenated(reference, total, number);
    p.text = std::move(text);
    return p;
  }
};

TEST_F(part_store_test, any_order_with_repeats) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    out.clear();
    std::vector<phone_pdu> parts{part(1, "one ", 3, static_cast<std::uint8_t>(round)),
                                 part(2, "two ", 3, static_cast<std::uint8_t>(round)),
                                 part(3, "three", 3, static_cast<std::uint8_t>(round))};
    if (round % 2 == 0) {
      for (auto& p : parts) {
        p.tlvs = phone_pdu::sar(static_cast<std::uint8_t>(round), 3, p.header[5]);
        p.header.clear();
      }
    }
    std::vector<phone_pdu> sent = parts;
    for (const auto& p : parts)
      if (random() % 2 == 0) sent.push_back(p);
    std::shuffle(sent.begin(), sent.end(), random);
    for (auto& p : sent) {
      p.sequence = static_cast<std::uint32_t>(random());
      ASSERT_TRUE(add(p));
    }
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].text, "one two three");
    EXPECT_EQ(out[0].parts, 3);
    EXPECT_TRUE(out[0].missing.empty());
    EXPECT_TRUE(out[0].raw.empty());
    EXPECT_EQ(out[0].from, "491701234567");
    EXPECT_EQ(out[0].to, "12345");
  }
  EXPECT_EQ(store.pending_messages.load(), 0U);
  EXPECT_GT(store.duplicates.value(), 0U);
}

TEST_F(part_store_test, pairs_that_a_phone_cut_in_two) {
  add(part(1, "price 5\x1b", 2));
  add(part(2, "\x65", 2));
  phone_pdu high = part(1, std::string("\xD8\x3D", 2), 2, 8);
  phone_pdu low = part(2, std::string("\xDE\x00", 2), 2, 8);
  high.data_coding = low.data_coding = 8;
  add(low);
  add(high);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].text, "price 5€");
  EXPECT_EQ(out[1].text, "😀");
}

TEST_F(part_store_test, incomplete_after_the_ttl) {
  add(part(3, "three"));
  now_ms += 1000;
  add(part(1, "one "));
  const auto emit = [this](const received_message& m) { out.push_back(m); };
  const std::int64_t begun = now_ms - 1000;
  EXPECT_EQ(store.deadline_ms(), begun + 3'600'000);
  store.expire(begun + 3'599'999, emit);
  EXPECT_TRUE(out.empty());
  store.expire(begun + 3'600'000, emit);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].text, "one three");
  EXPECT_EQ(out[0].parts, 3);
  EXPECT_EQ(out[0].missing, std::vector<std::uint8_t>{2});
  EXPECT_EQ(out[0].received_at_ms, now_ms);
  EXPECT_EQ(store.expired.value(), 1U);
}

TEST_F(part_store_test, every_part_of_many) {
  // More parts than the store has room for can never come together.
  EXPECT_FALSE(add(part(1, "x", 255)));
  part_store large(1h, {2, 600}, 1);
  for (unsigned number = 1; number <= 255; ++number) {
    const octets pdu = part(static_cast<std::uint8_t>(number), "y", 255).octets();
    large.add({"acme"}, now_ms, number, *read_received(pdu), pdu, [this](const received_message& m) { out = {m}; });
  }
  EXPECT_EQ(out.back().text, std::string(255, 'y'));
  EXPECT_TRUE(out.back().missing.empty());
}

TEST_F(part_store_test, the_oldest_makes_room) {
  for (std::uint8_t reference = 0; reference < 20; ++reference) add(part(1, "a", 2, reference));
  EXPECT_EQ(store.pending_messages.load(), 8U);
  ASSERT_EQ(out.size(), 12U);
  EXPECT_EQ(out[0].missing, std::vector<std::uint8_t>{2});
  unsigned kept = 0;
  store.each([&](const kept_part&) { ++kept; });
  EXPECT_EQ(kept, 8U);
}

TEST_F(part_store_test, a_reference_used_again_gives_up_the_first_message) {
  add(part(1, "old", 2));
  add(part(1, "new", 2));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].text, "old");
  EXPECT_EQ(out[0].missing, std::vector<std::uint8_t>{2});
  add(part(2, " text", 2));
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[1].text, "new text");
}

TEST_F(part_store_test, carriers_and_phones_are_kept_apart) {
  add(part(1, "a", 2));
  add(part(2, "b", 2).octets(), {"other"});
  phone_pdu elsewhere = part(2, "b", 2);
  elsewhere.from = "33";
  add(elsewhere);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(store.pending_messages.load(), 3U);
}

TEST_F(part_store_test, what_cannot_be_put_together_is_a_message_by_itself) {
  phone_pdu plain;
  plain.text = "hello";
  EXPECT_FALSE(add(plain));
  phone_pdu wrong = part(4, "x", 3);
  EXPECT_FALSE(add(wrong));
  phone_pdu one = part(1, "x", 1);
  EXPECT_FALSE(add(one));
}

/// What a restart does: the parts that were kept are received again, with others in between, and names stay the same.
TEST_F(part_store_test, goes_on_from_its_kept_parts_with_the_same_names) {
  add(part(2, "two "));
  now_ms += 5;
  add(part(1, "one "));
  part_store after(1h, {8, 32}, 99);
  std::vector<received_message> later;
  const auto take = [&](const received_message& m) { later.push_back(m); };
  store.each([&](const kept_part& p) {
    const auto fields = read_received(p.pdu);
    // Twice: from before the checkpoint and from the copy in it.
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(after.add(p.from, p.received_at_ms, p.id, *fields, p.pdu, take));
  });
  now_ms += 5;
  const octets last = part(3, "three").octets();
  add(last);
  after.add({"acme"}, now_ms, identify("acme", now_ms, last), *read_received(last), last, take);
  ASSERT_EQ(out.size(), 1U);
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(later[0].text, "one two three");
  EXPECT_EQ(later[0].id, out[0].id);
  EXPECT_EQ(later[0].received_at_ms, out[0].received_at_ms);
  EXPECT_NE(identify("acme", 1, last), identify("acme", 2, last));
  EXPECT_NE(identify("acme", 1, last), identify("acm", 1, last));
}

TEST_F(part_store_test, parts_that_are_no_text_keep_their_octets) {
  phone_pdu a = part(1, std::string("\x00\x01", 2), 2);
  phone_pdu b = part(2, std::string("\x02", 1), 2);
  a.data_coding = b.data_coding = 4;
  add(a);
  add(b);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_FALSE(out[0].text);
  EXPECT_EQ(out[0].octets, (octets{0, 1, 2}));
  octets both = a.octets();
  const octets second = b.octets();
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_EQ(out[0].raw, both);
}

}  // namespace
}  // namespace trunkline::engine::test
