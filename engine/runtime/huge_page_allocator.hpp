#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace trunkline::engine {

/// For large tables that are looked up at random: from a few pages of 2 MiB on it asks the kernel for such pages, since
/// with those of 4 KiB nearly every look misses the translation buffers, too. Advice only: where there are none, the
/// memory is ordinary.
template <class T>
struct huge_page_allocator {
  using value_type = T;
  static constexpr std::size_t page_bytes = std::size_t{2} << 20U;

  huge_page_allocator() noexcept = default;
  template <class Other>
  explicit huge_page_allocator(const huge_page_allocator<Other>&) noexcept {}

  T* allocate(std::size_t count) {
    std::size_t bytes = count * sizeof(T);
    if (bytes < 2 * page_bytes) return static_cast<T*>(::operator new(bytes));
    bytes = (bytes + page_bytes - 1) / page_bytes * page_bytes;
    void* found = std::aligned_alloc(page_bytes, bytes);
    if (found == nullptr) throw std::bad_alloc();
    (void)::madvise(found, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(found);
  }
  void deallocate(T* at, std::size_t count) noexcept {
    if (count * sizeof(T) < 2 * page_bytes) return ::operator delete(at);
    std::free(at);
  }
  template <class Other>
  bool operator==(const huge_page_allocator<Other>&) const noexcept {
    return true;
  }
};

}  // namespace trunkline::engine
