#include "engine/smpp/carrier_supervisor.hpp"

#include <array>
#include <span>
#include <utility>

namespace trunkline::engine {

carrier_supervisor::carrier_supervisor(std::shared_ptr<carrier> c, std::vector<network_thread*> homes,
                                       surroundings around)
    : carrier_(std::move(c)),
      homes_(std::move(homes)),
      around_(std::move(around)),
      gate_(around_.options.login_probes,
            [this] {
              for (const auto& s : sessions_) s->poke();
            }),
      running_(homes_.size()) {
  std::vector<bind_config> binds;  // one a session
  for (const bind_config& bind : carrier_->config().all_binds()) binds.insert(binds.end(), bind.sessions, bind);
  for (std::size_t i = 0; i < homes_.size(); ++i) {
    auto probe = std::make_shared<session_probe>();
    probe->index = static_cast<std::uint32_t>(i);
    carrier_->add_probe(probe);
    session_setup setup{
        .from = carrier_,
        .probe = std::move(probe),
        .bind = binds[i],
        .home = homes_[i]->home,
        .tasks = homes_[i]->tasks,
        .sink = homes_[i]->sink,
        .gate = gate_,
        .names = around_.names,
        .time = around_.time,
        .options = around_.options,
        .wake_all = around_.wake_all,
        .seed = around_.options.seed + 0x9e3779b97f4a7c15U * (std::uint64_t{carrier_->id()} * 4096 + i + 1)};
    sessions_.push_back(std::make_shared<session>(std::move(setup)));
  }
}

void carrier_supervisor::start() {
  // 0 sendable so far, but from now on the time without one counts.
  carrier_->count_sendable(0, around_.time.steady());
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    sessions_[i]->start([self = shared_from_this(), i] { self->session_ended(i); });
  }
}

void carrier_supervisor::stop(std::chrono::steady_clock::time_point deadline) {
  carrier_->close();
  for (const auto& s : sessions_) s->stop(deadline);
}

void carrier_supervisor::look_again() {
  for (const auto& s : sessions_) s->look_again();
}

void carrier_supervisor::reconnect() {
  gate_.retry();
  for (const auto& s : sessions_) s->reconnect();
}

void carrier_supervisor::reconfigure() {
  std::size_t next = 0;
  for (const bind_config& bind : carrier_->config().all_binds()) {
    for (unsigned i = 0; i < bind.sessions && next < sessions_.size(); ++i) sessions_[next++]->reconfigure(bind);
  }
}

void carrier_supervisor::session_ended(std::size_t index) {
  if (running_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  give_back_what_is_left(homes_[index]->sink);
  // The sessions die with the last of these turns, behind everything that was posted to any of them.
  for (network_thread* thread : homes_) thread->home.post([self = shared_from_this()] {});
  around_.ended();
}

void carrier_supervisor::give_back_what_is_left(outcome_sink& sink) {
  carrier::consumer tokens(*carrier_);
  std::array<message*, 256> left{};
  while (const std::size_t count = carrier_->drain(left, tokens)) {
    for (message* m : std::span(left).first(count)) sink.give_back(m, return_reason::elsewhere);
    sink.flush();
  }
}

}  // namespace trunkline::engine
