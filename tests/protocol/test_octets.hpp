#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::protocol::test {

using octets = std::vector<std::uint8_t>;

inline octets from_hex(std::string_view hex) {
  const auto digit = [](char c) {
    const auto at = std::string_view("0123456789abcdef").find(c);
    if (at == std::string_view::npos) std::abort();
    return static_cast<std::uint8_t>(at);
  };
  octets out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4U | digit(hex[i + 1])));
  }
  return out;
}

inline std::string to_hex(std::span<const std::uint8_t> octets) {
  std::string out;
  for (const std::uint8_t octet : octets) {
    out += "0123456789abcdef"[octet >> 4U];
    out += "0123456789abcdef"[octet & 15U];
  }
  return out;
}

/// The lines of a file of test data, one JSON object each.
inline std::vector<nlohmann::json> load_lines(const std::string& path) {
  std::ifstream in(std::string(TRUNKLINE_TEST_DATA) + "/" + path);
  if (!in) {
    std::perror(path.c_str());
    std::abort();
  }
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) rows.push_back(nlohmann::json::parse(line));
  }
  return rows;
}

/// A heap copy of exactly these octets, so that AddressSanitizer sees every read past them.
inline octets exact(std::span<const std::uint8_t> from) { return {from.begin(), from.end()}; }

}  // namespace trunkline::protocol::test
