#pragma once

#include <string>
#include <string_view>

namespace trunkline::engine {

/// The file of `--log`: opened for appending, so that whole lines of several threads do not mix.
class log_file {
 public:
  /// Creates the file if it is missing. Throws std::system_error.
  explicit log_file(const std::string& path);
  ~log_file();
  log_file(const log_file&) = delete;
  log_file& operator=(const log_file&) = delete;

  /// Gives the lines to the operating system, all of them, by write(2): they survive the end of this process, not that
  /// of the machine. Any thread. Throws std::system_error.
  void write(std::string_view lines) const;

 private:
  int descriptor_;
};

}  // namespace trunkline::engine
