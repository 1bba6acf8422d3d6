#include <gtest/gtest.h>

#include "protocol/version.hpp"

namespace trunkline::protocol {
namespace {

TEST(version, a_session_runs_at_the_lower_of_both) {
  struct {
    const char* name;
    std::uint8_t asked;
    std::optional<std::uint8_t> answered;
    interface_version expected;
  } const cases[] = {
      {"both 3.4", 0x34, 0x34, interface_version::v34},
      {"asked for less", 0x34, 0x50, interface_version::v34},
      {"answered with less", 0x50, 0x34, interface_version::v34},
      {"no TLV in the answer", 0x34, std::nullopt, interface_version::v33},
      {"old number", 0x34, 0x00, interface_version::v33},
      {"between the versions", 0x50, 0x4F, interface_version::v34},
      {"a future one", 0xFF, 0x51, interface_version::v50},
  };
  for (const auto& c : cases) EXPECT_EQ(session_version(c.asked, c.answered), c.expected) << c.name;
}

TEST(version, what_an_older_peer_lacks_is_not_sent) {
  using enum interface_version;
  for (const auto id :
       {command_id::bind_transceiver, command_id::data_sm, command_id::alert_notification, command_id::outbind}) {
    EXPECT_FALSE(allows(v33, id)) << name_of(id);
    EXPECT_TRUE(allows(v34, id)) << name_of(id);
  }
  EXPECT_TRUE(allows(v33, command_id::submit_sm));
  EXPECT_FALSE(allows(v34, command_id::broadcast_sm));
  EXPECT_TRUE(allows(v50, command_id::broadcast_sm));
  EXPECT_FALSE(allows(v50, static_cast<command_id>(0x555)));
  EXPECT_FALSE(allows(v33, tlv_tag::message_payload));
  EXPECT_TRUE(allows(v34, tlv_tag::message_payload));
  EXPECT_FALSE(allows(v34, tlv_tag::billing_identification));
  EXPECT_TRUE(allows(v50, tlv_tag::billing_identification));
  EXPECT_TRUE(allows(v34, static_cast<tlv_tag>(0x1400)));
  EXPECT_FALSE(allows(v33, static_cast<tlv_tag>(0x1400)));
  EXPECT_EQ(max_short_message_bytes(v34), 254);
  EXPECT_EQ(max_short_message_bytes(v50), 255);
}

}  // namespace
}  // namespace trunkline::protocol
