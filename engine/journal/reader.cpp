// Reads segments in windows, checks a whole frame, then hands out its records. What it does not understand it judges by
// what comes behind: a frame is written only when the one before is durable, so a valid header further on proves that
// the damage hit committed octets (corruption), and nothing further on means that the last commit was cut off (a torn
// tail, which never counted). The numbers of the frames tell the same between segments, and how much is missing.
#include "engine/journal/reader.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "engine/journal/format.hpp"

namespace trunkline::engine {
namespace {

using namespace journal_format;

constexpr std::size_t window_bytes = 1U << 20;
// How many of the newest segments a dead process can have left unsynced; one, plus failed attempts to start the next.
constexpr std::size_t unsettled_segments = 4;

/// The memory that one reading uses for all its segments.
class window_memory {
 public:
  /// At least `bytes` octets; what was in them is lost when there have to be more.
  std::span<std::uint8_t> of(std::size_t bytes) {
    if (capacity_ < bytes) {
      octets_ = std::make_unique_for_overwrite<std::uint8_t[]>(bytes);
      capacity_ = bytes;
    }
    return {octets_.get(), capacity_};
  }

 private:
  std::unique_ptr<std::uint8_t[]> octets_;
  std::size_t capacity_ = 0;
};

/// A moving view of a file. Spans live until the next call.
class window {
 public:
  /// `file_bytes` is about how long the file is: there is no use in more memory than that.
  window(file& source, window_memory& memory, std::uint64_t file_bytes)
      : source_{source},
        memory_{memory},
        least_bytes_{static_cast<std::size_t>(std::clamp<std::uint64_t>(file_bytes, 4096, window_bytes))} {}

  /// Octets from `offset` on: `bytes` of them or more, fewer only at the end of the file.
  result<std::span<const std::uint8_t>> at(std::uint64_t offset, std::size_t bytes) {
    if (offset < start_ || offset + bytes > start_ + filled_) {
      // Twice what is asked for, or each long frame would be read once in part and once whole.
      octets_ = memory_.of(bytes <= least_bytes_ ? least_bytes_ : 2 * bytes);
      const auto got = source_.read_at(octets_, offset);
      if (!got) return failure{got.error()};
      start_ = offset;
      filled_ = *got;
    }
    const auto skip = static_cast<std::size_t>(offset - start_);
    return std::span<const std::uint8_t>{octets_}.subspan(skip, filled_ - skip);
  }

 private:
  file& source_;
  window_memory& memory_;
  std::size_t least_bytes_;
  std::span<std::uint8_t> octets_;
  std::uint64_t start_ = 0;
  std::size_t filled_ = 0;
};

/// What lies behind the last frame that could be read.
struct behind {
  std::optional<std::uint64_t> next_frame_at;  // a valid header of a later frame
  std::uint64_t end = 0;                       // end of the last eight octets that are not all zero; 0: all are zero
};

class journal_reading {
 public:
  journal_reading(file_system& files, const std::string& directory, const record_handler& handler, bool recovering)
      : files_{files}, directory_{directory}, handler_{handler}, recovering_{recovering} {}

  result<read_summary> run(std::uint64_t first_segment) {
    const auto numbers = segments();
    if (!numbers) return failure{numbers.error()};
    if (recovering_ && !numbers->empty()) {
      if (const auto synced = files_.sync_directory(directory_); !synced) return failure{synced.error()};
    }
    summary_.next.segment = std::max<std::uint64_t>(first_segment, 1);
    if (!numbers->empty()) summary_.next.segment = std::max(summary_.next.segment, numbers->back() + 1);
    for (std::size_t index = 0; index < numbers->size(); ++index) {
      const std::uint64_t number = (*numbers)[index];
      if (number < first_segment) continue;
      if (summary_.first_segment == 0) summary_.first_segment = number;
      const bool unsettled = recovering_ && index + unsettled_segments >= numbers->size();
      if (const auto read = read_segment(number, unsettled); !read) return failure{read.error()};
    }
    if (expected_ != 0) summary_.next.frame = expected_;
    return std::move(summary_);
  }

 private:
  result<std::vector<std::uint64_t>> segments() {
    std::vector<std::uint64_t> numbers;
    const auto entries = files_.list(directory_);
    if (!entries) {
      if (entries.error() == std::errc::no_such_file_or_directory) return numbers;
      return failure{entries.error()};
    }
    for (const directory_entry& entry : *entries) {
      if (const auto number = parse_segment_name(entry.name)) numbers.push_back(*number);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }

  result<void> read_segment(std::uint64_t number, bool unsettled) {
    const std::string path = directory_ + '/' + segment_name(number);
    auto opened = files_.open(path, unsettled ? open_mode::read_write : open_mode::read);
    if (!opened) {
      // Beside a running engine: a segment that was removed after the listing had been consumed.
      if (!recovering_ && opened.error() == std::errc::no_such_file_or_directory) return {};
      return failure{opened.error()};
    }
    file& source = **opened;
    if (unsettled) {
      const auto settled = source.sync().and_then([&] { return source.drop_cache(); });
      if (!settled) return settled;
    }
    ++summary_.segments;
    const auto size = source.size();
    if (!size) return failure{size.error()};
    window octets{source, memory_, *size};
    segment_header header;
    const auto understood = read_header(octets, number, header);
    if (!understood) return failure{understood.error()};
    if (!*understood) return read_headless(octets, number, path, unsettled);
    enter(header);
    const auto end = read_frames(octets, header);
    if (!end) return failure{end.error()};
    if (unsettled) give_back(source, std::max(*end, first_frame_offset));
    return {};
  }

  /// Either copy will do. False: neither can be read.
  result<bool> read_header(window& octets, std::uint64_t number, segment_header& header) {
    for (const std::uint64_t offset : {std::uint64_t{0}, header_copy_offset}) {
      const auto found = octets.at(offset, segment_header_bytes);
      if (!found) return failure{found.error()};
      if (found->size() < segment_header_bytes) continue;
      const auto error = decode(found->first<segment_header_bytes>(), header);
      if (error == decode_error::unsupported_version) return fail(std::errc::not_supported);
      if (error == decode_error::none && header.segment == number) return true;
    }
    return false;
  }

  /// A segment without a header. Headers are synced before the first frame is written, so with nothing behind them it
  /// was cut off while it was made.
  result<void> read_headless(window& octets, std::uint64_t number, const std::string& path, bool unsettled) {
    const auto found = look_behind(octets, first_frame_offset, nullptr);
    if (!found) return failure{found.error()};
    if (found->end != 0) {
      report({number, 0, found->end, 0, 0, "both copies of the segment header are damaged"});
      frames_unknown_ = true;
    } else if (unsettled) {
      (void)files_.remove(path);
    }
    return {};
  }

  /// Settles what is left open from the segment before, now that this header tells how many frames there were.
  void enter(const segment_header& header) {
    const auto tail = std::exchange(tail_, std::nullopt);
    const bool unknown = std::exchange(frames_unknown_, false);
    if (expected_ != 0 && header.first_frame > expected_) {
      if (unknown) {
        summary_.corruptions.back().first_frame = expected_;
        summary_.corruptions.back().last_frame = header.first_frame - 1;
      } else {
        report({last_segment_, last_offset_, tail ? *tail - last_offset_ : 0, expected_, header.first_frame - 1,
                tail ? "damaged at the end of a segment that is followed by another" : "frames are missing"});
      }
    } else if (expected_ != 0 && header.first_frame < expected_) {
      report({header.segment, 0, 0, 0, 0, "the numbers of the frames go back"});
    }
    // What was torn never counted, and this segment took over its number.
    summary_.torn_tail = false;
    summary_.torn_segment = 0;
    summary_.torn_offset = 0;
    expected_ = header.first_frame;
    if (summary_.first_frame == 0) summary_.first_frame = header.first_frame;
  }

  /// Returns the end of what is not zero.
  result<std::uint64_t> read_frames(window& octets, const segment_header& header) {
    std::uint64_t offset = first_frame_offset;
    for (;;) {
      const auto read = read_frame(octets, header, offset);
      if (!read) return failure{read.error()};
      if (*read != 0) {
        offset += *read;
        continue;
      }
      const auto found = look_behind(octets, offset, &header);
      if (!found) return failure{found.error()};
      if (!found->next_frame_at) {
        last_segment_ = header.segment;
        last_offset_ = offset;
        if (found->end == 0) return offset;
        tail_ = found->end;
        summary_.torn_tail = true;
        summary_.torn_segment = header.segment;
        summary_.torn_offset = offset;
        return found->end;
      }
      offset = *found->next_frame_at;
    }
  }

  /// Octets to the next frame; 0 when there is no whole frame here.
  result<std::size_t> read_frame(window& octets, const segment_header& header, std::uint64_t offset) {
    auto found = octets.at(offset, frame_header_bytes);
    if (!found) return failure{found.error()};
    frame_header frame;
    if (found->size() < frame_header_bytes) return 0;
    const auto error = decode(found->first<frame_header_bytes>(), header.salt, frame);
    if (error == decode_error::unsupported_version) return fail(std::errc::not_supported);
    if (error != decode_error::none || frame.segment != header.segment || frame.frame != expected_) return 0;
    const std::size_t extent = frame_extent(frame.payload_bytes);
    found = octets.at(offset, extent);
    if (!found) return failure{found.error()};
    if (found->size() < extent) return 0;
    const auto records = found->subspan(frame_header_bytes, frame.payload_bytes);
    const std::uint32_t seed = record_seed(header.salt, frame.frame);
    std::uint64_t count = 0;
    for (auto left = records; !left.empty(); ++count) {
      const auto record = decode_record(seed, left);
      if (!record) return 0;
      left = left.subspan(record_header_bytes + record->payload.size());
    }
    for (auto left = records; !left.empty();) {
      const auto record = undisputed_record(left);
      handler_({header.segment, frame.frame, record.type, record.version, record.payload});
      left = left.subspan(record_header_bytes + record.payload.size());
    }
    ++summary_.frames;
    summary_.records += count;
    summary_.bytes += extent;
    ++expected_;
    return extent;
  }

  /// Looks for a later frame behind damage at `offset`, and reports the damage when there is one. Without a header only
  /// the end of what is not zero is found.
  result<behind> look_behind(window& octets, std::uint64_t offset, const segment_header* header) {
    behind found;
    const std::uint64_t damage = offset;
    for (;;) {
      const auto left = octets.at(offset, frame_header_bytes);
      if (!left) return failure{left.error()};
      if (left->empty()) return found;
      std::size_t at = 0;
      for (; at + frame_header_bytes <= left->size(); at += frame_alignment) {
        std::uint64_t word;
        std::memcpy(&word, left->data() + at, sizeof word);
        if (word == 0) continue;
        found.end = offset + at + sizeof word;
        if (header == nullptr || static_cast<std::uint32_t>(word) != frame_magic) continue;
        frame_header frame;
        const auto error = decode(left->subspan(at).first<frame_header_bytes>(), header->salt, frame);
        if (error == decode_error::unsupported_version) return fail(std::errc::not_supported);
        if (error != decode_error::none || frame.segment != header->segment || frame.frame < expected_) continue;
        // At the damage itself a frame of the expected number is the damaged one; a higher number means that those
        // between are gone although nothing is left to see of them.
        if (frame.frame == expected_) continue;
        found.next_frame_at = offset + at;
        report({header->segment, damage, offset + at - damage, expected_, frame.frame - 1, "the frame is damaged"});
        expected_ = frame.frame;
        return found;
      }
      if (at == 0) {  // less than a header is left
        const auto last = std::find_if(left->rbegin(), left->rend(), [](std::uint8_t octet) { return octet != 0; });
        if (last != left->rend()) found.end = offset + static_cast<std::size_t>(left->rend() - last);
        return found;
      }
      offset += at;
    }
  }

  /// Cuts off the zeros behind the last frame. Only space: a failure does not matter.
  static void give_back(file& source, std::uint64_t end) {
    const auto size = source.size();
    if (size && *size > end) (void)source.truncate(end);
  }

  void report(journal_corruption corruption) { summary_.corruptions.push_back(std::move(corruption)); }

  file_system& files_;
  const std::string& directory_;
  const record_handler& handler_;
  const bool recovering_;
  window_memory memory_;
  read_summary summary_;
  std::uint64_t expected_ = 0;      // number of the next frame; 0: unknown
  std::uint64_t last_segment_ = 0;  // where the segment before ended
  std::uint64_t last_offset_ = 0;
  std::optional<std::uint64_t> tail_;  // it ended in octets not understood, which end here
  bool frames_unknown_ = false;        // the segment before has no header
};

}  // namespace

result<read_summary> read_journal(file_system& files, const std::string& directory, std::uint64_t first_segment,
                                  const record_handler& handler) {
  return journal_reading{files, directory, handler, false}.run(first_segment);
}

result<read_summary> recover_journal(file_system& files, const std::string& directory, std::uint64_t first_segment,
                                     const record_handler& handler) {
  return journal_reading{files, directory, handler, true}.run(first_segment);
}

}  // namespace trunkline::engine
