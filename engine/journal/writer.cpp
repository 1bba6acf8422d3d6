// Group commit: records are serialised straight into one frame buffer, a commit is one write and one fdatasync. The
// buffer is free again as soon as the write has returned, so the next frame fills while the device works on this one.
// Two rules make reading after a crash simple: frame n+1 is written only when frame n is durable (at most one frame can
// be torn), and frame numbers go on from segment to segment (a hole cannot hide).
#include "engine/journal/writer.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <random>
#include <utility>

namespace trunkline::engine {

using namespace journal_format;

journal_writer::journal_writer(file_system& files, std::string directory, journal_start start,
                               journal_writer_options options)
    : files_{files},
      directory_{std::move(directory)},
      options_{options},
      used_{frame_header_bytes},
      next_segment_{std::max<std::uint64_t>(start.segment, 1)},
      next_frame_{std::max<std::uint64_t>(start.frame, 1)},
      durable_frame_{next_frame_ - 1} {
  options_.frame_bytes = std::clamp(options_.frame_bytes, std::size_t{64}, max_frame_payload_bytes);
  // The padding, and the one octet that keeps the room of an empty payload from being empty.
  buffer_.resize(frame_header_bytes + options_.frame_bytes + frame_alignment);
  std::random_device random;
  while (options_.salt == 0) options_.salt = std::uint64_t{random()} << 32 | random();
}

journal_writer::~journal_writer() = default;

std::span<std::uint8_t> journal_writer::begin_record(std::uint8_t type, std::uint8_t version, std::size_t max_payload) {
  assert(type != 0 && record_ == 0);
  const std::size_t limit = frame_header_bytes + options_.frame_bytes;
  if (max_payload > options_.frame_bytes || used_ + record_header_bytes + max_payload > limit) return {};
  if (used_ == frame_header_bytes) record_seed_ = record_seed(options_.salt, next_frame_);
  record_ = used_;
  buffer_[record_ + 8] = type;
  buffer_[record_ + 9] = version;
  return {buffer_.data() + record_ + record_header_bytes, std::max<std::size_t>(max_payload, 1)};
}

void journal_writer::end_record(std::size_t actual) {
  assert(record_ != 0);
  std::uint8_t* record = buffer_.data() + record_;
  encode_record(record_seed_, record[8], record[9], actual, record);
  used_ = record_ + record_header_bytes + actual;
  record_ = 0;
}

bool journal_writer::append(std::uint8_t type, std::uint8_t version, std::span<const std::uint8_t> payload) {
  const auto room = begin_record(type, version, payload.size());
  if (room.empty()) return false;
  if (!payload.empty()) std::memcpy(room.data(), payload.data(), payload.size());
  end_record(payload.size());
  return true;
}

std::size_t journal_writer::max_payload_bytes() const noexcept { return options_.frame_bytes - record_header_bytes; }

std::size_t journal_writer::pending_bytes() const noexcept { return used_ - frame_header_bytes; }

result<void> journal_writer::commit_begin() {
  assert(record_ == 0);
  if (fatal_) return failure{fatal_};
  if (in_flight_ || file_ == nullptr) return fail(std::errc::operation_not_permitted);
  if (pending_bytes() == 0) return {};
  const std::size_t extent = frame_extent(pending_bytes());
  std::memset(buffer_.data() + used_, 0, extent - used_);
  encode(frame_header{segment_, next_frame_, static_cast<std::uint32_t>(pending_bytes())}, options_.salt,
         std::span<std::uint8_t, frame_header_bytes>{buffer_.data(), frame_header_bytes});
  if (auto written = file_->write_at({buffer_.data(), extent}, offset_); !written) return written;
  if (auto begun = file_->sync_begin(); !begun) {
    fatal_ = begun.error();
    return begun;
  }
  in_flight_ = true;
  offset_ += extent;
  used_ = frame_header_bytes;
  ++next_frame_;
  return {};
}

result<void> journal_writer::commit_finish() {
  if (fatal_) return failure{fatal_};
  if (!in_flight_) return {};
  in_flight_ = false;
  if (auto finished = file_->sync_finish(); !finished) {
    fatal_ = finished.error();
    return finished;
  }
  durable_frame_ = next_frame_ - 1;
  return {};
}

result<void> journal_writer::commit() {
  return commit_begin().and_then([this] { return commit_finish(); });
}

result<void> journal_writer::roll() {
  if (fatal_) return failure{fatal_};
  if (in_flight_) return fail(std::errc::operation_not_permitted);
  // A number is never used twice, so that whatever a failed attempt has left behind is in nobody's way.
  const std::uint64_t number = next_segment_++;
  auto created = create_segment(number);
  if (!created) {
    (void)files_.remove(path_of(number));
    return failure{created.error()};
  }
  // Gives back what the old segment had reserved and did not use. Only space: a failure does not matter.
  if (file_ != nullptr) (void)file_->truncate(offset_);
  file_ = std::move(*created);
  segment_ = number;
  offset_ = first_frame_offset;
  return {};
}

result<std::unique_ptr<file>> journal_writer::create_segment(std::uint64_t number) {
  auto opened = files_.open(path_of(number), open_mode::create_new, 0600);
  if (!opened) return opened;
  file& segment = **opened;
  std::array<std::uint8_t, segment_header_bytes> header;
  encode(segment_header{number, next_frame_, options_.salt}, header);
  const auto made = segment.preallocate(std::max(options_.segment_bytes, first_frame_offset))
                        .and_then([&] { return segment.write_at(header, 0); })
                        .and_then([&] { return segment.write_at(header, header_copy_offset); })
                        .and_then([&] { return segment.sync(); })
                        .and_then([&] { return files_.sync_directory(directory_); });
  if (!made) return failure{made.error()};
  return opened;
}

std::string journal_writer::path_of(std::uint64_t segment) const { return directory_ + '/' + segment_name(segment); }

result<void> journal_writer::remove_segments_below(std::uint64_t segment) {
  auto entries = files_.list(directory_);
  if (!entries) return failure{entries.error()};
  std::vector<std::uint64_t> numbers;
  for (const directory_entry& entry : *entries) {
    const auto number = parse_segment_name(entry.name);
    if (number && *number < segment && *number != segment_) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  for (const std::uint64_t number : numbers) {
    const auto removed = files_.remove(path_of(number)).and_then([this] { return files_.sync_directory(directory_); });
    if (!removed) return removed;
  }
  return {};
}

}  // namespace trunkline::engine
