// Writing and reading a journal, whole and damaged, on the file system in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "engine/journal/format.hpp"
#include "engine/journal/reader.hpp"
#include "engine/journal/writer.hpp"
#include "engine/runtime/crc32c.hpp"
#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

using namespace journal_format;
using octets = std::vector<std::uint8_t>;

const std::string directory = "/journal";

/// A record as read, or as it should be.
struct entry {
  std::uint64_t frame;
  std::uint8_t type;
  std::uint8_t version;
  octets payload;

  friend bool operator==(const entry&, const entry&) = default;
};

void PrintTo(const entry& printed, std::ostream* to) {
  *to << "frame " << printed.frame << " type " << int{printed.type} << " of " << printed.payload.size();
}

struct reading {
  read_summary summary;
  std::vector<entry> entries;
};

reading read(file_system& files, std::uint64_t first = 0, bool recover = false) {
  reading got;
  const record_handler handler = [&](const record_view& record) {
    got.entries.push_back({record.frame, record.type, record.version, {record.payload.begin(), record.payload.end()}});
  };
  auto summary =
      recover ? recover_journal(files, directory, first, handler) : read_journal(files, directory, first, handler);
  EXPECT_TRUE(summary) << summary.error().message();
  if (summary) got.summary = std::move(*summary);
  return got;
}

octets payload_of(std::uint64_t frame, std::size_t size) {
  octets payload(size);
  for (std::size_t index = 0; index < size; ++index) payload[index] = static_cast<std::uint8_t>(frame * 31 + index);
  return payload;
}

constexpr journal_writer_options small{.frame_bytes = 4096, .segment_bytes = 16384, .salt = 99};

class journal : public testing::Test {
 protected:
  journal() { EXPECT_TRUE(files_.make_directory(directory) && files_.sync_directory("/")); }

  /// Commits frames of two records each; the frames have different lengths.
  void write_frames(journal_writer& writer, int count) {
    for (int index = 0; index < count; ++index) {
      const std::uint64_t frame = writer.next_frame();
      for (const std::uint8_t type : {std::uint8_t{1}, std::uint8_t{200}}) {
        entry written{frame, type, 3, payload_of(frame, frame * 7 % 40 + type % 9)};
        ASSERT_TRUE(writer.append(written.type, written.version, written.payload));
        written_.push_back(std::move(written));
      }
      ASSERT_TRUE(writer.commit());
    }
  }

  std::vector<entry> written_without(std::uint64_t first, std::uint64_t last) const {
    std::vector<entry> left;
    for (const auto& one : written_) {
      if (one.frame < first || one.frame > last) left.push_back(one);
    }
    return left;
  }

  octets segment(std::uint64_t number) {
    auto opened = files_.open(directory + '/' + segment_name(number), open_mode::read);
    octets all((*opened)->size().value());
    (void)(*opened)->read_at(all, 0);
    return all;
  }

  void replace(std::uint64_t number, const octets& with) {
    auto opened = files_.open(directory + '/' + segment_name(number), open_mode::read_write_create);
    ASSERT_TRUE((*opened)->truncate(0) && (*opened)->write_at(with, 0) && (*opened)->sync());
  }

  memory_file_system files_;
  std::vector<entry> written_;
};

TEST_F(journal, reads_back_what_was_committed) {
  journal_writer writer{files_, directory, {}, small};
  EXPECT_TRUE(writer.wants_roll());
  EXPECT_EQ(writer.commit_begin().error(), std::errc::operation_not_permitted);
  ASSERT_TRUE(writer.roll());
  write_frames(writer, 20);
  ASSERT_TRUE(writer.append(9, 9, payload_of(0, 5)));  // never committed
  const auto got = read(files_);
  EXPECT_EQ(got.entries, written_);
  EXPECT_EQ(got.summary.frames, 20U);
  EXPECT_EQ(got.summary.records, 40U);
  EXPECT_EQ(got.summary.segments, 1U);
  EXPECT_FALSE(got.summary.torn_tail);
  EXPECT_TRUE(got.summary.corruptions.empty());
  EXPECT_EQ(got.summary.next, (journal_start{2, 21}));
  EXPECT_EQ(files_.stat(directory + "/0000000000000001.log")->mode, 0600U);
}

TEST_F(journal, an_empty_or_missing_directory_is_an_empty_journal) {
  EXPECT_EQ(read(files_).summary.next, journal_start{});
  EXPECT_EQ(read(files_, 7).summary.next, (journal_start{7, 1}));
  EXPECT_EQ(read_journal(files_, "/none", 0, [](const record_view&) {})->segments, 0U);
  ASSERT_TRUE(files_.open(directory + "/notes.txt", open_mode::create_new));
  ASSERT_TRUE(files_.open(directory + "/000000000000000G.log", open_mode::create_new));
  EXPECT_EQ(read(files_, 0, true).summary.segments, 0U);
}

TEST_F(journal, a_record_is_made_in_place) {
  journal_writer writer{files_, directory, {}, small};
  ASSERT_TRUE(writer.roll());
  auto room = writer.begin_record(5, 1, 100);
  ASSERT_EQ(room.size(), 100U);
  std::memcpy(room.data(), "abc", 3);
  writer.end_record(3);
  room = writer.begin_record(6, 2, 0);
  ASSERT_FALSE(room.empty());
  writer.end_record(0);
  EXPECT_EQ(writer.pending_bytes(), 2 * record_header_bytes + 3);
  ASSERT_TRUE(writer.commit());
  EXPECT_EQ(writer.pending_bytes(), 0U);
  EXPECT_THAT(read(files_).entries, testing::ElementsAre(entry{1, 5, 1, {'a', 'b', 'c'}}, entry{1, 6, 2, {}}));
}

TEST_F(journal, a_full_frame_says_so) {
  journal_writer writer{files_, directory, {}, small};
  ASSERT_TRUE(writer.roll());
  EXPECT_EQ(writer.max_payload_bytes(), 4096 - record_header_bytes);
  EXPECT_TRUE(writer.begin_record(1, 1, writer.max_payload_bytes() + 1).empty());
  EXPECT_TRUE(writer.begin_record(1, 1, ~std::size_t{0}).empty());
  const octets largest = payload_of(1, writer.max_payload_bytes());
  ASSERT_TRUE(writer.append(1, 1, largest));
  EXPECT_FALSE(writer.append(1, 1, {}));
  ASSERT_TRUE(writer.commit());
  ASSERT_TRUE(writer.append(1, 1, {}));
  ASSERT_TRUE(writer.commit());
  EXPECT_THAT(read(files_).entries, testing::ElementsAre(entry{1, 1, 1, largest}, entry{2, 1, 1, {}}));
}

TEST_F(journal, frames_longer_than_the_readers_window) {
  journal_writer writer{files_, directory, {}, {.frame_bytes = 12U << 20, .segment_bytes = 1U << 20, .salt = 5}};
  ASSERT_TRUE(writer.roll());
  const octets large = payload_of(3, 9U << 20);
  for (int index = 0; index < 2; ++index) {
    ASSERT_TRUE(writer.append(1, 1, large) && writer.append(2, 1, octets{1}) && writer.commit());
  }
  const auto got = read(files_);
  ASSERT_EQ(got.entries.size(), 4U);
  EXPECT_EQ(got.entries[2].payload, large);
}

TEST_F(journal, an_empty_commit_writes_nothing) {
  journal_writer writer{files_, directory, {}, small};
  ASSERT_TRUE(writer.roll());
  EXPECT_TRUE(writer.commit_begin());
  EXPECT_FALSE(writer.commit_in_flight());
  EXPECT_TRUE(writer.commit_finish());
  EXPECT_EQ(writer.durable_frame(), 0U);
  EXPECT_EQ(writer.segment_bytes(), first_frame_offset);
}

TEST_F(journal, the_next_frame_fills_while_one_is_synced) {
  journal_writer writer{files_, directory, {}, small};
  ASSERT_TRUE(writer.roll());
  ASSERT_TRUE(writer.append(1, 1, octets{1}) && writer.commit_begin());
  ASSERT_TRUE(writer.append(1, 1, octets{2}));
  EXPECT_EQ(writer.commit_begin().error(), std::errc::operation_not_permitted);
  EXPECT_EQ(writer.roll().error(), std::errc::operation_not_permitted);
  EXPECT_EQ(writer.durable_frame(), 0U);
  ASSERT_TRUE(writer.commit_finish());
  EXPECT_EQ(writer.durable_frame(), 1U);
  ASSERT_TRUE(writer.commit());
  EXPECT_THAT(read(files_).entries, testing::ElementsAre(entry{1, 1, 1, {1}}, entry{2, 1, 1, {2}}));
}

TEST_F(journal, goes_on_over_segments_and_gives_back_space) {
  journal_writer writer{files_, directory, {}, small};
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(writer.append(1, 1, payload_of(writer.next_frame(), 20)));  // pending records move along
    written_.push_back({writer.next_frame(), 1, 1, payload_of(writer.next_frame(), 20)});
    ASSERT_TRUE(writer.roll());
    ASSERT_TRUE(writer.commit());
    while (!writer.wants_roll()) write_frames(writer, 1);
  }
  const auto got = read(files_);
  EXPECT_EQ(got.entries, written_);
  EXPECT_EQ(got.summary.segments, 5U);
  EXPECT_EQ(got.summary.next.segment, 6U);

  ASSERT_TRUE(writer.remove_segments_below(4));
  const auto rest = read(files_);
  EXPECT_EQ(rest.summary.first_segment, 4U);
  EXPECT_TRUE(rest.summary.corruptions.empty());
  EXPECT_EQ(rest.entries.back(), written_.back());
  EXPECT_EQ(read(files_, 5).summary.segments, 1U);
  ASSERT_TRUE(writer.remove_segments_below(99));
  EXPECT_EQ(read(files_).summary.segments, 1U) << "never the one in use";
}

TEST_F(journal, starts_again_behind_what_is_there) {
  {
    journal_writer writer{files_, directory, {}, small};
    ASSERT_TRUE(writer.roll());
    write_frames(writer, 3);
  }
  for (int start = 0; start < 3; ++start) {
    const auto got = read(files_, 0, true);
    EXPECT_EQ(got.entries, written_);
    journal_writer writer{files_, directory, got.summary.next, {.frame_bytes = 4096, .segment_bytes = 16384}};
    ASSERT_TRUE(writer.roll());
    write_frames(writer, 2);
  }
  const auto got = read(files_);
  EXPECT_EQ(got.entries, written_);
  EXPECT_EQ(got.summary.segments, 4U);
  EXPECT_TRUE(got.summary.corruptions.empty());
}

TEST_F(journal, recovery_gives_back_reserved_space) {
  journal_writer writer{files_, directory, {}, small};
  ASSERT_TRUE(writer.roll());
  write_frames(writer, 3);
  const std::uint64_t used = writer.segment_bytes();
  files_.kill();
  EXPECT_EQ(segment(1).size(), small.segment_bytes);
  (void)read(files_);
  EXPECT_EQ(segment(1).size(), small.segment_bytes) << "reading changes nothing";
  EXPECT_EQ(read(files_, 0, true).entries, written_);
  EXPECT_LE(segment(1).size(), used);
  EXPECT_GT(segment(1).size(), used - 8);
  EXPECT_EQ(read(files_).entries, written_);
}

TEST_F(journal, a_cut_at_every_octet_leaves_whole_frames) {
  std::vector<std::uint64_t> ends{first_frame_offset};
  {
    journal_writer writer{files_, directory, {}, small};
    ASSERT_TRUE(writer.roll());
    for (int index = 0; index < 6; ++index) {
      write_frames(writer, 1);
      ends.push_back(writer.segment_bytes());
    }
  }
  const octets whole = segment(1);
  for (const bool zeros : {false, true}) {  // the rest missing, or not written
    for (std::uint64_t cut = 0; cut <= ends.back(); ++cut) {
      if (cut > 100 && cut < 4000) continue;
      octets damaged{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut)};
      if (zeros) damaged.resize(whole.size());
      replace(1, damaged);
      const auto got = read(files_);
      std::size_t frames = 0;
      while (frames + 1 < ends.size() && ends[frames + 1] <= cut) ++frames;
      // The padding behind a frame is zeros anyway.
      ASSERT_TRUE(got.entries.size() == 2 * frames ||
                  (zeros && got.entries.size() == 2 * frames + 2 && ends[frames + 1] - cut < 8))
          << "cut at " << cut;
      ASSERT_TRUE(std::equal(got.entries.begin(), got.entries.end(), written_.begin())) << "cut at " << cut;
      ASSERT_TRUE(got.summary.corruptions.empty()) << "cut at " << cut;
      if (got.summary.torn_tail) {
        ASSERT_EQ(got.summary.torn_offset, ends[got.entries.size() / 2]);
      }
      ASSERT_EQ(got.summary.next.segment, 2U);
      // The journal goes on behind the cut, and the cut commit never was.
      if (cut % 16 != 3 || cut < first_frame_offset) continue;
      written_.resize(got.entries.size());
      journal_writer writer{files_, directory, got.summary.next, small};
      ASSERT_TRUE(writer.roll());
      write_frames(writer, 1);
      const auto again = read(files_);
      ASSERT_EQ(again.entries, written_);
      ASSERT_TRUE(again.summary.corruptions.empty()) << "cut at " << cut;
      ASSERT_FALSE(again.summary.torn_tail);
      ASSERT_TRUE(files_.remove(directory + '/' + segment_name(2)));
      written_.clear();
      for (std::uint64_t frame = 1; frame <= 6; ++frame) {
        for (const std::uint8_t type : {std::uint8_t{1}, std::uint8_t{200}}) {
          written_.push_back({frame, type, 3, payload_of(frame, frame * 7 % 40 + type % 9)});
        }
      }
    }
  }
}

TEST_F(journal, damage_anywhere_costs_its_frame_and_is_reported) {
  std::vector<std::uint64_t> ends{first_frame_offset};
  {
    journal_writer writer{files_, directory, {}, small};
    ASSERT_TRUE(writer.roll());
    for (int index = 0; index < 5; ++index) {
      write_frames(writer, 1);
      ends.push_back(writer.segment_bytes());
    }
  }
  const octets whole = segment(1);
  for (std::uint64_t at = first_frame_offset; at < ends.back(); ++at) {
    octets damaged = whole;
    damaged[at] ^= 0x41;
    replace(1, damaged);
    const auto got = read(files_);
    std::uint64_t frame = 1;
    while (ends[frame] <= at) ++frame;
    if (got.entries == written_) {  // padding
      ASSERT_LT(ends[frame] - at, 8U) << "damage at " << at;
      continue;
    }
    ASSERT_EQ(got.entries, written_without(frame, frame)) << "damage at " << at;
    if (frame == 5) {  // the last one cannot be told from a torn one
      ASSERT_TRUE(got.summary.torn_tail && got.summary.corruptions.empty()) << "damage at " << at;
      ASSERT_EQ(got.summary.torn_offset, ends[4]);
    } else {
      ASSERT_FALSE(got.summary.torn_tail);
      ASSERT_EQ(got.summary.corruptions.size(), 1U) << "damage at " << at;
      const auto& corruption = got.summary.corruptions[0];
      ASSERT_EQ(corruption.segment, 1U);
      ASSERT_EQ(corruption.offset, ends[frame - 1]);
      ASSERT_EQ(corruption.bytes, ends[frame] - ends[frame - 1]);
      ASSERT_EQ(corruption.first_frame, frame);
      ASSERT_EQ(corruption.last_frame, frame);
      ASSERT_EQ(got.summary.next.frame, 6U);
    }
  }
}

TEST_F(journal, several_damages_are_several_reports) {
  std::vector<std::uint64_t> ends{first_frame_offset};
  journal_writer writer{files_, directory, {}, small};
  ASSERT_TRUE(writer.roll());
  for (int index = 0; index < 9; ++index) {
    write_frames(writer, 1);
    ends.push_back(writer.segment_bytes());
  }
  octets damaged = segment(1);
  std::fill(damaged.begin() + static_cast<std::ptrdiff_t>(ends[1]),
            damaged.begin() + static_cast<std::ptrdiff_t>(ends[3]), std::uint8_t{0});
  damaged[ends[6] + 3] ^= 1;
  replace(1, damaged);
  const auto got = read(files_);
  ASSERT_EQ(got.summary.corruptions.size(), 2U);
  EXPECT_EQ(got.summary.corruptions[0].first_frame, 2U);
  EXPECT_EQ(got.summary.corruptions[0].last_frame, 3U);
  EXPECT_EQ(got.summary.corruptions[1].first_frame, 7U);
  EXPECT_EQ(got.summary.corruptions[1].offset, ends[6]);
  EXPECT_EQ(got.summary.frames, 6U);
  EXPECT_EQ(got.entries.back(), written_.back());
}

class journal_of_three_segments : public journal {
 protected:
  journal_of_three_segments() {
    journal_writer writer{files_, directory, {}, small};
    for (int number = 0; number < 3; ++number) {
      EXPECT_TRUE(writer.roll());
      write_frames(writer, 4);
    }
  }
};

TEST_F(journal_of_three_segments, damage_at_the_end_of_a_segment_with_a_later_one_is_corruption) {
  octets damaged = segment(1);
  damaged[damaged.size() - 10] ^= 1;
  replace(1, damaged);
  const auto got = read(files_);
  EXPECT_EQ(got.entries, written_without(4, 4));
  ASSERT_EQ(got.summary.corruptions.size(), 1U);
  EXPECT_EQ(got.summary.corruptions[0].segment, 1U);
  EXPECT_EQ(got.summary.corruptions[0].first_frame, 4U);
  EXPECT_FALSE(got.summary.torn_tail);
}

TEST_F(journal_of_three_segments, a_missing_end_of_a_segment_is_corruption) {
  octets damaged = segment(2);
  damaged.resize(first_frame_offset);
  replace(2, damaged);
  const auto got = read(files_);
  EXPECT_EQ(got.entries, written_without(5, 8));
  ASSERT_EQ(got.summary.corruptions.size(), 1U);
  EXPECT_EQ(got.summary.corruptions[0].segment, 2U);
  EXPECT_EQ(got.summary.corruptions[0].offset, first_frame_offset);
  EXPECT_EQ(got.summary.corruptions[0].last_frame, 8U);
}

TEST_F(journal_of_three_segments, a_missing_segment_is_corruption) {
  ASSERT_TRUE(files_.remove(directory + '/' + segment_name(2)));
  auto got = read(files_);
  EXPECT_EQ(got.entries, written_without(5, 8));
  ASSERT_EQ(got.summary.corruptions.size(), 1U);
  EXPECT_EQ(got.summary.corruptions[0].first_frame, 5U);
  got = read(files_, 2);
  EXPECT_EQ(got.summary.first_segment, 3U);
  EXPECT_EQ(got.summary.first_frame, 9U) << "tells who knows of frame 5 that it is gone";
}

TEST_F(journal_of_three_segments, one_copy_of_a_header_suffices) {
  for (const std::uint64_t copy : {std::uint64_t{0}, header_copy_offset}) {
    const octets whole = segment(2);
    octets damaged = whole;
    std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(copy), 512, std::uint8_t{0xff});
    replace(2, damaged);
    const auto got = read(files_);
    EXPECT_EQ(got.entries, written_);
    EXPECT_TRUE(got.summary.corruptions.empty());
    replace(2, whole);
  }
}

TEST_F(journal_of_three_segments, without_both_headers_the_segment_is_lost_and_reported) {
  for (const std::uint64_t number : {2U, 3U}) {
    const octets whole = segment(number);
    octets damaged = whole;
    std::fill_n(damaged.begin(), first_frame_offset, std::uint8_t{0xff});
    replace(number, damaged);
    const auto got = read(files_, 0, true);
    EXPECT_EQ(got.entries, written_without(number * 4 - 3, number * 4));
    ASSERT_EQ(got.summary.corruptions.size(), 1U);
    EXPECT_EQ(got.summary.corruptions[0].segment, number);
    EXPECT_EQ(got.summary.corruptions[0].first_frame, number == 2 ? 5U : 0U);
    EXPECT_EQ(got.summary.next.segment, 4U);
    replace(number, whole);
  }
}

TEST_F(journal_of_three_segments, a_segment_under_another_name_is_not_believed) {
  replace(4, segment(3));
  const auto got = read(files_);
  EXPECT_EQ(got.entries, written_);
  ASSERT_EQ(got.summary.corruptions.size(), 1U);
  EXPECT_EQ(got.summary.corruptions[0].segment, 4U);
}

TEST_F(journal, a_newer_format_is_refused) {
  {
    journal_writer writer{files_, directory, {}, small};
    ASSERT_TRUE(writer.roll());
    write_frames(writer, 1);
  }
  for (const std::uint64_t at : {std::uint64_t{0}, header_copy_offset}) {
    octets newer = segment(1);
    newer[at + 8] = 2;
    const std::uint32_t checksum = crc32c(std::span{newer}.subspan(at, 44));
    std::memcpy(newer.data() + at + 44, &checksum, 4);
    if (at != 0) newer[0] = 0;
    replace(5, newer);
    EXPECT_EQ(read_journal(files_, directory, 0, [](const record_view&) {}).error(), std::errc::not_supported);
  }
}

// A peer decides about the octets of a deliver_sm, which are journaled as they came. A commit that holds one and is
// torn must not turn into records that the peer has written.
TEST_F(journal, octets_of_a_peer_never_pass_for_a_frame) {
  octets forged;
  {
    memory_file_system elsewhere;
    ASSERT_TRUE(elsewhere.make_directory(directory));
    // The attacker knows everything but the salt.
    journal_writer writer{elsewhere, directory, {1, 5}, {.frame_bytes = 4096, .segment_bytes = 16384, .salt = 4711}};
    ASSERT_TRUE(writer.roll() && writer.append(1, 1, payload_of(5, 30)) && writer.commit());
    auto opened = elsewhere.open(directory + '/' + segment_name(1), open_mode::read);
    forged.resize(writer.segment_bytes() - first_frame_offset);
    ASSERT_TRUE((*opened)->read_at(forged, first_frame_offset));
  }
  journal_writer writer{files_, directory, {}, small};
  ASSERT_TRUE(writer.roll());
  write_frames(writer, 1);
  const std::uint64_t frame_at = writer.segment_bytes();
  octets payload(64, 0x20);
  for (int shift = 0; shift < 8; ++shift) {  // at every alignment
    payload.insert(payload.end(), forged.begin(), forged.end());
    payload.push_back(0x20);
  }
  ASSERT_TRUE(writer.append(7, 1, payload) && writer.commit());
  octets torn = segment(1);
  torn[frame_at] = 0;
  replace(1, torn);
  const auto got = read(files_);
  EXPECT_EQ(got.entries, written_);
  EXPECT_TRUE(got.summary.torn_tail);
  EXPECT_TRUE(got.summary.corruptions.empty());
}

TEST_F(journal, a_full_disk_loses_nothing) {
  journal_writer writer{files_, directory, {}, small};
  ASSERT_TRUE(writer.roll());
  write_frames(writer, 2);
  files_.set_fault_hook([](file_operation operation, const std::string&) -> std::optional<std::error_code> {
    if (operation == file_operation::write) return std::make_error_code(std::errc::no_space_on_device);
    return std::nullopt;
  });
  ASSERT_TRUE(writer.append(1, 1, payload_of(3, 2000)));
  EXPECT_EQ(writer.commit().error(), std::errc::no_space_on_device);
  EXPECT_EQ(writer.roll().error(), std::errc::no_space_on_device);
  EXPECT_EQ(writer.segment(), 1U);
  ASSERT_TRUE(writer.append(2, 1, payload_of(3, 10)));
  files_.set_fault_hook(nullptr);
  written_.push_back({3, 1, 1, payload_of(3, 2000)});
  written_.push_back({3, 2, 1, payload_of(3, 10)});
  ASSERT_TRUE(writer.commit());
  ASSERT_TRUE(writer.roll());
  write_frames(writer, 1);
  const auto got = read(files_);
  EXPECT_EQ(got.entries, written_);
  EXPECT_TRUE(got.summary.corruptions.empty());
}

TEST_F(journal, a_failed_sync_is_final) {
  journal_writer writer{files_, directory, {}, small};
  ASSERT_TRUE(writer.roll());
  files_.set_fault_hook([](file_operation operation, const std::string&) -> std::optional<std::error_code> {
    if (operation == file_operation::sync_finish) return std::make_error_code(std::errc::io_error);
    return std::nullopt;
  });
  ASSERT_TRUE(writer.append(1, 1, octets{1}));
  EXPECT_EQ(writer.commit().error(), std::errc::io_error);
  files_.set_fault_hook(nullptr);
  ASSERT_TRUE(writer.append(1, 1, octets{2}));
  EXPECT_EQ(writer.commit().error(), std::errc::io_error);
  EXPECT_EQ(writer.roll().error(), std::errc::io_error);
  EXPECT_EQ(writer.durable_frame(), 0U);
}

TEST_F(journal, file_errors_come_back_as_they_are) {
  {
    journal_writer writer{files_, directory, {}, small};
    ASSERT_TRUE(writer.roll());
    write_frames(writer, 2);
  }
  for (const bool recover : {false, true}) {
    for (std::uint64_t n = 0;; ++n) {
      files_.stop_after(n);
      const record_handler handler = [](const record_view&) {};
      const auto got =
          recover ? recover_journal(files_, directory, 0, handler) : read_journal(files_, directory, 0, handler);
      files_.run_on();
      if (got) {
        EXPECT_GT(n, 2U);
        break;
      }
      ASSERT_EQ(got.error(), std::errc::io_error);
    }
  }
}

TEST(journal_format, segment_names) {
  EXPECT_EQ(segment_name(0x2a), "000000000000002a.log");
  EXPECT_EQ(parse_segment_name("000000000000002a.log"), 0x2aU);
  EXPECT_EQ(parse_segment_name(segment_name(~0ULL)), ~0ULL);
  for (const char* name :
       {"", "2a.log", "000000000000002A.log", "000000000000002a.lo", "000000000000002a.logx", "-00000000000002a.log"}) {
    EXPECT_EQ(parse_segment_name(name), std::nullopt) << name;
  }
}

TEST(journal_format, records_cut_at_every_octet) {
  octets record(record_header_bytes + 20, 7);
  encode_record(1, 4, 2, 20, record.data());
  ASSERT_TRUE(decode_record(1, record));
  EXPECT_EQ(decode_record(1, record)->payload.size(), 20U);
  EXPECT_FALSE(decode_record(2, record)) << "another frame's";
  for (std::size_t cut = 0; cut < record.size(); ++cut) EXPECT_FALSE(decode_record(1, std::span{record}.first(cut)));
  octets longer = record;
  longer.push_back(0);
  EXPECT_EQ(decode_record(1, longer)->payload.size(), 20U);
  EXPECT_FALSE(decode_record(record_seed(0, 0), octets(100, 0))) << "zeros are no record";
}

}  // namespace
}  // namespace trunkline::engine
