#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>

#include "protocol/errc.hpp"
#include "protocol/framing.hpp"
#include "protocol/octet_reader.hpp"
#include "protocol/octet_writer.hpp"
#include "protocol/pdu_broadcast.hpp"
#include "protocol/pdu_header.hpp"
#include "protocol/pdu_manage.hpp"
#include "protocol/pdu_message.hpp"
#include "protocol/pdu_multi.hpp"
#include "protocol/pdu_session.hpp"

namespace trunkline::protocol {

// A PDU is a plain struct of views with the standard's field names in wire order. Its fields() names them once, for the
// decoder, the encoder and whoever prints them:
//   u8, u32        integers
//   text           C-octet string; the maximum counts the NUL
//   time           C-octet string, empty or of 16 characters
//   response_text  first field of a response; peers leave out the body, or the NUL at its end
//   counted        a length octet and as many octets
//   list           a count octet and as many entries
//   tlvs           what is left
// Reading is lenient where the field has shown that strictness loses receipts: maxima are not enforced (a 30-digit
// source address is read as it is), TLVs may follow any body, and a broken tail of TLVs is dropped. Writing is strict.

/// The visitor that reads a body.
class field_reader {
 public:
  explicit field_reader(std::span<const std::uint8_t> body) noexcept : in_(body) {}

  void u8(std::string_view, std::uint8_t& value) noexcept {
    if (!absent_) value = in_.u8();
  }
  void u32(std::string_view, std::uint32_t& value) noexcept {
    if (!absent_) value = in_.u32();
  }
  void text(std::string_view, std::string_view& value, std::size_t) noexcept {
    if (!absent_) value = in_.c_octet_string();
  }
  void time(std::string_view, std::string_view& value) noexcept {
    if (!absent_) value = in_.c_octet_string();
  }
  void response_text(std::string_view, std::string_view& value, std::size_t) noexcept {
    absent_ = in_.remaining() == 0 || (in_.remaining() == 1 && in_.left()[0] == 0);
    value = in_.c_octet_string_or_rest();
  }
  void counted(std::string_view, std::string_view, std::span<const std::uint8_t>& value) noexcept {
    if (absent_) return;
    const std::size_t size = in_.u8();
    if (size > in_.remaining()) return in_.fail(errc::bad_message_length);
    value = in_.octets(size);
  }
  template <class Entry>
  void list(std::string_view, std::string_view, entry_list<Entry>& value) noexcept {
    // A response that ends behind its message_id has refused nobody.
    if (absent_ || (std::is_same_v<Entry, unsuccess_sme> && in_.remaining() == 0)) return;
    const std::size_t declared = in_.u8();
    value = entry_list<Entry>(in_.left(), declared);
    // A response with entries missing still tells about those that are there; a request with destinations missing is
    // not to be carried out.
    if (value.complete()) {
      (void)in_.octets(value.octets().size());
    } else if constexpr (std::is_same_v<Entry, unsuccess_sme>) {
      (void)in_.rest();
    } else {
      in_.fail(errc::truncated);
    }
  }
  void tlvs(tlv_view& value) noexcept {
    const auto octets = in_.rest();
    if (octets.empty()) return;
    value = tlv_view(octets);
    const auto tail = value.broken_tail();
    // Other broken TLVs can be done without, but this one was the text.
    if (tail.size() >= 2 && ((tail[0] << 8U) | tail[1]) == static_cast<int>(tlv_tag::message_payload)) {
      in_.fail(errc::bad_tlv);
    }
  }

  [[nodiscard]] bool ok() const noexcept { return in_.ok(); }
  [[nodiscard]] errc error() const noexcept { return in_.error(); }
  /// Offset in the body, of the field that failed when !ok().
  [[nodiscard]] std::size_t position() const noexcept { return in_.position(); }

 private:
  octet_reader in_;
  bool absent_ = false;  ///< a response without a body: its fields keep their defaults
};

/// The visitor that writes a body.
class field_writer {
 public:
  explicit field_writer(octet_writer& out) noexcept : out_(out) {}

  void u8(std::string_view, std::uint8_t value) noexcept { out_.u8(value); }
  void u32(std::string_view, std::uint32_t value) noexcept { out_.u32(value); }
  void text(std::string_view, std::string_view value, std::size_t max) noexcept { out_.c_octet_string(value, max); }
  void time(std::string_view, std::string_view value) noexcept {
    if (!value.empty() && value.size() != 16) return out_.fail(errc::bad_value);
    out_.c_octet_string(value);
  }
  void response_text(std::string_view, std::string_view value, std::size_t max) noexcept {
    out_.c_octet_string(value, max);
  }
  void counted(std::string_view, std::string_view, std::span<const std::uint8_t> value) noexcept {
    if (value.size() > 255) return out_.fail(errc::too_long_field);
    out_.u8(static_cast<std::uint8_t>(value.size()));
    out_.octets(value);
  }
  template <class Entry>
  void list(std::string_view, std::string_view, const entry_list<Entry>& value) noexcept {
    if (value.size() > 255) return out_.fail(errc::too_long_field);
    out_.u8(static_cast<std::uint8_t>(value.size()));
    out_.octets(value.octets());
  }
  void tlvs(const tlv_view& value) noexcept { out_.octets(value.octets()); }

 private:
  octet_writer& out_;
};

/// Reads the body of a PDU (the octets behind the header). The result points into `body` and dies with it. Allocates
/// nothing. A response with an error and no body, a lone NUL or a full body are all read.
template <class Pdu>
[[nodiscard]] tl::expected<Pdu, errc> decode(std::span<const std::uint8_t> body) noexcept {
  tl::expected<Pdu, errc> result;
  field_reader visit(body);
  Pdu::fields(*result, visit);
  if (!visit.ok()) [[unlikely]]
    result = tl::unexpected(visit.error());  // the same object, so that a good one is built in place
  return result;
}

/// As above, and bind_request and bind_resp learn which of the three they are. Whether Pdu is what the header says is
/// the caller's to know.
template <class Pdu>
[[nodiscard]] tl::expected<Pdu, errc> decode(const frame& from) noexcept {
  auto result = decode<Pdu>(from.body);
  if constexpr (requires(Pdu pdu) { pdu.id = from.header.id; }) {
    if (result) result->id = from.header.id;
  }
  return result;
}

/// Writes the body of a PDU. Errors stick to `out`: too_long_field, bad_value (a time string of a wrong length, a NUL
/// in a text) and no_space.
template <class Pdu>
void encode_body(octet_writer& out, const Pdu& pdu) noexcept {
  field_writer visit(out);
  Pdu::fields(pdu, visit);
}

/// Writes header and body and returns their octets, or 0 when they do not fit or a field does not. In a response with
/// an error whose body says nothing, the body is left out where SMPP 3.4 does (all but deliver_sm_resp).
template <class Pdu>
[[nodiscard]] std::size_t write_pdu(std::span<std::uint8_t> out, command_status status, std::uint32_t sequence_number,
                                    const Pdu& pdu) noexcept {
  if (out.size() < header_bytes) return 0;
  octet_writer body(out.subspan(header_bytes));
  encode_body(body, pdu);
  if (!body.ok()) return 0;
  std::size_t body_bytes = body.position();
  if constexpr (requires { Pdu::omits_body_on_error; }) {
    if (status != command_status::rok) {
      bool says_nothing = true;
      for (const std::uint8_t octet : body.written()) says_nothing = says_nothing && octet == 0;
      if (says_nothing) body_bytes = 0;
    }
  }
  const std::size_t length = header_bytes + body_bytes;
  write_header(out.first<header_bytes>(), {.command_length = static_cast<std::uint32_t>(length),
                                           .id = pdu.id,
                                           .status = status,
                                           .sequence_number = sequence_number});
  return length;
}

}  // namespace trunkline::protocol
