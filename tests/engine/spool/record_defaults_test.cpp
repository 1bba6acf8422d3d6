#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/spool/record_parser.hpp"
#include "tests/engine/spool/record_support.hpp"

namespace trunkline::engine {
namespace {

using router::reason;
using testing::HasSubstr;

class record_defaults_test : public testing::Test {
 protected:
  tl::expected<batch_defaults, record_error> header(std::string_view line) {
    const padded_line padded(line);
    return parser_.parse_header(padded.view());
  }
  const record* parse(std::string_view line, const batch_defaults& defaults) {
    line_.emplace(line);
    return parser_.parse_json(line_->view(), defaults);
  }

  record_parser parser_{record_options{}};
  std::optional<padded_line> line_;
};

TEST(classify_line, looks_at_the_first_octets) {
  const struct {
    const char* name;
    const char* line;
    bool first;
    line_kind kind;
  } cases[] = {
      {"header", R"({"batch":{}})", true, line_kind::header},
      {"header with spaces", " { \"batch\" : {", true, line_kind::header},
      {"header behind a BOM", "\xEF\xBB\xBF{\"batch\":{}}", true, line_kind::header},
      {"header later on", R"({"batch":{}})", false, line_kind::message},
      {"trailer", R"({"end":{}})", false, line_kind::trailer},
      {"trailer as the only line", R"({ "end" :{}})", true, line_kind::trailer},
      {"message", R"({"to":"1"})", true, line_kind::message},
      {"a name that begins with end", R"({"ends":1})", false, line_kind::message},
      {"a word", "hello", false, line_kind::message},
      {"empty", "", false, line_kind::blank},
      {"CR only", "\r", false, line_kind::blank},
      {"spaces and tabs", " \t ", true, line_kind::blank},
      {"BOM only", "\xEF\xBB\xBF", true, line_kind::blank},
      {"BOM later on", "\xEF\xBB\xBF", false, line_kind::message},
  };
  for (const auto& c : cases) EXPECT_EQ(classify_line(c.line, c.first), c.kind) << c.name;
}

TEST_F(record_defaults_test, fill_what_a_line_leaves_out) {
  const auto defaults = header(
      R"({"batch":{"name":"autumn","on_unknown":"hold","text":"Hi {name}, {{x}}","from":"ACME","id":"d","priority":"normal",)"
      R"("validity":"2h","send_at":"2026-11-22T10:00:00Z","receipt":false,"carrier":"acme","encoding":"gsm7","max_parts":2,)"
      R"("flash":true,"smart":true,"tlv":{"0x1401":"01"},"tags":{"campaign":"c","team":"t"},"vars":{"name":"you"}}})");
  ASSERT_TRUE(defaults) << defaults.error().text;
  EXPECT_EQ(defaults->name, "autumn");
  EXPECT_EQ(defaults->on_unknown, unknown_policy::hold);

  const record* r = parse(R"({"to":"49170"})", *defaults);
  ASSERT_NE(r, nullptr) << parser_.error().text;
  EXPECT_EQ(r->text, "Hi you, {x}");
  EXPECT_EQ(r->from, "ACME");
  EXPECT_EQ(r->id, "d");
  EXPECT_EQ(r->priority, router::priority::normal);
  EXPECT_EQ(r->validity_ms, 7'200'000);
  EXPECT_EQ(r->send_at_ms, 1'795'341'600'000);
  EXPECT_EQ(r->receipt, receipt_request::no);
  EXPECT_EQ(r->carrier, "acme");
  EXPECT_EQ(r->encoding, protocol::encoding::gsm7);
  EXPECT_EQ(r->max_parts, 2);
  EXPECT_TRUE(r->flash);
  EXPECT_EQ(r->smart, true);
  ASSERT_EQ(r->tlvs.size(), 1U);
  EXPECT_EQ(text_of(r->tlvs[0].value), "\x01");
  EXPECT_EQ(r->tags.size(), 2U);

  r = parse(
      R"({"to":"49170","vars":{"name":"Ann"},"from":"B","id":"i","priority":"urgent","validity":"2026-11-22T10:00:00Z",)"
      R"("send_at":"1970-01-01T00:00:01Z","receipt":true,"carrier":"b","encoding":"auto","max_parts":3,"flash":false,"smart":false,)"
      R"("tlv":{"0x1401":"02"},"tags":{"team":"u"}})",
      *defaults);
  ASSERT_NE(r, nullptr) << parser_.error().text;
  EXPECT_EQ(r->text, "Hi Ann, {x}");
  EXPECT_EQ(r->from, "B");
  EXPECT_EQ(r->id, "i");
  EXPECT_EQ(r->priority, router::priority::urgent);
  EXPECT_EQ(r->validity_ms, -1) << "the line's own validity replaces either form";
  EXPECT_EQ(r->expires_at_ms, 1'795'341'600'000);
  EXPECT_EQ(r->send_at_ms, 1'000);
  EXPECT_EQ(r->receipt, receipt_request::yes);
  EXPECT_EQ(r->carrier, "b");
  EXPECT_TRUE(r->has_encoding && !r->encoding);
  EXPECT_EQ(r->max_parts, 3);
  EXPECT_FALSE(r->flash);
  EXPECT_EQ(r->smart, false);
  ASSERT_EQ(r->tlvs.size(), 1U);
  EXPECT_EQ(text_of(r->tlvs[0].value), "\x02");
  EXPECT_THAT(std::vector<tag>(r->tags.begin(), r->tags.end()),
              testing::ElementsAre(tag{"team", "u"}, tag{"campaign", "c"}));
}

TEST_F(record_defaults_test, a_line_brings_its_own_content) {
  const auto with_text = header(R"({"batch":{"text":"Hi {name}","data_coding":8}})");
  ASSERT_TRUE(with_text);
  const record* r = parse(R"({"to":"49170","text":"{name} is not a placeholder here }"})", *with_text);
  ASSERT_NE(r, nullptr) << parser_.error().text;
  EXPECT_EQ(r->text, "{name} is not a placeholder here }");
  r = parse(R"({"to":"49170","data":"00"})", *with_text);
  ASSERT_NE(r, nullptr) << parser_.error().text;
  EXPECT_FALSE(r->has_text);
  EXPECT_EQ(r->data_coding, 8);

  const auto with_data = header(R"({"batch":{"data":"ff","udh":"0401020304","to":"+49 170"}})");
  ASSERT_TRUE(with_data) << with_data.error().text;
  r = parse("{}", *with_data);
  ASSERT_NE(r, nullptr) << parser_.error().text;
  EXPECT_EQ(r->to, "+49 170");
  EXPECT_EQ(r->number, "49170");
  EXPECT_EQ(text_of(r->data), "\xFF");
  EXPECT_EQ(r->udh.size(), 5U);
  r = parse(R"({"text":"own"})", *with_data);
  ASSERT_NE(r, nullptr) << parser_.error().text;
  EXPECT_FALSE(r->has_data);
  EXPECT_EQ(r->text, "own");
}

TEST_F(record_defaults_test, a_missing_value_is_a_bad_field) {
  const auto defaults = header(R"({"batch":{"text":"Hi {name}, {code}"}})");
  ASSERT_TRUE(defaults);
  EXPECT_EQ(parse(R"({"to":"49170","vars":{"name":"Ann"}})", *defaults), nullptr);
  EXPECT_EQ(parser_.error().code, reason::bad_field);
  EXPECT_THAT(parser_.error().text, HasSubstr("\"code\""));
  EXPECT_NE(parse(R"({"to":"49170","vars":{"name":"","code":0}})", *defaults), nullptr);
}

TEST_F(record_defaults_test, a_small_template_makes_no_huge_text) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "{a}";
  const auto defaults = header(R"({"batch":{"text":")" + text + "\"}}");
  ASSERT_TRUE(defaults);
  EXPECT_EQ(parse(R"({"to":"49170","vars":{"a":")" + std::string(4'000, 'x') + "\"}}", *defaults), nullptr);
  EXPECT_EQ(parser_.error().code, reason::too_long);
}

TEST_F(record_defaults_test, tlvs_of_line_and_batch_are_bounded_together) {
  const auto defaults = header(R"({"batch":{"text":"x","tlv":{"0x1401":")" + std::string(2'000, '0') + "\"}}}");
  ASSERT_TRUE(defaults) << defaults.error().text;
  EXPECT_EQ(parse(R"({"to":"49170","tlv":{"0x1402":")" + std::string(2'000, '0') + "\"}}", *defaults), nullptr);
  EXPECT_EQ(parser_.error().code, reason::bad_field);
}

TEST_F(record_defaults_test, bad_headers) {
  const struct {
    const char* name;
    const char* line;
    reason code;
    const char* says;
  } cases[] = {
      {"cut off", R"({"batch":{"from":"A"})", reason::bad_json, "not JSON"},
      {"not an object", R"({"batch":1})", reason::bad_field, "batch is a number"},
      {"something beside", R"({"batch":{},"x":1})", reason::bad_field, "beside batch"},
      {"twice", R"({"batch":{},"batch":{}})", reason::bad_field, "batch stands twice"},
      {"something behind", R"({"batch":{}} {})", reason::bad_json, "offset 13"},
      {"unknown", R"({"batch":{"form":"A"}})", reason::bad_field, R"("form" in batch; the nearest known is "from")"},
      {"on_unknown", R"({"batch":{"on_unknown":"drop"}})", reason::bad_field, "resend or hold"},
      {"on_unknown twice", R"({"batch":{"on_unknown":"hold","on_unknown":"hold"}})", reason::bad_field, "twice"},
      {"name a number", R"({"batch":{"name":1}})", reason::bad_field, "name is a number"},
      {"sender", R"({"batch":{"from":""}})", reason::bad_sender, "from"},
      {"number", R"({"batch":{"to":"x"}})", reason::bad_number, "to"},
      {"text and data", R"({"batch":{"text":"","data":""}})", reason::bad_field, "text and data"},
      {"open brace", R"({"batch":{"text":"a {b"}})", reason::bad_field, "{ without } at offset 2"},
      {"close brace", R"({"batch":{"text":"a }b"}})", reason::bad_field, "} without { at offset 2"},
      {"brace in a name", R"({"batch":{"text":"{a{b}}"}})", reason::bad_field, "offset 0"},
      {"no name", R"({"batch":{"text":"{}"}})", reason::bad_field, "without a name"},
      {"latin-1", "{\"batch\":{\"name\":\"\xFC\"}}", reason::bad_utf8, "offset 18"},
  };
  for (const auto& c : cases) {
    const auto made = header(c.line);
    ASSERT_FALSE(made) << c.name;
    EXPECT_EQ(made.error().code, c.code) << c.name << ": " << made.error().text;
    EXPECT_THAT(made.error().text, HasSubstr(c.says)) << c.name;
  }
}

TEST(record_template, fills) {
  const struct {
    const char* name;
    const char* text;
    const char* filled;
  } cases[] = {
      {"no placeholder", "plain", "plain"},
      {"empty", "", ""},
      {"only one", "{a}", "1"},
      {"front and end", "{a} and {b}", "1 and 22"},
      {"side by side", "{a}{b}{a}", "1221"},
      {"braces", "{{{a}}}", "{1}"},
      {"doubled", "{{a}}", "{a}"},
      {"other characters in a name", "{\xC3\xBC x}", "u"},
  };
  const tag vars[] = {{"a", "1"}, {"b", "22"}, {"\xC3\xBC x", "u"}};
  for (const auto& c : cases) {
    const auto compiled = record_template::compile(c.text);
    ASSERT_TRUE(compiled) << c.name << compiled.error().text;
    std::string out;
    EXPECT_EQ(compiled->fill(vars, out, 1'000), "") << c.name;
    EXPECT_EQ(out, c.filled) << c.name;
    EXPECT_EQ(compiled->has_placeholders() ? "" : compiled->fixed(), compiled->has_placeholders() ? "" : out) << c.name;
  }
}

}  // namespace
}  // namespace trunkline::engine
