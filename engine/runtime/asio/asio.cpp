// The one translation unit that compiles Asio (ASIO_SEPARATE_COMPILATION).
//
// A standard header comes first: Asio chooses between aligned_alloc and operator new by a macro of libstdc++, and must
// choose here as it does everywhere else, or memory is allocated by one and freed by the other.
#include <cstddef>

#include <asio/impl/src.hpp>
#include <asio/ssl/impl/src.hpp>
