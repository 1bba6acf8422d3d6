#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace trunkline::engine {

/// One PDU, or the place where octets stopped being PDUs.
struct described_pdu {
  nlohmann::ordered_json json;  ///< the fields in wire order, or {"error", "offset"}
  bool wrong = false;
};

/// Takes octets apart into PDUs and their fields, named as in the standard: integers as numbers, C-octet strings as
/// text (what is not UTF-8 replaced), octet strings as hexadecimal, lists as arrays, passwords masked; then `text`
/// where there is one that can be read, and `receipt`. Offsets count from the first octet. After a wrong body it goes
/// on with the next PDU; after octets that cannot be framed it stops.
[[nodiscard]] std::vector<described_pdu> describe_pdus(std::span<const std::uint8_t> octets);

}  // namespace trunkline::engine
