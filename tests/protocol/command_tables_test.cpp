// The tables of commands, statuses, TLVs and fields against tests/data/tables, which list the standard's.
#include <gtest/gtest.h>

#include <map>

#include "protocol/pdu_dispatch.hpp"
#include "protocol/tlv_table.hpp"
#include "protocol/version.hpp"
#include "tests/protocol/table_file.hpp"
#include "tests/protocol/test_octets.hpp"

namespace trunkline::protocol {
namespace {

using test::load_table;

std::uint32_t number(const std::string& text) { return static_cast<std::uint32_t>(std::stoul(text, nullptr, 16)); }

std::uint8_t version_number(const std::string& since) {
  return static_cast<std::uint8_t>((since[0] - '0') * 16 + (since[2] - '0'));
}

TEST(command_id, every_command_has_number_name_response_and_version) {
  const auto rows = load_table("smpp-commands.csv");
  ASSERT_EQ(rows.size(), 33U);
  for (const auto& r : rows) {
    SCOPED_TRACE(r.at("name"));
    const auto id = static_cast<command_id>(number(r.at("command_id")));
    EXPECT_EQ(name_of(id), r.at("name"));
    EXPECT_EQ(command_of(r.at("name")), id);
    EXPECT_TRUE(is_known(id));
    EXPECT_EQ(introduced_in(id), version_number(r.at("introduced")));
    EXPECT_EQ(is_response(id), number(r.at("command_id")) >= 0x80000000U);
    const auto& response = r.at("response_id");
    EXPECT_EQ(has_response(id), !response.empty());
    if (!response.empty()) {
      EXPECT_EQ(response_of(id), static_cast<command_id>(number(response)));
      EXPECT_EQ(request_of(response_of(id)), id);
    }
  }
  for (const std::uint32_t unknown : {0U, 0xAU, 0x555U, 0x80000555U, 0xFFFFFFFFU}) {
    EXPECT_FALSE(is_known(static_cast<command_id>(unknown)));
    EXPECT_EQ(name_of(static_cast<command_id>(unknown)), "");
    EXPECT_EQ(introduced_in(static_cast<command_id>(unknown)), 0);
    EXPECT_FALSE(has_response(static_cast<command_id>(unknown)));
    EXPECT_FALSE(with_pdu_type(static_cast<command_id>(unknown), [](auto) { return true; }));
  }
  EXPECT_EQ(command_of("submit"), std::nullopt);
}

TEST(command_status, every_status_has_number_name_and_class) {
  std::size_t named = 0;
  for (const auto& r : load_table("smpp-command-status.csv")) {
    if (!r.at("name").starts_with("ESME_")) continue;
    SCOPED_TRACE(r.at("name"));
    const auto status = static_cast<command_status>(number(r.at("value")));
    EXPECT_EQ(name_of(status), r.at("name"));
    EXPECT_EQ(status_of(r.at("name")), status);
    EXPECT_EQ(status_of(r.at("name").substr(5)), status);
    EXPECT_EQ(name_of(class_for_submit(status)), r.at("class_for_submit"));
    ++named;
  }
  EXPECT_EQ(named, 67U);
  for (const std::uint32_t other : {0x9U, 0x10U, 0x400U, 0x4FFU, 0x4D2U, 0x500U, 0x12345678U, 0xFFFFFFFFU}) {
    const auto status = static_cast<command_status>(other);
    EXPECT_EQ(name_of(status), "");
    EXPECT_EQ(class_for_submit(status), submit_class::retry_other_route);
  }
  EXPECT_EQ(status_of("ESME_RINVOPTPARSTREAM"), command_status::rinvtlvstream);
  EXPECT_EQ(status_of("ESME_RMISSINGOPTPARAM"), command_status::rmissingtlv);
  EXPECT_EQ(status_of("nothing"), std::nullopt);
  EXPECT_EQ(status_of(""), std::nullopt);
}

TEST(command_status, every_decoding_error_has_one_to_tell_the_peer) {
  EXPECT_EQ(status_for(errc::truncated), command_status::rinvcmdlen);
  EXPECT_EQ(status_for(errc::bad_length), command_status::rinvcmdlen);
  EXPECT_EQ(status_for(errc::bad_message_length), command_status::rinvmsglen);
  EXPECT_EQ(status_for(errc::bad_tlv), command_status::rinvtlvstream);
  EXPECT_EQ(status_for(errc::unknown_command), command_status::rinvcmdid);
  EXPECT_EQ(status_for(errc::no_space), command_status::rsyserr);
  EXPECT_EQ(name_of(errc::truncated), "truncated");
}

TEST(tlv_table, every_parameter_has_tag_name_type_and_sizes) {
  std::size_t named = 0;
  for (const auto& r : load_table("smpp-tlvs.csv")) {
    if (r.at("tag").find('-') != std::string::npos) continue;
    SCOPED_TRACE(r.at("name"));
    const auto tag = static_cast<tlv_tag>(number(r.at("tag")));
    const tlv_info* info = find_tlv(tag);
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(info->name, r.at("name"));
    EXPECT_EQ(find_tlv(r.at("name")), info);
    EXPECT_EQ(info->introduced, version_number(r.at("since")));
    EXPECT_EQ(info->type == tlv_type::integer, r.at("type").starts_with("int") || r.at("type").starts_with("none"));
    EXPECT_TRUE(size_is_valid(*info, info->min_bytes));
    EXPECT_TRUE(size_is_valid(*info, info->max_bytes));
    EXPECT_FALSE(size_is_valid(*info, std::size_t{info->max_bytes} + 1));
    ++named;
  }
  EXPECT_EQ(named, known_tlvs().size());
  EXPECT_EQ(find_tlv(static_cast<tlv_tag>(0x1400)), nullptr);
  EXPECT_EQ(find_tlv("no_such_thing"), nullptr);
  EXPECT_FALSE(size_is_valid(*find_tlv(tlv_tag::ms_validity), 2));
}

/// Collects what fields() names, as "name type".
struct name_collector {
  std::vector<std::string> names;
  void u8(std::string_view name, std::uint8_t) { add(name, "int1"); }
  void text(std::string_view name, std::string_view, std::size_t max) { add(name, std::to_string(max)); }
  void time(std::string_view name, std::string_view) { add(name, "17"); }
  void response_text(std::string_view name, std::string_view, std::size_t max) { add(name, std::to_string(max)); }
  void counted(std::string_view size, std::string_view name, std::span<const std::uint8_t>) {
    add(size, "int1");
    add(name, "octets");
  }
  template <class Entry>
  void list(std::string_view count, std::string_view name, const entry_list<Entry>&) {
    add(count, "int1");
    add(name, "list");
  }
  void tlvs(const tlv_view&) {}
  void add(std::string_view name, std::string_view type) {
    names.push_back(std::string(name) + " " + std::string(type));
  }
};

TEST(pdu_fields, follow_the_standards_tables_in_order_type_and_maximum) {
  std::map<std::string, std::vector<std::string>> wanted;
  for (const auto& r : load_table("smpp-pdu-fields.csv")) {
    if (r.at("pdu").starts_with("(")) continue;
    auto& names = wanted[r.at("pdu")];
    if (r.at("order") == "0") continue;
    auto field = r.at("field");
    if (const auto plural = field.find('('); plural != std::string::npos) field.resize(plural);
    std::string type = r.at("type");
    const auto size = r.at("size_octets");
    if (type == "C-octet string") type = size.starts_with("1 or 17") ? "17" : std::to_string(std::stoi(size.substr(3)));
    if (type == "octet string") type = "octets";
    if (type == "sequence") type = "list";
    // Two departures: longer passwords are in use, and a deliver_sm_resp may hold an id.
    if (field == "password") type = std::to_string(max_password_bytes);
    if (r.at("pdu") == "deliver_sm_resp") type = "65";
    names.push_back(field + " " + type);
  }
  EXPECT_EQ(wanted.size(), 33U);
  for (const auto& [pdu_name, names] : wanted) {
    SCOPED_TRACE(pdu_name);
    name_collector collected;
    const auto id = command_of(pdu_name);
    ASSERT_TRUE(id);
    ASSERT_TRUE(with_pdu_type(*id, [&]<class Pdu>(std::type_identity<Pdu>) {
      const Pdu pdu{};
      Pdu::fields(pdu, collected);
      return true;
    }));
    EXPECT_EQ(collected.names, names);
  }
}

}  // namespace
}  // namespace trunkline::protocol
