// Which lines the dispatcher takes, which it leaves in their file, and when it comes back to them. One carrier, a batch
// on a disk in memory, and this test in the place of sessions and journal.
#include "engine/spool/feeder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "engine/runtime/configuration_routes.hpp"
#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t depth = 64;

void nobody(void*) noexcept {}

class feeder_test : public testing::Test {
 protected:
  feeder_test() {
    carrier_config config;
    config.name = "alpha";
    config.host = "192.0.2.1";
    config.system_id = "user";
    to_ = std::make_shared<carrier>(0, std::make_shared<const carrier_config>(config), depth);
    configuration_.carriers = {config};
    route_config all;
    all.name = "all";
    all.prefix = {"49"};
    all.to = {{"alpha", 1}};
    configuration_.routes = {all};
    auto routes = std::make_shared<routing>();
    routes->carriers = {to_};
    routes->by_name["alpha"] = 0;
    routes->routes =
        compile_routes(configuration_, [](std::string_view) { return std::optional<router::carrier_id>(0); });
    queues_.journal_wake = queues_.dispatcher_wake = &slot_;
    feeder_options options;
    options.max_postponed = 3;
    feeder_ = std::make_unique<feeder>(options, files_, time_, memory_, queues_, routes);
    to_->count_sendable(1, time_.steady());
  }

  /// An accepted batch of `lines` messages, with `members` in each line.
  void accept(unsigned lines, std::uint32_t id = 1, const std::string& members = "") {
    std::string text;
    for (unsigned i = 0; i < lines; ++i)
      text += R"({"to":"4917)" + std::to_string(10'000'000 + i) + R"(","text":"hello")" + members + "}\n";
    (void)files_.make_directory("/active");
    const std::string name = std::to_string(id) + ".jsonl";
    auto made = files_.open("/active/" + name, open_mode::create_new);
    ASSERT_TRUE(made);
    ASSERT_TRUE((*made)->write_at({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, 0));
    auto accepted = std::make_unique<batch>(id, name, text.size(), now_ms());
    accepted->source_path = "/active/" + name;
    feeder_->add(std::move(accepted), false);
  }

  /// How many of those in memory are of a batch.
  std::size_t of_batch(std::uint32_t id) const {
    return static_cast<std::size_t>(std::count_if(admitted_.begin(), admitted_.end(), [id](const message* m) {
      return static_cast<const batch*>(m->owner)->batch_id == id;
    }));
  }

  std::int64_t now_ms() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time_.wall().time_since_epoch()).count();
  }

  /// What a test left in the queue belongs to it.
  void TearDown() override { collect(); }

  /// Steps until nothing moves; what was admitted is in `admitted_`.
  void steps() {
    for (;;) {
      const bool worked = feeder_->step(true).worked;
      if (!collect() && !worked) break;
    }
  }

  bool collect() {
    bool any = false;
    journal_event event;
    while (queues_.journal.try_dequeue(event)) {
      if (event.kind == event_kind::admission) {
        for (const auto& group : static_cast<admission*>(event.subject)->groups)
          admitted_.insert(admitted_.end(), group.messages.begin(), group.messages.end());
      }
      if (event.kind == event_kind::control && static_cast<control_record*>(event.subject)->durable)
        static_cast<control_record*>(event.subject)->durable();
      discard(event);
      any = true;
    }
    return any;
  }

  message* take_one() {
    message* first = admitted_.front();
    admitted_.erase(admitted_.begin());
    return first;
  }

  /// A session was told to try this one again in `delay`.
  void refuse(message* m, std::chrono::seconds delay) {
    ++m->attempts;
    outcome_sink sink(queues_);
    sink.give_back(m, return_reason::retry, time_.steady() + delay);
    sink.flush();
  }

  /// A session has sent it; the outputs have written its line.
  void finish(message* m) {
    (void)to_->release(m->priority, m->slots);
    slab::magazine back(memory_);
    back.give(m);
  }

  manual_clock time_;
  memory_file_system files_{1, &time_};
  slab memory_{4096};
  outcome_queues queues_{256};
  wake_slot slot_{&nobody, nullptr};
  configuration configuration_;
  std::shared_ptr<carrier> to_;
  std::unique_ptr<feeder> feeder_;
  std::vector<message*> admitted_;
};

TEST_F(feeder_test, takes_as_many_lines_as_their_carrier_has_room_for) {
  accept(200);
  steps();
  const std::size_t taken = admitted_.size();
  EXPECT_GT(taken, 0U);
  EXPECT_LE(to_->held(), depth);
  finish(take_one());
  steps();
  while (!admitted_.empty()) {
    finish(take_one());
    steps();
  }
  EXPECT_EQ(to_->held(), 0U);
  EXPECT_EQ(feeder_->messages_admitted.value(), 200U);
}

TEST_F(feeder_test, a_small_batch_is_not_stuck_behind_a_huge_one) {
  accept(5000, 1);
  steps();
  accept(20, 2);
  // All that is ahead of it is what was in memory already.
  const std::size_t ahead = admitted_.size();
  std::size_t sent = 0;
  for (unsigned of_small = 0; of_small < 20 && sent < 1000; ++sent) {
    message* m = take_one();
    of_small += static_cast<const batch*>(m->owner)->batch_id == 2 ? 1 : 0;
    finish(m);
    steps();
  }
  EXPECT_LE(sent, ahead + 2 * depth);
}

TEST_F(feeder_test, batches_take_turns) {
  for (std::uint32_t id = 1; id <= 3; ++id) accept(2000, id);
  std::array<std::size_t, 4> taken{};
  for (int i = 0; i < 1500; ++i) {
    steps();
    ++taken[static_cast<const batch*>(admitted_.front()->owner)->batch_id];
    finish(take_one());
  }
  for (std::uint32_t id = 1; id <= 3; ++id) EXPECT_NEAR(static_cast<double>(taken[id]), 500, 75) << "batch " << id;
}

// At the pace of a carrier, where little room comes at a time: who comes later has turns as whoever was there.
TEST_F(feeder_test, whoever_comes_later_has_turns_as_soon_as_there_is_room) {
  to_->set_share(2400);
  accept(9000, 1);
  steps();
  accept(200, 2);
  accept(200, 3, R"(,"priority":"bulk")");
  std::array<unsigned, 4> sent{};
  for (int i = 0; i < 4000 && sent[2] + sent[3] < 400; ++i) {
    time_.advance(2ms);
    steps();
    message* m = take_one();
    ++sent[static_cast<const batch*>(m->owner)->batch_id];
    finish(m);
  }
  // What was read ahead at first, and as much again as the small ones.
  EXPECT_EQ(sent[2] + sent[3], 400U);
  EXPECT_LT(sent[1], 2400U + 800U);
}

TEST_F(feeder_test, urgent_messages_have_room_when_bulk_has_taken_its_own) {
  accept(5000, 1);
  steps();
  const std::size_t bulk = admitted_.size();
  EXPECT_EQ(to_->room(router::priority::bulk), 0U);
  accept(4, 2, R"(,"priority":"urgent")");
  // As they are sent, the next ones come; bulk has to wait until enough of it has gone.
  for (int sent = 0; sent < 4; ++sent) {
    steps();
    ASSERT_GT(of_batch(2), 0U) << sent;
    EXPECT_EQ(of_batch(1), bulk);
    const auto first = std::find_if(admitted_.begin(), admitted_.end(),
                                    [](const message* m) { return m->priority == router::priority::urgent; });
    finish(*first);
    admitted_.erase(first);
  }
  EXPECT_EQ(of_batch(2), 0U);
}

// From the file to the session: the highest priority has most of what the carrier sends, and the others go on.
TEST_F(feeder_test, an_urgent_flood_does_not_keep_the_others_out) {
  to_->set_share(2400);
  accept(9000, 1, R"(,"priority":"urgent")");
  steps();
  // When the flood has taken all room there is for it. Of one file the first line has been read, of the other nothing.
  accept(3000, 2, R"(,"priority":"normal")");
  accept(3000, 3, R"(,"priority":"bulk")");
  feeder_->for_each([](batch& b) {
    if (b.batch_id != 3) return;
    b.priority_known = true;
    b.priority = b.waits_as = router::priority::bulk;
  });
  carrier::producer in(*to_);
  carrier::consumer out(*to_);
  std::array<unsigned, router::priority_count> sent{};
  for (int i = 0; i < 8000; ++i) {
    // About a millisecond each, so that the read-ahead follows a rate.
    time_.advance(1ms);
    steps();
    for (message* m : admitted_) to_->push(lane_of(m->priority), {&m, 1}, in);
    admitted_.clear();
    std::array<message*, 1> next{};
    ASSERT_EQ(to_->drain(next, out), 1U) << i;
    ++sent[static_cast<std::size_t>(next[0]->priority)];
    finish(next[0]);
  }
  // An eighth is for the lower two, in turns.
  EXPECT_GT(sent[0], 6900U);
  EXPECT_GT(sent[1], 400U);
  EXPECT_GT(sent[2], 400U);
}

// They would go one by one through the same door for ever; whoever waits for a carrier that is down is not even looked
// at.
TEST_F(feeder_test, batches_for_a_dead_carrier_cost_nothing_while_others_go_on) {
  to_->count_sendable(-1, time_.steady());
  time_.advance(1s);
  for (std::uint32_t id = 1; id <= 300; ++id) accept(3, id);
  for (int i = 0; i < 20; ++i) {
    time_.advance(100ms);
    steps();
  }
  const auto read = feeder_->lines_read.value();
  EXPECT_EQ(read, 900U);
  for (int i = 0; i < 20; ++i) {
    time_.advance(100ms);
    EXPECT_FALSE(feeder_->step(true).worked);
  }
  EXPECT_EQ(feeder_->lines_read.value(), read);
  to_->count_sendable(1, time_.steady());
  std::vector<std::uint32_t> order;
  for (int i = 0; i < 900; ++i) {
    steps();
    ASSERT_FALSE(admitted_.empty()) << i;
    message* m = take_one();
    order.push_back(static_cast<const batch*>(m->owner)->batch_id);
    finish(m);
  }
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end())) << "who has waited longest comes first";
  EXPECT_EQ(to_->held(), 0U);
}

TEST_F(feeder_test, paused_batches_are_read_on_and_keep_nobody_waiting) {
  to_->count_sendable(-1, time_.steady());
  time_.advance(1s);
  for (std::uint32_t id = 1; id <= 50; ++id) accept(3, id, R"(,"validity":"1h")");
  accept(3, 51);
  std::vector<batch*> paused;
  feeder_->for_each([&](batch& b) {
    if (b.batch_id <= 50) paused.push_back(&b);
  });
  // Half of them before anything was read, the others when they wait.
  const auto pause = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      feeder_->order(*paused[i], journal_records::command::pause,
                     [](const std::string& refused) { EXPECT_EQ(refused, ""); });
    }
    steps();
  };
  pause(0, 25);
  for (int i = 0; i < 20; ++i) {
    time_.advance(100ms);
    steps();
  }
  pause(25, 50);
  steps();
  EXPECT_EQ(feeder_->lines_read.value(), 153U);
  to_->count_sendable(1, time_.steady());
  (void)feeder_->step(true);
  (void)feeder_->step(true);
  collect();
  EXPECT_EQ(of_batch(51), 3U) << "behind fifty that are paused";
  time_.advance(2h);
  steps();
  EXPECT_EQ(feeder_->messages_finished.value(), 150U) << "what ends while it is paused ends";
}

TEST_F(feeder_test, times_that_come_closer_again_and_again_cost_no_memory) {
  accept(200, 1, R"(,"validity":"48h")");
  batch* b = nullptr;
  feeder_->for_each([&](batch& of) { b = &of; });
  batch_turns turns;
  turns.add(*b);
  for (int i = 0; i < 1000; ++i) {
    b->earliest_due_ms = 1'000'000;
    EXPECT_EQ(turns.next(i, [](batch&) { return false; }), nullptr);
    turns.wake(*b);
    b->earliest_due_ms = i + 1;
    EXPECT_EQ(turns.next(i, [](batch&) { return false; }), nullptr);
    turns.wake_due({}, i + 1);
  }
  EXPECT_LE(turns.times_listed(), 68U);
}

TEST_F(feeder_test, new_routes_hold_for_what_waits_for_a_carrier_that_is_gone) {
  to_->count_sendable(-1, time_.steady());
  time_.advance(1s);
  accept(200);
  for (int i = 0; i < 20; ++i) {
    time_.advance(100ms);
    steps();
  }
  EXPECT_TRUE(admitted_.empty());
  carrier_config config;
  config.name = "beta";
  auto beta = std::make_shared<carrier>(1, std::make_shared<const carrier_config>(config), depth);
  beta->count_sendable(1, time_.steady());
  configuration_.carriers = {config};
  configuration_.routes[0].to = {{"beta", 1}};
  auto routes = std::make_shared<routing>();
  to_->close();
  routes->carriers = {to_, beta};
  routes->by_name["beta"] = 1;
  routes->routes =
      compile_routes(configuration_, [](std::string_view) { return std::optional<router::carrier_id>(1); });
  to_ = beta;
  feeder_->set_routing(routes);
  steps();
  EXPECT_FALSE(admitted_.empty());
  while (!admitted_.empty()) {
    finish(take_one());
    steps();
  }
  EXPECT_EQ(feeder_->messages_admitted.value(), 200U);
}

// What waits for a time costs two bits a line, whatever it waits for.
TEST_F(feeder_test, lines_that_wait_for_a_time_are_not_in_memory) {
  accept(3000, 1, R"(,"send_at":"2099-01-01T00:00:00Z","validity":"48h")");
  steps();
  EXPECT_TRUE(admitted_.empty());
  EXPECT_EQ(to_->held(), 0U);
  EXPECT_EQ(feeder_->delayed(), 0U);
  const auto read = feeder_->lines_read.value();
  EXPECT_EQ(read, 3000U);
  time_.advance(24h);
  steps();
  EXPECT_EQ(feeder_->lines_read.value(), read) << "nothing is read again before something is due";
}

TEST_F(feeder_test, too_many_postponed_lines_keep_new_ones_out) {
  accept(200);
  steps();
  for (int i = 0; i < 3; ++i) refuse(take_one(), 60s);
  while (!admitted_.empty()) finish(take_one());
  const auto before = feeder_->messages_admitted.value();
  steps();
  EXPECT_EQ(feeder_->messages_admitted.value(), before) << "three lines wait for a later attempt, which is the limit";
  time_.advance(61s);
  steps();
  EXPECT_GT(feeder_->messages_admitted.value(), before + 3);
}

// They are the only ones whose going makes room for others: were they kept out as well, everything would stand still
// until their validity ends.
TEST_F(feeder_test, a_postponed_line_that_finds_no_room_goes_on_when_there_is_some) {
  accept(200);
  steps();
  for (int i = 0; i < 3; ++i) refuse(take_one(), 60s);
  (void)feeder_->step(true);                 // they go back to their lines
  to_->hold(router::priority::bulk, depth);  // and others take their room before their time has come
  to_->publish_holds();
  time_.advance(61s);
  const auto before = feeder_->messages_admitted.value();
  steps();
  EXPECT_EQ(feeder_->messages_admitted.value(), before);
  (void)to_->release(router::priority::bulk, depth);
  while (!admitted_.empty()) finish(take_one());
  steps();
  EXPECT_GT(feeder_->messages_admitted.value(), before + 3);
}

// The journal reads accepted parts out of a message that comes back; until it has, the memory is nobody else's.
TEST_F(feeder_test, a_message_of_which_parts_are_to_be_read_is_kept) {
  accept(1);
  steps();
  message* m = take_one();
  m->part_events.store(1);
  refuse(m, 60s);
  for (int i = 0; i < 5; ++i) {
    time_.advance(1ms);
    (void)feeder_->step(true);
    EXPECT_EQ(to_->held(), m->slots);
  }
  m->part_events.store(0);
  time_.advance(1ms);
  (void)feeder_->step(true);
  EXPECT_EQ(to_->held(), 0U) << "it waits in its line from here on";
}

TEST_F(feeder_test, a_postponed_line_whose_sessions_are_down_goes_on_when_one_returns) {
  accept(200);
  steps();
  for (int i = 0; i < 3; ++i) refuse(take_one(), 60s);
  while (!admitted_.empty()) finish(take_one());
  steps();
  to_->count_sendable(-1, time_.steady());
  time_.advance(61s);
  const auto before = feeder_->messages_admitted.value();
  steps();
  EXPECT_EQ(feeder_->messages_admitted.value(), before);
  to_->count_sendable(1, time_.steady());
  steps();
  EXPECT_GT(feeder_->messages_admitted.value(), before + 3);
}

}  // namespace
}  // namespace trunkline::engine
