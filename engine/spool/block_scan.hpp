#pragma once

#include "engine/spool/entry_reader.hpp"

namespace trunkline::engine {

/// Learning where the blocks of a batch are, as its file is read for the first time (by the feeder), or again after a
/// restart (by recovery): begin_block, count_entry for each entry read, end_block.

/// Appends the next block; it begins where the last one ended.
void begin_block(batch& b);
/// Counts entry `index` of the last block, just read: a message, or a header or blank line, which is final at once.
void count_entry(batch& b, std::uint32_t block_index, std::uint32_t index, entry_reader::outcome what,
                 const entry_reader& reader);
/// Notes where the block ended; `ended`: the file did, too. True when the whole batch is known now.
bool end_block(batch& b, const entry_reader& reader, bool ended);

/// All three over one whole block. False when the file cannot be read.
bool scan_block(batch& b, entry_reader& reader);

}  // namespace trunkline::engine
