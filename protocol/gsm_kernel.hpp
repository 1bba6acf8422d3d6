#pragma once

#include <cstddef>
#include <cstdint>

// The vectorised part of the default alphabet: the octets that ASCII, UTF-8 and GSM 7-bit write alike.
namespace trunkline::protocol::detail {

/// Copies octets from `in` to `out` as long as they mean the same in ASCII and in the default alphabet (letters,
/// digits, space, LF, CR and most punctuation; not @ $ _ ` [ \ ] ^ { | } ~ nor other controls), at most `size` of them,
/// and returns how many. `out` has room for `size` octets; those beyond the result may be overwritten. Uses AVX2 where
/// the processor has it.
std::size_t copy_common(const std::uint8_t* in, std::size_t size, std::uint8_t* out) noexcept;

/// The same without vector instructions beyond x86-64's baseline; for tests and comparison.
std::size_t copy_common_portable(const std::uint8_t* in, std::size_t size, std::uint8_t* out) noexcept;

/// Writes ASCII octets as UTF-16BE until the first octet of 0x80 or more, at most `size` of them, and returns how many
/// octets were read. `out` has room for 2 * `size` octets; those beyond twice the result may be overwritten.
std::size_t widen_ascii(const std::uint8_t* in, std::size_t size, std::uint8_t* out) noexcept;

/// Writes UTF-16BE units as ASCII until the first unit of 0x80 or more, at most `units` of them, and returns how many.
/// `out` has room for `units` octets; those beyond the result may be overwritten.
std::size_t narrow_ascii(const std::uint8_t* in, std::size_t units, std::uint8_t* out) noexcept;

}  // namespace trunkline::protocol::detail
