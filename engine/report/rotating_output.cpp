#include "engine/report/rotating_output.hpp"

#include <fmt/format.h>

namespace trunkline::engine {

rotating_output::rotating_output(file_system& files, const clock& time, std::string directory, std::uint32_t permissions)
    : files_(files), time_(time), directory_(std::move(directory)), permissions_(permissions) {}

result<void> rotating_output::rotate() {
  if (lines_ == 0) return {};
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(time_.wall().time_since_epoch()).count();
  const std::string name = fmt::format("{:016d}-{:06d}.jsonl", micros, ++number_ % 1'000'000);
  const std::string hidden = directory_ + "/." + name;
  const auto write = [&]() -> result<void> {
    auto opened = files_.open(hidden, open_mode::create_new, permissions_);
    if (!opened) return tl::unexpected(opened.error());
    auto& f = **opened;
    return f.write_at({reinterpret_cast<const std::uint8_t*>(buffer_.data()), buffer_.size()}, 0)
        .and_then([&] { return f.sync(); })
        .and_then([&] { return files_.rename(hidden, directory_ + "/" + name); })
        .and_then([&] { return files_.sync_directory(directory_); });
  };
  auto written = write();
  if (!written) {
    (void)files_.remove(hidden);
    return written;
  }
  buffer_.clear();
  lines_ = 0;
  return {};
}

}  // namespace trunkline::engine
