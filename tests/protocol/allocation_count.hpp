#pragma once

#include <cstddef>

namespace trunkline::protocol::test {

/// Allocations by operator new in this process so far, of all threads. A test takes the difference around what must
/// not allocate.
[[nodiscard]] std::size_t allocation_count() noexcept;

}  // namespace trunkline::protocol::test
