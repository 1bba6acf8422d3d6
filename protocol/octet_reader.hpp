#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "protocol/errc.hpp"
#include "protocol/find_nul.hpp"

namespace trunkline::protocol {

/// Reads the field types of SMPP 3.4, 3.1 from octets that somebody else owns. The first error sticks: every later read
/// returns zero or an empty view, so a decoder reads all its fields in order and asks ok() once, at the end.
/// Views returned point into the octets given to the constructor and die with them.
class octet_reader {
 public:
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  constexpr explicit octet_reader(std::span<const std::uint8_t> octets) noexcept
      : begin_(octets.data()), at_(octets.data()), end_(octets.data() + octets.size()) {}

  [[nodiscard]] std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(integer<1>()); }
  [[nodiscard]] std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(integer<2>()); }
  [[nodiscard]] std::uint32_t u32() noexcept { return integer<4>(); }

  /// A C-octet string without its NUL. `max_bytes` counts the NUL, as the standard's tables do; an over-long one fails
  /// with too_long_field, one without a NUL before the end of the octets with truncated.
  [[nodiscard]] std::string_view c_octet_string(std::size_t max_bytes = unlimited) noexcept {
    const std::size_t size = find_nul(at_, remaining());
    if (size == remaining()) {
      fail(errc::truncated);
      return {};
    }
    if (size >= max_bytes) {
      fail(errc::too_long_field);
      return {};
    }
    const std::string_view text(reinterpret_cast<const char*>(at_), size);
    at_ += size + 1;
    return text;
  }

  /// As above, but without a NUL the text is all that is left; never fails.
  [[nodiscard]] std::string_view c_octet_string_or_rest() noexcept {
    const std::size_t size = find_nul(at_, remaining());
    const std::string_view text(reinterpret_cast<const char*>(at_), size);
    at_ += size == remaining() ? size : size + 1;
    return text;
  }

  /// Exactly `count` octets, or an empty span and the error truncated.
  [[nodiscard]] std::span<const std::uint8_t> octets(std::size_t count) noexcept {
    if (count > remaining()) {
      fail(errc::truncated);
      return {};
    }
    const std::span<const std::uint8_t> taken(at_, count);
    at_ += count;
    return taken;
  }

  /// All that is left; empty after an error.
  [[nodiscard]] std::span<const std::uint8_t> rest() noexcept { return octets(remaining()); }

  /// What is left, without consuming it.
  [[nodiscard]] std::span<const std::uint8_t> left() const noexcept { return {at_, remaining()}; }

  [[nodiscard]] std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }

  /// Octets consumed; after an error, the offset of the field that failed.
  [[nodiscard]] std::size_t position() const noexcept {
    return failed_ ? failed_at_ : static_cast<std::size_t>(at_ - begin_);
  }

  [[nodiscard]] bool ok() const noexcept { return !failed_; }

  /// The first error. Only meaningful when !ok().
  [[nodiscard]] errc error() const noexcept { return error_; }

  /// Records an error the caller found; only the first one is kept.
  void fail(errc error) noexcept {
    if (failed_) return;
    failed_ = true;
    error_ = error;
    failed_at_ = static_cast<std::size_t>(at_ - begin_);
    at_ = end_;
  }

 private:
  template <std::size_t Bytes>
  [[nodiscard]] std::uint32_t integer() noexcept {
    if (remaining() < Bytes) {
      fail(errc::truncated);
      return 0;
    }
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < Bytes; ++i) value = (value << 8U) | at_[i];
    at_ += Bytes;
    return value;
  }

  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::size_t failed_at_ = 0;
  errc error_ = errc::truncated;
  bool failed_ = false;
};

}  // namespace trunkline::protocol
