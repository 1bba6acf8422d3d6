#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "engine/spool/record_parser.hpp"
#include "tests/engine/spool/record_support.hpp"

namespace trunkline::engine {
namespace {

using router::reason;
using testing::HasSubstr;

TEST(csv_header, names_the_columns) {
  const auto columns = parse_csv_header("\xEF\xBB\xBFto,\"text\",vars.first name,tags.campaign,tlv.0x1401,flash\r\n");
  ASSERT_TRUE(columns) << columns.error().text;
  ASSERT_EQ(columns->columns.size(), 6U);
  EXPECT_EQ(columns->columns[0].field, record_field::to);
  EXPECT_EQ(columns->columns[1].field, record_field::text);
  EXPECT_EQ(columns->columns[2].field, record_field::vars);
  EXPECT_EQ(columns->columns[2].key, "first name");
  EXPECT_EQ(columns->columns[3].key, "campaign");
  EXPECT_EQ(columns->columns[4].tag, 0x1401);
  EXPECT_EQ(columns->columns[5].field, record_field::flash);
}

TEST(csv_header, refuses) {
  const struct {
    const char* name;
    const char* row;
    const char* says;
  } cases[] = {
      {"unknown", "to,texst", R"(column 2 has the unknown name "texst"; the nearest known is "text")"},
      {"semicolons", "to;text", "separated by commas"},
      {"empty name", "to,text,", "column 3"},
      {"tags without a name", "to,text,tags", "tags.name"},
      {"vars with an empty name", "to,text,vars.", "column 3"},
      {"tlv without 0x", "to,text,tlv.1401", "column 3"},
      {"repeated", "to,text,to", "column 3 repeats"},
      {"repeated tag", "to,text,tags.a,tags.a", "column 4 repeats"},
      {"no to", "text", "no column \"to\""},
      {"no text", "to,id", "neither"},
      {"open quote", "to,\"text", "not closed"},
      {"a JSON line", R"({"to":"49170","text":"Hi"})", "column 1"},
      {"empty", "", "column 1"},
      {"latin-1", "to,text,vars.\xFC", "UTF-8"},
  };
  for (const auto& c : cases) {
    const auto columns = parse_csv_header(c.row);
    ASSERT_FALSE(columns) << c.name;
    EXPECT_THAT(columns.error().text, HasSubstr(c.says)) << c.name;
  }
}

TEST(csv_record, reads_every_field) {
  const auto columns = parse_csv_header(
      "id,to,text,from,priority,validity,send_at,receipt,carrier,encoding,max_parts,flash,tlv.0x1401,tags.a,vars.b,"
      "data,"
      "data_coding,udh");
  ASSERT_TRUE(columns) << columns.error().text;
  record_parser parser{record_options{}};
  const record* r = parser.parse_csv(
      "i,+49 170 1234567,\"Say \"\"Hi\"\",\nGr\xC3\xBC\xC3\x9F"
      "e\",ACME,urgent,2h,2026-11-22T10:00:00Z,failure,acme,ucs2,"
      "3,true,00ff,\"x\"\"y\",z,,,\r",
      *columns, {});
  ASSERT_NE(r, nullptr) << parser.error().text;
  EXPECT_EQ(r->id, "i");
  EXPECT_EQ(r->number, "491701234567");
  EXPECT_EQ(r->text,
            "Say \"Hi\",\nGr\xC3\xBC\xC3\x9F"
            "e");
  EXPECT_EQ(r->from, "ACME");
  EXPECT_EQ(r->priority, router::priority::urgent);
  EXPECT_EQ(r->validity_ms, 7'200'000);
  EXPECT_EQ(r->send_at_ms, 1'795'341'600'000);
  EXPECT_EQ(r->receipt, receipt_request::failure);
  EXPECT_EQ(r->carrier, "acme");
  EXPECT_EQ(r->encoding, protocol::encoding::ucs2);
  EXPECT_EQ(r->max_parts, 3);
  EXPECT_TRUE(r->flash);
  ASSERT_EQ(r->tlvs.size(), 1U);
  EXPECT_EQ(text_of(r->tlvs[0].value), std::string("\0\xFF", 2));
  ASSERT_EQ(r->tags.size(), 1U);
  EXPECT_EQ(r->tags[0], (tag{"a", "x\"y"}));
  ASSERT_EQ(r->vars.size(), 1U);
  EXPECT_EQ(r->vars[0], (tag{"b", "z"}));

  r = parser.parse_csv(",49170,,,,,,,,,,,,,,00ff,245,", *columns, {});
  ASSERT_NE(r, nullptr) << parser.error().text;
  EXPECT_TRUE(r->has_data);
  EXPECT_EQ(r->data_coding, 245);
  EXPECT_TRUE(r->tags.empty() && !r->has_from) << "an empty cell says nothing";
}

TEST(csv_record, refuses) {
  const struct {
    const char* name;
    std::string row;
    reason code;
    const char* says;
  } cases[] = {
      {"a cell too few", "49170,Hi", reason::bad_field, "has 2 cells, the header row has 3"},
      {"a cell too many", "49170,Hi,i,", reason::bad_field, "has 4 cells"},
      {"no number", ",Hi,i", reason::bad_field, "to is missing"},
      {"bad number", "abc,Hi,i", reason::bad_number, "abc"},
      {"no text", "49170,,i", reason::bad_field, "text and data"},
      {"quote not closed", "49170,\"Hi,i", reason::bad_field, "cell 2"},
      {"text behind a quote", "49170,\"Hi\"x,i", reason::bad_field, "cell 2"},
      {"latin-1", "49170,Gr\xFC\xDF,i", reason::bad_utf8, "offset 8"},
      {"NUL", std::string("49170,a\0b,i", 11), reason::bad_field, "offset 7"},
      {"long id", "49170,Hi," + std::string(65, 'x'), reason::bad_field, "65"},
      {"long record", "49170," + std::string(1U << 20, 'x') + ",i", reason::line_too_long, "1048576"},
  };
  const auto columns = parse_csv_header("to,text,id");
  ASSERT_TRUE(columns);
  record_parser parser{record_options{}};
  for (const auto& c : cases) {
    EXPECT_EQ(parser.parse_csv(c.row, *columns, {}), nullptr) << c.name;
    EXPECT_EQ(parser.error().code, c.code) << c.name;
    EXPECT_THAT(parser.error().text, HasSubstr(c.says)) << c.name;
  }
}

TEST(csv_record, a_quote_within_plain_text_is_text) {
  const auto columns = parse_csv_header("to,text");
  record_parser parser{record_options{}};
  const record* r = parser.parse_csv("49170,a 5\" screen", *columns, {});
  ASSERT_NE(r, nullptr) << parser.error().text;
  EXPECT_EQ(r->text, "a 5\" screen");
}

TEST(csv_record, words_and_numbers_of_bad_cells) {
  const struct {
    const char* column;
    const char* cell;
  } cases[] = {{"flash", "yes"},       {"smart", "1"},         {"flash", "TRUE"},      {"receipt", "1"},
               {"max_parts", "0"},     {"max_parts", "-1"},    {"max_parts", "1.5"},   {"max_parts", "256"},
               {"data_coding", "300"}, {"priority", "Urgent"}, {"validity", "1 hour"}, {"encoding", "utf8"},
               {"tlv.0x1401", "0"}};
  record_parser parser{record_options{}};
  for (const auto& c : cases) {
    const auto columns = parse_csv_header(std::string("to,text,") + c.column);
    ASSERT_TRUE(columns) << c.column;
    EXPECT_EQ(parser.parse_csv(std::string("49170,Hi,") + c.cell, *columns, {}), nullptr) << c.column << c.cell;
    EXPECT_EQ(parser.error().code, reason::bad_field) << c.column << c.cell;
  }
}

TEST(find_record_end, knows_quotes) {
  const struct {
    const char* name;
    std::string buffer;
    std::size_t end;
  } cases[] = {
      {"plain", "a,b\nc", 3},
      {"empty line", "\na", 0},
      {"need more", "a,b", csv_need_more},
      {"empty", "", csv_need_more},
      {"quoted newline", "a,\"b\nc\"\nd", 7},
      {"quoted newline first", "\"b\nc\",a\nd", 7},
      {"doubled quote", "\"a\"\"\n\"\"b\"\nc", 9},
      {"empty quotes", "\"\",\"\"\nc", 5},
      {"open quote", "a,\"b\nc\n", csv_need_more},
      {"stray quote in plain text", "5\" screen\nb", 9},
      {"stray quotes in plain text", "a\"b\"c,d\"\nb", 8},
      {"stray before a quoted cell", "a\",\"b\nc\"\nd", 8},
      {"text behind a closing quote", "\"a\"b\nc", 4},
      {"quote behind text behind a closing quote", "\"a\"b\"\nc", 5},
      {"CRLF", "a,b\r\nc", 4},
      {"closing quote last", "\"a\"", csv_need_more},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(find_record_end(c.buffer), c.end) << c.name;
    // The same when the buffer grows octet by octet.
    csv_scan scan;
    std::size_t found = csv_need_more;
    for (std::size_t size = 0; size <= c.buffer.size() && found == csv_need_more; ++size) {
      found = find_record_end(std::string_view(c.buffer).substr(0, size), scan);
    }
    EXPECT_EQ(found, c.end) << c.name << ", octet by octet";
  }
}

TEST(find_record_end, agrees_with_a_machine_of_one_octet_at_a_time) {
  const auto slow = [](std::string_view text) {
    bool quoted = false;
    bool start = true;
    bool after = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (quoted) {
        if (c == '"') {
          quoted = false;
          after = true;
        }
        continue;
      }
      if (c == '"' && (start || after)) {
        quoted = true;
        start = after = false;
        continue;
      }
      if (c == '\n') return i;
      start = c == ',';
      after = false;
    }
    return csv_need_more;
  };
  const unsigned seed = 4180;
  std::mt19937 random(seed);
  const std::string_view alphabet = "ab\"\",,\n";
  for (int i = 0; i < 50'000; ++i) {
    std::string text(random() % 16, 'x');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    csv_scan scan;
    const std::size_t first = find_record_end(std::string_view(text).substr(0, random() % (text.size() + 1)), scan);
    const std::size_t found = first != csv_need_more ? first : find_record_end(text, scan);
    ASSERT_EQ(found, slow(text)) << "seed " << seed << ": " << text;
    ASSERT_EQ(find_record_end(text), slow(text)) << "seed " << seed << ": " << text;
  }
}

}  // namespace
}  // namespace trunkline::engine
