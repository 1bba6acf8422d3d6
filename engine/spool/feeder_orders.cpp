// What operators order: pause, resume, cancel. An order is journaled first and takes effect when it is on disk, so that
// nobody sees an order carried out that a crash would undo. What waits in memory goes back to its lines, where it ends
// as cancelled or stays; only what is in the window of a session goes on.
#include <array>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "engine/spool/feeder.hpp"

namespace trunkline::engine {

namespace {

using namespace std::chrono_literals;
using journal_records::command;

const char* done_word(command what) noexcept {
  return what == command::pause ? "paused" : what == command::resume ? "resumed" : "cancelled";
}

}  // namespace

batch* feeder::find(std::string_view name) noexcept {
  for (const auto& [id, b] : batches_) {
    if (b->name == name) return b.get();
  }
  return nullptr;
}

void feeder::order(batch& b, command what, order_done done) {
  // The last order in the journal is what a restart finds: after a cancel there is no other.
  if ((b.cancel_ordered || b.cancelled.load(std::memory_order_relaxed)) && what != command::cancel)
    return done(fmt::format("batch {} is cancelled, and cannot be {} any more", b.name, done_word(what)));
  b.cancel_ordered = what == command::cancel;
  send_to_journal(b, {b.batch_id, what, false, std::move(done)});
}

/// Brings `order` back to carry_out_orders when all that was handed to the journal before is on disk and has taken
/// effect.
void feeder::send_to_journal(const batch& b, durable_order order) {
  auto* r = new control_record;
  if (!order.recall) {
    const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(time_.wall().time_since_epoch()).count();
    const journal_records::control record{b.batch_id, order.what, now_ms};
    r->type = static_cast<std::uint8_t>(journal_records::type::control);
    r->payload.resize(journal_records::encoded_bytes(record));
    r->payload.resize(journal_records::encode(record, r->payload));
  }
  r->durable = [this, order = std::move(order)] {
    {
      const std::lock_guard lock(orders_mutex_);
      orders_.push_back(order);
    }
    orders_waiting_.store(true, std::memory_order_release);
    sink_.queues().dispatcher_wake->wake();
  };
  sink_.event(event_kind::control, r);
}

bool feeder::carry_out_orders() {
  if (!orders_waiting_.load(std::memory_order_acquire)) return false;
  std::vector<durable_order> orders;
  {
    const std::lock_guard lock(orders_mutex_);
    orders.swap(orders_);
    orders_waiting_.store(false, std::memory_order_relaxed);
  }
  for (auto& order : orders) {
    const auto found = batches_.find(order.batch_id);
    if (found == batches_.end()) {
      if (order.done) order.done("the batch has finished meanwhile");
      continue;
    }
    batch& b = *found->second;
    if (order.recall) {
      if (b.stopped()) recall(b);
      continue;
    }
    b.paused.store(order.what == command::pause);
    if (order.what == command::cancel) b.cancelled.store(true);
    if (order.what == command::cancel || order.what == command::resume) look_at_all(b);
    turns_.wake(b);  // it may wait for something else now
    // From here on nothing of it is admitted; what was comes back when the last of it has reached its lane.
    if (b.stopped()) send_to_journal(b, {b.batch_id, order.what, true, {}});
    spdlog::info("batch {} {}", b.name, done_word(order.what));
    if (order.done) order.done({});
  }
  return !orders.empty();
}

/// Every open line may move, or end, now.
void feeder::look_at_all(batch& b) {
  for (std::uint32_t i = 0; i < b.blocks.size(); ++i) {
    if (b.blocks[i].open.load(std::memory_order_relaxed) != 0) b.blocks[i].due_ms = 0;
  }
  b.earliest_due_ms = 0;
  turns_.wake(b);
}

/// Gives back what of a batch waits in memory: for a retry, or in the lanes, where a slow pace or a full window could
/// keep it for long. The others keep their order.
void feeder::recall(const batch& b) {
  const std::int64_t now_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(time_.wall().time_since_epoch()).count();
  std::vector<delayed_message> kept;
  for (; !delayed_.empty(); delayed_.pop()) {
    kept.push_back(delayed_.top());
    if (kept.back().subject->owner == &b) kept.back().due = now_;  // release_delayed gives it back
  }
  for (const delayed_message& d : kept) delayed_.push(d);
  std::array<message*, 256> found;
  std::vector<message*> others;
  for (const auto& c : routing_->carriers) {
    if (!c || c->queued() == 0) continue;
    carrier::consumer from(*c);
    carrier::producer back(*c);
    for (std::uint8_t number = 0; number < lane_count; ++number) {
      const auto at = static_cast<lane>(number);
      others.clear();
      for (std::size_t n = c->drain(at, found, from); n != 0; n = c->drain(at, found, from)) {
        for (std::size_t i = 0; i < n; ++i) {
          message* m = found[i];
          if (m->owner != &b) {
            others.push_back(m);
          } else if (m->part_events.load(std::memory_order_acquire) != 0) {
            delay(m, now_ + 1ms);  // the journal still has to read accepted parts out of it
          } else {
            return_to_line(m, now_ms, false);
          }
        }
      }
      if (!others.empty()) c->push(at, others, back);
    }
  }
}

}  // namespace trunkline::engine
