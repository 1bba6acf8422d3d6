#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runtime/clock.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/runtime/counter.hpp"
#include "engine/runtime/file_system.hpp"
#include "engine/spool/spool_paths.hpp"

namespace trunkline::engine {

/// The directories that it looks at, as `output_oldest_seconds` names them.
enum class kept_directory : std::uint8_t { done, results, receipts, rejected, inbound };
inline constexpr std::size_t kept_directories = 5;
std::string_view to_label(kept_directory d) noexcept;

/// Removes what has been finished for long enough: batches with report and summary, and results, after `keep_done`;
/// receipts and rejected files after `keep_output`; inbound messages never. A batch goes as a whole, its report last,
/// and only when it is closed. Age is the time since a file got its name (its last change of status). Nothing here has
/// to be durable: what a crash brings back is removed again. A stage: one thread calls `step`.
class retention {
 public:
  retention(file_system& files, const clock& time, const spool_config& spool, const spool_paths& paths);

  struct step_result {
    bool worked = false;
    std::chrono::steady_clock::time_point next;  ///< call again at the latest then
  };
  /// A bounded number of files, or the names of one directory.
  step_result step();

  /// Any thread: as the configuration says now.
  void set_times(std::chrono::milliseconds keep_done, std::chrono::milliseconds keep_output) noexcept {
    keep_done_.store(keep_done);
    keep_output_.store(keep_output);
  }
  /// Any thread: when the oldest file there got its name, as the last look found; nothing when there is none.
  std::optional<clock::wall_time> oldest(kept_directory d) const noexcept;
  std::array<counter, kept_directories> removed;

 private:
  struct place {
    kept_directory what{};
    std::string path;
  };
  void look_at(const place& where);
  void judge_done(const std::string& name);
  void judge(const place& where, const std::string& name, std::chrono::milliseconds keep);
  bool remove(kept_directory d, const std::string& path);
  std::optional<clock::wall_time> age_mark(const std::string& path);
  void note(kept_directory d, clock::wall_time named) noexcept;

  file_system& files_;
  const clock& time_;
  std::atomic<std::chrono::milliseconds> keep_done_;
  std::atomic<std::chrono::milliseconds> keep_output_;
  const spool_paths paths_;
  std::vector<place> places_;       // still to be looked at in this round
  std::optional<place> at_;         // whose names are being judged
  std::vector<std::string> names_;  // of it, sorted
  std::size_t next_name_ = 0;
  std::array<std::int64_t, kept_directories> found_{};
  std::array<std::atomic<std::int64_t>, kept_directories> oldest_{};  // microseconds since the epoch; 0: none
  std::chrono::steady_clock::time_point round_began_{};
  std::chrono::steady_clock::time_point next_round_{};
};

}  // namespace trunkline::engine
