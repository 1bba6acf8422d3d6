#include "engine/report/received_line.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "protocol/pdu.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::json;
using protocol::encoding;
using octets = std::vector<std::uint8_t>;

struct received {
  received_kind kind = received_kind::inbound;
  json line;
};

received read(protocol::deliver_sm pdu, const octets& text, const received_from& from = {"acme"}) {
  pdu.source_addr = "491701234567";
  pdu.destination_addr = "12345";
  pdu.short_message = text;
  octets out(1024);
  out.resize(protocol::write_pdu(out, protocol::command_status::rok, 7, pdu));
  std::string line;
  received result;
  result.kind = append_received_line(line, from, 1'795'341'600'123, out);
  EXPECT_TRUE(line.ends_with("}\n"));
  result.line = json::parse(line);
  return result;
}

TEST(received_line, reads_the_text_by_its_coding) {
  const received_from packed{"acme", encoding::gsm7, true};
  const struct {
    const char* name;
    std::uint8_t esm_class;
    std::uint8_t data_coding;
    octets text;
    received_from from;
    json expected;
  } cases[] = {
      {"default alphabet", 0, 0, {0x00, 'H', 'i', 0x1B, 0x65}, {"acme"}, "@Hi\xE2\x82\xAC"},
      {"default alphabet, flash", 0, 0x10, {0x00}, {"acme"}, "@"},
      {"group of class 1", 0, 0xF1, {0x00}, {"acme"}, "@"},
      {"message waiting", 0, 0xD8, {0x00}, {"acme"}, "@"},
      {"message waiting, UCS-2", 0, 0xE8, {0x04, 0x36}, {"acme"}, "\xD0\xB6"},
      {"carrier with Latin-1", 0, 0, {0x40, 0xFC}, {"acme", encoding::latin1, false}, "@\xC3\xBC"},
      {"carrier with ASCII", 0, 0, {0x40, 0xFC}, {"acme", encoding::ascii, false}, "@\xEF\xBF\xBD"},
      {"Latin-1", 0, 3, {0xFC}, {"acme"}, "\xC3\xBC"},
      {"Cyrillic", 0, 6, {0xD6}, {"acme"}, "\xD0\xB6"},
      {"Hebrew", 0, 7, {0xE0}, {"acme"}, "\xD7\x90"},
      {"UCS-2", 0, 8, {0x04, 0x36}, {"acme"}, "\xD0\xB6"},
      {"UCS-2, flash", 0, 0x18, {0x04, 0x36}, {"acme"}, "\xD0\xB6"},
      {"Turkish single shift", 0x40, 0, {3, 0x24, 1, 1, 0x1B, 'g'}, {"acme"}, "\xC4\x9F"},
      {"Turkish locking shift", 0x40, 0, {3, 0x25, 1, 1, 0x1D}, {"acme"}, "\xC5\x9F"},
      {"packed", 0, 0, {0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37}, packed, "hellohello"},
      {"packed behind a header", 0x40, 0, {5, 0, 3, 1, 2, 1, 0xC2}, packed, "a"},
      {"a receipt is not packed", 0x04, 0, {'i', 'd', ':', '1'}, packed, "id:1"},
      {"octets", 0, 4, {1, 2}, {"acme"}, nullptr},
      {"JIS, which we do not read", 0, 5, {1, 2}, {"acme"}, nullptr},
      {"compressed", 0, 0x20, {1, 2}, {"acme"}, nullptr},
      {"header longer than the text", 0x40, 0, {9, 0}, {"acme"}, "\xC3\x87@"},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.name);
    protocol::deliver_sm pdu;
    pdu.esm_class = row.esm_class;
    pdu.data_coding = row.data_coding;
    const received result = read(pdu, row.text, row.from);
    EXPECT_EQ(result.line.value("text", json()), row.expected) << result.line;
    EXPECT_EQ(result.line["carrier"], "acme");
    EXPECT_EQ(result.line["data_coding"], row.data_coding);
  }
}

TEST(received_line, keeps_what_cannot_be_read) {
  std::string line;
  const octets broken{0, 0, 0, 18, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 'x', 'y'};
  EXPECT_EQ(append_received_line(line, {"acme"}, 0, broken), received_kind::inbound);
  EXPECT_EQ(json::parse(line)["raw"], "000000120000000500000000000000017879");
}

TEST(received_line, tells_receipts_by_esm_class) {
  protocol::deliver_sm pdu;
  pdu.esm_class = 0x04;
  const received result = read(pdu, {'i', 'd'});
  EXPECT_EQ(result.kind, received_kind::receipt);
  EXPECT_EQ(result.line["kind"], "part");
  EXPECT_EQ(result.line["received_at"], "2026-11-22T10:00:00.123Z");
  for (const int acknowledgement : {0x08, 0x10}) {
    pdu.esm_class = static_cast<std::uint8_t>(acknowledgement);
    EXPECT_EQ(read(pdu, {'y', 'e', 's'}).kind, received_kind::inbound) << acknowledgement;
  }
}

}  // namespace
}  // namespace trunkline::engine
