// The engine's life: directories and locks, recovery, then journal, outputs, sessions and last the feeder; stopping in
// the opposite order, so that whatever is still in memory finds its way into the journal or back to its line.
#include "engine/assembly/engine.hpp"

#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include "engine/assembly/adoption.hpp"
#include "engine/assembly/batch_commands.hpp"
#include "engine/dispatch/carrier_shares.hpp"
#include "engine/runtime/configuration_routes.hpp"
#include "engine/spool/phone_number.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t max_open_batches = 100'000;

std::runtime_error problem(const std::string& what, std::error_code why) {
  return std::runtime_error(fmt::format("{}: {}", what, why.message()));
}

}  // namespace

engine::engine(configuration config, file_system& files, const clock& time)
    : config_(std::move(config)), files_(files), time_(time), paths_{config_.spool.dir, config_.data_dir} {}

engine::~engine() {
  stop();
  // What a stage said after the commit stage had ended; recovery does without it.
  journal_event left;
  while (queues_.journal.try_dequeue(left)) discard(left);
}

void engine::fatal(const std::string& what, std::error_code why) {
  // A failed write to the journal leaves no honest way to go on: what is on disk is known only after a restart.
  spdlog::critical("{}: {}; the engine stops here and recovers when it is started again, nothing accepted is lost",
                   what, why.message());
  spdlog::default_logger()->flush();
  std::_Exit(1);
}

/// What is missing on the way to a directory, as mkdir -p makes it.
void engine::make_parents(const std::string& path) {
  std::string parent;
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    std::string next = path.substr(0, at);
    if (!files_.stat(next)) {
      if (auto made = files_.make_directory(next, 0755); !made) throw problem("cannot make " + next, made.error());
      const std::string where = !parent.empty() ? parent : path.front() == '/' ? "/" : ".";
      if (auto synced = files_.sync_directory(where); !synced) throw problem("cannot sync " + where, synced.error());
    }
    parent = std::move(next);
  }
}

void engine::make_directories() {
  const auto make = [&](const std::string& path, std::uint32_t mode) {
    if (auto made = files_.make_directory(path, mode & 0777U); !made)
      throw problem("cannot make " + path, made.error());
  };
  const std::uint32_t shared = config_.spool.dir_mode;
  std::optional<std::uint32_t>& group = group_;
  if (!config_.spool.group.empty()) {
    const ::group* found = ::getgrnam(config_.spool.group.c_str());
    if (found == nullptr)
      throw std::runtime_error(fmt::format("[spool] group: there is no group {}", config_.spool.group));
    group = found->gr_gid;
  }
  make_parents(paths_.data);
  make_parents(paths_.spool);
  make(paths_.data, 0700);
  for (const auto& path : {paths_.journal(), paths_.bits(), paths_.expanded(), paths_.sent()}) make(path, 0700);
  make(paths_.spool, shared);
  for (const auto& path : {paths_.incoming(), paths_.active(), paths_.results(), paths_.done(), paths_.rejected(),
                           paths_.receipts(), paths_.inbound(), paths_.unrouted()}) {
    make(path, shared);
    // With the set-group-ID bit of the default mode, what is made in there belongs to the group as well.
    if (auto set = files_.set_owner_mode(path, std::nullopt, group, shared); !set && group) {
      throw problem("cannot give " + path + " to group " + config_.spool.group, set.error());
    }
  }
  const auto active = files_.stat(paths_.active());
  for (const auto& path : {paths_.incoming(), paths_.done(), paths_.rejected()}) {
    const auto other = files_.stat(path);
    if (active && other && active->device != other->device) {
      throw std::runtime_error(fmt::format(
          "{} is on another file system than {}: files are renamed from one to the other", path, paths_.active()));
    }
  }
  for (const auto& path : {paths_.spool, paths_.inbound(), paths_.data}) {
    if (auto synced = files_.sync_directory(path); !synced) throw problem("cannot sync " + path, synced.error());
  }
}

/// A directory under inbound/ for each that rules name.
void engine::make_inbound_directories(const inbound_plan& plan) {
  const auto like = files_.stat(paths_.inbound());
  for (const std::string& name : plan.directories()) {
    const std::string path = paths_.inbound() + "/" + name;
    if (auto made = files_.make_directory(path, config_.spool.dir_mode & 0777U); !made)
      throw problem("cannot make " + path, made.error());
    std::optional<std::uint32_t> group;
    if (like && !config_.spool.group.empty()) group = like->gid;
    (void)files_.set_owner_mode(path, std::nullopt, group, config_.spool.dir_mode);
  }
  if (auto synced = files_.sync_directory(paths_.inbound()); !synced)
    throw problem("cannot sync " + paths_.inbound(), synced.error());
}

void engine::start_inbound(std::uint64_t start) {
  optouts_ = std::make_unique<optout_list>(files_, paths_.optout());
  std::vector<std::string> problems;
  if (auto loaded = optouts_->load(problems); !loaded) throw problem("cannot read " + paths_.optout(), loaded.error());
  for (const auto& text : problems) spdlog::error("{}", text);
  auto plan = std::make_shared<const inbound_plan>(config_);
  make_inbound_directories(*plan);
  inbound_options options;
  options.reassembly_ttl = config_.engine.reassembly_ttl;
  options.calling_code = calling_code(config_.engine.default_country).value_or("");
  inbound_ = std::make_unique<inbound_stage>(
      time_, paths_, *publisher_, *optouts_, std::move(plan), options,
      [this](std::error_code why, const std::string& what) { fatal("cannot write " + what, why); });
  inbound_->name_start(start);
  outputs_->set_inbound(inbound_.get());
  lookup_ = std::make_unique<desk_lookup>(outputs_->receipts());
  inbound_->set_sent_lookup(lookup_.get());
  for (const bool add : {true, false}) {
    control_.add(add ? "optout_add" : "optout_remove", [this, add](const nlohmann::json& request) -> nlohmann::json {
      const auto now_s = std::chrono::duration_cast<std::chrono::seconds>(time_.wall().time_since_epoch()).count();
      std::size_t changed = 0;
      for (const auto& pair : request.at("pairs")) {
        const auto sender = pair.at(0).get<std::string>();
        const auto number = pair.at(1).get<std::string>();
        changed += (add ? optouts_->add(sender, number, now_s) : optouts_->remove(sender, number, now_s)) ? 1 : 0;
      }
      sync_optouts();
      return {{"changed", changed}};
    });
  }
  control_.add("optout_sync", [this](const nlohmann::json&) -> nlohmann::json {
    sync_optouts();
    return {{"size", optouts_->size()}};
  });
}

void engine::sync_optouts() {
  const auto flushed = optouts_->flush();
  if (flushed) return;
  if (flushed.error() != std::errc::no_space_on_device) fatal("cannot write " + paths_.optout(), flushed.error());
  throw control_error("no space left for the opt-out list: it counts now, and is tried again");
}

void engine::take_locks() {
  const auto lock = [&](const std::string& path) {
    auto held = files_.lock(path);
    if (!held) {
      if (held.error() == std::errc::resource_unavailable_try_again) {
        throw std::runtime_error(fmt::format("{} is locked: another engine is running on it", path));
      }
      throw problem("cannot lock " + path, held.error());
    }
    return std::move(*held);
  };
  data_lock_ = lock(paths_.lock());
  spool_lock_ = lock(paths_.spool_lock());
}

std::shared_ptr<carrier> engine::make_carrier(const carrier_config& config, std::uint32_t share_slots) {
  const std::lock_guard lock(mutex_);
  const auto id = static_cast<std::uint16_t>(carriers_.size());
  auto made = std::make_shared<carrier>(id, std::make_shared<const carrier_config>(config), share_slots);
  carriers_.push_back(made);
  return made;
}

std::shared_ptr<const routing> engine::make_routing(const configuration& from) {
  auto made = std::make_shared<routing>();
  const std::lock_guard lock(mutex_);
  made->carriers = carriers_;
  for (const auto& c : carriers_) {
    if (!c->closed()) made->by_name[c->config().name] = c->id();
  }
  made->routes = compile_routes(from, [&](std::string_view name) -> std::optional<router::carrier_id> {
    const auto found = made->by_name.find(name);
    if (found == made->by_name.end()) return std::nullopt;
    return found->second;
  });
  return made;
}

void engine::set_credit_limit() {
  std::int64_t limit = static_cast<std::int64_t>(config_.engine.max_unsynced);
  for (const auto& c : carriers()) {
    if (!c->closed() && c->config().can_send()) limit += static_cast<std::int64_t>(c->config().windows());
  }
  queues_.credit.set_limit(limit);
}

void engine::start() {
  make_directories();
  take_locks();
  const record_options records{config_.engine.default_country, {}};
  const auto begun = time_.steady();
  auto state = recover(files_, time_, config_.spool, paths_, records);
  if (!state) throw problem("cannot recover from " + paths_.data, state.error());
  for (const auto& text : state->problems) spdlog::error("recovery: {}", text);
  journal_damage_ = state->journal.corruptions.size();
  if (!state->batches.empty() || state->journal.frames != 0) {
    spdlog::info(
        "recovered {} batches from {} journal frames in {} ms; {} messages may have gone out without a stored outcome",
        state->batches.size(), state->journal.frames,
        std::chrono::duration_cast<std::chrono::milliseconds>(time_.steady() - begun).count(), state->suspects);
  }

  slab_ = std::make_unique<slab>(config_.engine.max_active);
  queues_.journal_wake = &commit_thread_.slot();
  queues_.dispatcher_wake = &feed_thread_.slot();
  synced_ = std::make_unique<synced_queue>(&output_thread_.slot());
  writer_ = std::make_unique<journal_writer>(files_, paths_.journal(), state->next);
  commit_ = std::make_unique<commit_stage>(
      *writer_, queues_, *synced_, time_,
      commit_stage::hooks{[this] { smpp_->wake_all(); }, [this](std::uint64_t marker) { outputs_->on_marker(marker); },
                          [this](std::error_code why) { fatal("the journal cannot be written", why); },
                          [](bool full) {
                            if (full)
                              spdlog::error("no space for the journal: sending stops until there is room");
                            else
                              spdlog::info("there is space for the journal again: sending goes on");
                          }});
  publisher_ = std::make_unique<publisher>(
      files_, config_.spool.file_mode,
      [this](std::error_code why, const std::string& what) { fatal("cannot write into " + what, why); });
  publisher_->set_wake(&publish_thread_.slot());
  const auto reply_window = reply_window_of(config_);
  outputs_ = std::make_unique<outputs>(
      files_, time_, config_.spool, config_.receipts, reply_window, paths_, *slab_, queues_, *synced_, *publisher_,
      outputs::hooks{[this](std::uint32_t id) { feeder_->closed(id), feed_thread_.slot().wake(); },
                     [this] { feed_thread_.slot().wake(); },
                     [this](std::uint64_t marker) { commit_->checkpoint_done(marker); },
                     [this](std::error_code why, const std::string& what) { fatal("cannot write " + what, why); }});
  outputs_->set_next_batch(&next_batch_);
  outputs_->name_start(state->next.segment);
  start_inbound(state->next.segment);

  const carrier_shares shares(config_.engine.max_active, config_.engine.max_unsynced, config_.carriers);
  for (const auto& c : config_.carriers) {
    auto made = make_carrier(c, shares.of(c));
    commit_->name_carrier(made->id(), c.name);
    outputs_->name_carrier(made->id(), made);
  }
  auto receipts = outputs_->receipts().recover();
  if (!receipts) throw problem("cannot read " + paths_.sent(), receipts.error());
  for (const auto& text : *receipts) spdlog::error("recovery: {}", text);
  set_credit_limit();
  min_free_bytes_.store(config_.spool.min_free_bytes);
  retention_ = std::make_unique<retention>(files_, time_, config_.spool, paths_);
  names_ = std::make_unique<name_memory>(
      files_, paths_.names(), std::chrono::duration_cast<std::chrono::seconds>(config_.spool.name_memory).count());
  const auto now_s = std::chrono::duration_cast<std::chrono::seconds>(time_.wall().time_since_epoch()).count();
  if (auto loaded = names_->load(now_s); !loaded) throw problem("cannot read " + paths_.names(), loaded.error());
  claimer_ = std::make_unique<claimer>(files_, time_, config_.spool, paths_, records, *names_, next_batch_);
  if (group_) claimer_->require_owner(::geteuid(), *group_);
  feeder_ = std::make_unique<feeder>(
      feeder_options{records, config_.engine.default_validity, config_.engine.max_active, reply_window.count() != 0},
      files_, time_, *slab_, queues_, make_routing(config_));
  optout_keywords_ = config_.optout.enabled;
  next_batch_.store(state->next_batch);
  if (auto adopted = adopt_recovered(std::move(*state), carriers(), time_,
                                     {*commit_, *outputs_, *inbound_, *feeder_, *names_, files_, paths_});
      !adopted) {
    throw problem("cannot write " + paths_.names(), adopted.error());
  }
  if (auto started = commit_->start(); !started) throw problem("cannot write the journal", started.error());
  commit_->request_checkpoint();  // so that older segments can go

  smpp_options sessions;
  sessions.threads = config_.engine.io_threads;
  sessions.unknown_resends = config_.spool.unknown_resends;
  sessions.mask_numbers = config_.privacy.mask_numbers;
  sessions.optouts = &optouts_->set();
  smpp_ = std::make_unique<smpp_service>(sessions, queues_, time_);
  commit_thread_.start("commit", [this] {
    std::this_thread::sleep_until(commit_->next_round());
    const bool worked = commit_->step();
    // A full disk is looked at again soon; otherwise somebody wakes the stage.
    return stage_thread::outcome{worked, std::chrono::steady_clock::now() + (commit_->full() ? 100ms : 1000ms)};
  });
  publish_thread_.start("publish", [this] {
    const bool worked = publisher_->step();
    return stage_thread::outcome{worked, std::chrono::steady_clock::now() + (publisher_->blocked() ? 200ms : 1000ms)};
  });
  retention_thread_.start("retention", [this] {
    const auto r = retention_->step();
    return stage_thread::outcome{r.worked, r.next};
  });
  output_thread_.start("outputs", [this] {
    const auto r = outputs_->step();
    return stage_thread::outcome{r.worked, r.next};
  });
  for (const auto& c : carriers()) smpp_->add(c);
  feed_thread_.start("feeder", [this] { return feed(); });
  add_batch_commands(*this);
  add_carrier_commands();
  if (const std::string why = control_.start(paths_.control()); !why.empty())
    spdlog::warn("no control socket, so `trunkline batch` and the like cannot reach this engine: {}", why);
  started_ = true;
}

void engine::at_feeder(std::function<void(feeder&)> work) {
  {
    const std::lock_guard lock(mutex_);
    feeder_work_.push_back(std::move(work));
  }
  feed_thread_.slot().wake();
}

void engine::watch_space() {
  const auto now = time_.steady();
  if (now < next_space_check_) return;
  next_space_check_ = now + 500ms;
  std::string why;
  for (const auto& path : {paths_.spool, paths_.data}) {
    const auto left = files_.free_bytes(path);
    if (left && *left < min_free_bytes_.load(std::memory_order_relaxed)) {
      why = fmt::format("only {} MiB are free for {}, less than min_free", *left >> 20U, path);
    }
  }
  if (why.empty() && (commit_->full() || outputs_->blocked() || publisher_->blocked()))
    why = "no space left to write journal or reports";
  if (why.empty() != space_left_) {
    space_left_ = why.empty();
    if (space_left_)
      spdlog::info("there is enough space again: going on");
    else
      spdlog::error("{}: nothing more is sent or accepted until there is room", why);
  }
  const std::lock_guard lock(mutex_);
  not_ready_ = why;
  ready_.store(why.empty() && taking_.load());
}

void engine::publish_batches() {
  const auto now = time_.steady();
  if (now < next_publish_) return;
  next_publish_ = now + 100ms;
  std::vector<batch_view> all;
  feeder_->for_each([&](const batch& b) {
    if (all.size() >= 1000) return;
    batch_view v{b.name, b.accepted_at_ms, b.finished.load(), std::nullopt, b.paused.load(), b.cancelled.load()};
    if (const auto total = b.total.load(); total != batch::unknown_total) v.total = total;
    all.push_back(std::move(v));
  });
  const std::lock_guard lock(mutex_);
  published_ = std::move(all);
}

stage_thread::outcome engine::feed() {
  const auto now = time_.steady();
  watch_space();
  publish_batches();
  std::vector<std::function<void(feeder&)>> asked;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(feeder_work_);
    if (fresh_routing_) feeder_->set_routing(std::exchange(fresh_routing_, nullptr));
    if (const auto fresh = std::exchange(fresh_settings_, std::nullopt)) {
      feeder_->set_default_validity(fresh->default_validity);
      claimer_->set_policies(fresh->on_unknown, fresh->require_trailer);
      optout_keywords_ = fresh->optout;
      feeder_->set_keep_sender(fresh->replies);
    }
  }
  for (const auto& work : asked) work(*feeder_);
  // A message that is encoded without a key is never looked up, so keys are made as soon as there can be somebody.
  feeder_->set_optouts(optout_keywords_ || optouts_->size() != 0 ? &optouts_->set() : nullptr);
  const bool taking = taking_.load() && space_left_;
  bool worked = !asked.empty();
  if (taking) {
    const std::size_t open = feeder_->open_batches();
    if (open >= max_open_batches && time_.steady() >= next_full_note_) {
      next_full_note_ = time_.steady() + 60s;
      spdlog::warn(
          "{} batches are open: further files stay in {}, whatever carrier they are for, until one ends; `trunkline "
          "batch "
          "list` shows them, `batch show` what one waits for, and `batch cancel` ends one",
          open, paths_.incoming());
    }
    try {
      worked |= claimer_->step(accepted_, open < max_open_batches ? max_open_batches - open : 0);
    } catch (const std::system_error& error) {
      fatal("accepted files cannot be made durable", error.code());
    }
    for (auto& b : accepted_) {
      spdlog::info("batch {} accepted: {} octets", b->name, b->size);
      feeder_->add(std::move(b), true);
    }
    accepted_.clear();
  }
  const auto r = feeder_->step(taking);
  worked |= r.worked;
  if (!taking_.load()) stopped_taking_.store(true);
  if (draining_.load()) {
    feeder_->give_up_delayed();
    const auto& all = feeder_->current_routing()->carriers;
    if (!r.worked && std::all_of(all.begin(), all.end(), [](const auto& c) { return !c || c->held() == 0; }))
      drained_.store(true);
  }
  if (once_.load() && !worked && claimer_->idle() && feeder_->open_batches() == 0) {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  return {worked, std::min(r.next, now + (draining_.load() || !taking_.load() ? 5ms : claimer::look_interval))};
}

bool engine::wait_done() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return done_ || stop_requested_; });
  return done_;
}

void engine::request_stop() {
  const std::lock_guard lock(mutex_);
  stop_requested_ = true;
  changed_.notify_all();
}

void engine::stop() {
  if (!started_ || stopped_) return;
  stopped_ = true;
  ready_.store(false);
  control_.stop();
  const auto wait_for = [](auto condition, std::chrono::milliseconds at_most) {
    const auto until = std::chrono::steady_clock::now() + at_most;
    while (!condition() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
    return condition();
  };
  // 1. Nothing new.
  taking_.store(false);
  feed_thread_.slot().wake();
  wait_for([this] { return stopped_taking_.load(); }, 5s);
  spdlog::debug("stopping: nothing new is taken");
  // 2. What was admitted reaches its lanes; then the sessions finish what is in flight and give the rest back.
  wait_for([this] { return queues_.journal.size_approx() == 0; }, 5s);
  smpp_->stop(config_.engine.shutdown_timeout);
  spdlog::debug("stopping: sessions are closed");
  // 3. Given back to its lines.
  for (const auto& c : carriers()) c->close();
  draining_.store(true);
  feed_thread_.slot().wake();
  wait_for([this] { return drained_.load(); }, 10s);
  feed_thread_.stop();
  spdlog::debug("stopping: what was not sent is back in the spool");
  // 4. Everything decided is written, and a checkpoint makes the next start short.
  const auto settled = [this] { return queues_.journal.size_approx() == 0 && synced_->empty() && outputs_->idle(); };
  wait_for(settled, 30s);
  const std::uint64_t before = commit_->checkpoints();
  commit_->request_checkpoint();
  commit_thread_.slot().wake();
  wait_for([&] { return commit_->checkpoints() > before || commit_->full(); }, 30s);
  wait_for(settled, 5s);
  spdlog::debug("stopping: positions are written");
  commit_thread_.stop();
  output_thread_.stop();
  outputs_->rotate_all();
  wait_for([this] { return publisher_->pending() == 0; }, 10s);
  publish_thread_.stop();
  retention_thread_.stop();
}

std::string engine::not_ready_because() const {
  const std::lock_guard lock(mutex_);
  if (!taking_.load()) return "the engine is stopping";
  return not_ready_;
}

std::vector<std::shared_ptr<carrier>> engine::carriers() const {
  const std::lock_guard lock(mutex_);
  return carriers_;
}

std::vector<batch_view> engine::batches() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

}  // namespace trunkline::engine
