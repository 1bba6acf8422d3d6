#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "engine/runtime/configuration.hpp"
#include "engine/spool/record.hpp"
#include "protocol/text_encoding.hpp"

namespace trunkline::engine {

/// Turns the text of one message after another into the octets that a carrier wants: the alphabet, national language
/// tables, replacement of typographic characters, packing, and the alphabet that data_coding 0 means there. Belongs to
/// one thread; no allocation once its buffers have grown.
class submit_text {
 public:
  /// What `encode` chose.
  struct choice {
    protocol::encoding used = protocol::encoding::gsm7;  ///< what limits count
    protocol::gsm_tables tables = {};                    ///< the header of every part names them
    std::uint8_t data_coding = 0;
    bool smart = false;                    ///< characters were replaced
    bool rewritten = false;                ///< the parts stand otherwise on the wire: write_piece() each
    std::span<const std::uint8_t> octets;  ///< to be cut into parts
  };

  /// Encodes `from.text` for carrier `to`. Null when it cannot go there: see error(). The choice is valid until the
  /// next call.
  const choice* encode(const record& from, const carrier_config& to);
  /// Why the last `encode` gave nothing: cannot_encode or too_long.
  record_error& error() noexcept { return error_; }

  /// Writes `piece` of the last choice's octets, which was `rewritten`, as it goes behind a user data header of
  /// `header_octets` (0: none): packed with fill bits (3GPP TS 23.040, 9.2.3.24), or in the carrier's default alphabet.
  /// Returns the octets written, never more than `piece` has; `out` has room for so many.
  std::size_t write_piece(std::span<const std::uint8_t> piece, std::size_t header_octets, std::span<std::uint8_t> out);

 private:
  using encoded = tl::expected<protocol::encoded_text, protocol::errc>;

  encoded encode_with_tables(std::string_view text, std::optional<protocol::encoding> requested,
                             const carrier_config& to);
  encoded encode_smart(std::string_view text, std::optional<protocol::encoding> requested, const carrier_config& to,
                       bool& replaced);

  const choice* refuse(protocol::errc why, std::optional<protocol::encoding> wanted);
  const choice* change_alphabet(const record& from, const carrier_config& to, bool requested);

  choice choice_;
  record_error error_;
  protocol::encoding alphabet_ = protocol::encoding::gsm7;  // of the last choice's parts; gsm7: packed
  std::vector<std::uint8_t> encoded_;
  std::vector<std::uint8_t> in_alphabet_;
  std::string replaced_;
  std::string piece_;
};

}  // namespace trunkline::engine
