#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/runtime/configuration.hpp"
#include "engine/spool/record.hpp"
#include "engine/spool/record_template.hpp"

namespace trunkline::engine {

/// What the first line of a batch, `{"batch": {...}}`, sets for all of its messages. Every field of a message may stand
/// there; unset ones say nothing. Owns its strings. Written once (parse_header), then read by any number of parsers.
struct batch_defaults {
  std::string name;  ///< echoed as batch_name; empty: none
  std::optional<unknown_policy> on_unknown;

  /// The batch's text, compiled; empty (`!text.set()`): none. A line's own `text` or `data` goes before it.
  record_template text;
  std::optional<std::vector<std::uint8_t>> data;
  std::optional<std::uint8_t> data_coding;
  std::vector<std::uint8_t> udh;
  std::string to;      ///< as given; empty: none
  std::string number;  ///< its digits
  std::optional<std::string> from;
  std::string id;
  std::string carrier;
  std::vector<std::pair<std::string, std::string>> tags;
  std::vector<std::pair<std::string, std::string>> vars;
  std::vector<std::pair<std::uint16_t, std::vector<std::uint8_t>>> tlvs;
  std::int64_t validity_ms = -1;
  std::int64_t expires_at_ms = -1;
  std::int64_t send_at_ms = -1;
  bool has_encoding = false;
  std::optional<protocol::encoding> encoding;
  std::optional<bool> flash;
  std::optional<bool> smart;
  std::optional<std::uint8_t> source_ton;
  std::optional<std::uint8_t> source_npi;
  std::optional<std::uint8_t> dest_ton;
  std::optional<std::uint8_t> dest_npi;
  std::optional<router::priority> priority;
  std::uint8_t max_parts = 0;
  receipt_request receipt = receipt_request::unset;
};

}  // namespace trunkline::engine
