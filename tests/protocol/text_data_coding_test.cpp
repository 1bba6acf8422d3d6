#include <gtest/gtest.h>

#include "protocol/text_data_coding.hpp"

namespace trunkline::protocol {
namespace {

TEST(text_data_coding, reads_values_and_groups) {
  struct {
    const char* name;
    unsigned octet;
    data_coding_info info;
  } const cases[] = {
      {"default", 0x00, {encoding::latin1, true, false, {}, {}}},
      {"IA5", 0x01, {encoding::ascii, true, false, {}, {}}},
      {"octets", 0x02, {encoding::binary, true, false, {}, {}}},
      {"Latin-1", 0x03, {encoding::latin1, true, false, {}, {}}},
      {"octets too", 0x04, {encoding::binary, true, false, {}, {}}},
      {"JIS", 0x05, {encoding::binary, false, false, {}, {}}},
      {"Cyrillic", 0x06, {encoding::cyrillic, true, false, {}, {}}},
      {"Hebrew", 0x07, {encoding::hebrew, true, false, {}, {}}},
      {"UCS-2", 0x08, {encoding::ucs2, true, false, {}, {}}},
      {"pictograms", 0x09, {encoding::binary, false, false, {}, {}}},
      {"KS C 5601", 0x0E, {encoding::binary, false, false, {}, {}}},
      {"reserved", 0x0F, {encoding::binary, false, false, {}, {}}},
      {"flash", 0x10, {encoding::latin1, true, false, 0, {}}},
      {"flash, 8-bit", 0x14, {encoding::binary, true, false, 0, {}}},
      {"flash, UCS-2", 0x18, {encoding::ucs2, true, false, 0, {}}},
      {"class 2", 0x12, {encoding::latin1, true, false, 2, {}}},
      {"reserved alphabet", 0x1C, {encoding::binary, false, false, 0, {}}},
      {"no class", 0x22, {encoding::binary, true, true, {}, {}}},
      {"compressed, class 1", 0x31, {encoding::binary, true, true, 1, {}}},
      {"deleted at once, UCS-2", 0x48, {encoding::ucs2, true, false, {}, {}}},
      {"deleted at once, flash", 0x50, {encoding::latin1, true, false, 0, {}}},
      {"reserved group", 0x80, {encoding::binary, false, false, {}, {}}},
      {"reserved group", 0xBF, {encoding::binary, false, false, {}, {}}},
      {"voicemail, discard",
       0xC8,
       {encoding::latin1, true, false, {}, message_waiting{waiting_kind::voicemail, true, true}}},
      {"fax gone, discard", 0xC1, {encoding::latin1, true, false, {}, message_waiting{waiting_kind::fax, false, true}}},
      {"email, store", 0xDA, {encoding::latin1, true, false, {}, message_waiting{waiting_kind::email, true, false}}},
      {"other, store, UCS-2",
       0xEB,
       {encoding::ucs2, true, false, {}, message_waiting{waiting_kind::other, true, false}}},
      {"class 0", 0xF0, {encoding::latin1, true, false, 0, {}}},
      {"class 1, 8-bit", 0xF5, {encoding::binary, true, false, 1, {}}},
      {"class 3", 0xF3, {encoding::latin1, true, false, 3, {}}},
  };
  for (const auto& c : cases)
    EXPECT_EQ(read_data_coding(static_cast<std::uint8_t>(c.octet), encoding::latin1), c.info) << c.name << c.octet;
}

TEST(text_data_coding, the_default_alphabet_is_the_carriers) {
  for (const encoding alphabet : {encoding::gsm7, encoding::latin1, encoding::ascii})
    for (const unsigned octet : {0x00, 0x10, 0x40, 0xC8, 0xD8, 0xF0})
      EXPECT_EQ(read_data_coding(static_cast<std::uint8_t>(octet), alphabet).text, alphabet) << octet;
}

TEST(text_data_coding, writes_what_it_reads) {
  for (const encoding text : {encoding::gsm7, encoding::latin1, encoding::ucs2, encoding::ascii, encoding::binary,
                              encoding::cyrillic, encoding::hebrew}) {
    EXPECT_EQ(read_data_coding(standard_data_coding(text), encoding::gsm7).text, text);
    const auto flash = flash_data_coding(text);
    if (!flash) continue;
    EXPECT_EQ(read_data_coding(*flash, encoding::gsm7).text, text);
    EXPECT_EQ(read_data_coding(*flash, encoding::gsm7).message_class, 0);
  }
  EXPECT_FALSE(flash_data_coding(encoding::latin1));
  EXPECT_EQ(standard_data_coding(static_cast<encoding>(99)), 0);
}

}  // namespace
}  // namespace trunkline::protocol
