#include "engine/report/batch_report.hpp"

namespace trunkline::engine {

namespace {
constexpr std::size_t flush_bytes = 128U << 10;
}

batch_report::batch_report(file_system& files, std::string hidden_path, std::uint32_t permissions)
    : files_(files), path_(std::move(hidden_path)), permissions_(permissions) {}

result<void> batch_report::open() {
  if (file_) return {};
  auto opened = files_.open(path_, open_mode::read_write_create, permissions_);
  if (!opened) return tl::unexpected(opened.error());
  file_ = std::move(*opened);
  return {};
}

result<void> batch_report::resume(std::uint64_t bytes) {
  return open().and_then([&] { return file_->truncate(bytes); }).map([&] {
    written_ = bytes;
    dirty_ = true;  // what was cut off must not come back
  });
}

result<void> batch_report::flush(bool everything) {
  if (buffer_.empty() || (!everything && buffer_.size() < flush_bytes)) return {};
  return open()
      .and_then([&] {
        return file_->write_at({reinterpret_cast<const std::uint8_t*>(buffer_.data()), buffer_.size()}, written_);
      })
      .map([&] {
        written_ += buffer_.size();
        buffer_.clear();
        dirty_ = true;
      });
}

result<void> batch_report::sync() {
  if (!dirty_) return {};
  auto synced = open().and_then([&] { return file_->sync(); });
  // Final, whatever its code: a second try would succeed without the octets that were lost.
  if (!synced && synced.error() == std::errc::no_space_on_device) return fail(std::errc::io_error);
  if (synced) dirty_ = false;
  return synced;
}

}  // namespace trunkline::engine
