#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/report/received_line.hpp"
#include "protocol/udh.hpp"

namespace trunkline::engine {

/// What a deliver_sm or data_sm says, as views into its octets.
struct received_fields {
  std::string_view source;
  std::string_view destination;
  std::uint8_t esm_class = 0;
  std::uint8_t data_coding = 0;
  std::span<const std::uint8_t> header;     ///< user data header, its length octet included; empty: none
  std::span<const std::uint8_t> user_data;  ///< what follows it
  protocol::udh_fields udh;
  bool other_elements = false;                   ///< the header says more than `udh` holds
  std::optional<protocol::concatenation> place;  ///< of a part, by header or SAR TLVs
};

/// Nothing: it cannot be read at all.
[[nodiscard]] std::optional<received_fields> read_received(std::span<const std::uint8_t> pdu) noexcept;

/// Names a received PDU: the same one again, after a crash, has the same name, and no other has, short of chance.
[[nodiscard]] std::uint64_t identify(std::string_view carrier, std::int64_t received_at_ms,
                                     std::span<const std::uint8_t> pdu) noexcept;

/// One message of a phone, put together.
struct received_message {
  std::uint64_t id = 0;  ///< see identify(); of all parts together
  std::string carrier;
  std::string from;  ///< as it came, made printable
  std::string to;
  std::int64_t received_at_ms = 0;  ///< of its last part
  std::uint8_t esm_class = 0;
  std::uint8_t data_coding = 0;
  std::optional<std::string> text;    ///< UTF-8; nothing: no text, or in a set that we do not read
  std::vector<std::uint8_t> octets;   ///< user data, kept where there is no text
  std::vector<std::uint8_t> header;   ///< of one part: elements that a text does not show
  std::uint8_t parts = 1;             ///< in all
  std::vector<std::uint8_t> missing;  ///< numbers of parts that did not come
  std::vector<std::uint8_t> raw;      ///< the PDUs, kept where the text does not say everything
};

/// Puts messages together part by part, in the order of their numbers. `begin` first, then `add` for each part.
class message_assembler {
 public:
  void begin(const received_from& from, std::uint8_t parts);
  void add(std::uint8_t number, std::int64_t received_at_ms, std::uint64_t id, std::span<const std::uint8_t> pdu);
  /// The same with what `read_received` made of it.
  void add(std::uint8_t number, std::int64_t received_at_ms, std::uint64_t id, std::span<const std::uint8_t> pdu,
           const std::optional<received_fields>& f);
  /// The message; valid until the next `begin`.
  const received_message& finish();

 private:
  void flush_text();

  received_message made_;
  received_from from_;
  unsigned next_ = 1;
  bool readable_ = true;
  // A run of neighbours in one coding, decoded together: a sender may cut anywhere.
  std::vector<std::uint8_t> run_;
  protocol::encoding run_coding_{};
  protocol::gsm_tables run_tables_{};
  std::vector<std::uint8_t> septets_;
};

}  // namespace trunkline::engine
