#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/runtime/clock.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/runtime/counter.hpp"
#include "engine/spool/candidate.hpp"
#include "engine/spool/name_memory.hpp"

namespace trunkline::engine {

/// Takes files from incoming/: checks names and kinds, sets aside what cannot be a batch (rejected/, with NAME.error
/// saying why), and accepts the rest in groups: renamed into active/, both directories synced. One thread.
class claimer {
 public:
  /// `next_batch` numbers batches; shared with recovery.
  claimer(file_system& files, const clock& time, const spool_config& spool, spool_paths paths, record_options records,
          name_memory& names, std::atomic<std::uint32_t>& next_batch);

  /// Looks into incoming/ (at most every 100 ms) and does one step of work on what is there. Accepted batches are
  /// appended to `accepted`. Returns true when it did something. `room`: batches that may still be opened.
  bool step(std::vector<std::unique_ptr<batch>>& accepted, std::size_t room);
  /// Nothing is waiting or being looked at, as of the last look.
  bool idle() const noexcept { return idle_ && unnamed_.empty() && moved_.empty(); }
  /// Forces a look at the next step.
  static constexpr std::chrono::milliseconds look_interval{20};
  void look_now() noexcept { next_look_ = {}; }

  /// From now on; a batch keeps what it was accepted with.
  void set_policies(unknown_policy on_unknown, bool require_trailer) noexcept {
    spool_.on_unknown = on_unknown;
    spool_.require_trailer = require_trailer;
  }

  /// Only files of this user, of root, or of this group are accepted.
  void require_owner(std::uint32_t uid, std::uint32_t gid) { owner_ = {uid, gid}; }

  counter accepted_batches;
  counter rejected_batches;

 private:
  void look();
  void consider(const directory_entry& entry);
  /// Moves it to rejected/ as NAME, or as NAME.N where that is taken or the name itself is the fault (`numbered`).
  void reject(const std::string& name, const std::string& why, bool numbered = false);
  void try_later(const std::string& name);
  bool accept(std::vector<std::unique_ptr<batch>>& accepted);
  bool settle_moved(std::vector<std::unique_ptr<batch>>& accepted);
  bool remember(std::vector<std::unique_ptr<batch>>& accepted);
  void problem(const std::string& what, std::error_code why);

  file_system& files_;
  const clock& time_;
  spool_config spool_;
  const spool_paths paths_;
  record_parser parser_;
  name_memory& names_;
  std::atomic<std::uint32_t>& next_batch_;
  std::chrono::steady_clock::time_point next_look_{};
  std::deque<std::unique_ptr<candidate>> candidates_;
  std::vector<std::unique_ptr<candidate>> ready_;
  std::vector<std::unique_ptr<candidate>> moved_;    // in active/, whether they are what was looked at is not known yet
  std::vector<std::unique_ptr<candidate>> unnamed_;  // in active/ durably, their names not remembered yet
  std::unordered_set<std::string> seen_;             // under consideration
  struct owner {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
  };
  std::optional<owner> owner_;
  std::vector<directory_entry> listed_;  // what the last look has found, by name
  std::size_t next_listed_ = 0;
  struct later {
    std::chrono::steady_clock::time_point at;
    std::chrono::seconds after{0};
  };
  std::map<std::string, later> later_;  // files for which the machine had no room
  std::string last_problem_;
  bool idle_ = false;
};

}  // namespace trunkline::engine
