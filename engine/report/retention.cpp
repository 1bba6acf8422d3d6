// A round looks at one directory after the other; a step is one listing or a few hundred files, so that a directory of
// a million files keeps nobody waiting for long. Rounds are at least ten seconds apart and take a fiftieth of the time
// at most.
#include "engine/report/retention.hpp"

#include <algorithm>

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t files_a_step = 256;
constexpr auto between_rounds = 10s;
/// What the engine is just writing has a hidden name; one that is older was left behind by a crash.
constexpr auto hidden_leftover = std::chrono::hours(24);
constexpr std::string_view report_suffix = ".report.jsonl";
constexpr std::string_view summary_suffix = ".summary.json";

std::int64_t to_us(clock::wall_time t) noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(t.time_since_epoch()).count();
}

}  // namespace

std::string_view to_label(kept_directory d) noexcept {
  constexpr std::array<std::string_view, kept_directories> names{"done", "results", "receipts", "rejected", "inbound"};
  return names[static_cast<std::size_t>(d)];
}

retention::retention(file_system& files, const clock& time, const spool_config& spool, const spool_paths& paths)
    : files_(files), time_(time), keep_done_(spool.keep_done), keep_output_(spool.keep_output), paths_(paths) {}

std::optional<clock::wall_time> retention::oldest(kept_directory d) const noexcept {
  const std::int64_t us = oldest_[static_cast<std::size_t>(d)].load(std::memory_order_relaxed);
  if (us == 0) return std::nullopt;
  return clock::wall_time(std::chrono::microseconds(us));
}

void retention::note(kept_directory d, clock::wall_time named) noexcept {
  std::int64_t& found = found_[static_cast<std::size_t>(d)];
  if (found == 0 || to_us(named) < found) found = to_us(named);
}

std::optional<clock::wall_time> retention::age_mark(const std::string& path) {
  const auto status = files_.stat(path);
  if (!status || status->type != file_type::regular) return std::nullopt;
  return status->ctime;
}

bool retention::remove(kept_directory d, const std::string& path) {
  if (!files_.remove(path)) return false;
  removed[static_cast<std::size_t>(d)].add();
  return true;
}

retention::step_result retention::step() {
  const auto now = time_.steady();
  if (!at_ && places_.empty()) {
    if (now < next_round_) return {false, next_round_};
    round_began_ = now;
    found_.fill(0);
    places_ = {{kept_directory::inbound, paths_.inbound()},
               {kept_directory::rejected, paths_.rejected()},
               {kept_directory::receipts, paths_.receipts()},
               {kept_directory::results, paths_.results()},
               {kept_directory::done, paths_.done()}};
  }
  if (!at_) {
    at_ = std::move(places_.back());
    places_.pop_back();
    look_at(*at_);
    return {true, now};
  }
  for (std::size_t n = 0; n < files_a_step && next_name_ < names_.size(); ++n) {
    const std::string& name = names_[next_name_++];
    switch (at_->what) {
      case kept_directory::done:
        judge_done(name);
        break;
      case kept_directory::results:
        judge(*at_, name, keep_done_.load());
        break;
      case kept_directory::receipts:
      case kept_directory::rejected:
        judge(*at_, name, keep_output_.load());
        break;
      case kept_directory::inbound:
        judge(*at_, name, 0ms);
        break;
    }
  }
  if (next_name_ < names_.size()) return {true, now};
  at_.reset();
  names_.clear();
  if (!places_.empty()) return {true, now};
  for (std::size_t d = 0; d < kept_directories; ++d) oldest_[d].store(found_[d], std::memory_order_relaxed);
  const auto ended = time_.steady();
  next_round_ = ended + std::max<std::chrono::steady_clock::duration>(between_rounds, (ended - round_began_) * 50);
  return {false, next_round_};
}

void retention::look_at(const place& where) {
  names_.clear();
  next_name_ = 0;
  auto entries = files_.list(where.path);
  if (!entries) return;
  for (auto& entry : *entries) {
    if (entry.type == file_type::directory && where.what == kept_directory::inbound && where.path == paths_.inbound()) {
      places_.push_back({kept_directory::inbound, where.path + "/" + entry.name});
    } else if (entry.type == file_type::regular) {
      names_.push_back(std::move(entry.name));
    }
  }
  // A batch, then its report, then its summary.
  std::sort(names_.begin(), names_.end());
}

/// A batch is judged by its report, which appears last; when somebody has taken that away, by what is left.
void retention::judge_done(const std::string& name) {
  if (name.starts_with('.')) return;  // the engine's own, until it is shown
  std::string batch = name;
  for (const auto suffix : {report_suffix, summary_suffix}) {
    if (batch.ends_with(suffix)) batch.resize(batch.size() - suffix.size());
  }
  const bool is_report = name == batch + std::string(report_suffix);
  if (!is_report) {
    // With its report it goes; with a hidden one it is being closed.
    if (files_.stat(paths_.report(batch)) || files_.stat(paths_.hidden_report(batch))) return;
  }
  const auto named = age_mark(paths_.done(name));
  if (!named) return;
  const std::chrono::milliseconds keep = keep_done_.load();
  if (keep == 0ms || time_.wall() - *named < keep) return note(kept_directory::done, *named);
  if (is_report) {
    // The report last: without it a batch that is still there would look as if it had never been finished.
    const auto gone = [&](const std::string& path) { return remove(kept_directory::done, path) || !files_.stat(path); };
    if (!gone(paths_.done(batch)) || !gone(paths_.summary(batch))) return;
  }
  (void)remove(kept_directory::done, paths_.done(name));
}

void retention::judge(const place& where, const std::string& name, std::chrono::milliseconds keep) {
  const std::string path = where.path + "/" + name;
  const auto named = age_mark(path);
  if (!named) return;
  const auto age = time_.wall() - *named;
  if (name.starts_with('.')) {
    if (age >= hidden_leftover) (void)remove(where.what, path);
    return;
  }
  if (keep == 0ms || age < keep) return note(where.what, *named);
  (void)remove(where.what, path);
}

}  // namespace trunkline::engine
