#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "engine/report/publisher.hpp"

namespace trunkline::engine {

/// A file of lines, however large, that appears when it is whole; the publisher gets it a piece at a time. Abandoned
/// before that it leaves a hidden file, which another output of that name begins anew. One thread.
class piecewise_output {
 public:
  static constexpr std::size_t piece_bytes = 1U << 20;

  /// `hidden`: what no other output of the directory is called.
  piecewise_output(publisher& to, std::string directory, std::string hidden, std::string name)
      : to_(&to), directory_(std::move(directory)), hidden_(std::move(hidden)), name_(std::move(name)) {}

  /// The place to append whole lines to; call `hand_over_large` now and then.
  std::string& buffer() noexcept { return buffer_; }
  const std::string& buffer() const noexcept { return buffer_; }
  void hand_over_large() {
    if (buffer_.size() >= piece_bytes) hand_over(false);
  }
  /// That was all: the file is to appear.
  void finish() { hand_over(true); }

 private:
  void hand_over(bool last) {
    const std::uint64_t offset = std::exchange(offset_, offset_ + buffer_.size());
    to_->publish_piece(directory_, hidden_, name_, std::exchange(buffer_, {}), offset, last);
    if (!last) buffer_.reserve(piece_bytes + (piece_bytes >> 4U));
  }

  publisher* to_;
  std::string directory_;
  std::string hidden_;
  std::string name_;
  std::string buffer_;
  std::uint64_t offset_ = 0;
};

}  // namespace trunkline::engine
