#include "engine/spool/name_memory.hpp"

#include <charconv>
#include <string_view>

#include <fmt/format.h>

namespace trunkline::engine {

name_memory::name_memory(file_system& files, std::string path, std::int64_t keep_s)
    : files_(files), path_(std::move(path)), keep_s_(keep_s) {}

result<void> name_memory::load(std::int64_t now_s) {
  std::string text;
  if (auto opened = files_.open(path_, open_mode::read)) {
    auto size = (*opened)->size();
    if (!size) return tl::unexpected(size.error());
    text.resize(static_cast<std::size_t>(*size));
    auto got = (*opened)->read_at({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0);
    if (!got) return tl::unexpected(got.error());
    text.resize(*got);
  } else if (opened.error() != std::errc::no_such_file_or_directory) {
    return tl::unexpected(opened.error());
  }
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line(text.data() + at, end - at);
    at = end + 1;
    std::int64_t when = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), when);
    if (error != std::errc() || stop == line.data() + line.size() || *stop != ' ' || now_s - when > keep_s_) continue;
    names_[std::string(stop + 1, line.data() + line.size())] = when;
    kept.append(line).push_back('\n');
  }
  const std::string fresh = path_ + ".new";
  auto made = files_.open(fresh, open_mode::read_write_create, 0600);
  if (!made) return tl::unexpected(made.error());
  file_ = std::move(*made);
  const std::string directory = path_.substr(0, path_.rfind('/'));
  return file_->truncate(0)
      .and_then([&] {
        return file_->append({reinterpret_cast<const std::uint8_t*>(kept.data()), kept.size()});
      })
      .and_then([&] { return file_->sync(); })
      .and_then([&] { return files_.rename(fresh, path_); })
      .and_then([&] { return files_.sync_directory(directory); });
}

bool name_memory::knows(const std::string& name, std::int64_t now_s) const {
  const auto found = names_.find(name);
  return found != names_.end() && now_s - found->second <= keep_s_;
}

result<void> name_memory::add(const std::vector<std::string>& names, std::int64_t now_s) {
  std::string lines;
  for (const auto& name : names) lines += fmt::format("{} {}\n", now_s, name);
  auto written = file_->append({reinterpret_cast<const std::uint8_t*>(lines.data()), lines.size()}).and_then([&] {
    auto synced = file_->sync();
    // Final, whatever its code; want of space for the lines themselves is not.
    if (!synced && synced.error() == std::errc::no_space_on_device) return result<void>(fail(std::errc::io_error));
    return synced;
  });
  if (written) {
    for (const auto& name : names) names_[name] = now_s;
  }
  return written;
}

}  // namespace trunkline::engine
