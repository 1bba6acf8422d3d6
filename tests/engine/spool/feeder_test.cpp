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

  /// Steps until nothing moves; what was admitted is in `admitted_`.
  void steps() {
    while (feeder_->step(true).worked) collect();
    collect();
  }

  void collect() {
    journal_event event;
    while (queues_.journal.try_dequeue(event)) {
      if (event.kind == event_kind::admission) {
        for (const auto& group : static_cast<admission*>(event.subject)->groups)
          admitted_.insert(admitted_.end(), group.messages.begin(), group.messages.end());
      }
      discard(event);
    }
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
    (void)to_->release(m->slots);
    slab::magazine back(memory_);
    back.give(m);
  }

  manual_clock time_;
  memory_file_system files_{1, &time_};
  slab memory_{512};
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

TEST_F(feeder_test, urgent_messages_have_room_when_bulk_has_taken_its_own) {
  accept(5000, 1);
  steps();
  const std::size_t bulk = admitted_.size();
  EXPECT_EQ(to_->room(router::priority::bulk), 0U);
  accept(4, 2, R"(,"priority":"urgent")");
  steps();
  EXPECT_EQ(of_batch(2), 4U);
  EXPECT_EQ(of_batch(1), bulk);
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
  (void)feeder_->step(true);  // they go back to their lines
  to_->hold(depth);           // and others take their room before their time has come
  to_->publish_holds();
  time_.advance(61s);
  const auto before = feeder_->messages_admitted.value();
  steps();
  EXPECT_EQ(feeder_->messages_admitted.value(), before);
  (void)to_->release(depth);
  while (!admitted_.empty()) finish(take_one());
  steps();
  EXPECT_GT(feeder_->messages_admitted.value(), before + 3);
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
