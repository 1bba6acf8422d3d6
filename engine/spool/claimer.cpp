// Accepting is two renames' worth of care: the file moves from incoming/ to active/ without replacing anything, and
// only when both directories are synced does the engine answer for its messages. Names are remembered after that, never
// before, so that a crash in between cannot make a waiting file look like a repeat.
#include "engine/spool/claimer.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t group_size = 1000;
/// Names that are kept of a full directory at once; the others wait their turn.
constexpr std::size_t most_listed = 100'000;

std::int64_t to_ms(clock::wall_time t) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

std::string why_not_opened(std::error_code error) {
  if (error == std::errc::too_many_symbolic_link_levels) return "it is a link; links are never followed";
  if (error == std::errc::is_a_directory) return "it is a directory";
  if (error == std::errc::too_many_links) return "it has a second hard link: the producer could still change it";
  if (error == std::errc::not_supported) return "it is not a regular file";
  if (error == std::errc::permission_denied) return "it cannot be read: permission denied";
  return "it cannot be opened: " + error.message();
}

/// Errors of the machine, not of the file.
bool is_temporary(std::error_code error) {
  return error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system ||
         error == std::errc::not_enough_memory || error == std::errc::no_space_on_device;
}

}  // namespace

claimer::claimer(file_system& files, const clock& time, const spool_config& spool, spool_paths paths,
                 record_options records, name_memory& names, std::atomic<std::uint32_t>& next_batch)
    : files_(files),
      time_(time),
      spool_(spool),
      paths_(std::move(paths)),
      parser_(std::move(records)),
      names_(names),
      next_batch_(next_batch) {}

void claimer::problem(const std::string& what, std::error_code why) {
  const std::string text = fmt::format("{}: {}", what, why.message());
  if (text != last_problem_) spdlog::error("spool: {}; will try again", text);
  last_problem_ = text;
  next_look_ = time_.steady() + 1s;
}

void claimer::look() {
  const auto now = time_.steady();
  // An urgent message waits for this; a look at a full directory costs more.
  next_look_ = now + (listed_.size() < 1000 ? look_interval : 5 * look_interval);
  // Of a very full directory one look is worked off before the next.
  if (next_listed_ == listed_.size()) {
    auto entries = files_.list(paths_.incoming(), most_listed);
    if (!entries) return problem("cannot list " + paths_.incoming(), entries.error());
    listed_ = std::move(*entries);
    next_listed_ = 0;
    std::erase_if(listed_, [](const directory_entry& e) {
      return is_temporary_name(e.name) || e.name.ends_with(".crc32c");  // a sidecar goes with its file
    });
    std::sort(listed_.begin(), listed_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    idle_ = listed_.empty();
    if (idle_) later_.clear();
  }
  for (; next_listed_ < listed_.size() && candidates_.size() + ready_.size() < group_size; ++next_listed_) {
    const auto& entry = listed_[next_listed_];
    if (seen_.contains(entry.name)) continue;
    if (const auto found = later_.find(entry.name); found != later_.end() && now < found->second.at) continue;
    consider(entry);
  }
}

/// The machine had no room for this file: it waits longer each time, so that it does not keep the disk busy.
void claimer::try_later(const std::string& name) {
  auto& when = later_[name];
  when.after = std::clamp<std::chrono::seconds>(when.after * 2, 1s, 60s);
  when.at = time_.steady() + when.after;
}

void claimer::consider(const directory_entry& entry) {
  const std::string& name = entry.name;
  const std::int64_t now_s = to_ms(time_.wall()) / 1000;
  if (!parse_spool_name(name)) {
    return reject(
        name,
        "not a name for a batch: A-Z a-z 0-9 . _ - only, 1 to 200 long, ending .jsonl or .csv (also .gz or .zst), and "
        "none of the engine's own endings");
  }
  if (names_.knows(name, now_s) || files_.stat(paths_.active(name)) || files_.stat(paths_.done(name))) {
    return reject(name, "a file of this name was accepted before; give each batch a name of its own", true);
  }
  auto opened = files_.open_untrusted(paths_.incoming(), name);
  if (!opened) {
    if (opened.error() == std::errc::no_such_file_or_directory) return;  // taken back by its producer
    if (is_temporary(opened.error())) return problem("cannot open " + name, opened.error());
    return reject(name, why_not_opened(opened.error()));
  }
  if (owner_ && opened->status.uid != owner_->uid && opened->status.uid != 0 && opened->status.gid != owner_->gid) {
    return reject(name,
                  fmt::format("it belongs to user {} and group {}, neither the engine's user nor the group of the "
                              "spool ([spool] group)",
                              opened->status.uid, opened->status.gid));
  }
  std::optional<std::string> sidecar;
  if (auto side = files_.open_untrusted(paths_.incoming(), name + ".crc32c")) {
    std::string text(4096, '\0');
    auto got = side->handle->read_at({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0);
    text.resize(got.value_or(0));
    sidecar = std::move(text);
  }
  seen_.insert(name);
  candidates_.push_back(std::make_unique<candidate>(files_, paths_, name, std::move(opened->handle),
                                                    opened->status.size, spool_.require_trailer, std::move(sidecar)));
  candidates_.back()->remember(opened->status);
  candidates_.back()->keep_free(spool_.min_free_bytes);
  candidates_.back()->limit_lines(most_lines);
}

void claimer::reject(const std::string& name, const std::string& why, bool numbered) {
  // An odd name is shown as it is in the log only where it is printable.
  std::string shown = name;
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
  std::string target = name;
  const std::string base = paths_.rejected() + "/";
  for (int n = numbered ? 1 : 0; n < 1'000'000; ++n) {
    if (n != 0) target = fmt::format("{}.{}", name, n);
    auto moved = files_.rename(paths_.incoming() + "/" + name, base + target, rename_mode::no_replace);
    if (moved) break;
    if (moved.error() != std::errc::file_exists) {
      if (moved.error() != std::errc::no_such_file_or_directory) problem("cannot reject " + shown, moved.error());
      return;
    }
  }
  const std::string text = why + "\n";
  const std::string hidden = base + "." + target.substr(0, 230) + ".error";
  auto made = files_.open(hidden, open_mode::read_write_create, spool_.file_mode);
  if (made) {
    auto written = (*made)
                       ->truncate(0)
                       .and_then([&] {
                         return (*made)->write_at({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, 0);
                       })
                       .and_then([&] { return (*made)->sync(); })
                       .and_then([&] { return files_.rename(hidden, base + target.substr(0, 230) + ".error"); });
    if (!written) problem("cannot say why " + shown + " was rejected", written.error());
  }
  (void)files_.sync_directory(paths_.rejected());
  (void)files_.sync_directory(paths_.incoming());
  rejected_batches.add();
  spdlog::warn("spool: {} rejected: {}", shown, why);
}

bool claimer::accept(std::vector<std::unique_ptr<batch>>& accepted) {
  std::vector<std::unique_ptr<candidate>> group;
  group.swap(ready_);
  for (auto& c : group) {
    auto renamed =
        files_.rename(paths_.incoming() + "/" + c->name(), paths_.active(c->name()), rename_mode::no_replace);
    seen_.erase(c->name());
    if (!renamed) {
      if (renamed.error() != std::errc::no_such_file_or_directory)
        problem("cannot accept " + c->name(), renamed.error());
      continue;
    }
    moved_.push_back(std::move(c));
  }
  return settle_moved(accepted);
}

/// Whether each file that was moved into active/ is still the one that was looked at: then it is accepted, otherwise it
/// goes back. Of what could not be found out, or not given back, nothing is dropped: it is looked at again.
bool claimer::settle_moved(std::vector<std::unique_ptr<batch>>& accepted) {
  bool moved = false;
  std::vector<std::unique_ptr<candidate>> group;
  group.swap(moved_);
  for (auto& c : group) {
    const std::string path = paths_.active(c->name());
    const auto now = files_.stat(path);
    if (!now) {
      if (now.error() == std::errc::no_such_file_or_directory) continue;  // somebody took it away
      problem("cannot look at " + c->name() + " in active/", now.error());
      moved_.push_back(std::move(c));
      continue;
    }
    if (!c->is_still(*now)) {
      auto back = files_.rename(path, paths_.incoming() + "/" + c->name(), rename_mode::no_replace);
      if (!back) {
        problem("cannot give back " + c->name(), back.error());
        moved_.push_back(std::move(c));
        continue;
      }
      spdlog::warn("spool: {} was replaced or changed while it was being accepted; it is looked at again", c->name());
      continue;
    }
    (void)files_.remove(paths_.incoming() + "/" + c->name() + ".crc32c");
    unnamed_.push_back(std::move(c));
    moved = true;
  }
  if (!moved) return false;
  auto durable =
      files_.sync_directory(paths_.active()).and_then([&] { return files_.sync_directory(paths_.incoming()); });
  if (!durable) {
    // They are in active/ in memory only, perhaps: a restart finds out. Going on could answer for files that are gone.
    spdlog::critical("spool: cannot make accepted files durable: {}", durable.error().message());
    throw std::system_error(durable.error(), "spool");
  }
  return remember(accepted);
}

bool claimer::remember(std::vector<std::unique_ptr<batch>>& accepted) {
  const auto now_ms = to_ms(time_.wall());
  std::vector<std::string> names;
  for (const auto& c : unnamed_) names.push_back(c->name());
  if (auto added = names_.add(names, now_ms / 1000); !added) {
    if (added.error() == std::errc::no_space_on_device) {
      problem("cannot remember names of accepted files", added.error());
      return false;
    }
    spdlog::critical("spool: cannot remember names of accepted files: {}", added.error().message());
    throw std::system_error(added.error(), "spool");
  }
  last_problem_.clear();
  for (auto& c : unnamed_) {
    accepted.push_back(c->make_batch(next_batch_.fetch_add(1), now_ms, spool_.on_unknown));
    accepted_batches.add();
  }
  unnamed_.clear();
  return true;
}

bool claimer::step(std::vector<std::unique_ptr<batch>>& accepted, std::size_t room) {
  bool worked = false;
  if (time_.steady() >= next_look_ && room != 0) {
    if (!unnamed_.empty()) worked = remember(accepted);
    if (unnamed_.empty() && !moved_.empty()) worked |= settle_moved(accepted);
    if (unnamed_.empty()) look();
  }
  const auto until = time_.steady() + 10ms;
  for (std::size_t n = 0; !candidates_.empty() && ready_.size() < room; ++n) {
    if (n % 16 == 15 && time_.steady() >= until) break;
    worked = true;
    auto& c = candidates_.front();
    const auto done = c->step(parser_);
    if (!done) {
      const std::string name = c->name();
      const candidate_error why = done.error();
      candidates_.pop_front();
      seen_.erase(name);
      if (why.io && is_temporary(why.io)) {
        problem(name + ": " + why.text, why.io);
        try_later(name);
      } else {
        reject(name, why.io ? why.text + ": " + why.io.message() : why.text);
      }
      continue;
    }
    if (*done) {
      ready_.push_back(std::move(c));
      candidates_.pop_front();
    } else if (candidates_.size() > 1 && n % 8 == 7) {
      // A long verification does not hold up the small files behind it.
      candidates_.push_back(std::move(candidates_.front()));
      candidates_.pop_front();
    }
  }
  if (!ready_.empty() && unnamed_.empty()) worked |= accept(accepted);
  return worked;
}

}  // namespace trunkline::engine
