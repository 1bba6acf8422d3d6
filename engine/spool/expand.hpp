#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

enum class compression : std::uint8_t { none, gzip, zstd };

/// By the name's ending: ".gz", ".zst", anything else.
compression compression_of(std::string_view name) noexcept;

/// Bounds of an expansion, against files made to explode.
struct expand_limits {
  std::uint64_t max_bytes = std::uint64_t{1} << 40;  ///< of expanded octets
  std::uint64_t max_ratio = 1'000;                   ///< expanded to compressed, looked at beyond the first 16 MiB
};

/// Why a file could not be expanded.
struct expand_error {
  std::string text;          ///< for people: what is wrong and at which offset of the compressed file
  std::uint64_t offset = 0;  ///< of the compressed file
  std::error_code io;        ///< set when the file system failed: nothing is known about the input then
};

/// Expands one compressed file into another, in steps of bounded work, and verifies the checksums of the format: gzip
/// (RFC 1952, several members allowed: CRC-32 and size of each), zstd (RFC 8878, several frames: checksum where the
/// frame has one). Both files must outlive it. One thread.
class expander {
 public:
  expander(compression kind, file& input, file& output, expand_limits limits = {});
  ~expander();
  expander(expander&&) noexcept;
  expander& operator=(expander&&) noexcept;

  /// Writes up to about `max_bytes` expanded octets. True when all is expanded and verified (the output is not synced).
  /// After an error the output holds an arbitrary part, and the expander is at its end.
  tl::expected<bool, expand_error> step(std::uint64_t max_bytes);

  std::uint64_t expanded_bytes() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// All steps at once; the expanded size.
tl::expected<std::uint64_t, expand_error> expand_file(compression kind, file& input, file& output,
                                                      expand_limits limits = {});

}  // namespace trunkline::engine
