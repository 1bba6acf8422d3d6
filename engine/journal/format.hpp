#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The octets of a journal, in one place. All numbers are little-endian. A journal is a directory of segments
/// `%016x.log`; a segment is two copies of a header (so that one bad sector does not cost the segment), then frames at
/// multiples of eight octets. One frame is one commit. Frames are numbered through all segments without a gap, and
/// frame n+1 is written only when frame n is durable. docs/journal.md is the same for people.
namespace trunkline::engine::journal_format {

inline constexpr std::uint16_t version = 1;

inline constexpr std::uint64_t segment_magic = 0x314745534a4c5254;  ///< "TRLJSEG1"
inline constexpr std::size_t segment_header_bytes = 48;
inline constexpr std::uint64_t header_copy_offset = 4096;  ///< where the second copy of the segment header is
inline constexpr std::uint64_t first_frame_offset = 8192;

inline constexpr std::uint32_t frame_magic = 0x464a4c54;  ///< "TLJF"
inline constexpr std::size_t frame_header_bytes = 32;
inline constexpr std::size_t frame_alignment = 8;
inline constexpr std::size_t max_frame_payload_bytes = 16U << 20;

inline constexpr std::size_t record_header_bytes = 10;
inline constexpr std::size_t max_record_payload_bytes = max_frame_payload_bytes - record_header_bytes;

/// `salt` is random for each writer and enters every checksum, so that text which a peer has sent, and which therefore
/// lies inside a record, can never pass for a frame.
struct segment_header {
  std::uint64_t segment = 0;
  std::uint64_t first_frame = 0;  ///< the number of its first frame
  std::uint64_t salt = 0;
};

struct frame_header {
  std::uint64_t segment = 0;
  std::uint64_t frame = 0;
  std::uint32_t payload_bytes = 0;  ///< octets of records behind the header, without the padding to eight
};

enum class decode_error : std::uint8_t { none, damaged, unsupported_version };

void encode(const segment_header& header, std::span<std::uint8_t, segment_header_bytes> to) noexcept;
decode_error decode(std::span<const std::uint8_t, segment_header_bytes> from, segment_header& header) noexcept;

void encode(const frame_header& header, std::uint64_t salt, std::span<std::uint8_t, frame_header_bytes> to) noexcept;
decode_error decode(std::span<const std::uint8_t, frame_header_bytes> from, std::uint64_t salt,
                    frame_header& header) noexcept;

/// What the checksums of the records of one frame start from: octets of another frame do not pass.
std::uint32_t record_seed(std::uint64_t salt, std::uint64_t frame) noexcept;

/// One record: u32 checksum of all that follows in it (starting from `record_seed`), u32 payload octets, u8 type (never
/// 0), u8 version, payload.
struct record {
  std::uint8_t type = 0;
  std::uint8_t version = 0;
  std::span<const std::uint8_t> payload;
};

/// Writes the header of a record in front of its payload, which is in place behind `record_header_bytes` octets.
void encode_record(std::uint32_t seed, std::uint8_t type, std::uint8_t record_version, std::size_t payload_bytes,
                   std::uint8_t* record) noexcept;

/// The record at the start of `from`; nothing when it is cut off or damaged. The payload points into `from`.
std::optional<record> decode_record(std::uint32_t seed, std::span<const std::uint8_t> from) noexcept;

/// The same without checks, for octets that `decode_record` has accepted.
record undisputed_record(std::span<const std::uint8_t> from) noexcept;

/// Octets from the start of a frame to the start of the next.
constexpr std::size_t frame_extent(std::size_t payload_bytes) noexcept {
  return (frame_header_bytes + payload_bytes + frame_alignment - 1) / frame_alignment * frame_alignment;
}

/// "000000000000002a.log"
std::string segment_name(std::uint64_t segment);
/// The number in a segment's name; nothing for any other name.
std::optional<std::uint64_t> parse_segment_name(std::string_view name) noexcept;

}  // namespace trunkline::engine::journal_format
