// Sessions are dealt out to the network threads in turn. A carrier that ends does so in steps: its sessions stop one by
// one on their threads, the last one empties the lanes, and only when the thread has come round again are the sessions
// destroyed, so that a wake-up which was already posted finds them.
#include "engine/smpp/smpp_service.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/runtime/task_group.hpp"
#include "engine/runtime/worker.hpp"
#include "engine/smpp/carrier_supervisor.hpp"
#include "engine/smpp/name_resolver.hpp"

namespace trunkline::engine {

struct smpp_service::implementation {
  implementation(smpp_options given, outcome_queues& q, const clock& t) : options(given), queues(q), time(t) {
    if (options.threads == 0) options.threads = std::max(1U, std::thread::hardware_concurrency() / 2);
    if (options.seed == 0) options.seed = std::random_device{}();
    for (unsigned i = 0; i < options.threads; ++i) {
      threads.push_back(std::make_unique<network_thread>(fmt::format("smpp/{}", i), queues));
    }
  }

  void wake_all() noexcept {
    const std::lock_guard lock(mutex);
    for (const auto& [id, supervisor] : carriers) supervisor->wake();
  }

  std::shared_ptr<carrier_supervisor> find(std::uint16_t carrier_id) {
    const std::lock_guard lock(mutex);
    const auto at = carriers.find(carrier_id);
    return at == carriers.end() ? nullptr : at->second;
  }

  smpp_options options;
  outcome_queues& queues;
  const clock& time;
  name_resolver names;
  std::vector<std::unique_ptr<network_thread>> threads;
  std::size_t next_thread = 0;
  std::mutex mutex;  // carriers
  std::condition_variable emptied;
  std::map<std::uint16_t, std::shared_ptr<carrier_supervisor>> carriers;
  bool stopped = false;
};

smpp_service::smpp_service(smpp_options options, outcome_queues& queues, const clock& time)
    : implementation_(std::make_unique<implementation>(options, queues, time)) {}

smpp_service::~smpp_service() { stop(std::chrono::milliseconds(0)); }

void smpp_service::add(std::shared_ptr<carrier> c) {
  implementation& me = *implementation_;
  const std::uint16_t id = c->id();
  std::vector<network_thread*> homes;
  for (const bind_config& bind : c->config().all_binds()) {
    for (unsigned i = 0; i < bind.sessions; ++i) {
      homes.push_back(me.threads[me.next_thread++ % me.threads.size()].get());
    }
  }
  carrier_supervisor::surroundings around{.names = me.names,
                                          .time = me.time,
                                          .options = me.options,
                                          .wake_all = [&me] { me.wake_all(); },
                                          .ended =
                                              [&me, id] {
                                                const std::lock_guard lock(me.mutex);
                                                me.carriers.erase(id);
                                                me.emptied.notify_all();
                                              }};
  auto supervisor = std::make_shared<carrier_supervisor>(std::move(c), std::move(homes), std::move(around));
  {
    const std::lock_guard lock(me.mutex);
    me.carriers.emplace(id, supervisor);
  }
  supervisor->start();
}

void smpp_service::remove(std::uint16_t carrier_id) {
  implementation& me = *implementation_;
  if (const auto found = me.find(carrier_id)) found->stop(me.time.steady() + me.options.remove_deadline);
}

void smpp_service::look_again(std::uint16_t carrier_id) {
  if (const auto found = implementation_->find(carrier_id)) found->look_again();
}

void smpp_service::reconnect(std::uint16_t carrier_id) {
  if (const auto found = implementation_->find(carrier_id)) found->reconnect();
}

void smpp_service::reconfigure(std::uint16_t carrier_id) {
  if (const auto found = implementation_->find(carrier_id)) found->reconfigure();
}

void smpp_service::stop(std::chrono::milliseconds patience) {
  implementation& me = *implementation_;
  if (me.stopped) return;
  me.stopped = true;
  std::vector<std::shared_ptr<carrier_supervisor>> all;
  {
    const std::lock_guard lock(me.mutex);
    for (const auto& [id, supervisor] : me.carriers) all.push_back(supervisor);
  }
  const auto deadline = me.time.steady() + patience;
  for (const auto& supervisor : all) supervisor->stop(deadline);
  all.clear();
  {
    std::unique_lock lock(me.mutex);
    me.emptied.wait(lock, [&me] { return me.carriers.empty(); });
  }
  for (const auto& thread : me.threads) thread->home.join();
}

void smpp_service::wake_all() noexcept { implementation_->wake_all(); }

unsigned smpp_service::threads() const noexcept { return implementation_->options.threads; }

}  // namespace trunkline::engine
