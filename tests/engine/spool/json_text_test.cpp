#include "engine/spool/json_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace trunkline::engine {
namespace {

std::string as_json(std::string_view text) {
  std::string out;
  append_json(out, text);
  return out;
}

// The scan goes by eights: each octet that needs an escape, at each place of a word and behind it.
TEST(json_text, every_octet_at_every_place_comes_back) {
  for (unsigned octet = 0; octet < 0x80; ++octet) {
    for (std::size_t at = 0; at < 20; ++at) {
      std::string text = "0123456789abcdefghij";
      text[at] = static_cast<char>(octet);
      const std::string json = as_json(text);
      ASSERT_EQ(nlohmann::json::parse(json).get<std::string>(), text) << json;
      ASSERT_EQ(std::count_if(json.begin(), json.end(), [](char c) { return c < ' ' || c == 0x7f; }), 0) << json;
    }
  }
}

TEST(json_text, text_beyond_ascii_stays_as_it_is) {
  for (const std::string_view text : {"Посылка прибудет", "€uro, Ünïcode", "\U0001F600 smile", "\x7fÿ"}) {
    EXPECT_EQ(nlohmann::json::parse(as_json(text)).get<std::string>(), text);
  }
}

TEST(json_text, no_more_than_the_text_is_read) {
  for (std::size_t length = 0; length < 24; ++length) {
    const std::string text(length, 'x');
    EXPECT_EQ(plain_json_octets(text), length / 8 * 8);
    EXPECT_EQ(as_json(text), '"' + text + '"');
  }
}

}  // namespace
}  // namespace trunkline::engine
