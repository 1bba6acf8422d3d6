#include "engine/report/rotating_output.hpp"

#include <fmt/format.h>

namespace trunkline::engine {

void rotating_output::rotate() {
  if (lines_ == 0) return;
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time_.wall().time_since_epoch()).count();
  to_.publish(directory_, fmt::format("{:016d}-{:x}-{:06d}.jsonl", micros, start_, ++number_), std::move(buffer_));
  buffer_ = to_.spare_buffer();
  lines_ = 0;
}

}  // namespace trunkline::engine
