#include <gtest/gtest.h>

#include <array>
#include <set>

#include "protocol/octet_reader.hpp"
#include "protocol/octet_writer.hpp"
#include "tests/protocol/test_octets.hpp"

namespace trunkline::protocol {
namespace {

TEST(find_nul, agrees_with_a_plain_search_at_every_size_and_place) {
  for (std::size_t size = 0; size <= 40; ++size) {
    for (std::size_t zero = 0; zero <= size; ++zero) {
      for (const int filler : {0x01, 0x80, 0xFF, 0x41}) {
        test::octets octets(size, static_cast<std::uint8_t>(filler));
        for (std::size_t i = zero; i < size; i += 3) octets[i] = 0;
        EXPECT_EQ(find_nul(octets.data(), size), zero) << size;
      }
    }
  }
}

TEST(octet_reader, reads_each_type_in_order) {
  const auto octets = test::from_hex("01020304050607616200ff");
  octet_reader in(octets);
  EXPECT_EQ(in.u8(), 0x01);
  EXPECT_EQ(in.u16(), 0x0203);
  EXPECT_EQ(in.u32(), 0x04050607U);
  EXPECT_EQ(in.c_octet_string(3), "ab");
  EXPECT_EQ(in.left().size(), 1U);
  EXPECT_EQ(in.octets(1)[0], 0xFF);
  EXPECT_TRUE(in.rest().empty());
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.position(), octets.size());
}

TEST(octet_reader, a_text_may_end_with_the_octets_where_that_is_asked_for) {
  const auto octets = test::from_hex("6100626300");
  octet_reader in(std::span<const std::uint8_t>(octets).first(4));
  EXPECT_EQ(in.c_octet_string_or_rest(), "a");
  EXPECT_EQ(in.c_octet_string_or_rest(), "bc");
  EXPECT_EQ(in.c_octet_string_or_rest(), "");
  EXPECT_TRUE(in.ok());
}

TEST(octet_reader, the_first_error_sticks_and_says_where) {
  struct {
    const char* name;
    const char* hex;
    void (*read)(octet_reader&);
    errc error;
    std::size_t at;
  } const cases[] = {
      {"u8 of nothing", "", [](octet_reader& in) { (void)in.u8(); }, errc::truncated, 0},
      {"u16 of one octet", "01", [](octet_reader& in) { (void)in.u16(); }, errc::truncated, 0},
      {"u32 behind two", "0102030405", [](octet_reader& in) { (void)in.u16(), (void)in.u32(); }, errc::truncated, 2},
      {"text without its NUL", "616263", [](octet_reader& in) { (void)in.c_octet_string(); }, errc::truncated, 0},
      {"text of nothing", "", [](octet_reader& in) { (void)in.c_octet_string(); }, errc::truncated, 0},
      {"text too long", "61626300", [](octet_reader& in) { (void)in.c_octet_string(3); }, errc::too_long_field, 0},
      {"octets past the end", "0102", [](octet_reader& in) { (void)in.octets(3); }, errc::truncated, 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto octets = test::from_hex(c.hex);
    octet_reader in(octets);
    c.read(in);
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(in.error(), c.error);
    EXPECT_EQ(in.position(), c.at);
    EXPECT_EQ(in.u8(), 0);
    EXPECT_EQ(in.c_octet_string(), "");
    EXPECT_TRUE(in.rest().empty());
    in.fail(errc::bad_value);
    EXPECT_EQ(in.error(), c.error);
    EXPECT_EQ(in.position(), c.at);
  }
}

TEST(octet_writer, writes_each_type_in_order_and_patches) {
  std::array<std::uint8_t, 16> out{};
  octet_writer to(out);
  to.u32(0);
  to.u8(1);
  to.u16(0x0203);
  to.c_octet_string("ab", 3);
  to.c_octet_string("");
  to.octets(std::array<std::uint8_t, 2>{0xFE, 0xFF});
  to.octets({});
  to.patch_u32(0, 0x0A0B0C0D);
  EXPECT_TRUE(to.ok());
  EXPECT_EQ(to.position(), 13U);
  EXPECT_EQ(to.remaining(), 3U);
  EXPECT_EQ(test::to_hex(to.written()), "0a0b0c0d01020361620000feff");
}

TEST(octet_writer, the_first_error_sticks) {
  struct {
    const char* name;
    void (*write)(octet_writer&);
    errc error;
  } const cases[] = {
      {"u16 into one octet", [](octet_writer& to) { to.u16(1); }, errc::no_space},
      {"text without room for its NUL", [](octet_writer& to) { to.c_octet_string("a"); }, errc::no_space},
      {"text over its maximum", [](octet_writer& to) { to.c_octet_string("abc", 3); }, errc::too_long_field},
      {"octets", [](octet_writer& to) { to.octets(std::array<std::uint8_t, 2>{}); }, errc::no_space},
      {"patch of what was not written", [](octet_writer& to) { to.patch_u32(0, 1); }, errc::bad_value},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::array<std::uint8_t, 1> out{0x55};
    octet_writer to(out);
    c.write(to);
    EXPECT_FALSE(to.ok());
    EXPECT_EQ(to.error(), c.error);
    to.u8(1);
    to.patch_u32(0, 1);
    to.fail(errc::truncated);
    EXPECT_EQ(to.error(), c.error);
    EXPECT_TRUE(to.written().empty());
    EXPECT_EQ(out[0], 0x55);
  }
}

TEST(octet_writer, a_nul_within_a_text_is_refused) {
  std::array<std::uint8_t, 8> out{};
  octet_writer to(out);
  to.u8(1);
  to.c_octet_string(std::string_view("a\0b", 3));
  EXPECT_FALSE(to.ok());
  EXPECT_EQ(to.error(), errc::bad_value);
  EXPECT_EQ(to.position(), 1U);
}

TEST(errc, every_error_has_a_name) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(errc::too_long); ++i) names.insert(name_of(static_cast<errc>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(errc::too_long) + 1);
  EXPECT_FALSE(names.contains(""));
  EXPECT_EQ(name_of(static_cast<errc>(200)), "unknown");
}

TEST(octet_writer, a_patch_must_lie_in_what_was_written) {
  std::array<std::uint8_t, 8> out{};
  octet_writer to(out);
  to.u32(1);
  to.u8(2);
  to.patch_u32(1, 0x0A0B0C0D);
  EXPECT_TRUE(to.ok());
  EXPECT_EQ(test::to_hex(to.written()), "000a0b0c0d");
  to.patch_u32(2, 1);
  EXPECT_EQ(to.error(), errc::bad_value);
}

}  // namespace
}  // namespace trunkline::protocol
