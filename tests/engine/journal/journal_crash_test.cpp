// Every moment at which a small journal workload can be cut off, by a power failure and by kill -9, with many draws of
// what the device kept: what was committed is read back, what is read back was written, and the journal goes on.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "engine/journal/reader.hpp"
#include "engine/journal/writer.hpp"
#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

const std::string directory = "/journal";

/// Plays a process that journals numbered records, dies and starts again.
class workload {
 public:
  explicit workload(std::uint64_t seed) : files_{seed}, seed_{seed} {
    EXPECT_TRUE(files_.make_directory(directory) && files_.sync_directory("/"));
  }

  memory_file_system& files() { return files_; }

  /// One life: recover, then commits over several segments until done or stopped.
  void live(int commits) {
    const auto found = recover();
    if (!found) return;  // stopped while recovering
    check(*found);
    journal_writer writer{
        files_, directory, found->next, {.frame_bytes = 4096, .segment_bytes = 10000, .salt = seed_ + 1}};
    for (int index = 0; index < commits; ++index) {
      if (writer.wants_roll()) {
        if (!writer.roll()) return;
        if (writer.segment() > 4) {
          // Set first: the removal may take effect and then be cut off.
          first_segment_ = std::max(first_segment_, writer.segment() - 3);
          if (!writer.remove_segments_below(first_segment_)) return;
        }
      }
      const int records = 1 + index % 3;
      for (int record = 0; record < records; ++record) {
        std::vector<std::uint8_t> payload(8 + static_cast<std::size_t>(index * 97 % 700),
                                          static_cast<std::uint8_t>(next_));
        for (int shift = 0; shift < 8; ++shift)
          payload[static_cast<std::size_t>(shift)] = static_cast<std::uint8_t>(next_ >> (8 * shift));
        EXPECT_TRUE(writer.append(1, 1, payload));
        written_[next_] = std::move(payload);
        segment_of_[next_] = writer.segment();
        ++next_;
      }
      if (!writer.commit_begin()) return;
      if (!writer.commit_finish()) return;
      committed_ = next_;
    }
  }

  void recover_and_check() {
    files_.run_on();
    const auto found = recover();
    ASSERT_TRUE(found) << found.error().message();
    check(*found);
  }

 private:
  result<read_summary> recover() {
    seen_.clear();
    last_read_ = 0;
    return recover_journal(files_, directory, first_segment_, [this](const record_view& view) { read(view); });
  }

  void read(const record_view& view) {
    std::uint64_t number = 0;
    ASSERT_GE(view.payload.size(), 8U);
    for (int shift = 0; shift < 8; ++shift)
      number |= std::uint64_t{view.payload[static_cast<std::size_t>(shift)]} << (8 * shift);
    const auto original = written_.find(number);
    ASSERT_TRUE(original != written_.end());
    ASSERT_TRUE(std::equal(view.payload.begin(), view.payload.end(), original->second.begin(), original->second.end()));
    ASSERT_GT(number, last_read_);
    last_read_ = number;
    seen_.insert({number, true});
  }

  void check(const read_summary& found) {
    ASSERT_TRUE(found.corruptions.empty()) << found.corruptions[0].reason << " in " << found.corruptions[0].segment;
    // Everything committed is there, but for the segments that this process gave up.
    for (const auto& [number, segment] : segment_of_) {
      if (number >= committed_) break;
      if (segment < first_segment_ || abandoned_.contains(number)) continue;
      ASSERT_TRUE(seen_.contains(number)) << "record " << number << " of segment " << segment << " is lost";
    }
    // What was not committed may have survived; from now on it counts as committed, or it must never come back.
    for (std::uint64_t number = committed_; number < next_; ++number) {
      if (!seen_.contains(number)) abandoned_.insert({number, true});
    }
    for (const auto& [number, kept] : seen_)
      ASSERT_FALSE(abandoned_.contains(number)) << "record " << number << " came back";
    committed_ = next_;
  }

  memory_file_system files_;
  std::uint64_t seed_;
  std::uint64_t next_ = 1;
  std::uint64_t committed_ = 1;  // records below are durable
  std::uint64_t first_segment_ = 0;
  std::uint64_t last_read_ = 0;
  std::map<std::uint64_t, std::vector<std::uint8_t>> written_;
  std::map<std::uint64_t, std::uint64_t> segment_of_;
  std::map<std::uint64_t, bool> seen_;
  std::map<std::uint64_t, bool> abandoned_;
};

TEST(journal_crash, at_every_operation) {
  // A first life without a crash tells how many operations there are.
  workload whole{0};
  whole.live(60);
  const std::uint64_t operations = whole.files().operations();
  ASSERT_GT(operations, 150U);
  for (std::uint64_t n = 0; n < operations; ++n) {
    for (std::uint64_t draw = 0; draw < 6; ++draw) {
      const std::uint64_t seed = n * 100 + draw;
      SCOPED_TRACE("operation " + std::to_string(n) + ", seed " + std::to_string(seed));
      workload work{seed};
      work.files().stop_after(n);
      work.live(60);
      draw % 3 == 2 ? work.files().kill() : work.files().crash();
      work.recover_and_check();
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  }
}

TEST(journal_crash, again_and_again) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    workload work{seed};
    std::mt19937_64 random{seed};
    for (int life = 0; life < 8; ++life) {
      work.files().stop_after(random() % 120);
      work.live(40);
      random() % 2 == 0 ? work.files().kill() : work.files().crash();
      ASSERT_FALSE(testing::Test::HasFailure());
    }
    work.recover_and_check();
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

// After a failed sync the cache may show a frame that the device does not have. Recovery in a new process must not
// build on it: what it hands out has to be there after a power failure, too.
TEST(journal_crash, a_failed_sync_is_not_believed_by_the_next_process) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    memory_file_system files{seed};
    ASSERT_TRUE(files.make_directory(directory) && files.sync_directory("/"));
    int syncs = 0;
    files.set_fault_hook([&](file_operation operation, const std::string&) -> std::optional<std::error_code> {
      if (operation == file_operation::sync_finish && ++syncs == 5) return std::make_error_code(std::errc::io_error);
      return std::nullopt;
    });
    {
      journal_writer writer{files, directory, {}, {.frame_bytes = 4096, .segment_bytes = 20000, .salt = 3}};
      ASSERT_TRUE(writer.roll());
      const std::vector<std::uint8_t> payload(1500, 7);
      while (writer.append(1, 1, payload) && writer.commit()) {
      }
      ASSERT_EQ(writer.durable_frame(), 3U);
    }
    files.kill();
    files.set_fault_hook(nullptr);
    const auto handler = [](const record_view&) {};
    const auto first = recover_journal(files, directory, 0, handler);
    ASSERT_TRUE(first);
    ASSERT_GE(first->frames, 3U);
    journal_writer writer{files, directory, first->next, {.frame_bytes = 4096, .segment_bytes = 20000, .salt = 4}};
    ASSERT_TRUE(writer.roll() && writer.append(1, 1, std::vector<std::uint8_t>(10, 8)) && writer.commit());
    files.crash();
    const auto second = recover_journal(files, directory, 0, handler);
    ASSERT_TRUE(second);
    ASSERT_EQ(second->frames, first->frames + 1);
    ASSERT_TRUE(second->corruptions.empty());
  }
}

}  // namespace
}  // namespace trunkline::engine
