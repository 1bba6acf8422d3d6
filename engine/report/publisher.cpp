#include "engine/report/publisher.hpp"

namespace trunkline::engine {

namespace {
constexpr std::size_t max_spare = 4;
/// So much of a large file may be unsynced, so that its end does not wait for all of it.
constexpr std::uint64_t unsynced_bytes = std::uint64_t{16} << 20U;
}  // namespace

void publisher::publish(const std::string& directory, std::string name, std::string contents) {
  hand_over({directory, name, name, std::move(contents)});
}

void publisher::publish_piece(const std::string& directory, const std::string& hidden, const std::string& name,
                              std::string contents, std::uint64_t offset, bool last) {
  hand_over({directory, hidden, name, std::move(contents), offset, last});
}

void publisher::hand_over(job j) {
  pending_bytes_.fetch_add(j.contents.size(), std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(j));
    handed_over_.fetch_add(1, std::memory_order_release);
  }
  if (wake_ != nullptr) wake_->wake();
}

std::string publisher::spare_buffer() {
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) return {};
  std::string buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

result<void> publisher::write(const job& j) {
  auto opened = files_.open(j.directory + "/." + j.hidden, open_mode::read_write_create, permissions_);
  if (!opened) return tl::unexpected(opened.error());
  file& f = **opened;
  const std::uint64_t end = j.offset + j.contents.size();
  if (auto cut = f.truncate(j.offset); !cut) return cut;
  if (auto written =
          f.write_at({reinterpret_cast<const std::uint8_t*>(j.contents.data()), j.contents.size()}, j.offset);
      !written) {
    return written;
  }
  if (!j.last && j.offset / unsynced_bytes == end / unsynced_bytes) return {};
  auto synced = f.sync();
  // A whole file is written again. Of one in pieces the earlier ones may be gone for good.
  if (!synced && j.offset != 0 && synced.error() == std::errc::no_space_on_device) return fail(std::errc::io_error);
  return synced;
}

bool publisher::step() {
  std::vector<job> round;
  {
    const std::lock_guard lock(mutex_);
    while (!waiting_.empty() && round.size() < 16) {
      round.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  if (round.empty()) return false;
  const auto show = [&]() -> result<void> {
    for (const job& j : round) {
      if (j.renamed) continue;
      if (auto written = write(j); !written) return written;
    }
    std::set<std::string> directories;
    for (job& j : round) {
      if (!j.last) continue;
      directories.insert(j.directory);
      if (j.renamed) continue;
      if (auto renamed = files_.rename(j.directory + "/." + j.hidden, j.directory + "/" + j.name); !renamed)
        return renamed;
      j.renamed = true;
    }
    for (const auto& d : directories) {
      if (auto synced = files_.sync_directory(d); !synced) return synced;
    }
    return {};
  };
  if (auto shown = show(); !shown) {
    if (shown.error() != std::errc::no_space_on_device) {
      on_fatal_(shown.error(), round.front().directory);
      return false;
    }
    for (const job& j : round) {
      if (!j.renamed && j.last && j.offset == 0) (void)files_.remove(j.directory + "/." + j.hidden);
    }
    const std::lock_guard lock(mutex_);
    for (auto j = round.rbegin(); j != round.rend(); ++j) waiting_.push_front(std::move(*j));
    blocked_.store(true, std::memory_order_relaxed);
    return false;
  }
  blocked_.store(false, std::memory_order_relaxed);
  std::uint64_t bytes = 0;
  for (const job& j : round) bytes += j.contents.size();
  pending_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    for (job& j : round) {
      if (spare_.size() == max_spare) break;
      if (!j.last || j.offset != 0) continue;  // pieces are smaller: what takes one for a whole file would have it grow
      j.contents.clear();
      spare_.push_back(std::move(j.contents));
    }
  }
  shown_.fetch_add(round.size(), std::memory_order_release);
  return true;
}

}  // namespace trunkline::engine
