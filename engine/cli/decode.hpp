#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace trunkline::engine {

/// `trunkline decode`: prints PDUs field by field.
void add_decode_command(CLI::App& app, int& exit_code);

/// Decodes each argument as hexadecimal (blanks and colons allowed), or raw octets of standard input when there are
/// none. Returns 0; 1 when a PDU is wrong; 2 when an argument is not hexadecimal.
int run_decode(const std::vector<std::string>& hex_arguments, bool as_json);

}  // namespace trunkline::engine
