#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "engine/simulator/simulator_options.hpp"

namespace trunkline::engine {

/// Numbers for messages, given out in blocks so that sessions share one atomic only now and then. Numbers start where
/// the wall clock is, in units of 250 ns, so that a simulator that is started again repeats none unless the one before
/// gave out more than four million a second all its life. They repeat after three days. Always ten hex digits, the
/// first of them not 0.
class message_id_source {
 public:
  static constexpr std::uint64_t block = 1024;
  static constexpr std::uint64_t lowest = 0x10'0000'0000;
  static constexpr std::uint64_t range = 0xF0'0000'0000;

  explicit message_id_source(std::chrono::system_clock::time_point started) noexcept
      : next_(static_cast<std::uint64_t>(
                  std::chrono::duration_cast<std::chrono::nanoseconds>(started.time_since_epoch()).count()) /
              250 / block * block) {}

  /// The first of `block` consecutive numbers that nobody else has. Any thread.
  std::uint64_t take_block() noexcept { return lowest + next_.fetch_add(block, std::memory_order_relaxed) % range; }

 private:
  std::atomic<std::uint64_t> next_;
};

/// Octets that write_message_id() may need.
inline constexpr std::size_t max_message_id_bytes = 20;

/// Writes `id` without a NUL and returns how many characters it took: ten for hex, twelve or thirteen for dec.
inline std::size_t write_message_id(char* out, std::uint64_t id, id_form form) noexcept {
  if (form == id_form::hex) {
    static constexpr auto pairs = [] {
      std::array<char, 512> table{};
      for (std::size_t i = 0; i < 256; ++i) {
        table[2 * i] = "0123456789abcdef"[i >> 4U];
        table[2 * i + 1] = "0123456789abcdef"[i & 15U];
      }
      return table;
    }();
    for (std::size_t i = 0; i < 5; ++i) {
      const std::size_t octet = (id >> (32 - 8 * i)) & 0xFFU;
      out[2 * i] = pairs[2 * octet];
      out[2 * i + 1] = pairs[2 * octet + 1];
    }
    return 10;
  }
  std::array<char, max_message_id_bytes> digits;
  std::size_t at = digits.size();
  do {
    digits[--at] = static_cast<char>('0' + id % 10);
    id /= 10;
  } while (id != 0);
  for (std::size_t i = at; i < digits.size(); ++i) out[i - at] = digits[i];
  return digits.size() - at;
}

}  // namespace trunkline::engine
