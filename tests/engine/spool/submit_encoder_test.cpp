// Texts on their way to carriers of all sorts: what stands on the wire is read again as a phone would, part by part.
#include "engine/spool/submit_encoder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "protocol/gsm_packing.hpp"
#include "protocol/pdu.hpp"
#include "protocol/receipt.hpp"
#include "protocol/text_data_coding.hpp"
#include "protocol/udh.hpp"

namespace trunkline::engine {
namespace {

using protocol::encoding;
using protocol::long_mode;

struct test_batch final : batch_control {};

/// What a message became.
struct sent {
  submit_encoder::verdict verdict = submit_encoder::verdict::refused;
  record_error error;
  encoding used = encoding::gsm7;
  bool smart = false;
  std::vector<std::uint8_t> data_coding;          // of each part
  std::vector<std::vector<std::uint8_t>> header;  // user data header of each part, UDHL included
  std::vector<std::vector<std::uint8_t>> octets;  // short_message or message_payload of each part, header included
  std::string text;                               // read again
  bool sar = false;
  std::vector<std::uint16_t> tlvs;  // tags of the last part
  std::array<int, 4> addresses{};   // TON and NPI of source and destination
};

class submit_encoder_test : public testing::Test {
 protected:
  sent send(std::string_view text, const carrier_config& to, record from = {}) {
    from.text = text;
    from.has_text = true;
    return send(from, to);
  }
  sent send(record from, const carrier_config& to) {
    from.to = from.number = "491701234567";
    sent result;
    const message_context context{&batch_, 77, 78, 1'000, 2'000, 1'000};
    result.verdict = encoder_.encode(from, "ACME", to, 0, context, 1'000);
    if (result.verdict != submit_encoder::verdict::ready) {
      result.error = encoder_.error();
      return result;
    }
    message* const m = encoder_.built();
    result.used = m->encoding;
    result.smart = (m->flags & flag_smart) != 0;
    for (std::uint8_t part = 0; part < m->parts; ++part) {
      const part_record record = read_part(*m, part);
      std::vector<std::uint8_t> body(record.body_length);
      m->read(part_octets_offset(*m, part), body);
      const auto pdu = protocol::decode<protocol::submit_sm>(std::span<const std::uint8_t>(body));
      EXPECT_TRUE(pdu.has_value());
      if (pdu) read(*pdu, to, part, m->parts, result);
    }
    memory_.give(m);
    return result;
  }

 private:
  static void read(const protocol::submit_sm& pdu, const carrier_config& to, std::uint8_t part, std::uint8_t parts,
                   sent& result) {
    auto octets = protocol::message_octets(pdu.short_message, pdu.tlvs);
    result.data_coding.push_back(pdu.data_coding);
    result.addresses = {pdu.source_addr_ton, pdu.source_addr_npi, pdu.dest_addr_ton, pdu.dest_addr_npi};
    result.octets.emplace_back(octets.begin(), octets.end());
    result.tlvs.clear();
    for (const protocol::tlv parameter : pdu.tlvs) result.tlvs.push_back(static_cast<std::uint16_t>(parameter.tag));
    result.sar = pdu.tlvs.find(protocol::tlv_tag::sar_total_segments).has_value();
    std::size_t header = 0;
    protocol::gsm_tables tables;
    if ((pdu.esm_class & 0x40) != 0) {
      const auto udh = protocol::parse_udh(octets);
      ASSERT_TRUE(udh && udh->intact && !udh->others);
      header = udh->header_octets;
      tables = {udh->fields.locking_shift, udh->fields.single_shift};
      EXPECT_EQ(udh->fields.part.has_value(), parts > 1 && !result.sar);
      if (udh->fields.part) {
        EXPECT_EQ(udh->fields.part->sequence, part + 1);
      }
    }
    result.header.emplace_back(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(header));
    octets = octets.subspan(header);
    const auto coding = protocol::read_data_coding(pdu.data_coding, to.default_alphabet);
    if (coding.text != encoding::gsm7) return protocol::append_text(octets, coding.text, result.text);
    std::vector<std::uint8_t> septets(octets.begin(), octets.end());
    if (to.gsm_packed) {
      const unsigned fill = protocol::fill_bits(header);
      septets.resize(protocol::septets_in(octets.size(), fill));
      septets.resize(protocol::unpack_septets(octets, septets, fill));
      EXPECT_TRUE(pdu.short_message.empty() || header + octets.size() <= 140) << header << ' ' << octets.size();
    }
    protocol::append_gsm7(septets, tables, result.text);
  }

  slab slab_{4096};
  slab::magazine memory_{slab_};
  submit_encoder encoder_{memory_};
  test_batch batch_;
};

TEST_F(submit_encoder_test, a_message_says_its_own_ton_and_npi) {
  carrier_config to;
  EXPECT_EQ(send("x", to).addresses, (std::array<int, 4>{5, 0, 1, 1}));
  to.source_npi = 8;
  to.dest_ton = 2;
  EXPECT_EQ(send("x", to).addresses, (std::array<int, 4>{5, 8, 2, 1}));
  record from;
  from.source_ton = 0;
  from.dest_npi = 18;
  EXPECT_EQ(send("x", to, from).addresses, (std::array<int, 4>{0, 8, 2, 18}));
}

std::string times(std::string_view unit, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += unit;
  return text;
}

carrier_config carrier_with(void (*change)(carrier_config&)) {
  carrier_config to;
  change(to);
  return to;
}

TEST_F(submit_encoder_test, every_text_arrives_by_every_carrier) {
  const struct {
    const char* name;
    carrier_config to;
  } carriers[] = {
      {"plain", {}},
      {"national", carrier_with([](carrier_config& c) { c.national = protocol::gsm_languages::all(); })},
      {"packed", carrier_with([](carrier_config& c) { c.gsm_packed = true; })},
      {"packed national", carrier_with([](carrier_config& c) {
         c.gsm_packed = true;
         c.national = protocol::gsm_languages::all();
       })},
      {"latin1", carrier_with([](carrier_config& c) { c.default_alphabet = encoding::latin1; })},
      {"ascii", carrier_with([](carrier_config& c) { c.default_alphabet = encoding::ascii; })},
      {"latin1 under class 1", carrier_with([](carrier_config& c) {
         c.default_alphabet = encoding::latin1;
         c.data_coding.gsm7 = 0xF1;
       })},
  };
  const std::string texts[] = {
      "",
      "Hi",
      "@",
      "a@$ {[]}~^|\\ end",
      "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F \xE2\x82\xAC",
      times("0123456789", 16),
      times("0123456789", 16) + "!",
      times("{0123456789}", 40),
      "\xC4\x9F\xC4\xB1\xC5\x9F",                      // Turkish letters that the default alphabet lacks
      times("\xC4\x9F\xC4\xB1\xC5\x9F merhaba ", 30),  //
      "\xE2\x80\x9Cquoted\xE2\x80\x9D",                // typographic quotes
      times("\xD0\xB6\xF0\x9F\x98\x80", 60),           // Cyrillic and emoji
      times("\xE0\xA4\xA8\xE0\xA4\xAE\xE0\xA4\xB8\xE0\xA5\x8D\xE0\xA4\xA4\xE0\xA5\x87 ", 30),  // Hindi
  };
  for (const auto& row : carriers) {
    for (const long_mode mode : {long_mode::udh, long_mode::udh16, long_mode::sar, long_mode::payload}) {
      carrier_config to = row.to;
      to.long_messages = mode;
      for (const std::string& text : texts) {
        SCOPED_TRACE(testing::Message() << row.name << ' ' << protocol::long_mode_name(mode) << ' ' << text);
        const sent result = send(text, to);
        ASSERT_EQ(result.verdict, submit_encoder::verdict::ready) << result.error.text;
        EXPECT_EQ(result.text, text);
        EXPECT_FALSE(result.smart);
      }
    }
  }
}

TEST_F(submit_encoder_test, names_national_tables_in_the_header_of_every_part) {
  carrier_config to;
  to.national.add(1);  // Turkish
  const sent single = send("merhaba \xC4\x9F\xC4\xB1", to);
  EXPECT_EQ(single.used, encoding::gsm7);
  ASSERT_EQ(single.header.size(), 1U);
  EXPECT_EQ(single.header[0].size(), 4U);
  const sent parts = send(times("\xC4\x9F\xC4\xB1\xC5\x9F merhaba ", 30), to);
  EXPECT_EQ(parts.used, encoding::gsm7);
  EXPECT_GT(parts.header.size(), 1U);
  for (const auto& header : parts.header) {
    EXPECT_GE(header.size(), 9U);
    EXPECT_EQ(header[0], header.size() - 1);
  }
  EXPECT_EQ(send("\xC4\x9F\xC4\xB1", {}).used, encoding::ucs2);
  to.long_messages = long_mode::payload;  // whose parts the SMSC makes, and may give headers without tables
  const sent payload = send(times("\xC4\x9F\xC4\xB1\xC5\x9F merhaba ", 30), to);
  EXPECT_EQ(payload.used, encoding::ucs2);
  EXPECT_TRUE(payload.header[0].empty());
}

TEST_F(submit_encoder_test, packs_behind_fill_bits) {
  carrier_config to;
  to.gsm_packed = true;
  EXPECT_EQ(send("hellohello", to).octets[0],
            (std::vector<std::uint8_t>{0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37}));
  EXPECT_EQ(send(times("a", 160), to).octets[0].size(), 140U);
  const sent two = send(times("a", 161), to);
  ASSERT_EQ(two.octets.size(), 2U);
  EXPECT_EQ(two.octets[0].size(), 140U);
  EXPECT_EQ(two.octets[0][6], 0xC2);  // 'a' behind one bit
}

TEST_F(submit_encoder_test, smart_only_where_it_helps) {
  carrier_config to;
  to.smart = true;
  const struct {
    const char* name;
    std::string text;
    std::optional<encoding> requested;
    std::string arrives;
    encoding used;
    bool smart;
  } cases[] = {
      {"quotes", "\xE2\x80\x9CHi\xE2\x80\x9D\xE2\x80\xA6", {}, "\"Hi\"...", encoding::gsm7, true},
      {"nothing to do", "\"Hi\"", {}, "\"Hi\"", encoding::gsm7, false},
      {"still UCS-2",
       "\xE2\x80\x9C\xD0\xB6\xE2\x80\x9D",
       {},
       "\xE2\x80\x9C\xD0\xB6\xE2\x80\x9D",
       encoding::ucs2,
       false},
      {"gsm7 asked for",
       "a\xC2\xA0"
       "b",
       encoding::gsm7, "a b", encoding::gsm7, true},
      {"ucs2 asked for",
       "a\xE2\x80\x94"
       "b",
       encoding::ucs2,
       "a\xE2\x80\x94"
       "b",
       encoding::ucs2, false},
      {"latin1 asked for, which has it",
       "a\xC2\xA0"
       "b",
       encoding::latin1,
       "a\xC2\xA0"
       "b",
       encoding::latin1, false},
      {"latin1 asked for, which lacks it",
       "a\xE2\x80\x94"
       "b",
       encoding::latin1, "a-b", encoding::latin1, true},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.name);
    record from;
    from.has_encoding = row.requested.has_value();
    from.encoding = row.requested;
    const sent result = send(row.text, to, from);
    ASSERT_EQ(result.verdict, submit_encoder::verdict::ready) << result.error.text;
    EXPECT_EQ(result.text, row.arrives);
    EXPECT_EQ(result.used, row.used);
    EXPECT_EQ(result.smart, row.smart);
  }
  record no;
  no.smart = false;
  EXPECT_EQ(send(cases[0].text, to, no).used, encoding::ucs2);
  record yes;
  yes.smart = true;
  EXPECT_TRUE(send(cases[0].text, {}, yes).smart);
  to.national.add(1);
  const sent both = send("\xE2\x80\x9Cmerhaba \xC4\x9F\xE2\x80\x9D", to);
  EXPECT_EQ(both.text, "\"merhaba \xC4\x9F\"");
  EXPECT_EQ(both.used, encoding::gsm7);
}

TEST_F(submit_encoder_test, writes_the_carriers_default_alphabet) {
  carrier_config to;
  to.default_alphabet = encoding::latin1;
  const sent at = send("@\xC3\xBC", to);
  EXPECT_EQ(at.octets[0], (std::vector<std::uint8_t>{0x40, 0xFC}));
  EXPECT_EQ(at.data_coding[0], 0);
  const sent braces = send(times("{", 81), to);  // two septets each on the air
  EXPECT_EQ(braces.octets.size(), 2U);
  EXPECT_EQ(braces.header[0].size() + 76, braces.octets[0].size());
  EXPECT_EQ(send("\xE2\x82\xAC", to).used, encoding::ucs2);  // the euro sign, in GSM only
  EXPECT_EQ(send("\xC3\xA3", to).used, encoding::ucs2);      // a with tilde, in Latin-1 only
  record flash;
  flash.flash = true;
  const sent shown = send("@", to, flash);
  EXPECT_EQ(shown.data_coding[0], 0x10);
  EXPECT_EQ(shown.octets[0], (std::vector<std::uint8_t>{0x40}));
  record strict;
  strict.has_encoding = true;
  strict.encoding = encoding::gsm7;
  const sent refused = send("\xE2\x82\xAC", to, strict);
  EXPECT_EQ(refused.verdict, submit_encoder::verdict::refused);
  EXPECT_EQ(refused.error.code, router::reason::cannot_encode);
  EXPECT_EQ(refused.error.text, "a character of the text is not in latin1");
}

TEST_F(submit_encoder_test, refuses_what_cannot_go) {
  record strict;
  strict.has_encoding = true;
  strict.encoding = encoding::gsm7;
  strict.smart = true;
  EXPECT_EQ(send("\xD0\xB6", {}, strict).error.code, router::reason::cannot_encode);
  EXPECT_EQ(send(times("a", 1531), {}).error.code, router::reason::too_long);
  carrier_config to;
  to.national.add(1);
  EXPECT_EQ(send(times("\xC4\x9F", 1531), to).error.code, router::reason::too_long);
}

TEST_F(submit_encoder_test, leaves_out_parameters_that_the_carriers_version_lacks) {
  const std::array<std::uint8_t, 2> value{1, 2};
  const std::array<tlv_field, 3> fields{tlv_field{0x0204, value}, {0x060B, value}, {0x1401, value}};
  struct {
    std::uint8_t version;
    std::vector<std::uint16_t> tags;
  } const cases[] = {{0x33, {}}, {0x34, {0x0204, 0x1401}}, {0x50, {0x0204, 0x060B, 0x1401}}};
  for (const auto& c : cases) {
    record from;
    from.tlvs = fields;
    carrier_config to;
    to.interface_version = c.version;
    const sent result = send("hi", to, from);
    ASSERT_EQ(result.verdict, submit_encoder::verdict::ready);
    EXPECT_EQ(result.tlvs, c.tags) << int{c.version};
  }
}

TEST_F(submit_encoder_test, data_goes_as_it_is) {
  carrier_config to;
  to.gsm_packed = to.smart = true;
  to.national = protocol::gsm_languages::all();
  const std::vector<std::uint8_t> octets{0x00, 0x80, 0xFF};
  record from;
  from.has_data = true;
  from.data = octets;
  from.data_coding = 0;
  EXPECT_EQ(send(from, to).octets[0], octets);
}

}  // namespace
}  // namespace trunkline::engine
