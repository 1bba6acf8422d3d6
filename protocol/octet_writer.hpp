#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>

#include "protocol/errc.hpp"
#include "protocol/find_nul.hpp"

namespace trunkline::protocol {

/// Writes the field types of SMPP 3.4, 3.1 into octets that somebody else owns, never past their end. The first error
/// sticks: every later write does nothing, so an encoder writes all its fields in order and ok() is asked once, at the
/// end. What was written before an error is of no use.
class octet_writer {
 public:
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  constexpr explicit octet_writer(std::span<std::uint8_t> out) noexcept
      : begin_(out.data()), at_(out.data()), end_(out.data() + out.size()) {}

  void u8(std::uint8_t value) noexcept { integer<1>(value); }
  void u16(std::uint16_t value) noexcept { integer<2>(value); }
  void u32(std::uint32_t value) noexcept { integer<4>(value); }

  /// Writes `text` and a NUL. `max_bytes` counts the NUL, as the standard's tables do; a longer text fails with
  /// too_long_field, a NUL within it with bad_value (the peer would read the fields behind it shifted).
  void c_octet_string(std::string_view text, std::size_t max_bytes = unlimited) noexcept {
    if (text.size() >= max_bytes) return fail(errc::too_long_field);
    if (text.size() >= remaining()) return fail(errc::no_space);
    if (!text.empty()) {
      if (find_nul(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()) < text.size())
        return fail(errc::bad_value);
      std::memcpy(at_, text.data(), text.size());
    }
    at_[text.size()] = 0;
    at_ += text.size() + 1;
  }

  void octets(std::span<const std::uint8_t> octets) noexcept {
    if (octets.size() > remaining()) return fail(errc::no_space);
    if (octets.empty()) return;
    std::memcpy(at_, octets.data(), octets.size());
    at_ += octets.size();
  }

  /// Overwrites four octets written earlier, at `at` from the start. Fails with bad_value when they were not written.
  void patch_u32(std::size_t at, std::uint32_t value) noexcept {
    if (failed_) return;
    if (position() < 4 || at > position() - 4) return fail(errc::bad_value);
    for (std::size_t i = 0; i < 4; ++i) begin_[at + i] = static_cast<std::uint8_t>(value >> (24U - 8U * i));
  }

  /// Octets written so far; the place of the first failed write after an error.
  [[nodiscard]] std::size_t position() const noexcept {
    return failed_ ? failed_at_ : static_cast<std::size_t>(at_ - begin_);
  }
  [[nodiscard]] std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }

  /// What was written, a view of the output; empty after an error.
  [[nodiscard]] std::span<const std::uint8_t> written() const noexcept {
    return failed_ ? std::span<const std::uint8_t>() : std::span<const std::uint8_t>(begin_, position());
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
  void integer(std::uint32_t value) noexcept {
    if (remaining() < Bytes) return fail(errc::no_space);
    for (std::size_t i = 0; i < Bytes; ++i) at_[i] = static_cast<std::uint8_t>(value >> (8U * (Bytes - 1 - i)));
    at_ += Bytes;
  }

  std::uint8_t* begin_;
  std::uint8_t* at_;
  std::uint8_t* end_;
  std::size_t failed_at_ = 0;
  errc error_ = errc::no_space;
  bool failed_ = false;
};

}  // namespace trunkline::protocol
