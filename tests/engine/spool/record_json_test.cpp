#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "engine/spool/record_parser.hpp"
#include "protocol/utf8.hpp"
#include "tests/engine/spool/record_support.hpp"

namespace trunkline::engine {
namespace {

using router::reason;
using testing::HasSubstr;

class record_json_test : public testing::Test {
 protected:
  const record* parse(std::string_view line) {
    line_.emplace(line);
    return parser_.parse_json(line_->view(), defaults_);
  }
  void header(std::string_view line) {
    const padded_line padded(line);
    auto made = parser_.parse_header(padded.view());
    ASSERT_TRUE(made) << made.error().text;
    defaults_ = *std::move(made);
  }

  record_parser parser_{record_options{}};
  batch_defaults defaults_;
  std::optional<padded_line> line_;
};

TEST_F(record_json_test, reads_the_shortest_message) {
  const record* r = parse(R"({"to":"+49 170 1234567","text":"Hi"})");
  ASSERT_NE(r, nullptr) << parser_.error().text;
  EXPECT_EQ(r->to, "+49 170 1234567");
  EXPECT_EQ(r->number, "491701234567");
  EXPECT_TRUE(r->has_text);
  EXPECT_EQ(r->text, "Hi");
  EXPECT_FALSE(r->has_data || r->has_from || r->has_encoding || r->flash);
  EXPECT_TRUE(r->id.empty() && r->carrier.empty() && r->tags.empty() && r->vars.empty() && r->tlvs.empty());
  EXPECT_EQ(r->priority, router::priority::bulk);
  EXPECT_EQ(r->receipt, receipt_request::unset);
  EXPECT_EQ(r->validity_ms, -1);
  EXPECT_EQ(r->expires_at_ms, -1);
  EXPECT_EQ(r->send_at_ms, -1);
  EXPECT_EQ(r->max_parts, 0);
}

TEST_F(record_json_test, reads_every_field) {
  const record* r = parse(
      R"( {"id":"m-1","to":"00491701234567","text":"Gr\u00fc\u00dfe \"x\"\n\ud83d\ude00","from":"ACME","priority":"urgent",)"
      R"("validity":"48h","send_at":"2026-11-22T10:00:00Z","receipt":"failure","carrier":"acme","encoding":"ucs2",)"
      R"("max_parts":3,"flash":true,"smart":false,"tlv":{"0x1401":"0aFF","0x5":""},"tags":{"campaign":"x","a\tb":"\u20ac"},)"
      R"("vars":{"name":"Ann","amount":12.50}} )");
  ASSERT_NE(r, nullptr) << parser_.error().text;
  EXPECT_EQ(r->id, "m-1");
  EXPECT_EQ(r->number, "491701234567");
  EXPECT_EQ(r->text,
            "Gr\xC3\xBC\xC3\x9F"
            "e \"x\"\n\xF0\x9F\x98\x80");
  EXPECT_TRUE(r->has_from);
  EXPECT_EQ(r->from, "ACME");
  EXPECT_EQ(r->priority, router::priority::urgent);
  EXPECT_EQ(r->validity_ms, 48 * 3'600'000LL);
  EXPECT_EQ(r->send_at_ms, 1'795'341'600'000);
  EXPECT_EQ(r->receipt, receipt_request::failure);
  EXPECT_EQ(r->carrier, "acme");
  EXPECT_TRUE(r->has_encoding);
  EXPECT_EQ(r->encoding, protocol::encoding::ucs2);
  EXPECT_EQ(r->max_parts, 3);
  EXPECT_TRUE(r->flash);
  EXPECT_EQ(r->smart, false);
  ASSERT_EQ(r->tlvs.size(), 2U);
  EXPECT_EQ(r->tlvs[0].tag, 0x1401);
  EXPECT_EQ(text_of(r->tlvs[0].value), "\x0A\xFF");
  EXPECT_EQ(r->tlvs[1].tag, 5);
  EXPECT_TRUE(r->tlvs[1].value.empty());
  ASSERT_EQ(r->tags.size(), 2U);
  EXPECT_EQ(r->tags[0], (tag{"campaign", "x"}));
  EXPECT_EQ(r->tags[1], (tag{"a\tb", "\xE2\x82\xAC"}));
  ASSERT_EQ(r->vars.size(), 2U);
  EXPECT_EQ(r->vars[0], (tag{"name", "Ann"}));
  EXPECT_EQ(r->vars[1], (tag{"amount", "12.50"}));
}

TEST_F(record_json_test, reads_data) {
  const record* r = parse(R"({"to":"49170","data":"00ff7E","data_coding":245,"udh":"0605040b8423f0"})");
  ASSERT_NE(r, nullptr) << parser_.error().text;
  EXPECT_TRUE(r->has_data);
  EXPECT_FALSE(r->has_text);
  EXPECT_EQ(text_of(r->data), std::string("\0\xFF\x7E", 3));
  EXPECT_EQ(r->data_coding, 245);
  EXPECT_EQ(text_of(r->udh), "\x06\x05\x04\x0B\x84\x23\xF0");
  r = parse(R"({"to":"49170","data":""})");
  ASSERT_NE(r, nullptr);
  EXPECT_TRUE(r->has_data && r->data.empty() && r->udh.empty());
  EXPECT_EQ(r->data_coding, 4) << "8-bit";
}

TEST_F(record_json_test, takes_values_in_all_their_forms) {
  const struct {
    const char* name;
    const char* member;
    bool (*holds)(const record&);
  } cases[] = {
      {"receipt true", R"("receipt":true)", [](const record& r) { return r.receipt == receipt_request::yes; }},
      {"receipt false", R"("receipt":false)", [](const record& r) { return r.receipt == receipt_request::no; }},
      {"flash false", R"("flash":false)", [](const record& r) { return !r.flash; }},
      {"normal", R"("priority":"normal")", [](const record& r) { return r.priority == router::priority::normal; }},
      {"auto", R"("encoding":"auto")", [](const record& r) { return r.has_encoding && !r.encoding; }},
      {"latin1", R"("encoding":"latin1")", [](const record& r) { return r.encoding == protocol::encoding::latin1; }},
      {"validity in ms", R"("validity":"500ms")", [](const record& r) { return r.validity_ms == 500; }},
      {"validity until", R"("validity":"2026-11-22T11:00:00+01:00")",
       [](const record& r) { return r.expires_at_ms == 1'795'341'600'000 && r.validity_ms == -1; }},
      {"validity long ago", R"("validity":"1960-01-01T00:00:00Z")",
       [](const record& r) { return r.expires_at_ms == 0; }},
      {"from digits", R"("from":"123456789012345")", [](const record& r) { return r.from.size() == 15; }},
      {"from plus digits", R"("from":"+123456789012345")", [](const record& r) { return r.from.size() == 16; }},
      {"from 11 characters", R"("from":"A b!~c@defg")", [](const record& r) { return r.from == "A b!~c@defg"; }},
      {"id of 64 octets", R"("id":"0123456789012345678901234567890123456789012345678901234567890123")",
       [](const record& r) { return r.id.size() == 64; }},
      {"max_parts 255", R"("max_parts":255)", [](const record& r) { return r.max_parts == 255; }},
      {"escaped name of a field", R"("\u0069d":"x")", [](const record& r) { return r.id == "x"; }},
      {"escaped NUL", R"("id":"a\u0000b")", [](const record& r) { return r.id == std::string_view("a\0b", 3); }},
      {"empty objects", R"("tags":{},"vars":{ },"tlv":{})", [](const record& r) { return r.tags.empty(); }},
      {"sixteen tags",
       R"("tags":{"1":"","2":"","3":"","4":"","5":"","6":"","7":"","8":"","9":"","a":"","b":"","c":"","d":"","e":"","f":"","g":""})",
       [](const record& r) { return r.tags.size() == 16; }},
      {"negative number in vars", R"("vars":{"t":-1.5e3})",
       [](const record& r) { return r.vars[0].value == "-1.5e3"; }},
      {"spaces everywhere", "\t\"id\" :\r \"x\" ", [](const record& r) { return r.id == "x"; }},
  };
  for (const auto& c : cases) {
    for (const char* where : {"front", "back"}) {
      const std::string line = where[0] == 'f' ? "{" + std::string(c.member) + R"(,"to":"49170","text":"Hi"})"
                                               : R"({"to":"49170","text":"Hi",)" + std::string(c.member) + "}";
      const record* r = parse(line);
      ASSERT_NE(r, nullptr) << c.name << ": " << parser_.error().text;
      EXPECT_TRUE(c.holds(*r)) << c.name;
      EXPECT_EQ(r->text, "Hi") << c.name;
    }
  }
}

TEST_F(record_json_test, refuses_bad_lines) {
  const std::string long_id(65, 'x');
  const std::string seventeen_tags = [] {
    std::string tags;
    for (int i = 0; i < 17; ++i) tags += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + "\":\"\"";
    return tags;
  }();
  const struct {
    const char* name;
    std::string line;
    reason code;
    const char* says;
  } cases[] = {
      // Not JSON.
      {"a word", "hello", reason::bad_json, "offset 0"},
      {"cut off", R"({"to":"49170","text":"Hi")", reason::bad_json, "offset 25"},
      {"cut off in a string", R"({"to":"49170","text":"Hi)", reason::bad_json, "offset 24"},
      {"cut off in tags", R"({"to":"49170","text":"Hi","tags":{"a":"b")", reason::bad_json, "not JSON"},
      {"brace of tags missing", R"({"to":"49170","text":"Hi","tags":{"a":"b"})", reason::bad_json, "not JSON"},
      {"only a brace", "{", reason::bad_json, "not JSON"},
      {"closing brace", "}", reason::bad_json, "offset 0"},
      {"array", R"([{"to":"49170","text":"Hi"}])", reason::bad_json, "not an object"},
      {"string", R"("to")", reason::bad_json, "not an object"},
      {"number", "42", reason::bad_json, "not an object"},
      {"two objects", R"({"to":"49170","text":"Hi"}{"to":"49170","text":"Hi"})", reason::bad_json, "offset 26"},
      {"two objects with a space", R"({"to":"49170","text":"Hi"} {"to":"49170","text":"Hi"})", reason::bad_json, "27"},
      {"word behind", R"({"to":"49170","text":"Hi"} x)", reason::bad_json, "offset 27"},
      {"brace behind", R"({"to":"49170","text":"Hi"}})", reason::bad_json, "offset 26"},
      {"comma behind", R"({"to":"49170","text":"Hi"},)", reason::bad_json, "offset 26"},
      {"comma before the brace", R"({"to":"49170","text":"Hi",})", reason::bad_json, "offset 26"},
      {"no comma", R"({"to":"49170" "text":"Hi"})", reason::bad_json, "offset 19"},
      {"no colon", R"({"to" "49170","text":"Hi"})", reason::bad_json, "offset 12"},
      {"no value", R"({"to":,"text":"Hi"})", reason::bad_json, "offset 6"},
      {"single quotes", R"({'to':'49170','text':'Hi'})", reason::bad_json, "offset 1"},
      {"name without quotes", R"({to:"49170","text":"Hi"})", reason::bad_json, "offset 2"},
      {"word as value", R"({"to":"49170","text":Hi})", reason::bad_json, "offset 21"},
      {"almost true", R"({"to":"49170","text":"Hi","flash":tru})", reason::bad_json, "not JSON"},
      {"NaN", R"({"to":"49170","text":"Hi","max_parts":NaN})", reason::bad_json, "not JSON"},
      {"leading zero", R"({"to":"49170","text":"Hi","max_parts":01})", reason::bad_json, "not JSON"},
      {"leading zero in vars", R"({"to":"49170","text":"Hi","vars":{"a":01}})", reason::bad_json, "not JSON"},
      {"bad escape", R"({"to":"49170","text":"H\x"})", reason::bad_json, "offset 24"},
      {"short escape", R"({"to":"49170","text":"\u12"})", reason::bad_json, "not JSON"},
      {"escape in a bad name", R"({"t\x":"49170"})", reason::bad_json, "offset 4"},
      {"tab in a string", "{\"to\":\"49170\",\"text\":\"a\tb\"}", reason::bad_json, "offset 23"},
      {"NUL in a string", std::string("{\"to\":\"49170\",\"text\":\"a\0b\"}", 27), reason::bad_json, "offset 23"},
      {"NUL between", std::string("{\"to\":\"49170\",\0\"text\":\"ab\"}", 28), reason::bad_json, "offset 14"},
      {"NUL behind", std::string("{\"to\":\"49170\",\"text\":\"ab\"}\0", 27), reason::bad_json, "not JSON"},
      {"number cut by a long character", "-\xE2\x82\xAC", reason::bad_json, "invalid number; expected digit after '-'"},
      {"words of the message in the line", R"({"to":1x; expected '}')", reason::bad_json, "offset"},
      {"comment", R"({"to":"49170","text":"Hi"} // x)", reason::bad_json, "offset 27"},
      {"empty object with comma", "{,}", reason::bad_json, "offset 1"},
      // Not UTF-8.
      {"latin-1", "{\"to\":\"49170\",\"text\":\"Gr\xFC\xDF\"}", reason::bad_utf8, "offset 24"},
      {"overlong", "{\"to\":\"49170\",\"text\":\"\xC0\x80\"}", reason::bad_utf8, "offset 22"},
      {"surrogate", "{\"to\":\"49170\",\"text\":\"\xED\xA0\x80\"}", reason::bad_utf8, "offset 22"},
      {"cut in a character", "{\"to\":\"49170\",\"text\":\"\xE2\x82\"}", reason::bad_utf8, "offset 22"},
      {"low surrogate escaped", R"({"to":"49170","text":"\udc00"})", reason::bad_json, "offset 27"},
      {"high surrogate escaped", R"({"to":"49170","text":"\ud800x"})", reason::bad_json, "not JSON"},
      {"low surrogate in a tag's name", R"({"to":"49170","text":"","tags":{"\udc00":""}})", reason::bad_json,
       "surrogate"},
      // Fields.
      {"empty object", "{}", reason::bad_field, "to is missing"},
      {"no to", R"({"text":"Hi"})", reason::bad_field, "to is missing"},
      {"no text", R"({"to":"49170"})", reason::bad_field, "text and data are missing"},
      {"text and data", R"({"to":"49170","text":"Hi","data":"00"})", reason::bad_field, "text and data"},
      {"data_coding beside text", R"({"to":"49170","text":"Hi","data_coding":0})", reason::bad_field, "data_coding"},
      {"udh beside text", R"({"to":"49170","text":"Hi","udh":"00"})", reason::bad_field, "udh"},
      {"unknown", R"({"to":"49170","texst":"Hi"})", reason::bad_field,
       R"(unknown field "texst"; the nearest known is "text")"},
      {"unknown, capitals", R"({"To":"49170"})", reason::bad_field, R"(nearest known is "to")"},
      {"unknown, empty name", R"({"":"49170"})", reason::bad_field, "unknown field \"\""},
      {"batch later on", R"({"batch":{}})", reason::bad_field, "first line only"},
      {"end in the middle", R"({"end":{}})", reason::bad_field, "last line only"},
      {"twice", R"({"to":"49170","text":"a","text":"b"})", reason::bad_field, "text stands twice"},
      {"twice, one escaped", R"({"to":"49170","\u0074o":"49171","text":"b"})", reason::bad_field, "to stands twice"},
      {"to is a number", R"({"to":49170,"text":"Hi"})", reason::bad_field, "to is a number: expected a string"},
      {"to is null", R"({"to":null,"text":"Hi"})", reason::bad_field, "to is null"},
      {"to is an array", R"({"to":["49170"],"text":"Hi"})", reason::bad_field, "to is an array"},
      {"text is an object", R"({"to":"49170","text":{}})", reason::bad_field, "text is an object"},
      {"text is a boolean", R"({"to":"49170","text":true})", reason::bad_field, "text is a boolean"},
      {"data is no hex", R"({"to":"49170","data":"0g"})", reason::bad_field, "offset 1"},
      {"data is odd", R"({"to":"49170","data":"00f"})", reason::bad_field, "offset 3"},
      {"data_coding too large", R"({"to":"49170","data":"","data_coding":256})", reason::bad_field, "up to 255"},
      {"data_coding negative", R"({"to":"49170","data":"","data_coding":-1})", reason::bad_field, "-1"},
      {"data_coding a fraction", R"({"to":"49170","data":"","data_coding":1.5})", reason::bad_field, "1.5"},
      {"data_coding huge", R"({"to":"49170","data":"","data_coding":99999999999999999999})", reason::bad_field, "255"},
      {"data_coding a string", R"({"to":"49170","data":"","data_coding":"4"})", reason::bad_field, "a string"},
      {"udh too short for its length", R"({"to":"49170","data":"00","udh":"0500"})", reason::bad_field, "udh"},
      {"udh empty", R"({"to":"49170","data":"00","udh":""})", reason::bad_field, "udh"},
      {"id too long", R"({"to":"49170","text":"","id":")" + long_id + "\"}", reason::bad_field, "65 octets"},
      {"id a number", R"({"to":"49170","text":"","id":1})", reason::bad_field, "id is a number"},
      {"priority", R"({"to":"49170","text":"","priority":"high"})", reason::bad_field, "bulk, normal or urgent"},
      {"validity without unit", R"({"to":"49170","text":"","validity":"30"})", reason::bad_field, "validity"},
      {"validity zero", R"({"to":"49170","text":"","validity":"0s"})", reason::bad_field, "validity"},
      {"validity without offset", R"({"to":"49170","text":"","validity":"2026-11-22T10:00:00"})", reason::bad_field,
       "offset"},
      {"validity a number", R"({"to":"49170","text":"","validity":30})", reason::bad_field, "validity is a number"},
      {"send_at a duration", R"({"to":"49170","text":"","send_at":"1h"})", reason::bad_field, "send_at"},
      {"receipt in quotes", R"({"to":"49170","text":"","receipt":"true"})", reason::bad_field, "receipt is \"true\""},
      {"receipt a number", R"({"to":"49170","text":"","receipt":1})", reason::bad_field, "receipt is a number"},
      {"smart a number", R"({"to":"49170","text":"","smart":1})", reason::bad_field, "smart is a number"},
      {"flash a string", R"({"to":"49170","text":"","flash":"true"})", reason::bad_field, "flash is a string"},
      {"carrier empty", R"({"to":"49170","text":"","carrier":""})", reason::bad_field, "carrier"},
      {"encoding", R"({"to":"49170","text":"","encoding":"utf8"})", reason::bad_field, "gsm7"},
      {"max_parts 0", R"({"to":"49170","text":"","max_parts":0})", reason::bad_field, "1 to 255"},
      {"max_parts 256", R"({"to":"49170","text":"","max_parts":256})", reason::bad_field, "255"},
      {"tags a string", R"({"to":"49170","text":"","tags":"x"})", reason::bad_field, "tags is a string"},
      {"tags nested", R"({"to":"49170","text":"","tags":{"a":{"b":"c"}}})", reason::bad_field, "tags.a is an object"},
      {"tags a number", R"({"to":"49170","text":"","tags":{"a":1}})", reason::bad_field, "tags.a is a number"},
      {"long name in a message", R"({"to":"49170","text":"","tags":{")" + std::string(63, 'x') + "\xC3\xBC\":1}}",
       reason::bad_field, "is a number"},
      {"tags twice", R"({"to":"49170","text":"","tags":{"a":"1","a":"2"}})", reason::bad_field, "tags.a stands twice"},
      {"tag without name", R"({"to":"49170","text":"","tags":{"":"1"}})", reason::bad_field, "tags has the name"},
      {"too many tags", R"({"to":"49170","text":"","tags":{)" + seventeen_tags + "}}", reason::bad_field, "16"},
      {"long tag", R"({"to":"49170","text":"","tags":{"a":")" + std::string(257, 'x') + "\"}}", reason::bad_field,
       "257"},
      {"long tag name", R"({"to":"49170","text":"","tags":{")" + std::string(65, 'x') + "\":\"\"}}", reason::bad_field,
       "64"},
      {"vars a boolean", R"({"to":"49170","text":"","vars":{"a":true}})", reason::bad_field, "vars.a is a boolean"},
      {"vars deeper", R"({"to":"49170","text":"","vars":{"a":[[[[[[[[[[[1]]]]]]]]]]]}})", reason::bad_field,
       "an array"},
      {"tlv tag", R"({"to":"49170","text":"","tlv":{"1401":"00"}})", reason::bad_field, "0x and one to four"},
      {"tlv tag too long", R"({"to":"49170","text":"","tlv":{"0x10000":"00"}})", reason::bad_field,
       "0x and one to four"},
      {"tlv value", R"({"to":"49170","text":"","tlv":{"0x1401":"0"}})", reason::bad_field, "tlv is \"0\""},
      {"tlv twice", R"({"to":"49170","text":"","tlv":{"0x1401":"00","0X1401":"00"}})", reason::bad_field, "twice"},
      {"tlv too much", R"({"to":"49170","text":"","tlv":{"0x1401":")" + std::string(2050, '0') + "\"}}",
       reason::bad_field, "1024"},
      {"tlv message_payload", R"({"to":"49170","text":"","tlv":{"0x0424":"00"}})", reason::bad_field,
       "message_payload"},
      {"tlv sar beside text", R"({"to":"49170","text":"","tlv":{"0x020C":"0001"}})", reason::bad_field, "sar_"},
      // Numbers and senders.
      {"to empty", R"({"to":"","text":"Hi"})", reason::bad_number, "without a digit"},
      {"to a word", R"({"to":"Ann","text":"Hi"})", reason::bad_number, "to is \"Ann\""},
      {"to national", R"({"to":"0170123","text":"Hi"})", reason::bad_number, "national"},
      {"to with NUL", R"({"to":"49\u0000170","text":"Hi"})", reason::bad_number, "offset 2"},
      {"from empty", R"({"to":"49170","text":"Hi","from":""})", reason::bad_sender, "from"},
      {"from 12 letters", R"({"to":"49170","text":"Hi","from":"ABCDEFGHIJKL"})", reason::bad_sender, "ABCDEFGHIJKL"},
      {"from 16 digits", R"({"to":"49170","text":"Hi","from":"1234567890123456"})", reason::bad_sender, "15 digits"},
      {"from not ASCII", R"({"to":"49170","text":"Hi","from":"Gr\u00fcn"})", reason::bad_sender, "printable ASCII"},
      {"from with a control", R"({"to":"49170","text":"Hi","from":"A\nB"})", reason::bad_sender, "A\\x0aB"},
      // Sizes.
      {"long text", R"({"to":"49170","text":")" + std::string(40'001, 'x') + "\"}", reason::too_long, "40001"},
      {"long data", R"({"to":"49170","data":")" + std::string(80'002, '0') + "\"}", reason::too_long, "40001"},
      {"long line", R"({"to":"49170","text":")" + std::string(1U << 20, 'x') + "\"}", reason::line_too_long, "1048576"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(parse(c.line), nullptr) << c.name;
    EXPECT_EQ(parser_.error().code, c.code) << c.name << ": " << parser_.error().text;
    EXPECT_THAT(parser_.error().text, HasSubstr(c.says)) << c.name;
    EXPECT_LT(parser_.error().text.size(), 400U) << c.name;
    EXPECT_TRUE(protocol::valid_utf8(parser_.error().text)) << c.name;
    ASSERT_NE(parse(R"({"to":"49170","text":"still works"})"), nullptr) << c.name << ": " << parser_.error().text;
  }
}

TEST_F(record_json_test, truncated_anywhere_is_bad_json_whatever_follows_in_memory) {
  const std::string whole =
      R"({"to":"49170","text":"a\u00e9b","flash":true,"max_parts":12,"tags":{"a":"b","c":"d"},"vars":{"n":12}})";
  ASSERT_NE(parse(whole), nullptr) << parser_.error().text;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    for (const char padding : {'\0', ' ', '}', '"', ',', '{', ':', '\n', '1'}) {
      line_.emplace(whole.substr(0, size), padding);
      EXPECT_EQ(parser_.parse_json(line_->view(), defaults_), nullptr) << size << " '" << padding << "'";
      EXPECT_EQ(parser_.error().code, reason::bad_json) << size << " '" << padding << "' " << parser_.error().text;
    }
  }
}

TEST_F(record_json_test, accepts_only_what_another_parser_accepts) {
  const unsigned seed = 20'261'122;
  std::mt19937 random(seed);
  const std::string seeds[] = {
      R"({"to":"+49 170","text":"Gr\u00fc\u00dfe","id":"m","vars":{"a":-1.5e3,"b":"\ud83d\ude00"},"tags":{"x":"y"}})",
      R"({"to":"49170","data":"00ff","data_coding":4,"flash":true,"tlv":{"0x1401":"00"},"receipt":false})",
  };
  const std::string_view alphabet =
      "{}[]\",:\\u019eE+-.tfn \t\r\x01\xC3\xBC\xED\xA0"
      "d8c";
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string line = seeds[random() % 2];
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % line.size();
      const char c = alphabet[random() % alphabet.size()];
      if (random() % 3 == 0) {
        line.erase(at, 1);
      } else if (random() % 2 == 0) {
        line.insert(at, 1, c);
      } else {
        line[at] = c;
      }
    }
    if (parse(line) != nullptr) {
      ++accepted;
      ASSERT_TRUE(nlohmann::json::accept(line)) << "seed " << seed << ", line " << line;
    } else if (nlohmann::json::accept(line)) {
      ASSERT_NE(parser_.error().code, reason::none);
    } else {
      ASSERT_FALSE(parser_.error().text.empty()) << "seed " << seed << ", line " << line;
    }
  }
  EXPECT_GT(accepted, 500);
}

TEST_F(record_json_test, ignores_a_carriage_return_and_a_byte_order_mark) {
  ASSERT_NE(parse("{\"to\":\"49170\",\"text\":\"Hi\"}\r"), nullptr) << parser_.error().text;
  const record* r = parse("\xEF\xBB\xBF{\"to\":\"49170\",\"text\":\"Hi\"}");
  ASSERT_NE(r, nullptr) << parser_.error().text;
  EXPECT_EQ(r->text, "Hi");
}

TEST_F(record_json_test, puts_the_country_before_a_national_number) {
  record_parser german{record_options{"DE", {}}};
  const padded_line line(R"({"to":"0170 1234567","text":"Hi"})");
  const record* r = german.parse_json(line.view(), defaults_);
  ASSERT_NE(r, nullptr);
  EXPECT_EQ(r->number, "491701234567");
  EXPECT_EQ(r->to, "0170 1234567");
}

TEST_F(record_json_test, keeps_escaped_strings_of_one_line_apart) {
  const record* r =
      parse(R"({"to":"\u00349170","text":"\u0061\u0062","id":"\u0063","from":"\u0064","carrier":"\u0065"})");
  ASSERT_NE(r, nullptr) << parser_.error().text;
  EXPECT_EQ(r->to, "49170");
  EXPECT_EQ(r->text, "ab");
  EXPECT_EQ(r->id, "c");
  EXPECT_EQ(r->from, "d");
  EXPECT_EQ(r->carrier, "e");
}

}  // namespace
}  // namespace trunkline::engine
