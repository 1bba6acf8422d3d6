#pragma once

#include <string>
#include <string_view>

#include "engine/spool/record_parser.hpp"

namespace trunkline::engine {

/// A line with the octets behind it that the parser may read. They look like JSON that would close or continue the
/// line, so that a parser that looks at them is found out.
class padded_line {
 public:
  explicit padded_line(std::string_view line, char padding = '}') : octets_(line), size_(line.size()) {
    octets_.append(record_padding_bytes, padding);
  }
  std::string_view view() const { return std::string_view(octets_).substr(0, size_); }

 private:
  std::string octets_;
  std::size_t size_;
};

inline std::string text_of(std::span<const std::uint8_t> octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

}  // namespace trunkline::engine
