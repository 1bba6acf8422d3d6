#pragma once

#include <string>

namespace CLI {
class App;
}

namespace trunkline::engine {

/// What `trunkline preview` is asked. Words as in the configuration.
struct preview_options {
  std::string text;
  std::string file;               ///< a batch instead of `text`
  std::string encoding = "auto";  ///< auto, or the name of an encoding
  std::string long_mode = "udh";  ///< udh | udh16 | sar | payload
  std::string national;           ///< codes separated by commas, or "*"; empty: none
  std::string from;               ///< sender and destination, for pdu_bytes
  std::string to = "491701234567";
  unsigned max_parts = 255;
  bool smart = false;  ///< replace typographic characters first
  bool json = false;
};

/// `trunkline preview`: how a text, or a whole batch, would be sent.
void add_preview_command(CLI::App& app, int& exit_code);

/// Prints on standard output. Returns 0; 1 when the text cannot be sent so or the file cannot be read; 2 for options
/// that are none.
int run_preview(const preview_options& options);

}  // namespace trunkline::engine
