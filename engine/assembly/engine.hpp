#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/assembly/control_server.hpp"
#include "engine/assembly/desk_lookup.hpp"
#include "engine/dispatch/routing.hpp"
#include "engine/inbound/inbound_stage.hpp"
#include "engine/journal/commit_stage.hpp"
#include "engine/report/outputs.hpp"
#include "engine/report/recovery.hpp"
#include "engine/report/retention.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/runtime/stage_thread.hpp"
#include "engine/smpp/smpp_service.hpp"
#include "engine/spool/claimer.hpp"
#include "engine/spool/feeder.hpp"

namespace trunkline::engine {

/// What a batch looks like from outside, for status pages.
struct batch_view {
  std::string name;
  std::int64_t accepted_at_ms = 0;
  std::uint64_t finished = 0;          ///< messages with a report line
  std::optional<std::uint64_t> total;  ///< messages in all, once the file was read through
  bool paused = false;
  bool cancelled = false;
};

/// The whole engine: its stages, their threads, and the order in which they start and stop. One per process.
class engine {
 public:
  /// Nothing starts yet. `files` and `time` must outlive it.
  engine(configuration config, file_system& files, const clock& time);
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  /// Makes directories, takes the locks, recovers what an earlier run left, and starts. Throws std::runtime_error with
  /// a text for people.
  void start();
  /// With `once`: `wait_done` returns when incoming/ is empty and every batch is closed.
  void finish_when_empty() noexcept { once_.store(true); }
  /// Waits until the work is done (once), or request_stop was called. True: the work is done.
  bool wait_done();
  /// Any thread, also a signal-watching one: makes wait_done return.
  void request_stop();
  /// The orderly stop: takes nothing more, finishes what is in flight (bounded by shutdown_timeout), writes positions,
  /// ends the threads. Idempotent.
  void stop();
  /// Applies a new configuration: routes, and carriers that were added, removed or changed. Main thread.
  void reload(const configuration& fresh);

  /// Where parts of the engine register what can be asked over `data_dir/control.sock`.
  control_server& control() noexcept { return control_; }
  /// Any thread: calls `work` on the feeder's thread, soon, with the feeder.
  void at_feeder(std::function<void(feeder&)> work);

  // --- for pages; any thread --------------------------------------------------------------------------------------
  bool ready() const noexcept { return ready_.load(); }
  /// Why `ready` is false, for people.
  std::string not_ready_because() const;
  std::vector<std::shared_ptr<carrier>> carriers() const;
  std::vector<batch_view> batches() const;
  const feeder& dispatcher() const noexcept { return *feeder_; }
  const claimer& spool() const noexcept { return *claimer_; }
  const outputs& reports() const noexcept { return *outputs_; }
  const commit_stage& journal() const noexcept { return *commit_; }
  /// Places where the journal was found damaged at the start.
  std::uint64_t journal_damage() const noexcept { return journal_damage_; }
  const outcome_queues& queues() const noexcept { return queues_; }
  const synced_queue& synced() const noexcept { return *synced_; }
  const inbound_stage& inbound() const noexcept { return *inbound_; }
  const optout_list& optouts() const noexcept { return *optouts_; }
  const retention& kept() const noexcept { return *retention_; }
  const slab& memory() const noexcept { return *slab_; }
  const configuration& config() const noexcept { return config_; }
  const spool_paths& paths() const noexcept { return paths_; }
  file_system& files() const noexcept { return files_; }
  const clock& time() const noexcept { return time_; }
  /// Every final message ended as `sent`.
  bool all_sent() const noexcept { return outputs_->all_sent(); }

 private:
  void make_directories();
  void make_parents(const std::string& path);
  void make_inbound_directories(const inbound_plan& plan);
  void start_inbound(std::uint64_t start);
  void sync_optouts();
  void take_locks();
  std::shared_ptr<carrier> make_carrier(const carrier_config& config, std::uint32_t share_slots);
  std::shared_ptr<const routing> make_routing(const configuration& from);
  void set_credit_limit();
  stage_thread::outcome feed();
  void watch_space();
  void publish_batches();
  /// For how long received messages may be replies to what was sent; 0: nobody asks.
  static milliseconds reply_window_of(const configuration& c);
  void warn_of_restart(const configuration& fresh) const;
  /// Registers `carrier_list`, `carrier_disable`, `carrier_enable` and `carrier_reconnect` (carrier_commands.cpp).
  void add_carrier_commands();
  [[noreturn]] void fatal(const std::string& what, std::error_code why);

  configuration config_;
  file_system& files_;
  const clock& time_;
  const spool_paths paths_;
  std::unique_ptr<file_lock> data_lock_;
  std::unique_ptr<file_lock> spool_lock_;

  // The order of declaration is the order of construction; destruction goes backwards.
  stage_thread feed_thread_;
  stage_thread commit_thread_;
  stage_thread output_thread_;
  stage_thread publish_thread_;
  stage_thread retention_thread_;
  std::unique_ptr<slab> slab_;
  outcome_queues queues_;
  std::unique_ptr<synced_queue> synced_;
  std::unique_ptr<journal_writer> writer_;
  std::unique_ptr<commit_stage> commit_;
  std::unique_ptr<publisher> publisher_;
  std::unique_ptr<optout_list> optouts_;
  std::unique_ptr<inbound_stage> inbound_;
  std::unique_ptr<outputs> outputs_;
  std::unique_ptr<desk_lookup> lookup_;
  std::unique_ptr<retention> retention_;
  std::unique_ptr<name_memory> names_;
  std::unique_ptr<claimer> claimer_;
  std::unique_ptr<feeder> feeder_;
  std::unique_ptr<smpp_service> smpp_;

  mutable std::mutex mutex_;  // carriers_, published_, fresh_*, feeder_work_, done_, stop_requested_, not_ready_
  std::condition_variable changed_;
  std::vector<std::shared_ptr<carrier>> carriers_;  // by id, grows only
  std::vector<batch_view> published_;
  std::shared_ptr<const routing> fresh_routing_;
  struct feeding_settings {
    std::chrono::milliseconds default_validity{};
    unknown_policy on_unknown{};
    bool require_trailer = false;
    bool optout = false;
    bool replies = false;
  };
  std::optional<feeding_settings> fresh_settings_;
  std::vector<std::function<void(feeder&)>> feeder_work_;
  bool done_ = false;
  bool stop_requested_ = false;
  std::string not_ready_;

  std::atomic<std::uint32_t> next_batch_{1};
  std::atomic<bool> once_{false};
  std::atomic<bool> taking_{true};
  std::atomic<bool> stopped_taking_{false};
  std::atomic<bool> draining_{false};
  std::atomic<bool> drained_{false};
  std::atomic<bool> ready_{false};
  std::atomic<std::uint64_t> min_free_bytes_{0};
  std::uint64_t journal_damage_ = 0;
  std::chrono::steady_clock::time_point next_full_note_{};  // of too many open batches; feeder thread
  bool space_left_ = true;                                  // feeder thread
  bool optout_keywords_ = false;                            // feeder thread: [optout] is in use
  std::chrono::steady_clock::time_point next_space_check_{};
  std::chrono::steady_clock::time_point next_publish_{};
  std::vector<std::unique_ptr<batch>> accepted_;
  std::optional<std::uint32_t> group_;  // [spool] group
  bool started_ = false;
  bool stopped_ = false;
  control_server control_;  // last: its commands use everything above
};

}  // namespace trunkline::engine
