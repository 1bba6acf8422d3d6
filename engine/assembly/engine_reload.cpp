// A reload: what changes at once, what waits for the next start, and which carriers come and go.
#include <algorithm>

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "engine/assembly/engine.hpp"
#include "engine/dispatch/carrier_shares.hpp"

namespace trunkline::engine {

milliseconds engine::reply_window_of(const configuration& c) {
  return c.inbound.empty() ? milliseconds(0) : c.engine.reply_window;
}

/// Names what a reload cannot change.
void engine::warn_of_restart(const configuration& fresh) const {
  std::vector<std::string_view> keys;
  const auto look = [&](bool changed, std::string_view key) {
    if (changed) keys.push_back(key);
  };
  look(config_.data_dir != fresh.data_dir, "data_dir");
  look(config_.engine.io_threads != fresh.engine.io_threads, "[engine] io_threads");
  look(config_.engine.router_threads != fresh.engine.router_threads, "[engine] router_threads");
  look(config_.engine.max_active != fresh.engine.max_active, "[engine] max_active");
  look(config_.engine.shutdown_timeout != fresh.engine.shutdown_timeout, "[engine] shutdown_timeout");
  look(config_.engine.default_country != fresh.engine.default_country, "[engine] default_country");
  look(config_.engine.reassembly_ttl != fresh.engine.reassembly_ttl, "[engine] reassembly_ttl");
  look(config_.spool.dir != fresh.spool.dir, "[spool] dir");
  look(config_.spool.unknown_resends != fresh.spool.unknown_resends, "[spool] unknown_resends");
  look(config_.spool.name_memory != fresh.spool.name_memory, "[spool] name_memory");
  look(config_.spool.group != fresh.spool.group, "[spool] group");
  look(config_.spool.dir_mode != fresh.spool.dir_mode || config_.spool.file_mode != fresh.spool.file_mode,
       "[spool] dir_mode and file_mode");
  look(!(config_.receipts == fresh.receipts), "[receipts]");
  look(!(config_.http == fresh.http), "[http]");
  look(!(config_.privacy == fresh.privacy), "[privacy]");
  look(config_.log.format != fresh.log.format, "[log] format");
  if (!keys.empty()) spdlog::warn("changed, and taking effect at the next start only: {}", fmt::join(keys, ", "));
}

void engine::reload(const configuration& fresh) {
  std::vector<std::shared_ptr<carrier>> removed;
  std::vector<std::shared_ptr<carrier>> added;
  std::vector<std::shared_ptr<carrier>> tuned;
  const carrier_shares shares(config_.engine.max_active, fresh.engine.max_unsynced, fresh.carriers);
  const auto before = carriers();
  for (const auto& c : before) {
    if (c->closed()) continue;
    const auto* now = fresh.find_carrier(c->config().name);
    if (now == nullptr || !now->same_sessions(c->config())) {
      removed.push_back(c);
    } else if (!(*now == c->config())) {
      // The sessions stay; what they have under way is not disturbed.
      c->reconfigure(std::make_shared<const carrier_config>(*now));
      tuned.push_back(c);
    }
  }
  for (const auto& c : fresh.carriers) {
    // Those that stay have the new configuration by now.
    const auto named = [&](const auto& old) { return !old->closed() && old->config().name == c.name; };
    const auto old = std::find_if(before.begin(), before.end(), named);
    if (old != before.end() && (*old)->config() == c) continue;
    auto made = make_carrier(c, shares.of(c));
    outputs_->name_carrier(made->id(), made);
    const journal_records::carrier_name name{made->id(), c.name};
    auto* r = new control_record;
    r->type = static_cast<std::uint8_t>(journal_records::type::carrier_name);
    r->payload.resize(journal_records::encoded_bytes(name));
    r->payload.resize(journal_records::encode(name, r->payload));
    r->durable = [this, id = made->id(), text = c.name] { commit_->name_carrier(id, text); };
    queues_.journal.enqueue({event_kind::control, 0, r});
    commit_thread_.slot().wake();
    if (old != before.end() && (*old)->disabled()) made->set_disabled(true);
    added.push_back(std::move(made));
  }
  for (const auto& c : removed) c->close();
  // The shares of all, since a window of one is a part of what is divided.
  for (const auto& c : carriers()) {
    if (!c->closed()) c->set_share(shares.of(c->config()));
  }
  config_.routes = fresh.routes;
  config_.carriers = fresh.carriers;
  config_.engine.max_unsynced = fresh.engine.max_unsynced;
  set_credit_limit();
  min_free_bytes_.store(fresh.spool.min_free_bytes);
  retention_->set_times(fresh.spool.keep_done, fresh.spool.keep_output);
  warn_of_restart(fresh);
  auto fresh_routing = make_routing(fresh);
  try {
    auto plan = std::make_shared<const inbound_plan>(fresh);
    make_inbound_directories(*plan);
    inbound_->set_plan(std::move(plan));
  } catch (const std::runtime_error& error) {
    spdlog::error("inbound rules stay as they were: {}", error.what());
  }
  const auto reply_window = reply_window_of(fresh);
  outputs_->set_reply_window(reply_window);
  {
    const std::lock_guard lock(mutex_);
    fresh_routing_ = std::move(fresh_routing);
    fresh_settings_ = feeding_settings{fresh.engine.default_validity, fresh.spool.on_unknown,
                                       fresh.spool.require_trailer, fresh.optout.enabled, reply_window.count() != 0};
  }
  feed_thread_.slot().wake();
  for (const auto& c : removed) smpp_->remove(c->id());
  for (const auto& c : added) smpp_->add(c);
  for (const auto& c : tuned) smpp_->reconfigure(c->id());
  spdlog::info(
      "configuration reloaded: {} carriers added or replaced, {} removed or replaced, {} changed without a new "
      "session, "
      "{} routes",
      added.size(), removed.size(), tuned.size(), fresh.routes.size());
}

}  // namespace trunkline::engine
