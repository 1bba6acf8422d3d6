#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

/// The names of accepted files, so that one is not accepted twice: a text file of "SECONDS NAME" lines, appended and
/// synced with each group of claims, written anew without the old ones at start. One thread.
class name_memory {
 public:
  name_memory(file_system& files, std::string path, std::int64_t keep_s);

  /// Reads what is there and drops what is older than the memory. A damaged line is skipped.
  result<void> load(std::int64_t now_s);
  bool knows(const std::string& name, std::int64_t now_s) const;
  /// Remembers names, durably.
  result<void> add(const std::vector<std::string>& names, std::int64_t now_s);
  std::size_t size() const noexcept { return names_.size(); }

 private:
  file_system& files_;
  std::string path_;
  std::int64_t keep_s_;
  std::unordered_map<std::string, std::int64_t> names_;
  std::unique_ptr<file> file_;
};

}  // namespace trunkline::engine
