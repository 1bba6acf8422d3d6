#include "engine/spool/entry_reader.hpp"

#include <algorithm>
#include <cstring>

namespace trunkline::engine {
namespace {

constexpr std::size_t window_bytes = 512U << 10;
constexpr std::size_t not_found = static_cast<std::size_t>(-1);

}  // namespace

entry_reader::entry_reader(std::size_t max_entry_bytes)
    : max_entry_bytes_(max_entry_bytes), window_(window_bytes + record_padding_bytes) {}

void entry_reader::seek(const batch& from, std::uint64_t offset, std::uint32_t line) {
  line_ = line;
  scan_ = {};
  if (batch_ == &from && offset >= window_offset_ && offset <= window_offset_ + length_) {
    at_ = static_cast<std::size_t>(offset - window_offset_);
    return;
  }
  batch_ = &from;
  window_offset_ = offset;
  length_ = at_ = 0;
}

bool entry_reader::fill() {
  const std::uint64_t file_at = window_offset_ + length_;
  if (file_at >= batch_->size) return false;
  if (at_ != 0) {
    std::memmove(window_.data(), window_.data() + at_, length_ - at_);
    window_offset_ += at_;
    length_ -= at_;
    at_ = 0;
  }
  if (length_ + record_padding_bytes >= window_.size()) {
    window_.resize(std::min(window_.size() * 2, max_entry_bytes_ + window_bytes + record_padding_bytes));
  }
  const std::size_t room = window_.size() - record_padding_bytes - length_;
  const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(room, batch_->size - file_at));
  const auto got = batch_->source->read_at({reinterpret_cast<std::uint8_t*>(window_.data()) + length_, want}, file_at);
  if (!got) {
    error_ = got.error();
    return false;
  }
  if (*got == 0) {
    error_ = std::make_error_code(std::errc::io_error);  // shorter than when it was accepted
    return false;
  }
  length_ += *got;
  return true;
}

std::size_t entry_reader::find_end(std::size_t from) {
  if (batch_->format == batch_format::csv) {
    const std::size_t end = find_record_end({window_.data() + at_, length_ - at_}, scan_);
    return end == csv_need_more ? not_found : at_ + end;
  }
  const void* newline = std::memchr(window_.data() + at_ + from, '\n', length_ - at_ - from);
  return newline == nullptr ? not_found : static_cast<std::size_t>(static_cast<const char*>(newline) - window_.data());
}

entry_reader::outcome entry_reader::next() {
  error_ = {};
  scan_ = {};
  entry_offset_ = next_offset();
  entry_line_ = line_;
  std::size_t searched = 0;
  for (;;) {
    std::size_t end = find_end(searched);
    if (end == not_found) {
      searched = length_ - at_;
      if (searched > max_entry_bytes_) {
        // Too long to keep: drop the window until its newline comes. A quoted CSV field ends with its line, too, then.
        for (;;) {
          const void* newline = std::memchr(window_.data() + at_, '\n', length_ - at_);
          if (newline != nullptr) {
            at_ = static_cast<std::size_t>(static_cast<const char*>(newline) - window_.data()) + 1;
            break;
          }
          at_ = length_;
          if (!fill()) {
            if (error_) return outcome::failed;
            break;
          }
        }
        ++line_;
        view_ = {};
        return outcome::too_long;
      }
      if (fill()) continue;
      if (error_) return outcome::failed;
      if (searched == 0) return outcome::end;
      end = length_;  // the last line has no newline
    }
    view_ = {window_.data() + at_, end - at_};
    at_ = std::min(end + 1, length_);
    ++line_;
    if (batch_->format == batch_format::csv) {
      line_ += static_cast<std::uint32_t>(std::count(view_.begin(), view_.end(), '\n'));
    }
    return view_.size() > max_entry_bytes_ ? outcome::too_long : outcome::entry;
  }
}

}  // namespace trunkline::engine
