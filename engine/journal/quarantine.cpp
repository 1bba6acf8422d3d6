#include "engine/journal/quarantine.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "engine/journal/format.hpp"

namespace trunkline::engine {

namespace {
constexpr std::uint64_t piece_bytes = 1U << 20;
}

result<std::string> set_aside(file_system& files, const std::string& journal, const std::string& directory,
                              const journal_corruption& damage) {
  if (damage.bytes == 0) return std::string();
  auto from = files.open(journal + "/" + journal_format::segment_name(damage.segment), open_mode::read);
  if (!from) return tl::unexpected(from.error());
  if (auto made = files.make_directory(directory, 0700); !made) return tl::unexpected(made.error());
  std::string path = fmt::format("{}/{:016x}-{}.octets", directory, damage.segment, damage.offset);
  auto to = files.open(path, open_mode::read_write_create, 0600);
  if (!to) return tl::unexpected(to.error());
  std::vector<std::uint8_t> piece(static_cast<std::size_t>(std::min(damage.bytes, piece_bytes)));
  std::uint64_t kept = 0;
  while (kept < damage.bytes) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(damage.bytes - kept, piece.size()));
    const auto got = (*from)->read_at({piece.data(), want}, damage.offset + kept);
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) break;
    if (auto written = (*to)->write_at({piece.data(), *got}, kept); !written) return tl::unexpected(written.error());
    kept += *got;
  }
  return (*to)
      ->truncate(kept)
      .and_then([&] { return (*to)->sync(); })
      .and_then([&] { return files.sync_directory(directory); })
      .and_then([&] { return files.sync_directory(directory.substr(0, directory.rfind('/'))); })
      .map([&] { return std::move(path); });
}

}  // namespace trunkline::engine
