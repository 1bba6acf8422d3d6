// The journal and what it stands on: checksums, framing in memory, group commit on the real disk, reading back.
// Set TMPDIR to measure another file system.
#include <benchmark/benchmark.h>

#include <cstring>
#include <filesystem>

#include "engine/journal/reader.hpp"
#include "engine/journal/writer.hpp"
#include "engine/runtime/crc32c.hpp"
#include "engine/runtime/posix_file_system.hpp"

namespace trunkline::engine {
namespace {

constexpr std::size_t record_bytes = 32;  // about what one outcome takes

class scratch_directory {
 public:
  scratch_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "trunkline_bench.XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~scratch_directory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void add_records(journal_writer& writer, std::int64_t count) {
  for (std::int64_t index = 0; index < count; ++index) {
    const auto room = writer.begin_record(2, 1, record_bytes);
    std::memset(room.data(), static_cast<int>(index), record_bytes);
    writer.end_record(record_bytes);
  }
}

void checksum(benchmark::State& state, bool portable) {
  const std::vector<std::uint8_t> octets(static_cast<std::size_t>(state.range(0)), 0x5a);
  for (auto _ : state) benchmark::DoNotOptimize(portable ? crc32c_portable(octets) : crc32c(octets));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(checksum, chosen, false)->Arg(38)->Arg(4096);
BENCHMARK_CAPTURE(checksum, portable, true)->Arg(38)->Arg(4096);

/// Records to durable frames; the argument is records per commit.
void append_and_commit(benchmark::State& state) {
  const scratch_directory scratch;
  posix_file_system files;
  journal_writer writer{files, scratch.path()};
  if (!writer.roll()) return state.SkipWithError("roll");
  for (auto _ : state) {
    add_records(writer, state.range(0));
    if (!writer.commit()) return state.SkipWithError("commit");
    if (writer.wants_roll() && (!writer.roll() || !writer.remove_segments_below(writer.segment()))) {
      return state.SkipWithError("roll");
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(append_and_commit)->Arg(1)->Arg(100)->Arg(10'000)->Arg(80'000)->MinTime(0.3)->UseRealTime();

/// What writing costs when nothing waits for the disk.
void append_only(benchmark::State& state) {
  const scratch_directory scratch;
  posix_file_system files;
  journal_writer writer{files, scratch.path()};
  for (auto _ : state) {
    if (!writer.append(2, 1, std::vector<std::uint8_t>{})) {
      state.PauseTiming();
      (void)writer.roll().and_then([&] { return writer.commit(); });
      (void)writer.remove_segments_below(writer.segment());
      state.ResumeTiming();
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(append_only)->Iterations(400'000);

/// Reading a journal of 256 MiB that is in the page cache; the argument is records per frame.
void read_back(benchmark::State& state) {
  const scratch_directory scratch;
  posix_file_system files;
  journal_writer writer{files, scratch.path()};
  std::uint64_t bytes = 0;
  while (bytes < (256U << 20)) {
    if (writer.wants_roll() && !writer.roll()) return state.SkipWithError("roll");
    add_records(writer, state.range(0));
    bytes += writer.pending_bytes();
    if (!writer.commit()) return state.SkipWithError("commit");
  }
  std::uint64_t sum = 0;
  std::uint64_t records = 0;
  for (auto _ : state) {
    const auto read =
        read_journal(files, scratch.path(), 0, [&](const record_view& record) { sum += record.payload[0]; });
    if (!read || !read->corruptions.empty()) return state.SkipWithError("read");
    records += read->records;
  }
  benchmark::DoNotOptimize(sum);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
  state.SetItemsProcessed(static_cast<std::int64_t>(records));
}
BENCHMARK(read_back)->Arg(10'000)->Arg(80'000)->Unit(benchmark::kMillisecond)->MinTime(0.5);

/// One small write and fdatasync on a file prepared in each way: what a commit at low load waits for. 0: it grows;
/// 1: its space is reserved; 2: it was filled with zeros and synced.
void sync_after_write(benchmark::State& state) {
  const scratch_directory scratch;
  posix_file_system files;
  auto opened = files.open(scratch.path() + "/a", open_mode::create_new);
  file& target = **opened;
  constexpr std::uint64_t space = 16U << 20;
  if (state.range(0) == 1) (void)target.preallocate(space);
  if (state.range(0) == 2) (void)target.write_at(std::vector<std::uint8_t>(space, 0), 0);
  (void)target.sync();
  const std::vector<std::uint8_t> octets(1000, 1);
  std::uint64_t offset = 0;
  for (auto _ : state) {
    if (!target.write_at(octets, offset) || !target.sync()) return state.SkipWithError("write");
    offset = (offset + octets.size()) % (space - octets.size());
  }
}
BENCHMARK(sync_after_write)->Arg(0)->Arg(1)->Arg(2)->MinTime(0.5)->UseRealTime();

}  // namespace
}  // namespace trunkline::engine
