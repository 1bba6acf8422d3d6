#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "engine/spool/record_builder.hpp"
#include "engine/spool/record_defaults.hpp"

namespace trunkline::engine {

/// Reads JSON lines into a `record_builder`. Strings without escapes stay where they are in the line; others are
/// decoded into memory of the reader, until the next call. One thread.
class record_json {
 public:
  explicit record_json(const record_limits& limits);
  ~record_json();

  /// The fields of one message. False with the builder's error set.
  bool read_message(std::string_view line, record_builder& into);

  /// The fields of `{"batch": {...}}`; those that only a batch has go to `only_batch` (name, on_unknown).
  bool read_header(std::string_view line, record_builder& into, batch_defaults& only_batch);

 private:
  struct implementation;
  std::unique_ptr<implementation> impl_;
};

}  // namespace trunkline::engine
