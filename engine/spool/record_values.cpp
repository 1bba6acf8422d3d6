#include "engine/spool/record_values.hpp"

#include <array>

namespace trunkline::engine {
namespace {

constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> make_hex_values() noexcept {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::uint8_t i = 0; i < 10; ++i) values[std::size_t{'0'} + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) {
    values[std::size_t{'a'} + i] = static_cast<std::uint8_t>(10 + i);
    values[std::size_t{'A'} + i] = static_cast<std::uint8_t>(10 + i);
  }
  return values;
}
constexpr std::array<std::uint8_t, 256> hex_values = make_hex_values();

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<std::uint64_t> parse_unsigned(std::string_view text, std::uint64_t max) noexcept {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (digit > max || value > (max - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<std::uint16_t> parse_tlv_tag(std::string_view text) noexcept {
  if (text.size() < 3 || text.size() > 6 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text.substr(2)) {
    const std::uint8_t digit = hex_values[static_cast<std::uint8_t>(c)];
    if (digit == no_digit) return std::nullopt;
    value = value << 4 | digit;
  }
  return static_cast<std::uint16_t>(value);
}

std::size_t decode_hex(std::string_view hex, std::uint8_t* out) noexcept {
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const std::uint8_t high = hex_values[static_cast<std::uint8_t>(hex[i])];
    const std::uint8_t low = hex_values[static_cast<std::uint8_t>(hex[i + 1])];
    if (high == no_digit) return i;
    if (low == no_digit) return i + 1;
    *out++ = static_cast<std::uint8_t>(high << 4 | low);
  }
  return hex.size() % 2 == 0 ? hex_ok : hex.size();
}

std::optional<std::optional<protocol::encoding>> parse_message_encoding(std::string_view word) noexcept {
  using wanted = std::optional<protocol::encoding>;
  if (word == "auto") return wanted{protocol::automatic};
  if (word == "gsm7") return wanted{protocol::encoding::gsm7};
  if (word == "latin1") return wanted{protocol::encoding::latin1};
  if (word == "ucs2") return wanted{protocol::encoding::ucs2};
  return std::nullopt;
}

}  // namespace trunkline::engine
