// Octets that other implementations made or judged: each must decode to the fields they read, and encode back to the
// same octets. The disputed ones state our decision one by one.
#include <gtest/gtest.h>

#include <map>

#include "tests/protocol/pdu_json.hpp"
#include "tests/protocol/test_octets.hpp"

namespace trunkline::protocol {
namespace {

using nlohmann::json;

/// node-smpp's rendering in our terms: other names of the same thing, and numbers it leaves as octets.
json expected_fields(const json& row) {
  json fields = row.at("fields").at("node_smpp");
  for (const char* header : {"command_length", "command_id", "command_status", "sequence_number", "command"}) {
    fields.erase(header);
  }
  if (fields.contains("dest_port")) {
    fields["destination_port"] = fields["dest_port"];
    fields.erase("dest_port");
  }
  for (auto& [name, value] : fields.items()) {
    const tlv_info* info = find_tlv(name);
    if (info != nullptr && info->type == tlv_type::integer && value.is_object()) {
      value = std::stoul(value.at("hex").get<std::string>(), nullptr, 16);
    }
    if (info != nullptr && info->type == tlv_type::octet_string && value.is_string()) {
      const auto text = value.get<std::string>();
      value = {{"hex", test::to_hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()})}};
    }
    if (info != nullptr && info->type == tlv_type::octet_string && value.is_number()) {
      char octet[3];
      std::snprintf(octet, sizeof octet, "%02x", value.get<unsigned>());
      value = {{"hex", octet}};
    }
    if (info != nullptr && info->repeatable && !value.is_array()) value = json::array({value});
  }
  if (fields.contains("dest_address")) {
    for (auto& entry : fields["dest_address"]) entry["dest_flag"] = entry.contains("dl_name") ? 2 : 1;
  }
  return fields;
}

struct reading {
  bool decoded = false;
  errc error{};
  json fields = json::object();
  test::octets again;
};

reading read(const frame& from) {
  reading out;
  with_pdu_type(from.header.id, [&]<class Pdu>(std::type_identity<Pdu>) {
    const auto pdu = decode<Pdu>(from);
    out.decoded = pdu.has_value();
    if (!pdu) {
      out.error = pdu.error();
      return true;
    }
    test::json_visitor visit(out.fields);
    Pdu::fields(*pdu, visit);
    out.again.resize(default_max_pdu_bytes);
    out.again.resize(write_pdu(out.again, from.header.status, from.header.sequence_number, *pdu));
    return true;
  });
  return out;
}

TEST(pdu_vectors, decode_to_the_fields_others_read_and_encode_to_the_same_octets) {
  std::size_t round_trips = 0;
  const auto rows = test::load_lines("pdus/vectors.jsonl");
  for (const auto& row : rows) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const auto octets = test::from_hex(row.at("hex").get<std::string>());
    const auto& theirs = row.at("fields").at("node_smpp");
    const auto framed = next_frame(octets);
    ASSERT_EQ(framed.kind, frame_kind::complete);
    ASSERT_EQ(framed.frame.octets.size(), octets.size());
    EXPECT_EQ(name_of(framed.frame.header.id), theirs.at("command").get<std::string>());
    EXPECT_EQ(static_cast<std::uint32_t>(framed.frame.header.status), theirs.at("command_status"));
    EXPECT_EQ(framed.frame.header.sequence_number, theirs.at("sequence_number"));

    const reading ours = read(framed.frame);
    ASSERT_TRUE(ours.decoded) << name_of(ours.error);
    const json wanted = expected_fields(row);
    for (const auto& [name, value] : wanted.items()) {
      ASSERT_TRUE(ours.fields.contains(name)) << name << " is missing in " << ours.fields.dump();
      EXPECT_EQ(ours.fields.at(name), value) << name;
    }
    // What they do not name must be empty or zero: a body that was left out.
    for (const auto& [name, value] : ours.fields.items()) {
      if (!wanted.contains(name)) {
        EXPECT_TRUE(value == "" || value == 0 || value.empty()) << name << " " << value;
      }
    }
    // What we read and do not write: a deliver_sm_resp without a body.
    if (framed.frame.header.id == command_id::deliver_sm_resp && framed.frame.body.empty()) continue;
    EXPECT_EQ(test::to_hex(ours.again), test::to_hex(octets));
    ++round_trips;
  }
  EXPECT_GE(round_trips, rows.size() - 2);
}

TEST(pdu_vectors, disputed_ones_are_read_as_documented) {
  // Name → fields that our decision yields; docs/protocol.md says why. "error" is a body that is refused.
  const std::map<std::string, json> decisions = {
      {"ns_broadcast_sm", {{"broadcast_rep_num", 3}, {"message_payload", {{"hex", "43656c6c"}}}}},
      {"ns_submit_sm_port_wap", {{"destination_port", 2948}, {"source_port", 9200}}},
      {"cloudhopper_smpp_007", {{"message_id", ""}}},
      {"cloudhopper_smpp_009", {{"message_id", "9"}}},
      {"cloudhopper_smpp_012", {{"message_id", ""}}},
      {"cloudhopper_smpp_015", {{"message_id", ""}}},
      {"cloudhopper_smpp_017", {{"system_id", "SMSC"}}},
      {"cloudhopper_smpp_026", {{"message_state", 2}, {"destination_addr", "VANSO"}}},
      {"cloudhopper_smpp_038", {{"error", "bad_message_length"}}},
      {"cloudhopper_smpp_052", {{"destination_port", 3333}}},
      {"jasmin_097", {{"message_id", "00000000"}}},
      {"smppex_109", {{"message_id", "0A000000A3D323A1"}}},
      {"kannel_submit_sm_10", {{"esm_class", 67}, {"short_message", {{"hex", "0605040b8423f001020304"}}}}},
      {"kannel_submit_sm_41", {{"esm_class", 67}, {"short_message", {{"hex", "0605040b8423f001020304"}}}}},
  };
  for (const auto& row : test::load_lines("pdus/vectors-disputed.jsonl")) {
    const auto name = row.at("name").get<std::string>();
    SCOPED_TRACE(name);
    ASSERT_TRUE(decisions.contains(name));
    const auto octets = test::from_hex(row.at("hex").get<std::string>());
    const auto framed = next_frame(octets);
    ASSERT_EQ(framed.kind, frame_kind::complete);
    const reading ours = read(framed.frame);
    for (const auto& [field, value] : decisions.at(name).items()) {
      if (field == "error") {
        ASSERT_FALSE(ours.decoded);
        EXPECT_EQ(name_of(ours.error), value.get<std::string>());
      } else {
        ASSERT_TRUE(ours.decoded);
        EXPECT_EQ(ours.fields.at(field), value) << field;
      }
    }
  }
}

TEST(pdu_vectors, every_truncation_is_refused_or_read_without_reading_past_the_end) {
  for (const auto& row : test::load_lines("pdus/vectors.jsonl")) {
    const auto whole = test::from_hex(row.at("hex").get<std::string>());
    if (whole.size() > 1000) continue;
    SCOPED_TRACE(row.at("name").get<std::string>());
    const auto header = read_header(std::span(whole).first<header_bytes>());
    for (std::size_t size = header_bytes; size < whole.size(); ++size) {
      const auto cut = test::exact(std::span(whole).first(size));
      EXPECT_EQ(next_frame(cut).kind, frame_kind::need_more);
      EXPECT_EQ(next_frame(cut).missing, whole.size() - size);
      // The same octets under an honest command_length: either an error, or a body that ends where a response or the
      // TLVs may end.
      frame shorter{.header = header, .body = std::span(cut).subspan(header_bytes), .octets = cut};
      const reading ours = read(shorter);
      if (!ours.decoded) {
        EXPECT_TRUE(ours.error == errc::truncated || ours.error == errc::bad_message_length ||
                    ours.error == errc::bad_tlv);
      }
    }
  }
}

}  // namespace
}  // namespace trunkline::protocol
