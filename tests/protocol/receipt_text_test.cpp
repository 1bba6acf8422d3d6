#include "protocol/receipt_text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "protocol/message_id.hpp"
#include "protocol/message_state.hpp"
#include "protocol/receipt.hpp"
#include "tests/protocol/allocation_count.hpp"
#include "tests/protocol/test_octets.hpp"

namespace trunkline::protocol {
namespace {

using namespace std::chrono_literals;

constexpr utc_time now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);

std::string iso(const std::optional<receipt_date>& date) {
  if (!date) return "none";
  const auto midnight = std::chrono::floor<std::chrono::days>(date->time);
  const std::chrono::year_month_day day(midnight);
  const std::chrono::hh_mm_ss of_day(date->time - midnight);
  char text[40];
  const int size =
      std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(day.year()),
                    static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
                    static_cast<int>(of_day.hours().count()), static_cast<int>(of_day.minutes().count()),
                    static_cast<int>(of_day.seconds().count()), static_cast<int>(of_day.subseconds().count()));
  return {text, static_cast<std::size_t>(size)};
}

TEST(receipt_text, reads_every_sample) {
  std::size_t rows = 0;
  for (const auto& row : test::load_lines("dlr-samples.jsonl")) {
    ++rows;
    const auto text = row.at("text").get<std::string>();
    SCOPED_TRACE(text);
    const receipt_text receipt = parse_receipt_text(text);
    EXPECT_TRUE(receipt.recognised());
    const auto& expected = row.at("expected");
    for (const auto& [name, value] : expected.items()) {
      const auto wanted = value.is_string() ? value.get<std::string>() : "";
      if (name == "id") {
        EXPECT_EQ(receipt.id, wanted);
      }
      if (name == "stat") {
        EXPECT_EQ(receipt.stat, wanted);
      }
      if (name == "err") {
        EXPECT_EQ(receipt.err, wanted);
      }
      if (name == "sub") {
        EXPECT_EQ(receipt.sub, value.is_null() ? std::nullopt : std::optional(value.get<std::uint32_t>()));
      }
      if (name == "dlvrd") {
        EXPECT_EQ(receipt.dlvrd, value.is_null() ? std::nullopt : std::optional(value.get<std::uint32_t>()));
      }
      if (name == "textpart") {
        EXPECT_EQ(receipt.text.has_value(), value.is_string());
        EXPECT_EQ(receipt.text.value_or(""), wanted);
      }
      if (name == "submit" || name == "done") {
        const auto date = read_receipt_date(name == "done" ? receipt.done_date : receipt.submit_date, now);
        EXPECT_EQ(date.has_value(), value.is_string());
        // The samples give no more of a time than the receipt does.
        if (value.is_string()) {
          EXPECT_TRUE(iso(date).starts_with(wanted)) << iso(date);
        }
      }
      if (name == "state" && value.is_number()) {
        EXPECT_EQ(message_state_of(receipt.stat), message_state_of(value.get<std::uint8_t>()));
      }
      if (name == "resp_id_hex") {
        EXPECT_EQ(canonical_id(receipt.id, id_radix::decimal), canonical_id(wanted, id_radix::hexadecimal));
      }
    }
  }
  EXPECT_EQ(rows, 25U);
}

TEST(receipt_text, reads_forms_beyond_the_samples) {
  struct {
    const char* name;
    const char* text;
    const char* id;
    const char* done;
    const char* stat;
    const char* err;
    const char* body;  ///< nullptr: none
  } const cases[] = {
      {"blank-free keys", "id:1 submitdate:2611222030 donedate:2611222031 stat:DELIVRD err:0", "1", "2611222031",
       "DELIVRD", "0", nullptr},
      {"a blank behind each colon", "id: 1 stat: DELIVRD err: 5 text: hi", "1", "", "DELIVRD", "5", " hi"},
      {"empty values", "id: sub: done date: stat:DELIVRD err: text:", "", "", "DELIVRD", "", ""},
      {"an empty value before a date", "id:1 stat: done date:2611222031", "1", "2611222031", "", "", nullptr},
      {"text that says stat", "id:1 stat:UNDELIV err:1 text:stat:DELIVRD id:2", "1", "", "UNDELIV", "1",
       "stat:DELIVRD id:2"},
      {"stat right behind text", "id:1 text:stat:DELIVRD", "1", "", "DELIVRD", "", ""},
      {"fields behind the text", "id:1 text:a b stat:DELIVRD err:7", "1", "", "DELIVRD", "7", "a b"},
      {"a word that ends like a key", "kid:9 id:1 laststat:X stat:DELIVRD", "1", "", "DELIVRD", "", nullptr},
      {"colons in the id", "id:urn:uuid:5 stat:DELIVRD", "urn:uuid:5", "", "DELIVRD", "", nullptr},
      {"the first of a repeated field", "id:1 id:2 stat:DELIVRD stat:UNDELIV", "1", "", "DELIVRD", "", nullptr},
      {"line breaks between fields", "id:1\r\nstat:DELIVRD\nerr:3", "1", "", "DELIVRD", "3", nullptr},
      {"capitals", "Id:1 Done Date:2611222031 Stat:delivrd", "1", "2611222031", "delivrd", "", nullptr},
      {"nothing", "", "", "", "", "", nullptr},
      {"a user's text", "See you at 10:30, my id is here", "", "", "", "", nullptr},
      {"only colons", ":::::", "", "", "", "", nullptr},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const receipt_text receipt = parse_receipt_text(c.text);
    EXPECT_EQ(receipt.id, c.id);
    EXPECT_EQ(receipt.done_date, c.done);
    EXPECT_EQ(receipt.stat, c.stat);
    EXPECT_EQ(receipt.err, c.err);
    EXPECT_EQ(receipt.text.has_value(), c.body != nullptr);
    if (c.body != nullptr) {
      EXPECT_EQ(receipt.text.value_or("none"), c.body);
    }
  }
  EXPECT_FALSE(parse_receipt_text("stat:DELIVRD").recognised());
  EXPECT_FALSE(parse_receipt_text("see you, at, ten, or, eleven, o, clock").recognised());
  EXPECT_FALSE(parse_receipt_text("1,2,3,4,5,6,7").recognised());
}

TEST(receipt_text, every_prefix_of_a_receipt_is_read_within_its_octets) {
  const std::string whole =
      "id:c0ffee sub:001 dlvrd:001 submit date:261122203010 done date: 261122203112 err:21b text: stat:DELIVRD x:y";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::vector<char> exact(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    (void)parse_receipt_text({exact.data(), exact.size()});
  }
}

TEST(receipt_date, reads_each_form) {
  struct {
    const char* name;
    const char* text;
    const char* expected;
  } const cases[] = {
      {"ten", "2611222030", "2026-11-22T20:30:00.000Z"},
      {"twelve with seconds", "261122203015", "2026-11-22T20:30:15.000Z"},
      {"twelve with a long year", "202611222030", "2026-11-22T20:30:00.000Z"},
      {"twelve, both possible, the closer one", "202512112030", "2025-12-11T20:30:00.000Z"},
      {"fourteen", "20261122203015", "2026-11-22T20:30:15.000Z"},
      {"SMPP", "261122203015408+", "2026-11-22T18:30:15.400Z"},
      {"another century", "162212130355", "none"},
      {"zeros", "0000000000", "none"},
      {"twelve zeros", "000000000000", "none"},
      {"30 February", "2602302030", "none"},
      {"hour 24", "2611222430", "none"},
      {"minute 60", "2611222360", "none"},
      {"eight digits", "20261122", "none"},
      {"letters", "26112220x0", "none"},
      {"relative", "000000010000000R", "none"},
      {"empty", "", "none"},
  };
  for (const auto& c : cases) EXPECT_EQ(iso(read_receipt_date(c.text, now)), c.expected) << c.name;
  EXPECT_TRUE(read_receipt_date("261122203015408+", now)->has_offset);
  EXPECT_FALSE(read_receipt_date("2611222030", now)->has_offset);
}

TEST(message_state, words_and_numbers) {
  for (std::uint8_t number = 0; number <= 9; ++number) {
    const auto state = message_state_of(number);
    ASSERT_TRUE(state);
    EXPECT_EQ(static_cast<std::uint8_t>(*state), number);
    EXPECT_EQ(message_state_of(name_of(*state)), state);
  }
  EXPECT_EQ(message_state_of(std::uint8_t{10}), std::nullopt);
  EXPECT_EQ(message_state_of("DND_REJECTED"), message_state::rejected);
  EXPECT_EQ(message_state_of("Buffred"), message_state::enroute);
  EXPECT_EQ(message_state_of("BADSTAT"), std::nullopt);
  EXPECT_EQ(name_of(static_cast<message_state>(99)), "unknown");
  EXPECT_TRUE(is_final(message_state::delivered));
  for (const auto state : {message_state::scheduled, message_state::enroute, message_state::accepted}) {
    EXPECT_FALSE(is_final(state));
  }
}

TEST(receipt, tlvs_win_over_the_text_and_the_difference_is_told) {
  std::array<std::uint8_t, 64> out{};
  octet_writer to(out);
  write_tlv_u8(to, tlv_tag::message_state, 5);
  write_tlv(to, tlv_tag::network_error_code, test::from_hex("00000b"));
  write_tlv(to, tlv_tag::receipted_message_id, test::from_hex("413142320000"));
  const receipt read = read_receipt("id:42 stat:DELIVRD err:000", tlv_view(to.written()));
  EXPECT_EQ(read.message_id, "A1B2");
  EXPECT_EQ(read.state, message_state::undeliverable);
  EXPECT_EQ(read.error->network_type, 0);
  EXPECT_EQ(read.error->code, 11);
  EXPECT_EQ(read.text.id, "42");
  EXPECT_TRUE(read.ids_differ);
  EXPECT_TRUE(read.states_differ);
  EXPECT_TRUE(read.readable());

  const receipt only_text = read_receipt("id:42 stat:DELIVRD err:000", {});
  EXPECT_EQ(only_text.message_id, "42");
  EXPECT_EQ(only_text.state, message_state::delivered);
  EXPECT_FALSE(only_text.ids_differ || only_text.states_differ || only_text.error);

  const receipt only_tlvs = read_receipt("", tlv_view(to.written()));
  EXPECT_TRUE(only_tlvs.readable());
  EXPECT_FALSE(only_tlvs.ids_differ || only_tlvs.states_differ);
}

TEST(receipt, broken_tlvs_leave_the_word_to_the_text) {
  const auto octets = test::from_hex("001e0000042700020002042300020000042700010f");
  const receipt read = read_receipt("id:42 stat:DELIVRD", tlv_view(octets));
  EXPECT_EQ(read.message_id, "42");
  EXPECT_EQ(read.state, message_state::delivered);
  EXPECT_FALSE(read.error);
  EXPECT_FALSE(read_receipt("garbage", tlv_view(octets)).readable());
}

TEST(receipt, payload_wins_over_short_message) {
  const auto text = test::from_hex("6162");
  const auto tlvs = test::from_hex("0424000163");
  const auto empty = test::from_hex("04240000");
  EXPECT_EQ(message_octets(text, tlv_view(tlvs))[0], 'c');
  EXPECT_EQ(message_octets(text, tlv_view(empty))[0], 'a');
  EXPECT_EQ(message_octets(text, {})[0], 'a');
}

TEST(message_id, compares_by_value_beyond_64_bits) {
  struct {
    const char* name;
    const char* id;
    id_radix radix;
    const char* canonical;
  } const cases[] = {
      {"text in lower case", "0A-B", id_radix::text, "0a-b"},
      {"hex without padding", "00B8BE19", id_radix::hexadecimal, "b8be19"},
      {"decimal", "0972000181", id_radix::decimal, "39ef8bb5"},
      {"zero", "0000", id_radix::decimal, "0"},
      {"hex zero", "000", id_radix::hexadecimal, "0"},
      {"64 bits", "18446744073709551615", id_radix::decimal, "ffffffffffffffff"},
      {"65 bits", "18446744073709551616", id_radix::decimal, "10000000000000000"},
      {"30 digits", "171026000000000000000000024531920", id_radix::decimal, "86ea6cf71474b47f1a8517653d0"},
      {"64 nines", "9999999999999999999999999999999999999999999999999999999999999999", id_radix::decimal,
       "184f03e93ff9f4daa797ed6e38ed64bf6a1f00ffffffffffffffff"},
      {"65 digits are text", "09999999999999999999999999999999999999999999999999999999999999999", id_radix::decimal,
       "09999999999999999999999999999999999999999999999999999999999999999"},
      {"not decimal after all", "12AB", id_radix::decimal, "12ab"},
      {"not hexadecimal after all", "12-AB", id_radix::hexadecimal, "12-ab"},
      {"empty", "", id_radix::decimal, ""},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(canonical_id(c.id, c.radix).view(), c.canonical) << c.name;
  }
  EXPECT_EQ(canonical_id(std::string(100, 'x'), id_radix::text).view().size(), 65U);
  EXPECT_EQ(without_leading_zeros(""), "");
}

TEST(message_id, agrees_with_64_bit_arithmetic) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 1'000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    char hex[20];
    std::snprintf(hex, sizeof hex, "%llx", static_cast<unsigned long long>(value));
    ASSERT_EQ(canonical_id(std::to_string(value), id_radix::decimal).view(), hex);
  }
}

TEST(receipt, reading_allocates_nothing) {
  const std::string text =
      "id:171026000000000000000000024531920 sub:001 dlvrd:001 submit date:261122130350 done date:261122130355 "
      "stat:DELIVRD err:000 text:";
  const std::size_t before = test::allocation_count();
  const receipt read = read_receipt(text, {});
  const auto date = read_receipt_date(read.text.done_date, now);
  const canonical_id id(read.message_id, id_radix::decimal);
  EXPECT_EQ(test::allocation_count(), before);
  EXPECT_TRUE(date);
  EXPECT_FALSE(id.view().empty());
}

TEST(receipt_text, odd_texts) {
  struct {
    const char* name;
    std::string_view text;
    std::string_view id, stat, err, submit_date, done_date;
  } const cases[] = {
      {"tabs and line ends between the fields", "id:1\tstat:DELIVRD\r\nerr:7", "1", "DELIVRD", "7", "", ""},
      {"empty fields", "id: stat:DELIVRD err: submit date: done date:2611222030", "", "DELIVRD", "", "", "2611222030"},
      {"a field without a value before a date of two words", "id:5 err: done date:2611222030 stat:UNDELIV", "5",
       "UNDELIV", "", "", "2611222030"},
      {"dates in one word", "id:5 submitdate:2611222030 donedate:2611222031 stat:EXPIRED", "5", "EXPIRED", "",
       "2611222030", "2611222031"},
      {"dates with underscores", "id:5 submit_date:2611222030 done_date:2611222031 stat:EXPIRED", "5", "EXPIRED", "",
       "2611222030", "2611222031"},
      {"the first of a repeated field", "id:5 id:6 stat:EXPIRED stat:DELIVRD err:1 err:2", "5", "EXPIRED", "1", "", ""},
      {"a colon within a value", "id:ab:cd stat:DELIVRD", "ab:cd", "DELIVRD", "", "", ""},
      {"a value of four letters before other words", "id:done stat:date err:x y", "done", "date", "x", "", ""},
      {"keys of no use in between", "id:5 foo:1 stat:DELIVRD bar:2 err:3", "5", "DELIVRD", "3", "", ""},
      {"a key within a word is none", "xid:5 mystat:DELIVRD id:6 stat:EXPIRED", "6", "EXPIRED", "", "", ""},
      {"capitals", "ID:5 STAT:delivrd ERR:00A DONE DATE:2611222031", "5", "delivrd", "00A", "", "2611222031"},
      {"blanks behind the colons", "id: 5 stat: DELIVRD err: 001", "5", "DELIVRD", "001", "", ""},
      {"a value with a blank and a colon", "id: a:b stat: DELIVRD", "a:b", "DELIVRD", "", "", ""},
      {"only colons", ":::", "", "", "", "", ""},
      {"nothing", "", "", "", "", "", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const receipt_text read = parse_receipt_text(c.text);
    EXPECT_EQ(read.id, c.id);
    EXPECT_EQ(read.stat, c.stat);
    EXPECT_EQ(read.err, c.err);
    EXPECT_EQ(read.submit_date, c.submit_date);
    EXPECT_EQ(read.done_date, c.done_date);
  }
}

TEST(receipt_text, numbers_and_texts) {
  const auto read = parse_receipt_text("id:1 sub:001 sub:2 dlvrd:x dlvrd:3 stat:DELIVRD text:one text:two stat:FOO");
  EXPECT_EQ(read.sub, 1U);
  EXPECT_EQ(read.dlvrd, 3U);
  EXPECT_EQ(read.text, "one text:two stat:FOO") << "a user may write anything";
  EXPECT_FALSE(parse_receipt_text("id:1 sub: stat:A").sub);
  EXPECT_FALSE(parse_receipt_text("id:1 sub:99999999999 stat:A").sub);
  EXPECT_FALSE(parse_receipt_text("id:1 sub:1x stat:A").sub);
  const auto behind = parse_receipt_text("id:1 text:hello there stat:DELIVRD text:again err:5");
  EXPECT_EQ(behind.text, "hello there");
  EXPECT_EQ(behind.stat, "DELIVRD");
  EXPECT_EQ(behind.err, "5");
  EXPECT_EQ(parse_receipt_text("id:1 text: stat:DELIVRD").stat, "DELIVRD");
  EXPECT_EQ(parse_receipt_text("id:1 text:stat:DELIVRD").stat, "DELIVRD");
  EXPECT_FALSE(parse_receipt_text("id:1").recognised());
  EXPECT_TRUE(parse_receipt_text("id:1 done date:2611222031").recognised());
  EXPECT_FALSE(parse_receipt_text("stat:DELIVRD").recognised());
}

TEST(receipt_text, lines_of_values_that_are_none) {
  EXPECT_TRUE(parse_receipt_text("3,2611222031,2611222030,000,491,492,ID77").recognised());
  EXPECT_TRUE(parse_receipt_text("3,261122203155,20261122203055,000,,,ID77").recognised());
  for (const char* text : {"", "3", "3,2611222031", "3,2611222031,2611222030,000,491,492,",
                           "3,2611222031,2611222030,000,491,492,7,8", ",2611222031,2611222030,000,491,492,7",
                           "1234,2611222031,2611222030,000,491,492,7", "x,2611222031,2611222030,000,491,492,7",
                           "3,26112220,2611222030,000,491,492,7", "3,2611222031,26112220,000,491,492,7",
                           "3,261122203x,2611222030,000,491,492,7", "3,26112220301,2611222030,000,491,492,7"})
    EXPECT_FALSE(parse_receipt_text(text).recognised()) << text;
}

TEST(receipt_date, what_is_no_date_and_what_is_nearer) {
  EXPECT_EQ(iso(read_receipt_date("000000010000000R", now)), "none") << "a relative time is no date";
  EXPECT_EQ(iso(read_receipt_date("26112220301540x+", now)), "none");
  EXPECT_EQ(iso(read_receipt_date("2611222030x5", now)), "none");
  EXPECT_EQ(iso(read_receipt_date("26112220", now)), "none");
  EXPECT_EQ(iso(read_receipt_date("2611222060", now)), "none");
  EXPECT_EQ(iso(read_receipt_date("2611222430", now)), "none");
  EXPECT_EQ(iso(read_receipt_date("20261122203060", now)), "none");
  EXPECT_EQ(iso(read_receipt_date("19991122203000", now)), "none");
  EXPECT_EQ(iso(read_receipt_date("21001122203000", now)), "none");
  // 2020-12-01 00:11 or 2020-12-20 10:11? Both readings are possible; and only one is in these cases.
  EXPECT_EQ(iso(read_receipt_date("202612011011", now)), "2026-12-01T10:11:00.000Z");
  EXPECT_EQ(iso(read_receipt_date("261201101112", now)), "2026-12-01T10:11:12.000Z");
  EXPECT_EQ(iso(read_receipt_date("201210101112", now)), "2020-12-10T10:11:12.000Z")
      << "there is no month 10 10 in 2012";
  EXPECT_EQ(iso(read_receipt_date("202012101112", now)), "2020-12-10T11:12:00.000Z");
}

TEST(receipt, parameters_of_wrong_lengths_and_repeated_ones_do_not_count) {
  std::vector<std::uint8_t> octets(128);
  octet_writer out(octets);
  write_tlv(out, tlv_tag::message_state, std::array<std::uint8_t, 2>{2, 2});
  write_tlv_u8(out, tlv_tag::message_state, 2);
  write_tlv_u8(out, tlv_tag::message_state, 5);
  write_tlv(out, tlv_tag::receipted_message_id, {});
  write_tlv_text(out, tlv_tag::receipted_message_id, "first");
  write_tlv_text(out, tlv_tag::receipted_message_id, "second");
  write_tlv(out, tlv_tag::network_error_code, std::array<std::uint8_t, 2>{3, 0});
  write_tlv(out, tlv_tag::network_error_code, std::array<std::uint8_t, 3>{3, 1, 2});
  write_tlv(out, tlv_tag::network_error_code, std::array<std::uint8_t, 3>{3, 9, 9});
  const tlv_view tlvs(out.written());
  const receipt read = read_receipt("id:other stat:UNDELIV", tlvs);
  EXPECT_EQ(read.message_id, "first");
  EXPECT_EQ(read.state, message_state::delivered);
  ASSERT_TRUE(read.error);
  EXPECT_EQ(read.error->code, 0x0102);
  EXPECT_TRUE(read.ids_differ);
  EXPECT_TRUE(read.states_differ);
  const receipt alike = read_receipt("id:first stat:DELIVRD", tlvs);
  EXPECT_FALSE(alike.ids_differ);
  EXPECT_FALSE(alike.states_differ);
  const receipt without_text = read_receipt("", tlvs);
  EXPECT_FALSE(without_text.ids_differ);
  EXPECT_FALSE(without_text.states_differ);
  EXPECT_TRUE(without_text.readable());
  EXPECT_FALSE(read_receipt("id:5 stat:WHATEVER", {}).readable());
  EXPECT_FALSE(read_receipt("stat:DELIVRD", {}).readable());

  // An empty message_payload beside a short_message says nothing.
  std::vector<std::uint8_t> payload(16);
  octet_writer to(payload);
  write_tlv(to, tlv_tag::message_payload, {});
  const std::array<std::uint8_t, 1> text{'x'};
  EXPECT_EQ(message_octets(text, tlv_view(to.written())).size(), 1U);
  EXPECT_EQ(message_octets(text, {}).size(), 1U);
}

}  // namespace
}  // namespace trunkline::protocol
