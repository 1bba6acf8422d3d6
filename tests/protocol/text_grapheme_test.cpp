// The boundaries of the Unicode Character Database's own test file, found by the breaker and by pairs.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "protocol/text_grapheme.hpp"

namespace trunkline::protocol {
namespace {

TEST(text_grapheme, agrees_with_the_test_file_of_unicode) {
  std::ifstream in(std::string(TRUNKLINE_TEST_DATA) + "/grapheme-break-test.txt");
  std::size_t cases = 0;
  std::string line;
  while (std::getline(in, line)) {
    if (line.empty() || line[0] == '#') continue;
    SCOPED_TRACE(line);
    ++cases;
    grapheme_breaker breaker;
    std::istringstream words(line);
    std::string word;
    bool boundary = false;
    std::vector<char32_t> before;
    while (words >> word) {
      if (word == "\xC3\xB7" || word == "\xC3\x97") {
        boundary = word == "\xC3\xB7";
        continue;
      }
      const auto character = static_cast<char32_t>(std::stoul(word, nullptr, 16));
      EXPECT_EQ(breaker.begins_cluster(character), boundary) << word;
      if (!before.empty()) {
        const auto verdict = grapheme_pair(find_grapheme_class(before.back()), find_grapheme_class(character));
        if (verdict != grapheme_verdict::depends) {
          EXPECT_EQ(verdict == grapheme_verdict::boundary, boundary) << word;
        }
      }
      before.push_back(character);
    }
  }
  EXPECT_EQ(cases, 602U);
}

TEST(text_grapheme, classes) {
  EXPECT_EQ(find_grapheme_class(U'a'), grapheme_class::other);
  EXPECT_EQ(find_grapheme_class(0), grapheme_class::control);
  EXPECT_EQ(find_grapheme_class(0xAC00), grapheme_class::hangul_lv);
  EXPECT_EQ(find_grapheme_class(0xAC01), grapheme_class::hangul_lvt);
  EXPECT_EQ(find_grapheme_class(0x1F600), grapheme_class::pictographic);
  EXPECT_EQ(find_grapheme_class(0x10FFFF), grapheme_class::other);
  EXPECT_EQ(find_grapheme_class(0xE0FFF), grapheme_class::control);
}

}  // namespace
}  // namespace trunkline::protocol
