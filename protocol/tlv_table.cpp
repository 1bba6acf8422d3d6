// What SMPP 3.4 (5.3.2) and 5.0 (4.8.4) say about the length and type of each optional parameter, as one sorted table.
// Where the versions or the known implementations differ, both lengths are taken.

#include "protocol/tlv_table.hpp"

#include <algorithm>
#include <array>

namespace trunkline::protocol {
namespace {

using enum tlv_type;

constexpr auto table = std::to_array<tlv_info>({
    {tlv_tag::dest_addr_subunit, "dest_addr_subunit", integer, 1, 1, 0x34, false},
    {tlv_tag::dest_network_type, "dest_network_type", integer, 1, 1, 0x34, false},
    {tlv_tag::dest_bearer_type, "dest_bearer_type", integer, 1, 1, 0x34, false},
    {tlv_tag::dest_telematics_id, "dest_telematics_id", integer, 2, 2, 0x34, false},
    {tlv_tag::source_addr_subunit, "source_addr_subunit", integer, 1, 1, 0x34, false},
    {tlv_tag::source_network_type, "source_network_type", integer, 1, 1, 0x34, false},
    {tlv_tag::source_bearer_type, "source_bearer_type", integer, 1, 1, 0x34, false},
    {tlv_tag::source_telematics_id, "source_telematics_id", integer, 1, 2, 0x34, false},
    {tlv_tag::qos_time_to_live, "qos_time_to_live", integer, 4, 4, 0x34, false},
    {tlv_tag::payload_type, "payload_type", integer, 1, 1, 0x34, false},
    {tlv_tag::additional_status_info_text, "additional_status_info_text", c_octet_string, 1, 256, 0x34, false},
    {tlv_tag::receipted_message_id, "receipted_message_id", c_octet_string, 1, 65, 0x34, false},
    {tlv_tag::ms_msg_wait_facilities, "ms_msg_wait_facilities", integer, 1, 1, 0x34, false},
    {tlv_tag::privacy_indicator, "privacy_indicator", integer, 1, 1, 0x34, false},
    {tlv_tag::source_subaddress, "source_subaddress", octet_string, 2, 23, 0x34, false},
    {tlv_tag::dest_subaddress, "dest_subaddress", octet_string, 2, 23, 0x34, false},
    {tlv_tag::user_message_reference, "user_message_reference", integer, 2, 2, 0x34, false},
    {tlv_tag::user_response_code, "user_response_code", integer, 1, 1, 0x34, false},
    {tlv_tag::source_port, "source_port", integer, 2, 2, 0x34, false},
    {tlv_tag::destination_port, "destination_port", integer, 2, 2, 0x34, false},
    {tlv_tag::sar_msg_ref_num, "sar_msg_ref_num", integer, 2, 2, 0x34, false},
    {tlv_tag::language_indicator, "language_indicator", integer, 1, 1, 0x34, false},
    {tlv_tag::sar_total_segments, "sar_total_segments", integer, 1, 1, 0x34, false},
    {tlv_tag::sar_segment_seqnum, "sar_segment_seqnum", integer, 1, 1, 0x34, false},
    {tlv_tag::sc_interface_version, "sc_interface_version", integer, 1, 1, 0x34, false},
    {tlv_tag::callback_num_pres_ind, "callback_num_pres_ind", integer, 1, 1, 0x34, true},
    {tlv_tag::callback_num_atag, "callback_num_atag", octet_string, 0, 65, 0x34, true},
    {tlv_tag::number_of_messages, "number_of_messages", integer, 1, 1, 0x34, false},
    {tlv_tag::callback_num, "callback_num", octet_string, 4, 19, 0x34, true},
    {tlv_tag::dpf_result, "dpf_result", integer, 1, 1, 0x34, false},
    {tlv_tag::set_dpf, "set_dpf", integer, 1, 1, 0x34, false},
    {tlv_tag::ms_availability_status, "ms_availability_status", integer, 1, 1, 0x34, false},
    {tlv_tag::network_error_code, "network_error_code", octet_string, 3, 3, 0x34, false},
    {tlv_tag::message_payload, "message_payload", octet_string, 0, 65535, 0x34, false},
    {tlv_tag::delivery_failure_reason, "delivery_failure_reason", integer, 1, 1, 0x34, false},
    {tlv_tag::more_messages_to_send, "more_messages_to_send", integer, 1, 1, 0x34, false},
    {tlv_tag::message_state, "message_state", integer, 1, 1, 0x34, false},
    {tlv_tag::congestion_state, "congestion_state", integer, 1, 1, 0x50, false},
    {tlv_tag::ussd_service_op, "ussd_service_op", octet_string, 1, 1, 0x34, false},
    {tlv_tag::broadcast_channel_indicator, "broadcast_channel_indicator", integer, 1, 1, 0x50, false},
    {tlv_tag::broadcast_content_type, "broadcast_content_type", octet_string, 3, 3, 0x50, false},
    {tlv_tag::broadcast_content_type_info, "broadcast_content_type_info", octet_string, 1, 255, 0x50, false},
    {tlv_tag::broadcast_message_class, "broadcast_message_class", integer, 1, 1, 0x50, false},
    {tlv_tag::broadcast_rep_num, "broadcast_rep_num", integer, 2, 2, 0x50, false},
    {tlv_tag::broadcast_frequency_interval, "broadcast_frequency_interval", octet_string, 3, 3, 0x50, false},
    {tlv_tag::broadcast_area_identifier, "broadcast_area_identifier", octet_string, 1, 100, 0x50, true},
    {tlv_tag::broadcast_error_status, "broadcast_error_status", integer, 4, 4, 0x50, true},
    {tlv_tag::broadcast_area_success, "broadcast_area_success", integer, 1, 1, 0x50, true},
    {tlv_tag::broadcast_end_time, "broadcast_end_time", c_octet_string, 16, 17, 0x50, false},
    {tlv_tag::broadcast_service_group, "broadcast_service_group", octet_string, 1, 255, 0x50, false},
    {tlv_tag::billing_identification, "billing_identification", octet_string, 1, 1024, 0x50, false},
    {tlv_tag::source_network_id, "source_network_id", c_octet_string, 7, 65, 0x50, false},
    {tlv_tag::dest_network_id, "dest_network_id", c_octet_string, 7, 65, 0x50, false},
    {tlv_tag::source_node_id, "source_node_id", octet_string, 6, 6, 0x50, false},
    {tlv_tag::dest_node_id, "dest_node_id", octet_string, 6, 6, 0x50, false},
    {tlv_tag::dest_addr_np_resolution, "dest_addr_np_resolution", integer, 1, 1, 0x50, false},
    {tlv_tag::dest_addr_np_information, "dest_addr_np_information", octet_string, 10, 10, 0x50, false},
    {tlv_tag::dest_addr_np_country, "dest_addr_np_country", octet_string, 1, 5, 0x50, false},
    {tlv_tag::display_time, "display_time", integer, 1, 1, 0x34, false},
    {tlv_tag::sms_signal, "sms_signal", integer, 2, 2, 0x34, false},
    {tlv_tag::ms_validity, "ms_validity", integer, 1, 4, 0x34, false},
    {tlv_tag::alert_on_message_delivery, "alert_on_message_delivery", integer, 0, 1, 0x34, false},
    {tlv_tag::its_reply_type, "its_reply_type", integer, 1, 1, 0x34, false},
    {tlv_tag::its_session_info, "its_session_info", octet_string, 2, 2, 0x34, false},
});

static_assert(std::is_sorted(table.begin(), table.end(),
                             [](const tlv_info& a, const tlv_info& b) { return a.tag < b.tag; }));

}  // namespace

std::span<const tlv_info> known_tlvs() noexcept { return table; }

const tlv_info* find_tlv(tlv_tag tag) noexcept {
  const auto* row = std::lower_bound(table.begin(), table.end(), tag,
                                     [](const tlv_info& a, tlv_tag wanted) { return a.tag < wanted; });
  return row != table.end() && row->tag == tag ? row : nullptr;
}

const tlv_info* find_tlv(std::string_view name) noexcept {
  const auto* row = std::find_if(table.begin(), table.end(), [&](const tlv_info& a) { return a.name == name; });
  return row != table.end() ? row : nullptr;
}

bool size_is_valid(const tlv_info& info, std::size_t bytes) noexcept {
  if (info.type == integer) return bytes == info.min_bytes || bytes == info.max_bytes;
  return bytes >= info.min_bytes && bytes <= info.max_bytes;
}

tlv_value typed_value(const tlv& parameter) noexcept {
  const tlv_info* info = find_tlv(parameter.tag);
  const auto octets = parameter.value;
  if (info == nullptr || info->type == octet_string) return octets;
  if (info->type == c_octet_string) {
    const std::string_view text(reinterpret_cast<const char*>(octets.data()), octets.size());
    return text.substr(0, text.find('\0'));
  }
  if (!size_is_valid(*info, octets.size())) return octets;
  std::uint32_t value = 0;
  for (const std::uint8_t octet : octets) value = (value << 8U) | octet;
  return value;
}

}  // namespace trunkline::protocol
