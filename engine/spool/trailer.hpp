#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <tl/expected.hpp>

#include "engine/runtime/file_system.hpp"
#include "engine/spool/record.hpp"

namespace trunkline::engine {

/// What a batch says about itself in its last line, `{"end": {"messages": N, "crc32c": "hex"}}`; each may be missing.
struct trailer {
  std::optional<std::uint64_t> messages;
  std::optional<std::uint32_t> crc32c;  ///< of all uncompressed octets before the trailer's line

  friend bool operator==(const trailer&, const trailer&) = default;
};

/// Reads a trailer's line (without newline). Errors: bad_json, bad_field.
tl::expected<trailer, record_error> parse_trailer(std::string_view line);

/// Reads a sidecar NAME.crc32c: eight hex digits, then the end, or spaces and a name, as checksum programs print it.
tl::expected<trailer, record_error> parse_sidecar(std::string_view content);

/// A trailer and where its line starts.
struct located_trailer {
  trailer said;
  std::uint64_t offset = 0;
};

/// Why a file is not what its trailer says; `io` is set when the file system failed and nothing is known.
struct trailer_error {
  std::string text;
  std::error_code io;
};

/// Looks for a trailer in the last non-blank line of an uncompressed JSON Lines file of `size` octets; nothing when
/// there is none. Reads the last 64 KiB. An error: the last line starts like a trailer and is not one.
tl::expected<std::optional<located_trailer>, trailer_error> find_trailer(file& input, std::uint64_t size);

/// Reads a file up to `end` in steps of bounded work and compares: the checksum of its octets, and (JSON Lines only)
/// the count of lines that are neither blank nor the header. The file must outlive it. One thread.
class trailer_check {
 public:
  trailer_check(file& input, std::uint64_t end, trailer said);

  /// Reads up to about `max_bytes`. True when all is read and agrees.
  tl::expected<bool, trailer_error> step(std::uint64_t max_bytes);

 private:
  void count(std::span<const std::uint8_t> octets);

  file* input_;
  std::uint64_t end_;
  std::uint64_t at_ = 0;
  std::uint64_t lines_ = 0;
  trailer said_;
  std::uint32_t crc_ = 0;
  bool line_has_content_ = false;
  std::string head_;  ///< first octets of the file, to know a header by
};

}  // namespace trunkline::engine
