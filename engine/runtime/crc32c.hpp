#pragma once

#include <cstdint>
#include <span>

namespace trunkline::engine {

/// CRC-32C (Castagnoli, reflected 0x1EDC6F41, as in RFC 3720 appendix B.4) of `octets`. `seed` is the checksum of what
/// came before, so `crc32c(b, crc32c(a))` is the checksum of a followed by b. Uses the SSE4.2 instruction where the
/// processor has it (chosen once, at run time).
std::uint32_t crc32c(std::span<const std::uint8_t> octets, std::uint32_t seed = 0) noexcept;

/// The same by tables alone: what `crc32c` falls back to. Public for tests and benchmarks.
std::uint32_t crc32c_portable(std::span<const std::uint8_t> octets, std::uint32_t seed = 0) noexcept;

/// Whether `crc32c` runs on the processor's instruction.
bool crc32c_is_hardware() noexcept;

}  // namespace trunkline::engine
