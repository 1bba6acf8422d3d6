#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/octet_writer.hpp"

namespace trunkline::protocol {

/// Optional parameters of SMPP 3.4 (5.3.1) and 5.0 (4.8.4). A PDU may hold any other tag too: vendors own 0x1400 to
/// 0x3FFF, and the rest is reserved; they are kept as they are.
enum class tlv_tag : std::uint16_t {
  dest_addr_subunit = 0x0005,
  dest_network_type = 0x0006,
  dest_bearer_type = 0x0007,
  dest_telematics_id = 0x0008,
  source_addr_subunit = 0x000d,
  source_network_type = 0x000e,
  source_bearer_type = 0x000f,
  source_telematics_id = 0x0010,
  qos_time_to_live = 0x0017,
  payload_type = 0x0019,
  additional_status_info_text = 0x001d,
  receipted_message_id = 0x001e,
  ms_msg_wait_facilities = 0x0030,
  privacy_indicator = 0x0201,
  source_subaddress = 0x0202,
  dest_subaddress = 0x0203,
  user_message_reference = 0x0204,
  user_response_code = 0x0205,
  source_port = 0x020a,
  destination_port = 0x020b,
  sar_msg_ref_num = 0x020c,
  language_indicator = 0x020d,
  sar_total_segments = 0x020e,
  sar_segment_seqnum = 0x020f,
  sc_interface_version = 0x0210,
  callback_num_pres_ind = 0x0302,
  callback_num_atag = 0x0303,
  number_of_messages = 0x0304,
  callback_num = 0x0381,
  dpf_result = 0x0420,
  set_dpf = 0x0421,
  ms_availability_status = 0x0422,
  network_error_code = 0x0423,
  message_payload = 0x0424,
  delivery_failure_reason = 0x0425,
  more_messages_to_send = 0x0426,
  message_state = 0x0427,
  congestion_state = 0x0428,
  ussd_service_op = 0x0501,
  broadcast_channel_indicator = 0x0600,
  broadcast_content_type = 0x0601,
  broadcast_content_type_info = 0x0602,
  broadcast_message_class = 0x0603,
  broadcast_rep_num = 0x0604,
  broadcast_frequency_interval = 0x0605,
  broadcast_area_identifier = 0x0606,
  broadcast_error_status = 0x0607,
  broadcast_area_success = 0x0608,
  broadcast_end_time = 0x0609,
  broadcast_service_group = 0x060a,
  billing_identification = 0x060b,
  source_network_id = 0x060d,
  dest_network_id = 0x060e,
  source_node_id = 0x060f,
  dest_node_id = 0x0610,
  dest_addr_np_resolution = 0x0611,
  dest_addr_np_information = 0x0612,
  dest_addr_np_country = 0x0613,
  display_time = 0x1201,
  sms_signal = 0x1203,
  ms_validity = 0x1204,
  alert_on_message_delivery = 0x130c,
  its_reply_type = 0x1380,
  its_session_info = 0x1383,
};

/// Octets of tag and length in front of a TLV's value.
inline constexpr std::size_t tlv_header_bytes = 4;

/// One optional parameter. The value points into the PDU.
struct tlv {
  tlv_tag tag{};
  std::span<const std::uint8_t> value;
};

/// The optional parameters of a PDU as they are on the wire, a view that dies with the PDU's octets. Iterates forward
/// in wire order, repeated tags included. A tail that cannot be read (a length past the end, one to three stray octets)
/// ends the iteration early and is kept in broken_tail(): what stands before it stays usable, because carriers do send
/// receipts like that.
class tlv_view {
 public:
  class iterator {
   public:
    using value_type = tlv;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;

    iterator() noexcept = default;
    explicit iterator(const std::uint8_t* at) noexcept : at_(at) {}

    [[nodiscard]] tlv operator*() const noexcept {
      return {.tag = static_cast<tlv_tag>((at_[0] << 8U) | at_[1]), .value = {at_ + tlv_header_bytes, size()}};
    }
    iterator& operator++() noexcept {
      at_ += tlv_header_bytes + size();
      return *this;
    }
    iterator operator++(int) noexcept {
      const iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator&, const iterator&) noexcept = default;

   private:
    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>((at_[2] << 8U) | at_[3]); }

    const std::uint8_t* at_ = nullptr;
  };

  tlv_view() noexcept = default;

  /// Takes the octets behind the mandatory fields, and walks them once to find where they stop making sense.
  explicit tlv_view(std::span<const std::uint8_t> octets) noexcept : octets_(octets) {
    while (octets.size() - readable_ >= tlv_header_bytes) {
      const std::size_t size =
          tlv_header_bytes + static_cast<std::size_t>((octets[readable_ + 2] << 8U) | octets[readable_ + 3]);
      if (size > octets.size() - readable_) break;
      readable_ += size;
    }
  }

  [[nodiscard]] iterator begin() const noexcept { return iterator(octets_.data()); }
  [[nodiscard]] iterator end() const noexcept { return iterator(octets_.data() + readable_); }
  [[nodiscard]] bool empty() const noexcept { return readable_ == 0; }

  /// All octets, the broken tail included.
  [[nodiscard]] std::span<const std::uint8_t> octets() const noexcept { return octets_; }

  /// The octets that are no TLV; empty in a well-formed PDU.
  [[nodiscard]] std::span<const std::uint8_t> broken_tail() const noexcept { return octets_.subspan(readable_); }

  /// The value of the first TLV with this tag. A tag that the standard does not allow twice and that came twice counts
  /// as its first.
  [[nodiscard]] std::optional<std::span<const std::uint8_t>> find(tlv_tag tag) const noexcept {
    for (const tlv parameter : *this) {
      if (parameter.tag == tag) return parameter.value;
    }
    return std::nullopt;
  }

  /// The value of an integer TLV; nothing when it is absent or has another length than the standard's, which counts as
  /// absent.
  [[nodiscard]] std::optional<std::uint8_t> find_u8(tlv_tag tag) const noexcept {
    const auto value = find(tag);
    if (!value || value->size() != 1) return std::nullopt;
    return (*value)[0];
  }
  [[nodiscard]] std::optional<std::uint16_t> find_u16(tlv_tag tag) const noexcept {
    const auto value = find(tag);
    if (!value || value->size() != 2) return std::nullopt;
    return static_cast<std::uint16_t>(((*value)[0] << 8U) | (*value)[1]);
  }
  [[nodiscard]] std::optional<std::uint32_t> find_u32(tlv_tag tag) const noexcept {
    const auto value = find(tag);
    if (!value || value->size() != 4) return std::nullopt;
    return (std::uint32_t{(*value)[0]} << 24U) | (std::uint32_t{(*value)[1]} << 16U) |
           (std::uint32_t{(*value)[2]} << 8U) | std::uint32_t{(*value)[3]};
  }

  /// The value of a C-octet string TLV, up to its first NUL or, since many peers leave that out, the end of the value.
  [[nodiscard]] std::optional<std::string_view> find_text(tlv_tag tag) const noexcept {
    const auto value = find(tag);
    if (!value) return std::nullopt;
    const std::string_view text(reinterpret_cast<const char*>(value->data()), value->size());
    return text.substr(0, text.find('\0'));
  }

 private:
  std::span<const std::uint8_t> octets_;
  std::size_t readable_ = 0;
};

/// Writes one TLV; more than 65,535 octets fail with too_long_field. The octets a writer collects this way become the
/// `tlvs` of a PDU: `pdu.tlvs = tlv_view(writer.written())`.
void write_tlv(octet_writer& out, tlv_tag tag, std::span<const std::uint8_t> value) noexcept;
void write_tlv_u8(octet_writer& out, tlv_tag tag, std::uint8_t value) noexcept;
void write_tlv_u16(octet_writer& out, tlv_tag tag, std::uint16_t value) noexcept;
void write_tlv_u32(octet_writer& out, tlv_tag tag, std::uint32_t value) noexcept;

/// Writes a C-octet string TLV, its NUL included.
void write_tlv_text(octet_writer& out, tlv_tag tag, std::string_view value) noexcept;

}  // namespace trunkline::protocol
