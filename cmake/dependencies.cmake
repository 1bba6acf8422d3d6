# Installed packages only (deploy/deps.sh), included as SYSTEM.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(zstd REQUIRED CONFIG)
find_package(fmt REQUIRED CONFIG)
find_package(spdlog REQUIRED CONFIG)
find_package(simdjson REQUIRED CONFIG)
find_package(tomlplusplus REQUIRED CONFIG)
find_package(prometheus-cpp REQUIRED CONFIG)
find_package(date REQUIRED CONFIG)

# nlohmann-json, CLI11, tl::expected, moodycamel and Asio are headers in /usr/include.

# Asio is compiled once; its macros must be the same in every translation unit.
file(GLOB asio_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/engine/runtime/asio/*.cpp)
if(asio_sources)
  add_library(trunkline_asio STATIC ${asio_sources})
  target_compile_definitions(trunkline_asio PUBLIC
    ASIO_STANDALONE ASIO_SEPARATE_COMPILATION ASIO_NO_DEPRECATED ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_definitions(trunkline_asio PUBLIC ASIO_HAS_CO_AWAIT ASIO_HAS_STD_COROUTINE)
  endif()
  target_link_libraries(trunkline_asio PUBLIC Threads::Threads OpenSSL::SSL OpenSSL::Crypto)
endif()

# Patterns of users, and time zones; RE2 comes without a CMake package.
find_library(RE2_LIBRARY re2 REQUIRED)
find_package(date REQUIRED CONFIG)
