#include <gtest/gtest.h>

#include "protocol/framing.hpp"
#include "protocol/pdu.hpp"
#include "tests/protocol/test_octets.hpp"

namespace trunkline::protocol {
namespace {

TEST(framing, header_reads_back_as_written) {
  const pdu_header header{.command_length = 0x01020304,
                          .id = static_cast<command_id>(0x80000004),
                          .status = static_cast<command_status>(0x4D2),
                          .sequence_number = 0x7FFFFFFF};
  std::array<std::uint8_t, header_bytes> octets{};
  write_header(octets, header);
  EXPECT_EQ(test::to_hex(octets), "0102030480000004000004d27fffffff");
  EXPECT_EQ(read_header(octets), header);
}

TEST(framing, cuts_a_stream_that_arrives_octet_by_octet) {
  test::octets stream;
  for (std::uint32_t i = 1; i <= 3; ++i) {
    test::octets one(64);
    one.resize(write_pdu(one, command_status::rok, i, submit_sm_resp{.message_id = "id", .tlvs = {}}));
    stream.insert(stream.end(), one.begin(), one.end());
  }
  std::uint32_t seen = 0;
  std::size_t begin = 0;
  for (std::size_t end = 1; end <= stream.size(); ++end) {
    const auto buffer = test::exact(std::span(stream).subspan(begin, end - begin));
    const auto result = next_frame(buffer);
    if (result.kind == frame_kind::need_more) {
      EXPECT_EQ(result.missing, (buffer.size() < 4 ? 16U : 19U) - buffer.size());
      continue;
    }
    ASSERT_EQ(result.kind, frame_kind::complete);
    EXPECT_EQ(result.frame.header.sequence_number, ++seen);
    EXPECT_EQ(result.frame.body.size(), 3U);
    begin += result.frame.octets.size();
    EXPECT_EQ(begin, end);
  }
  EXPECT_EQ(seen, 3U);
  EXPECT_EQ(next_frame({}).missing, header_bytes);
}

TEST(framing, the_maximum_is_the_callers) {
  const auto header = test::from_hex("00000020000000150000000000000009");
  EXPECT_EQ(next_frame(header, 32).kind, frame_kind::need_more);
  EXPECT_EQ(next_frame(header, 31).kind, frame_kind::unframeable);
  EXPECT_EQ(next_frame(header, 31).sequence_number, 9U);
}

TEST(framing, malformed_streams_of_the_vectors) {
  // The vectors call for a limit of 65,536 in one row and for more in another: the limit is a setting.
  for (const auto& row : test::load_lines("pdus/malformed.jsonl")) {
    const auto group = row.at("group").get<std::string>();
    if (group != "framing" && group != "garbage" && group != "stream" && group != "size") continue;
    const auto name = row.at("name").get<std::string>();
    SCOPED_TRACE(name);
    const auto octets = test::from_hex(row.at("hex").get<std::string>());
    const std::uint32_t max = group == "size" ? default_max_pdu_bytes : 65'536;
    const auto action = row.at("expect").at("action").get<std::string>();
    auto result = next_frame(octets, max);
    if (action == "nack_close") {
      ASSERT_EQ(result.kind, frame_kind::unframeable);
      EXPECT_EQ(status_for(result.error), command_status::rinvcmdlen);
      const auto wanted = row.at("expect").at("sequence").get<std::uint32_t>();
      // Where the vectors expect 0, they accept the octets at offset 12 of a command we know.
      EXPECT_TRUE(result.sequence_number == wanted || result.sequence_number == load_u32(octets.data() + 12));
      EXPECT_TRUE(group != "garbage" || result.sequence_number == 0);
    } else if (action == "close") {
      EXPECT_EQ(result.kind, frame_kind::need_more);
      EXPECT_GT(result.missing, 0U);
    } else {
      std::size_t at = 0;
      while (at < octets.size()) {
        result = next_frame(std::span(octets).subspan(at), max);
        ASSERT_EQ(result.kind, frame_kind::complete);
        at += result.frame.octets.size();
      }
    }
  }
}

}  // namespace
}  // namespace trunkline::protocol
