#include "engine/spool/trailer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/runtime/crc32c.hpp"
#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

using testing::HasSubstr;

std::span<const std::uint8_t> octets_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string crc_of(std::string_view text) {
  char hex[9];
  std::snprintf(hex, sizeof hex, "%08x", crc32c(octets_of(text)));
  return hex;
}

class trailer_test : public testing::Test {
 protected:
  file& put(std::string_view content) {
    file_ = files_.open("/batch", open_mode::read_write_create).value();
    EXPECT_TRUE(file_->truncate(0));
    EXPECT_TRUE(file_->write_at(octets_of(content), 0));
    return *file_;
  }
  // Empty when trailer and file agree.
  std::string check(std::string_view content) {
    file& from = put(content);
    const auto found = find_trailer(from, content.size());
    if (!found) return found.error().text;
    if (!*found) return "no trailer";
    trailer_check all(from, (*found)->offset, (*found)->said);
    for (;;) {
      const auto done = all.step(1);
      if (!done) return done.error().text;
      if (*done) return {};
    }
  }

  memory_file_system files_;
  std::unique_ptr<file> file_;
};

TEST(parse_trailer, reads) {
  const struct {
    const char* name;
    const char* line;
    trailer said;
  } cases[] = {
      {"both", R"({"end": {"messages": 12, "crc32c": "00ab12CD"}})", {12, 0x00ab12cd}},
      {"messages only", R"({"end":{"messages":0}})", {0, std::nullopt}},
      {"checksum only", R"({"end":{"crc32c":"ffffffff"}})", {std::nullopt, 0xffffffff}},
      {"CR", "{\"end\":{}}\r", {}},
  };
  for (const auto& c : cases) {
    const auto got = parse_trailer(c.line);
    ASSERT_TRUE(got) << c.name << got.error().text;
    EXPECT_EQ(*got, c.said) << c.name;
  }
}

TEST(parse_trailer, refuses) {
  const struct {
    const char* name;
    std::string line;
    router::reason code;
    const char* says;
  } cases[] = {
      {"cut off", R"({"end":{"messages":1)", router::reason::bad_json, "trailer: not JSON"},
      {"behind", R"({"end":{}} x)", router::reason::bad_json, "trailer: not JSON"},
      {"not an object", R"({"end":1})", router::reason::bad_field, "trailer is not"},
      {"beside", R"({"end":{},"x":1})", router::reason::bad_field, "trailer is not"},
      {"unknown", R"({"end":{"lines":1}})", router::reason::bad_field, "\"lines\""},
      {"negative", R"({"end":{"messages":-1}})", router::reason::bad_field, "whole number"},
      {"fraction", R"({"end":{"messages":1.0}})", router::reason::bad_field, "whole number"},
      {"in quotes", R"({"end":{"messages":"1"}})", router::reason::bad_field, "whole number"},
      {"short checksum", R"({"end":{"crc32c":"abc"}})", router::reason::bad_field, "eight"},
      {"checksum a number", R"({"end":{"crc32c":12345678}})", router::reason::bad_field, "eight"},
      {"no hex", R"({"end":{"crc32c":"0000000g"}})", router::reason::bad_field, "eight"},
      {"twice", R"({"end":{"messages":1,"messages":2}})", router::reason::bad_field, "twice"},
      {"long", R"({"end":{"messages":)" + std::string(2'000, ' ') + "1}}", router::reason::bad_json, "1024"},
      {"latin-1", "{\"end\":{\"\xFC\":1}}", router::reason::bad_utf8, "UTF-8"},
  };
  for (const auto& c : cases) {
    const auto got = parse_trailer(c.line);
    ASSERT_FALSE(got) << c.name;
    EXPECT_EQ(got.error().code, c.code) << c.name;
    EXPECT_THAT(got.error().text, HasSubstr(c.says)) << c.name;
  }
}

TEST(parse_sidecar, reads_what_programs_print) {
  for (const char* content : {"00ab12cd", "00AB12CD\n", "00ab12cd  batch.csv\n", "00ab12cd\r\n"}) {
    const auto got = parse_sidecar(content);
    ASSERT_TRUE(got) << content;
    EXPECT_EQ(got->crc32c, 0x00ab12cdU) << content;
    EXPECT_FALSE(got->messages);
  }
  for (const char* content : {"", "00ab12c", "00ab12cdx", "0x00ab12cd", "00ab12cd a\n00ab12cd b\n", "\n00ab12cd"}) {
    EXPECT_FALSE(parse_sidecar(content)) << content;
  }
}

TEST_F(trailer_test, agrees) {
  const std::string header = "{\"batch\":{\"from\":\"A\"}}\n";
  const std::string body = "{\"to\":\"1\"}\n\n  \r\n{\"to\":\"2\"}\r\n{\"to\":\"3\"}\n";
  const struct {
    const char* name;
    std::string before;
    int messages;
  } cases[] = {
      {"plain", body, 3},
      {"with header", header + body, 3},
      {"with BOM and header", "\xEF\xBB\xBF" + header + body, 3},
      {"BOM and blank line", "\xEF\xBB\xBF\n" + body, 3},
      {"header only", header, 0},
      {"header later on is a message", body + header, 4},
      {"nothing", "", 0},
      {"long first line", "{\"to\":\"" + std::string(3'000, '1') + "\"}\n", 1},
      {"larger than a block", std::string(300'000, ' ') + body + std::string(300'000, 'x') + "\n", 4},
  };
  for (const auto& c : cases) {
    const std::string says =
        "{\"end\":{\"messages\":" + std::to_string(c.messages) + ",\"crc32c\":\"" + crc_of(c.before) + "\"}}";
    for (const char* behind : {"", "\n", "\r\n", "\n\n \n"}) EXPECT_EQ(check(c.before + says + behind), "") << c.name;
    const std::string wrong = "{\"end\":{\"messages\":" + std::to_string(c.messages + 1) + "}}\n";
    EXPECT_THAT(check(c.before + wrong), HasSubstr("the file has " + std::to_string(c.messages))) << c.name;
    const std::string other = "{\"end\":{\"crc32c\":\"" + crc_of(c.before + "x") + "\"}}\n";
    EXPECT_THAT(check(c.before + other), HasSubstr(crc_of(c.before))) << c.name;
  }
}

TEST_F(trailer_test, is_found_only_as_the_last_line) {
  EXPECT_EQ(check("{\"to\":\"1\"}\n"), "no trailer");
  EXPECT_EQ(check(""), "no trailer");
  EXPECT_EQ(check("\n\n"), "no trailer");
  EXPECT_EQ(check("{\"end\":{}}\n{\"to\":\"1\"}\n"), "no trailer");
  EXPECT_EQ(check(std::string(100'000, 'x')), "no trailer");
  EXPECT_EQ(check(std::string(100'000, 'x') + "\n{\"end\":{}}"), "");
  EXPECT_THAT(check("{\"to\":\"1\"}\n{\"end\":{"), HasSubstr("not JSON")) << "a file that was cut off in its trailer";
}

TEST_F(trailer_test, a_shorter_file_is_found_out) {
  file& from = put("abc");
  trailer_check all(from, 10, {});
  EXPECT_THAT(all.step(100).error().text, HasSubstr("offset 3"));
}

}  // namespace
}  // namespace trunkline::engine
