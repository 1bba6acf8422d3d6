#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/receipts/id_relation.hpp"
#include "engine/receipts/receipt_park.hpp"
#include "engine/receipts/sent_store.hpp"
#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

/// What is still to come of a batch.
struct batch_fate {
  std::string name;
  std::uint64_t open_parts = 0;    ///< accepted parts without a final state
  sent_place last;                 ///< the message of it that was stored last; others follow by `previous`
  std::uint32_t first_bucket = 0;  ///< that holds one of its messages
  bool closed = false;             ///< its report is shown. Not in the file: recovery knows which batches are open
};

/// What must be known of receipts at a point of the journal, besides the logs of the store: the file data_dir/receipts/
/// state, written as a whole at each checkpoint.
struct receipt_state {
  std::vector<sent_store::extent> extents;
  std::map<std::uint32_t, batch_fate> fates;  ///< by batch number
  std::vector<parked_receipt> parked;
  std::map<std::string, id_relation> learned;  ///< by carrier
};

std::vector<std::uint8_t> encode(const receipt_state& state);
/// Nothing when it is damaged or of another version.
std::optional<receipt_state> decode_receipt_state(std::span<const std::uint8_t> octets);

/// Writes DIRECTORY/state durably, by rename.
result<void> save_receipt_state(file_system& files, const std::string& directory, std::span<const std::uint8_t> octets);
/// An empty state when there is no file. `errc::illegal_byte_sequence` when it is damaged.
result<receipt_state> load_receipt_state(file_system& files, const std::string& directory);

}  // namespace trunkline::engine
