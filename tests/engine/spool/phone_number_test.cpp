#include "engine/spool/phone_number.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trunkline::engine {
namespace {

TEST(phone_number, normalizes) {
  const struct {
    const char* name;
    std::string to;
    const char* calling_code;
    std::string digits;  // empty: refused
    number_fault fault;
  } cases[] = {
      {"plain digits", "491701234567", "", "491701234567", number_fault::none},
      {"plus and spaces", "+49 170 1234567", "", "491701234567", number_fault::none},
      {"leading 00", "00491701234567", "", "491701234567", number_fault::none},
      {"00 with spaces", "0 0 49 170", "", "49170", number_fault::none},
      {"all that is removed", "+(49).170-123 45.67", "", "491701234567", number_fault::none},
      {"spaces before the plus", "  +49170", "", "49170", number_fault::none},
      {"short code", "112", "", "112", number_fault::none},
      {"fifteen digits", "123456789012345", "", "123456789012345", number_fault::none},
      {"fifteen digits behind 00", "00123456789012345", "", "123456789012345", number_fault::none},
      {"sixteen digits", "1234567890123456", "", "", number_fault::too_long},
      {"sixteen digits behind 00", "001234567890123456", "", "", number_fault::too_long},
      {"hundreds of digits", std::string(300, '1'), "", "", number_fault::too_long},
      {"two digits", "12", "", "", number_fault::too_short},
      {"two digits behind 00", "0012", "", "", number_fault::too_short},
      {"only 00", "00", "", "", number_fault::too_short},
      {"empty", "", "", "", number_fault::empty},
      {"no digit", "+ -", "", "", number_fault::empty},
      {"national", "01701234567", "", "", number_fault::national},
      {"national with a country", "0170 1234567", "49", "491701234567", number_fault::none},
      {"national, too long with its country", "0123456789012345", "49", "", number_fault::too_long},
      {"0 behind plus is wrong in any country", "+0170123456", "49", "", number_fault::national},
      {"0 behind 00 is wrong in any country", "000170123456", "49", "", number_fault::national},
      {"international, a country set", "+491701234567", "1", "491701234567", number_fault::none},
      {"letter", "4917O1234567", "", "", number_fault::odd_character},
      {"plus in the middle", "49+170", "", "", number_fault::odd_character},
      {"two plus", "++49170", "", "", number_fault::odd_character},
      {"tab", "49\t170", "", "", number_fault::odd_character},
      {"NUL", std::string{'4', '9', '\0', '1', '7', '0'}, "", "", number_fault::odd_character},
      {"no-break space",
       "49\xC2\xA0"
       "170",
       "", "", number_fault::odd_character},
      {"slash", "49/170", "", "", number_fault::odd_character},
      {"arabic digits", "\xD9\xA1\xD9\xA2\xD9\xA3", "", "", number_fault::odd_character},
  };
  for (const auto& c : cases) {
    number_buffer buffer{};
    const normalized_number got = normalize_number(c.to, c.calling_code, buffer);
    EXPECT_EQ(got.fault, c.fault) << c.name;
    EXPECT_EQ(got.digits, c.digits) << c.name;
  }
}

TEST(phone_number, says_where_an_odd_character_stands) {
  number_buffer buffer{};
  EXPECT_EQ(normalize_number("+49 17x", "", buffer).offset, 6U);
}

TEST(phone_number, knows_calling_codes) {
  const struct {
    const char* country;
    std::optional<std::string_view> code;
  } cases[] = {
      {"DE", "49"},       {"US", "1"},          {"CA", "1"},           {"GB", "44"},         {"CZ", "420"},
      {"TR", "90"},       {"AC", "247"},        {"ZW", "263"},         {"XX", std::nullopt}, {"de", std::nullopt},
      {"", std::nullopt}, {"4 ", std::nullopt}, {"DEU", std::nullopt}, {"D4", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(calling_code(c.country), c.code) << c.country;
}

}  // namespace
}  // namespace trunkline::engine
