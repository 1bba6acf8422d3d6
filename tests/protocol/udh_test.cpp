#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "protocol/udh.hpp"

namespace trunkline::protocol {
namespace {

using octets = std::vector<std::uint8_t>;

TEST(udh, reads_known_headers) {
  struct {
    const char* name;
    octets data;
    std::size_t header;
    bool intact, others;
    udh_fields fields;
  } const cases[] = {
      {"concatenation, 8 bits",
       {5, 0, 3, 0xA7, 2, 1, 'x'},
       6,
       true,
       false,
       {concatenation{0xA7, 2, 1, false}, {}, 0, 0}},
      {"concatenation, 16 bits",
       {6, 8, 4, 0x12, 0x34, 3, 3},
       7,
       true,
       false,
       {concatenation{0x1234, 3, 3, true}, {}, 0, 0}},
      {"16-bit ports",
       {6, 5, 4, 0x0B, 0x84, 0x23, 0xF0},
       7,
       true,
       false,
       {{}, application_ports{0x0B84, 0x23F0, true}, 0, 0}},
      {"8-bit ports", {4, 4, 2, 250, 240}, 5, true, false, {{}, application_ports{250, 240, false}, 0, 0}},
      {"shifts", {6, 0x24, 1, 1, 0x25, 1, 3}, 7, true, false, {{}, {}, 1, 3}},
      {"unknown element kept aside",
       {8, 0x70, 1, 9, 0, 3, 1, 2, 2},
       9,
       true,
       true,
       {concatenation{1, 2, 2, false}, {}, 0, 0}},
      {"the last of repeated elements counts",
       {10, 0, 3, 1, 2, 2, 0, 3, 9, 3, 1},
       11,
       true,
       false,
       {concatenation{9, 3, 1, false}, {}, 0, 0}},
      {"part 0", {5, 0, 3, 1, 2, 0}, 6, true, false, {}},
      {"part 3 of 2", {5, 0, 3, 1, 2, 3}, 6, true, false, {}},
      {"part 1 of 0", {5, 0, 3, 1, 0, 1}, 6, true, false, {}},
      {"concatenation of a wrong length", {4, 0, 2, 1, 1}, 5, true, true, {}},
      {"wide concatenation of a wrong length", {4, 8, 2, 1, 1}, 5, true, true, {}},
      {"ports of a wrong length", {3, 4, 1, 1}, 4, true, true, {}},
      {"wide ports of a wrong length", {3, 5, 1, 1}, 4, true, true, {}},
      {"shift of a wrong length", {4, 0x24, 2, 1, 1}, 5, true, true, {}},
      {"locking shift of a wrong length", {4, 0x25, 2, 1, 1}, 5, true, true, {}},
      {"empty header", {0, 'x'}, 1, true, false, {}},
      {"element beyond the header", {5, 0, 4, 1, 2, 1, 'x'}, 6, false, true, {}},
      {"one octet left over", {6, 0, 3, 1, 2, 1, 0}, 7, false, true, {}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto view = parse_udh(c.data);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->header_octets, c.header);
    EXPECT_EQ(view->intact, c.intact);
    EXPECT_EQ(view->others, c.others);
    EXPECT_EQ(view->fields.part, c.fields.part);
    EXPECT_EQ(view->fields.ports, c.fields.ports);
    EXPECT_EQ(view->fields.single_shift, c.fields.single_shift);
    EXPECT_EQ(view->fields.locking_shift, c.fields.locking_shift);
    for (std::size_t size = 0; size < c.header; ++size)
      EXPECT_EQ(parse_udh(std::span(c.data).first(size)).error(), errc::truncated) << size;
  }
}

TEST(udh, writes_what_it_reads) {
  const udh_fields cases[] = {
      {},
      {concatenation{0xFF, 255, 255, false}, {}, 0, 0},
      {concatenation{0xFFEE, 2, 1, true}, application_ports{1, 0xFFFF, true}, 1, 13},
      {{}, application_ports{250, 240, false}, 0, 6},
      {concatenation{3, 2, 1, false}, {}, 2, 0},
  };
  for (const auto& fields : cases) {
    octets out(64);
    const auto size = write_udh(fields, out);
    ASSERT_TRUE(size);
    EXPECT_EQ(*size, udh_octets(fields));
    for (std::size_t small = 0; small < *size; ++small)
      EXPECT_EQ(write_udh(fields, std::span(out).first(small)).error(), errc::no_space);
    if (*size == 0) continue;
    const auto view = parse_udh(std::span(out).first(*size));
    ASSERT_TRUE(view);
    EXPECT_EQ(view->header_octets, *size);
    EXPECT_TRUE(view->intact);
    EXPECT_FALSE(view->others);
    EXPECT_EQ(view->fields.part, fields.part);
    EXPECT_EQ(view->fields.ports, fields.ports);
    EXPECT_EQ(view->fields.single_shift, fields.single_shift);
    EXPECT_EQ(view->fields.locking_shift, fields.locking_shift);
  }
}

TEST(udh, short_forms_agree_with_the_general_one) {
  std::array<std::uint8_t, 7> general{};
  std::array<std::uint8_t, concatenation8_octets> narrow{};
  write_concatenation8(narrow, 0xA7, 9, 4);
  ASSERT_EQ(write_udh({concatenation{0xA7, 9, 4, false}, {}, 0, 0}, general).value(), narrow.size());
  EXPECT_TRUE(std::equal(narrow.begin(), narrow.end(), general.begin()));
  std::array<std::uint8_t, concatenation16_octets> wide{};
  write_concatenation16(wide, 0xA7B8, 9, 4);
  ASSERT_EQ(write_udh({concatenation{0xA7B8, 9, 4, true}, {}, 0, 0}, general).value(), wide.size());
  EXPECT_EQ(wide, general);
}

TEST(udh, walks_unknown_elements) {
  const octets data{7, 0x70, 1, 9, 0x71, 0, 0x72, 0};
  udh_reader reader(parse_udh(data)->elements);
  const auto first = reader.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->identifier, 0x70);
  EXPECT_EQ(first->data.size(), 1U);
  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.at_end());
  EXPECT_TRUE(reader.next());
  EXPECT_TRUE(reader.at_end());
  EXPECT_FALSE(reader.next());
}

}  // namespace
}  // namespace trunkline::protocol
