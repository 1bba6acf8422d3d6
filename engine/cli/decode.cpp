#include "engine/cli/decode.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include "engine/cli/pdu_json.hpp"
#include "protocol/command_status.hpp"
#include "protocol/pdu_header.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::ordered_json;

/// The octets of a hexadecimal text, or nothing when it is none.
std::optional<std::vector<std::uint8_t>> parse_hex(std::string_view text) {
  std::vector<std::uint8_t> octets;
  int high = -1;
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  for (const char c : text) {
    if (c == ' ' || c == ':' || c == '\n' || c == '\r' || c == '\t') continue;
    int digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
      digit = (c | 0x20) - 'a' + 10;
    } else {
      return std::nullopt;
    }
    if (high < 0) {
      high = digit;
    } else {
      octets.push_back(static_cast<std::uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  if (high >= 0) return std::nullopt;
  return octets;
}

std::string dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void print_text(const ordered_json& pdu) {
  if (pdu.contains("error")) {
    fmt::print("error {} at offset {}\n", pdu["error"].get<std::string>(), pdu["offset"].get<std::size_t>());
    return;
  }
  fmt::print("{}\n", pdu["command"].get<std::string>());
  for (const auto& [name, value] : pdu.items()) {
    if (name == "command") continue;
    if (name == "command_id") {
      fmt::print("  {:<28} 0x{:08x}\n", name, value.get<std::uint32_t>());
    } else if (name == "command_status") {
      const auto status = static_cast<protocol::command_status>(value.get<std::uint32_t>());
      fmt::print("  {:<28} 0x{:08x} {}\n", name, value.get<std::uint32_t>(), protocol::name_of(status));
    } else {
      fmt::print("  {:<28} {}\n", name,
                 dump(value));  // as JSON, so that no peer sends escape sequences to the terminal
    }
  }
}

}  // namespace

int run_decode(const std::vector<std::string>& hex_arguments, bool as_json) {
  std::vector<std::vector<std::uint8_t>> inputs;
  for (const std::string& argument : hex_arguments) {
    auto octets = parse_hex(argument);
    if (!octets || octets->empty()) {
      fmt::print(stderr, "trunkline: not hexadecimal: {}\n", argument);
      return 2;
    }
    inputs.push_back(std::move(*octets));
  }
  // Groups of a hex dump, none of which could be a PDU: one input, as it was before the shell split it.
  const auto is_group = [](const std::vector<std::uint8_t>& octets) { return octets.size() < protocol::header_bytes; };
  if (std::all_of(inputs.begin(), inputs.end(), is_group)) {
    for (std::size_t i = 1; i < inputs.size(); ++i)
      inputs.front().insert(inputs.front().end(), inputs[i].begin(), inputs[i].end());
    inputs.resize(std::min<std::size_t>(inputs.size(), 1));
  }
  if (hex_arguments.empty()) {
    std::ios::sync_with_stdio(false);
    inputs.emplace_back(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  }
  int exit_code = 0;
  for (const auto& octets : inputs) {
    for (const described_pdu& pdu : describe_pdus(octets)) {
      if (pdu.wrong) exit_code = 1;
      if (as_json) {
        fmt::print("{}\n", dump(pdu.json));
      } else {
        print_text(pdu.json);
      }
    }
  }
  return exit_code;
}

void add_decode_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("decode", "Print SMPP PDUs field by field");
  const auto hex = std::make_shared<std::vector<std::string>>();
  const auto as_json = std::make_shared<bool>(false);
  command->add_option("hex", *hex, "PDUs in hexadecimal; without any, raw octets are read from standard input")
      ->type_name("HEX");
  command->add_flag("--json", *as_json, "One JSON object a PDU, on a line");
  command->footer("Exit status: 0 all PDUs were read; 1 one was not; 2 wrong usage.");
  command->callback([hex, as_json, &exit_code] { exit_code = run_decode(*hex, *as_json); });
}

}  // namespace trunkline::engine
