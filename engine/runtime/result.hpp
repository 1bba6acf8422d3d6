#pragma once

#include <cerrno>
#include <system_error>
#include <tl/expected.hpp>

namespace trunkline::engine {

/// What every engine operation that can fail returns: a value, or the operating system's reason.
/// Codes are in `std::generic_category()`, so they compare with `std::errc` on every implementation of the seam.
template <class T>
using result = tl::expected<T, std::error_code>;

/// The error branch of a `result`.
using failure = tl::unexpected<std::error_code>;

/// An error branch from a portable code.
inline failure fail(std::errc code) { return failure{std::make_error_code(code)}; }

/// An error branch from `errno`, or from a value that `errno` had. A user's quota that is used up is a full disk.
inline failure fail_errno(int value = errno) {
  return failure{std::error_code{value == EDQUOT ? ENOSPC : value, std::generic_category()}};
}

}  // namespace trunkline::engine
