// PDU bodies: any octets under any command decode within their bounds or fail; what decodes and can be written reads
// back as the same octets.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "protocol/pdu_dispatch.hpp"

namespace {

using namespace trunkline::protocol;

void check(bool holds) {
  if (!holds) std::abort();
}

/// Touches every octet of every field, for AddressSanitizer to judge.
struct toucher {
  unsigned sum = 0;
  void u8(std::string_view, std::uint8_t value) { sum += value; }
  void u32(std::string_view, std::uint32_t value) { sum += value; }
  void text(std::string_view, std::string_view value, std::size_t) {
    for (const char c : value) sum += static_cast<unsigned char>(c);
  }
  void time(std::string_view name, std::string_view value) { text(name, value, 0); }
  void response_text(std::string_view name, std::string_view value, std::size_t) { text(name, value, 0); }
  void counted(std::string_view, std::string_view, std::span<const std::uint8_t> value) {
    for (const std::uint8_t octet : value) sum += octet;
  }
  template <class Entry>
  void list(std::string_view, std::string_view, const entry_list<Entry>& value) {
    for (const Entry& entry : value) Entry::fields(entry, *this);
  }
  void tlvs(const tlv_view& value) {
    for (const tlv parameter : value) counted({}, {}, parameter.value);
  }
  void fail(errc) { std::abort(); }  // an entry of a decoded list is always readable
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const frame_result framed = next_frame({data, size});
  if (framed.kind != frame_kind::complete) return 0;
  with_pdu_type(framed.frame.header.id, [&]<class Pdu>(std::type_identity<Pdu>) {
    const auto pdu = decode<Pdu>(framed.frame);
    if (!pdu) return false;
    toucher touch;
    Pdu::fields(*pdu, touch);
    static std::vector<std::uint8_t> once(default_max_pdu_bytes + 64);
    static std::vector<std::uint8_t> twice(default_max_pdu_bytes + 64);
    const auto status = framed.frame.header.status;
    const std::size_t written = write_pdu(once, status, framed.frame.header.sequence_number, *pdu);
    if (written == 0) return true;  // a field over the standard's maximum is read and not written
    const auto again = next_frame(std::span<const std::uint8_t>(once).first(written));
    check(again.kind == frame_kind::complete);
    const auto back = decode<Pdu>(again.frame);
    check(back.has_value());
    check(write_pdu(twice, status, framed.frame.header.sequence_number, *back) == written);
    check(std::equal(once.begin(), once.begin() + static_cast<std::ptrdiff_t>(written), twice.begin()));
    return true;
  });
  return 0;
}
