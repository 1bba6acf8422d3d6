// The records of the journal, octet by octet: what is written is read back, and a record cut off anywhere is refused or
// shorter, never read past its end.
#include "engine/journal/records.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace trunkline::engine::journal_records {
namespace {

template <class Record>
std::vector<std::uint8_t> written(const Record& r) {
  std::vector<std::uint8_t> out(encoded_bytes(r));
  const std::size_t used = encode(r, out);
  EXPECT_LE(used, out.size());
  out.resize(used);
  return out;
}

/// Decoding a record that lacks octets of its fixed fields fails.
template <class Record>
void fails_when_cut_below(const std::vector<std::uint8_t>& whole, std::size_t fixed) {
  for (std::size_t n = 0; n < fixed; ++n) {
    // In memory of its own, so that a sanitizer sees every octet that is read too far.
    const std::vector<std::uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_FALSE(decode<Record>(cut)) << n << " octets";
  }
  EXPECT_TRUE(decode<Record>(whole));
}

TEST(journal_records, batch_opened) {
  const auto octets = written(batch_opened{7, 1'700'000'000'123, 4096, 1, "spring.jsonl"});
  const auto r = decode<batch_opened>(octets);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->batch, 7U);
  EXPECT_EQ(r->accepted_at_ms, 1'700'000'000'123);
  EXPECT_EQ(r->size, 4096U);
  EXPECT_EQ(r->hold, 1);
  EXPECT_EQ(r->name, "spring.jsonl");
  fails_when_cut_below<batch_opened>(octets, 21);
}

TEST(journal_records, made_batch) {
  const std::uint64_t ids[] = {1, 0xfedcba9876543210};
  const auto octets = written(made_batch{"_inbound-1.jsonl", {reinterpret_cast<const char*>(ids), sizeof ids}, "{}\n"});
  const auto r = decode<made_batch>(octets);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->name, "_inbound-1.jsonl");
  EXPECT_EQ(r->contents, "{}\n");
  ASSERT_EQ(r->id_count(), 2U);
  EXPECT_EQ(r->id(0), 1U);
  EXPECT_EQ(r->id(1), 0xfedcba9876543210U);
  fails_when_cut_below<made_batch>(octets, octets.size() - 3);
  EXPECT_FALSE(decode<made_batch>(written(made_batch{"n", "1234567", ""}))) << "a piece of an id";
}

TEST(journal_records, intents) {
  const std::vector<intents::line> lines{{1, 2}, {3, 0xffffffff}, {0x01020304, 5}};
  const auto* from = reinterpret_cast<const std::uint8_t*>(lines.data());
  const auto octets = written(intents{9, {from, lines.size() * sizeof(intents::line)}});
  const std::vector<std::uint8_t> first{9, 0, 1, 0, 0, 0, 2, 0, 0, 0};
  EXPECT_EQ(std::vector<std::uint8_t>(octets.begin(), octets.begin() + 10), first) << "little-endian, as documented";
  const auto r = decode<intents>(octets);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->carrier, 9);
  ASSERT_EQ(r->size(), 3U);
  EXPECT_EQ((*r)[1].batch, 3U);
  EXPECT_EQ((*r)[1].entry, 0xffffffffU);
  EXPECT_EQ((*r)[2].batch, 0x01020304U);
  for (std::size_t n = 0; n < octets.size(); ++n) {
    const std::vector<std::uint8_t> cut(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_EQ(decode<intents>(cut).has_value(), n >= 2 && (n - 2) % 8 == 0) << n << " octets";
  }
}

TEST(journal_records, returned) {
  const auto octets = written(returned{7, 1025});
  const auto r = decode<returned>(octets);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->batch, 7U);
  EXPECT_EQ(r->entry, 1025U);
  fails_when_cut_below<returned>(octets, 8);
}

TEST(journal_records, final_outcome) {
  const std::vector<std::uint8_t> ids{0, 2, 'a', 'b', 1, 0};
  final_outcome given;
  given.batch = 1;
  given.entry = 2;
  given.status = 3;
  given.why = 4;
  given.flags = 5;
  given.encoding = 6;
  given.parts = 7;
  given.parts_accepted = 2;
  given.carrier = no_carrier;
  given.attempts = 8;
  given.error_value = 0x58;
  given.submitted_at_ms = -1;
  given.error_text = "what people read";
  given.ids = ids;
  const auto octets = written(given);
  const auto r = decode<final_outcome>(octets);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->entry, 2U);
  EXPECT_EQ(r->parts_accepted, 2);
  EXPECT_EQ(r->carrier, no_carrier);
  EXPECT_EQ(r->error_value, 0x58U);
  EXPECT_EQ(r->submitted_at_ms, -1);
  EXPECT_EQ(r->error_text, "what people read");
  EXPECT_EQ(std::vector<std::uint8_t>(r->ids.begin(), r->ids.end()), ids);
  fails_when_cut_below<final_outcome>(octets, octets.size() - ids.size());
}

TEST(journal_records, a_text_longer_than_its_record_is_refused) {
  auto octets = written(final_outcome{});
  octets[octets.size() - 1] = 0xff;  // the high octet of the length of the error text
  EXPECT_FALSE(decode<final_outcome>(octets));
}

TEST(journal_records, the_small_ones) {
  const auto part = written(part_accepted{1, 2, 3, 4, 5, "id"});
  ASSERT_TRUE(decode<part_accepted>(part));
  EXPECT_EQ(decode<part_accepted>(part)->message_id, "id");
  fails_when_cut_below<part_accepted>(part, 12);
  const auto wait = written(postponed{1, 2, 3, 4, 5, 6});
  ASSERT_TRUE(decode<postponed>(wait));
  EXPECT_EQ(decode<postponed>(wait)->tried, 5U);
  fails_when_cut_below<postponed>(wait, 26);
  const auto command_given = written(control{1, command::cancel, 99});
  ASSERT_TRUE(decode<control>(command_given));
  EXPECT_EQ(decode<control>(command_given)->what, command::cancel);
  fails_when_cut_below<control>(command_given, 13);
  const auto point = written(checkpoint{0x1122334455667788, 5});
  ASSERT_TRUE(decode<checkpoint>(point));
  EXPECT_EQ(decode<checkpoint>(point)->marker, 0x1122334455667788U);
  fails_when_cut_below<checkpoint>(point, 12);
  taken lines{1, 2, {}};
  lines.lines[15] = 1;
  const auto bits = written(lines);
  ASSERT_TRUE(decode<taken>(bits));
  EXPECT_EQ(decode<taken>(bits)->lines[15], 1U);
  fails_when_cut_below<taken>(bits, 136);
  const auto pdu = written(received{3, 4, bits});
  ASSERT_TRUE(decode<received>(pdu));
  EXPECT_EQ(decode<received>(pdu)->octets.size(), 136U);
  fails_when_cut_below<received>(pdu, 10);
}

}  // namespace
}  // namespace trunkline::engine::journal_records
