// Octets as a segment of a journal. The first octet says how they are put there: as they are, or as the records behind
// headers that are in order, so that the fuzzer need not invent checksums. Whatever they are, reading ends, hands out
// nothing that a writer has not written, and a journal written behind them reads back.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "engine/journal/format.hpp"
#include "engine/journal/reader.hpp"
#include "engine/journal/writer.hpp"
#include "engine/runtime/memory_file_system.hpp"

using namespace trunkline::engine;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 200'000) return 0;
  std::span<const std::uint8_t> octets{data + 1, size - 1};
  constexpr std::uint64_t salt = 42;
  memory_file_system files;
  require(files.make_directory("/j").has_value());
  {
    auto opened = files.open("/j/" + journal_format::segment_name(1), open_mode::create_new);
    file& segment = **opened;
    std::uint64_t offset = 0;
    if ((data[0] & 1) != 0) {
      std::array<std::uint8_t, journal_format::segment_header_bytes> header;
      journal_format::encode(journal_format::segment_header{1, 1, salt}, header);
      require(segment.write_at(header, 0).has_value());
      offset = journal_format::first_frame_offset;
    }
    if ((data[0] & 2) != 0) {
      std::array<std::uint8_t, journal_format::frame_header_bytes> header;
      journal_format::encode(journal_format::frame_header{1, 1, static_cast<std::uint32_t>(octets.size())}, salt,
                             header);
      require(segment.write_at(header, offset).has_value());
      offset += header.size();
    }
    require(segment.write_at(octets, offset).has_value());
  }
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;
  const record_handler count = [&](const record_view& record) {
    require(record.type != 0);
    ++records;
    for (const std::uint8_t octet : record.payload) payload_bytes += octet;  // touches all of it
  };
  const auto read = read_journal(files, "/j", 0, count);
  if (!read) {
    require(read.error() == std::errc::not_supported);
    return 0;
  }
  require(read->records == records);
  const auto recovered = recover_journal(files, "/j", 0, count);
  require(recovered && recovered->records == read->records && recovered->next == read->next);

  journal_writer writer{files, "/j", recovered->next, {.frame_bytes = 4096, .segment_bytes = 8192, .salt = salt + 1}};
  require(writer.roll() && writer.append(1, 1, octets.first(std::min<std::size_t>(octets.size(), 4000))) &&
          writer.commit());
  records = 0;
  const auto again = read_journal(files, "/j", 0, count);
  require(again && records == recovered->records + 1);
  return 0;
}
