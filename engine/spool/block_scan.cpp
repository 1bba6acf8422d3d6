#include "engine/spool/block_scan.hpp"

namespace trunkline::engine {

void begin_block(batch& b) {
  block& fresh = b.blocks.append();
  fresh.offset = b.scanned_bytes;
  fresh.first_line = b.scanned_lines + 1;
}

void count_entry(batch& b, std::uint32_t block_index, std::uint32_t index, entry_reader::outcome what,
                 const entry_reader& reader) {
  block& at = b.blocks[block_index];
  const bool first = block_index == 0 && index == 0;
  bool is_message = true;
  if (what == entry_reader::outcome::entry) {
    if (b.format == batch_format::csv) {
      is_message = !first && reader.view().find_first_not_of(" \t\r") != std::string_view::npos;
    } else {
      const line_kind kind = classify_line(reader.view(), first);
      is_message = kind == line_kind::message || kind == line_kind::trailer;
    }
  }
  at.entries = static_cast<std::uint16_t>(index + 1);
  if (is_message) {
    at.open.fetch_add(1, std::memory_order_relaxed);
    ++b.messages;
  } else {
    block::set(at.final, index);
  }
}

bool end_block(batch& b, const entry_reader& reader, bool ended) {
  b.scanned_bytes = reader.next_offset();
  b.scanned_lines = reader.next_line() - 1;
  if (!ended && b.scanned_bytes < b.size) return false;
  b.scanned = true;
  b.total.store(b.messages, std::memory_order_release);
  return true;
}

bool scan_block(batch& b, entry_reader& reader) {
  const std::uint32_t index = b.blocks.size();
  begin_block(b);
  reader.seek(b, b.scanned_bytes, b.scanned_lines + 1);
  bool ended = false;
  for (std::uint32_t i = 0; i < block_entries; ++i) {
    const auto what = reader.next();
    if (what == entry_reader::outcome::failed) return false;
    if (what == entry_reader::outcome::end) {
      ended = true;
      break;
    }
    count_entry(b, index, i, what, reader);
  }
  end_block(b, reader, ended);
  return true;
}

}  // namespace trunkline::engine
