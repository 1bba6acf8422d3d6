#include "engine/spool/batch.hpp"

#include <algorithm>

namespace trunkline::engine {

block_table::block_table(std::uint64_t file_bytes) {
  const std::uint64_t blocks = file_bytes / block_entries + 2;
  // A small file gets what it needs: there may be a hundred thousand of them.
  chunk_blocks_ = blocks <= 4 ? 1 : static_cast<std::uint32_t>(std::min<std::uint64_t>(blocks, 256));
  chunks_.reserve(blocks / chunk_blocks_ + 1);
}

block& block_table::append() {
  const std::uint32_t i = size_.load(std::memory_order_relaxed);
  if (i / chunk_blocks_ == chunks_.size()) chunks_.push_back(std::make_unique<block[]>(chunk_blocks_));
  size_.store(i + 1, std::memory_order_release);
  return (*this)[i];
}

batch::batch(std::uint32_t id, std::string batch_name, std::uint64_t bytes, std::int64_t accepted_ms)
    : name(std::move(batch_name)), size(bytes), accepted_at_ms(accepted_ms), blocks(bytes) {
  batch_id = id;
}

}  // namespace trunkline::engine
