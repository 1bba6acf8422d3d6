#include "router/rewriting.hpp"

#include <gtest/gtest.h>

namespace trunkline::router {
namespace {

std::string rewrite(std::string_view source, std::string_view text) {
  const auto made = text_rewriting::parse(source);
  if (!made) return "FAULT at " + std::to_string(made.error().offset);
  std::string out;
  made->apply({text, "491701234567", "12345"}, out);
  return out;
}

TEST(rewriting, instructions) {
  struct test_case {
    const char* name;
    const char* source;
    const char* text;
    const char* expected;
  };
  const test_case cases[] = {
      {"an empty template changes nothing", "", "hello", "hello"},
      {"a text without instructions stands for the received one", "Thank you", "hello", "Thank you"},
      {"sender", "From %c: ", "hello", "From 491701234567: "},
      {"receiver", "%l", "hello", "12345"},
      {"erase", "%se", "hello", ""},
      {"erase beside others", "%c%se", "hello", "491701234567"},
      {"a per cent sign", "100%%", "hello", "100%"},
      {"without the first and last", "%sr(1,2)", "hello", "el"},
      {"without the first", "%sr(5,0)", "NEWS subscribe", "subscribe"},
      {"without anything", "%sr(0,0)", "hello", "hello"},
      {"nothing is left", "%sr(3,2)", "hello", ""},
      {"more than there is", "%sr(100,100)", "hello", ""},
      {"characters, not octets", "%sr(1,1)", "äöü", "ö"},
      {"a character of four octets", "%sr(1,0)", "😀ok", "ok"},
      {"characters of several code points", "%sr(1,1)", "👩‍👩‍👧xe\xcc\x81", "x"},
      {"a flag is one character", "%sm(1,1)", "🇩🇪🇫🇷", "🇩🇪"},
      {"search", "%ss(\"CODE\",1,0)", "your CODE 1234", "CODE 1234"},
      {"search, so many characters", "%ss(\"CODE\",1,6)", "your CODE 1234", "CODE 1"},
      {"search, the second", "%ss(\"a\",2,2)", "abacad", "ac"},
      {"search does not overlap", "%ss(\"aa\",2,0)", "aaaab", "aab"},
      {"search finds nothing", "[%ss(\"zz\",1,0)]", "hello", "[]"},
      {"search, too few", "[%ss(\"l\",3,0)]", "hello", "[]"},
      {"search with quotes", "%ss(\"\\\"\\\\\",1,0)", "a\"\\b", "\"\\b"},
      {"search beyond the end", "%ss(\"o\",1,100)", "hello", "o"},
      {"middle", "%sm(2,3)", "hello", "ell"},
      {"middle to the end", "%sm(4,0)", "hello", "lo"},
      {"middle beyond the end", "%sm(6,1)", "hello", ""},
      {"middle of an empty text", "%sm(1,1)", "", ""},
      {"spaces between arguments", "%sm( 2 , 3 )", "hello", "ell"},
      {"several", "%c>%sm(1,1)%sm(5,1)<%l", "hello", "491701234567>ho<12345"},
      {"a CR LF is one character", "%sr(1,0)", "\r\nx", "x"},
  };
  for (const auto& c : cases) EXPECT_EQ(rewrite(c.source, c.text), c.expected) << c.name;
}

TEST(rewriting, faults_say_where) {
  struct test_case {
    const char* source;
    std::size_t offset;
  };
  const test_case cases[] = {{"%", 0},
                             {"ab%x", 2},
                             {"a%s", 1},
                             {"%sx", 0},
                             {"%sr", 0},
                             {"%sr(1)", 0},
                             {"%sr(1,2", 0},
                             {"%sr(-1,2)", 0},
                             {"%sr(1,100001)", 0},
                             {"%sr(1,99999999999)", 0},
                             {"%sm(0,2)", 0},
                             {"%ss(STRING,1,2)", 0},
                             {"%ss(\"\",1,2)", 0},
                             {"%ss(\"a\",0,2)", 0},
                             {"%ss(\"a,1,2)", 0},
                             {"%ss(\"a\\n\",1,2)", 0},
                             {"x%c%ss(\"a\",1,)", 3}};
  for (const auto& c : cases) EXPECT_EQ(rewrite(c.source, "x"), "FAULT at " + std::to_string(c.offset)) << c.source;
}

TEST(rewriting, every_beginning_of_a_template_is_read_or_refused) {
  const std::string whole = "a%c%l%se%sr(1,2)%ss(\"x\\\"\",1,0)%sm(1,2)%%";
  for (std::size_t n = 0; n <= whole.size(); ++n) (void)rewrite(whole.substr(0, n), "hello x\" there");
  EXPECT_EQ(rewrite(whole, "hello x\" there"), "a49170123456712345ello x\" thex\" therehe%");
}

TEST(rewriting, knows_whether_the_text_matters) {
  EXPECT_FALSE(text_rewriting::parse("%c says%se")->uses_text());
  EXPECT_TRUE(text_rewriting::parse("%sm(1,0)")->uses_text());
  EXPECT_TRUE(text_rewriting::parse("")->empty());
}

TEST(rewriting, addresses) {
  struct test_case {
    const char* name;
    address_rewrite when;
    const char* address;
    const char* present;
    const char* expected;
  };
  const test_case cases[] = {
      {"never", address_rewrite::never, "999", "123", "123"},
      {"if empty, and it is not", address_rewrite::if_empty, "999", "123", "123"},
      {"if empty, and it is", address_rewrite::if_empty, "999", "", "999"},
      {"always", address_rewrite::always, "999", "123", "999"},
      {"by instructions", address_rewrite::always, "%c", "123", "491701234567"},
      {"from what is there", address_rewrite::always, "49%sr(1,0)", "0170", "49170"},
  };
  for (const auto& c : cases) {
    address_rewriting rewriting;
    rewriting.when = c.when;
    rewriting.address = *text_rewriting::parse(c.address);
    EXPECT_EQ(rewriting.apply(c.present, "491701234567", "12345"), c.expected) << c.name;
  }
  EXPECT_EQ(parse_address_rewrite("if_empty"), address_rewrite::if_empty);
  EXPECT_EQ(parse_address_rewrite("sometimes"), std::nullopt);
}

}  // namespace
}  // namespace trunkline::router
