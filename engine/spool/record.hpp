#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/text_encoding.hpp"
#include "router/outcome.hpp"

namespace trunkline::engine {

/// One entry of `tags` or `vars`.
struct tag {
  std::string_view key;
  std::string_view value;

  friend bool operator==(const tag&, const tag&) = default;
};

/// One entry of `tlv`: an optional parameter to add to the PDU as it is.
struct tlv_field {
  std::uint16_t tag = 0;
  std::span<const std::uint8_t> value;
};

/// What a message says about delivery receipts; `unset` leaves it to the carrier's `receipts`.
enum class receipt_request : std::uint8_t { unset, yes, no, failure };

/// One message as its producer wrote it, checked field by field, the batch's defaults filled in. All views point into
/// the line, into buffers of the parser, or into the batch's defaults, and live until the parser's next parse call.
struct record {
  std::string_view to;      ///< as given, escapes decoded
  std::string_view number;  ///< 3 to 15 digits, international
  std::string_view text;    ///< valid UTF-8, placeholders filled; meaningful when `has_text`
  std::span<const std::uint8_t> data;
  std::span<const std::uint8_t> udh;  ///< begins with its own length octet; empty: none
  std::string_view from;              ///< digits (optionally +) or printable ASCII; meaningful when `has_from`
  std::string_view id;                ///< empty: none
  std::string_view carrier;           ///< pinned carrier; empty: by the routes
  std::span<const tag> tags;          ///< the line's own first, then those of the batch that the line does not override
  std::span<const tag> vars;          ///< the same; already used to fill the batch's text
  std::span<const tlv_field> tlvs;    ///< the same
  std::int64_t validity_ms = -1;      ///< relative, to acceptance or send_at; -1: none
  std::int64_t expires_at_ms = -1;    ///< absolute, wall clock; -1: none. Never together with `validity_ms`
  std::int64_t send_at_ms = -1;       ///< wall clock; -1: none
  /// With `has_encoding`: the encoding asked for, nothing meaning "auto" (protocol::automatic).
  std::optional<protocol::encoding> encoding;
  std::optional<std::uint8_t> source_ton;  ///< nothing: as the carrier says
  std::optional<std::uint8_t> source_npi;
  std::optional<std::uint8_t> dest_ton;
  std::optional<std::uint8_t> dest_npi;
  std::optional<bool> smart;  ///< replace typographic characters; nothing: as the carrier says
  bool has_text = false;      ///< exactly one of `has_text` and `has_data` is set
  bool has_data = false;
  bool has_from = false;
  bool has_encoding = false;
  bool flash = false;
  std::uint8_t data_coding = 0;  ///< meaningful when `has_data`
  std::uint8_t max_parts = 0;    ///< 0: the carrier's
  router::priority priority = router::priority::bulk;
  receipt_request receipt = receipt_request::unset;
};

/// Why a line is not a message.
struct record_error {
  router::reason code = router::reason::none;
  std::string text;  ///< for people: names the field, what was found and what is expected
};

/// Bounds of one line, so that no producer can make the engine's memory grow. Sizes are octets after decoding.
struct record_limits {
  std::size_t line_bytes = 1U << 20;  ///< longest line or CSV record, undecoded: `line_too_long`
  std::size_t text_bytes = 40'000;    ///< `too_long`
  std::size_t data_bytes = 40'000;
  std::size_t id_bytes = 64;
  std::size_t carrier_bytes = 64;
  std::size_t tags = 16;
  std::size_t tag_key_bytes = 64;
  std::size_t tag_value_bytes = 256;
  std::size_t vars = 64;
  std::size_t var_key_bytes = 64;
  std::size_t var_value_bytes = 4'000;
  std::size_t tlvs = 16;
  std::size_t tlv_bytes = 1'024;  ///< all values of a message together
};

/// What parsing depends on besides the line.
struct record_options {
  std::string default_country;  ///< upper-case ISO 3166 code or empty: `[engine] default_country`
  record_limits limits;
};

}  // namespace trunkline::engine
