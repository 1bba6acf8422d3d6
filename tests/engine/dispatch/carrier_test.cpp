#include "engine/dispatch/carrier.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "engine/dispatch/session_probe.hpp"

namespace trunkline::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::shared_ptr<carrier> make(carrier_config config = {}, std::uint32_t share = 800) {
  config.name = "acme";
  return std::make_shared<carrier>(3, std::make_shared<const carrier_config>(std::move(config)), share);
}

struct lanes_test : testing::Test {
  void fill(lane to, std::uint32_t count) {
    std::vector<message*> added;
    for (std::uint32_t i = 0; i < count; ++i) {
      messages.push_back(std::make_unique<message>());
      messages.back()->line = ++lines[to];
      messages.back()->carrier = static_cast<std::uint16_t>(to);
      added.push_back(messages.back().get());
    }
    target->push(to, added, in);
  }
  std::vector<message*> drain(std::size_t count) {
    std::vector<message*> got(count);
    got.resize(target->drain(got, out));
    return got;
  }
  static std::size_t of(const std::vector<message*>& all, lane l) {
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [&](const message* m) { return m->carrier == static_cast<std::uint16_t>(l); }));
  }

  std::shared_ptr<carrier> target = make();
  carrier::producer in{*target};
  carrier::consumer out{*target};
  std::vector<std::unique_ptr<message>> messages;
  std::map<lane, std::uint32_t> lines;
};

TEST_F(lanes_test, one_lane_keeps_its_order) {
  fill(lane::bulk, 1000);
  std::uint32_t expected = 0;
  for (const std::size_t size : {1U, 7U, 8U, 64U, 100U, 500U, 500U}) {
    for (const message* m : drain(size)) EXPECT_EQ(m->line, ++expected);
  }
  EXPECT_EQ(expected, 1000U);
  EXPECT_TRUE(drain(10).empty());
  EXPECT_EQ(target->queued(), 0U);
}

TEST_F(lanes_test, higher_lanes_come_first_and_leave_an_eighth) {
  for (const lane l : {lane::urgent, lane::normal, lane::bulk}) fill(l, 8000);
  const auto got = drain(800);
  EXPECT_EQ(got.size(), 800U);
  EXPECT_EQ(of(got, lane::urgent), 700U);
  EXPECT_EQ(got.front()->carrier, static_cast<std::uint16_t>(lane::urgent));
  const auto more = drain(800);
  EXPECT_EQ(of(more, lane::urgent), 700U);
  EXPECT_EQ(of(got, lane::normal) + of(more, lane::normal), 100U) << "lower lanes take turns";
  EXPECT_EQ(of(got, lane::bulk) + of(more, lane::bulk), 100U);
}

TEST_F(lanes_test, small_drains_leave_an_eighth_too) {
  for (const lane l : {lane::urgent, lane::bulk}) fill(l, 2000);
  std::vector<message*> got;
  for (int i = 0; i < 400; ++i) {
    for (message* m : drain(2)) got.push_back(m);
  }
  EXPECT_EQ(got.size(), 800U);
  EXPECT_EQ(of(got, lane::bulk), 100U);
}

TEST_F(lanes_test, an_empty_lane_reserves_nothing) {
  fill(lane::normal, 100);
  EXPECT_EQ(drain(80).size(), 80U);
  fill(lane::bulk, 10);
  EXPECT_EQ(drain(80).size(), 30U);
}

TEST_F(lanes_test, what_came_back_comes_first_among_its_priority) {
  std::map<router::priority, std::unique_ptr<message>> back;
  for (const auto p : {router::priority::bulk, router::priority::normal, router::priority::urgent}) {
    fill(lane_of(p), 2);
    back[p] = std::make_unique<message>();
    back[p]->priority = p;
    target->push_returned(back[p].get());
  }
  EXPECT_EQ(target->queued_again(), 3U);
  std::vector<message*> got;
  for (int i = 0; i < 7; ++i) got.push_back(drain(1).at(0));
  EXPECT_EQ(got[0], back[router::priority::urgent].get());
  EXPECT_EQ(of({got[1], got[2]}, lane::urgent), 2U);
  EXPECT_EQ(got[3], back[router::priority::normal].get());
  EXPECT_EQ(of({got[4], got[5]}, lane::normal), 2U);
  EXPECT_EQ(got[6], back[router::priority::bulk].get());
}

constexpr auto urgent = router::priority::urgent;
constexpr auto normal = router::priority::normal;
constexpr auto bulk = router::priority::bulk;

TEST(carrier, room_is_common_and_a_little_is_kept_for_each_priority) {
  const auto c = make({}, 2400);
  EXPECT_EQ(c->room(bulk), 2100U) << "an eighth of its share is kept";
  EXPECT_EQ(c->room(urgent), 2100U);
  c->hold(bulk, 2100);
  EXPECT_EQ(c->room(bulk), 0U);
  EXPECT_EQ(c->room(normal), carrier::longest_message_slots) << "whoever holds nothing may take any one message";
  c->hold(normal, 10);
  EXPECT_EQ(c->room(normal), 90U);
  c->hold(normal, 90);
  EXPECT_EQ(c->room(normal), 0U);
  c->hold(urgent, 100);
  EXPECT_EQ(c->room(urgent), 0U);
  EXPECT_EQ(c->held(), 0U) << "a turn is published as a whole";
  c->publish_holds();
  EXPECT_EQ(c->held(), 2300U);
  EXPECT_EQ(c->room(urgent), 0U);
  EXPECT_FALSE(c->release(urgent, 70)) << "nobody asked";
  EXPECT_EQ(c->room(urgent), 70U) << "looked up again before anything is refused";
}

TEST(carrier, no_priority_keeps_the_others_out) {
  for (const auto flood : {urgent, normal, bulk}) {
    const auto c = make({}, 2400);
    c->hold(flood, c->room(flood));
    c->publish_holds();
    EXPECT_EQ(c->room(flood), 0U);
    EXPECT_FALSE(c->roomy(flood));
    for (const auto other : {urgent, normal, bulk}) {
      if (other == flood) continue;
      EXPECT_TRUE(c->roomy(other));
      c->hold(other, 1);
      EXPECT_EQ(c->room(other), 99U);
      c->hold(other, 99);
      c->publish_holds();
      EXPECT_FALSE(c->roomy(other));
      (void)c->release(other, 49);
      EXPECT_FALSE(c->roomy(other));
      (void)c->release(other, 1);
      EXPECT_TRUE(c->roomy(other)) << "half of its own is free";
    }
    EXPECT_LE(c->held(), c->share());
  }
}

TEST(carrier, holds_no_more_than_its_share_however_long_the_messages) {
  const auto c = make({}, 160);
  c->hold(bulk, 1);
  c->hold(bulk, c->room(bulk));
  EXPECT_EQ(c->room(urgent), 20U);
  c->hold(urgent, 20);
  EXPECT_EQ(c->room(normal), 0U);
  c->publish_holds();
  EXPECT_FALSE(c->roomy(normal));
}

TEST(carrier, tells_whoever_waits_for_room_when_there_is_enough) {
  const auto c = make({}, 2400);
  c->hold(bulk, 2100);
  c->publish_holds();
  c->want_room(bulk);
  EXPECT_FALSE(c->release(bulk, 500)) << "not enough to be worth a look";
  EXPECT_TRUE(c->release(bulk, 25));
  EXPECT_FALSE(c->release(bulk, 300)) << "told once";
  c->hold(urgent, 825);
  c->publish_holds();
  c->want_room(urgent);
  EXPECT_TRUE(c->release(bulk, 131)) << "urgent ones ask for less";
}

TEST(carrier, is_usable_while_it_can_send_or_could_lately) {
  const auto c = make();
  const std::chrono::steady_clock::time_point start{std::chrono::hours(50)};
  EXPECT_TRUE(c->usable(start, seconds(30))) << "its sessions have not been started";
  c->count_sendable(0, start);
  EXPECT_TRUE(c->usable(start + seconds(29), seconds(30)));
  EXPECT_FALSE(c->usable(start + seconds(30), seconds(30)));
  c->count_sendable(1, start + seconds(40));
  EXPECT_TRUE(c->usable(start + std::chrono::hours(1), seconds(30)));
  c->count_sendable(-1, start + std::chrono::hours(2));
  EXPECT_TRUE(c->usable(start + std::chrono::hours(2) + seconds(29), seconds(30)));
  EXPECT_FALSE(c->usable(start + std::chrono::hours(3), seconds(30)));
  c->count_idle_usable(2, start + std::chrono::hours(3));
  EXPECT_TRUE(c->usable(start + std::chrono::hours(4), seconds(30)));
  c->count_idle_usable(-1, start + std::chrono::hours(4));
  EXPECT_TRUE(c->usable(start + std::chrono::hours(5), seconds(30))) << "the other one can log in";
  c->count_idle_usable(-1, start + std::chrono::hours(5));
  EXPECT_TRUE(c->usable(start + std::chrono::hours(5) + seconds(29), seconds(30)));
  EXPECT_FALSE(c->usable(start + std::chrono::hours(5) + seconds(30), seconds(30)));
  c->count_idle_usable(1, start + std::chrono::hours(6));
  c->close();
  EXPECT_FALSE(c->usable(start + std::chrono::hours(4), seconds(30)));
}

TEST(carrier, a_receiver_is_never_usable) {
  carrier_config config;
  config.bind = bind_mode::receiver;
  EXPECT_FALSE(make(config)->usable(std::chrono::steady_clock::time_point{seconds(1)}, seconds(30)));
}

TEST(carrier, wakes_as_many_sessions_as_there_are_messages) {
  const auto c = make();
  int posts = 0;
  const auto post = [](void* count) noexcept { ++*static_cast<int*>(count); };
  std::array<std::unique_ptr<wake_slot>, 4> slots;
  for (auto& slot : slots) {
    slot = std::make_unique<wake_slot>(post, &posts);
    c->add_waiter(slot.get());
    slot->park();
  }
  carrier::producer in(*c);
  std::array<message, 3> messages;
  std::array<message*, 3> pointers = {messages.data(), &messages[1], &messages[2]};
  c->push(lane::bulk, std::span(pointers).first(1), in);
  EXPECT_EQ(posts, 1);
  c->push(lane::bulk, std::span(pointers).first(2), in);
  EXPECT_EQ(posts, 3);
  c->push(lane::bulk, pointers, in);
  EXPECT_EQ(posts, 4) << "only one was left";
  for (auto& slot : slots) slot->park();
  c->remove_waiter(slots[2].get());
  c->wake_all();
  EXPECT_EQ(posts, 7);
}

TEST(carrier, a_removed_waiter_is_not_touched_any_more) {
  const auto c = make();
  std::atomic<bool> stop{false};
  std::thread producer([&] {
    carrier::producer in(*c);
    while (!stop.load(std::memory_order_relaxed)) c->wake_all();
  });
  const auto post = [](void* alive) noexcept { EXPECT_TRUE(static_cast<std::atomic<bool>*>(alive)->load()); };
  for (int i = 0; i < 2000; ++i) {
    auto alive = std::make_unique<std::atomic<bool>>(true);
    auto slot = std::make_unique<wake_slot>(post, alive.get());
    slot->park();
    c->add_waiter(slot.get());
    c->remove_waiter(slot.get());
    alive->store(false);
    slot.reset();  // a sanitizer sees whoever comes late
  }
  stop = true;
  producer.join();
}

}  // namespace
}  // namespace trunkline::engine
