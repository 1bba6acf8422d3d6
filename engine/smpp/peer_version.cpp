// A carrier may turn out to speak an older SMPP than the configuration says. Messages were encoded before that was
// known, so what it does not know is taken out of them when they are written (SMPP 3.4, 1.4.1).
#include "engine/smpp/peer_version.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/pdu.hpp"

namespace trunkline::engine {

using protocol::interface_version;
using protocol::tlv_tag;

namespace {

bool carries_text(tlv_tag tag) noexcept {
  return tag == tlv_tag::message_payload || tag == tlv_tag::sar_msg_ref_num || tag == tlv_tag::sar_total_segments ||
         tag == tlv_tag::sar_segment_seqnum;
}

}  // namespace

interface_version ruling_version(std::uint8_t configured, std::optional<std::uint8_t> sc_interface_version) noexcept {
  return protocol::session_version(configured, sc_interface_version.value_or(configured));
}

bool needs_newer_version(const protocol::frame& submit, interface_version version) noexcept {
  const auto pdu = protocol::decode<protocol::submit_sm>(submit);
  if (!pdu) return false;
  return std::any_of(pdu->tlvs.begin(), pdu->tlvs.end(), [version](const protocol::tlv& parameter) {
    return carries_text(parameter.tag) && !protocol::allows(version, parameter.tag);
  });
}

std::size_t fit_to_version(std::span<std::uint8_t> submit, interface_version version) noexcept {
  const auto cut = protocol::next_frame(submit);
  if (cut.kind != protocol::frame_kind::complete) return submit.size();
  const auto pdu = protocol::decode<protocol::submit_sm>(cut.frame);
  if (!pdu || pdu->tlvs.empty()) return submit.size();
  std::uint8_t* out = submit.data() + (pdu->tlvs.octets().data() - submit.data());
  // Every value is moved towards the front, over octets that were looked at already.
  for (auto at = pdu->tlvs.begin(); at != pdu->tlvs.end();) {
    const protocol::tlv parameter = *at;
    ++at;
    if (!protocol::allows(version, parameter.tag)) continue;
    const std::size_t size = protocol::tlv_header_bytes + parameter.value.size();
    std::memmove(out, parameter.value.data() - protocol::tlv_header_bytes, size);
    out += size;
  }
  const auto size = static_cast<std::size_t>(out - submit.data());
  protocol::pdu_header header = cut.frame.header;
  header.command_length = static_cast<std::uint32_t>(size);
  protocol::write_header(std::span<std::uint8_t, protocol::header_bytes>(submit.data(), protocol::header_bytes),
                         header);
  return size;
}

}  // namespace trunkline::engine
