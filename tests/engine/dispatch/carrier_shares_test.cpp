#include "engine/dispatch/carrier_shares.hpp"

#include <gtest/gtest.h>

#include "engine/dispatch/carrier.hpp"

namespace trunkline::engine {
namespace {

carrier_config with(unsigned sessions, unsigned window) {
  carrier_config config;
  config.name = "acme";
  config.sessions = sessions;
  config.window = window;
  return config;
}

TEST(carrier_shares, half_is_even_and_half_goes_by_the_windows) {
  const std::vector<carrier_config> two{with(1, 100), with(3, 100)};
  const carrier_shares shares(8000, 10'000, two);
  EXPECT_EQ(shares.of(two[0]), 2000U + 1000U);
  EXPECT_EQ(shares.of(two[1]), 2000U + 3000U);
}

TEST(carrier_shares, no_more_than_what_is_useful) {
  const std::vector<carrier_config> one{with(2, 50)};
  EXPECT_EQ(carrier_shares(200'000, 1000, one).of(one[0]), 4U * 100U + 8U * 1000U);
}

TEST(carrier_shares, a_receiver_alone_and_a_tiny_memory_still_have_room_for_one_message) {
  std::vector<carrier_config> one{with(1, 10)};
  one[0].bind = bind_mode::receiver;
  EXPECT_EQ(carrier_shares(10, 0, one).of(one[0]), carrier_shares::least);
}

TEST(carrier_shares, a_wider_window_of_one_carrier_moves_the_shares_of_all) {
  std::vector<carrier_config> two{with(1, 10), with(1, 10)};
  const carrier_shares before(100, 10'000, two);
  carrier acme(0, std::make_shared<const carrier_config>(two[0]), before.of(two[0]));
  const std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
  acme.hold(router::priority::urgent, 50);
  acme.publish_holds();
  EXPECT_EQ(acme.share(), 50U);
  acme.look_again(now);
  EXPECT_EQ(acme.room(router::priority::urgent), 0U);
  two[0].window = 40;
  const carrier_shares wider(100, 10'000, two);
  acme.set_share(wider.of(two[0]));
  acme.look_again(now);
  EXPECT_EQ(acme.room(router::priority::urgent), 7U) << "an eighth is kept for the others";
  EXPECT_EQ(wider.of(two[1]), 35U);
  acme.set_share(wider.of(two[1]));
  acme.look_again(now);
  EXPECT_EQ(acme.room(router::priority::urgent), 0U) << "holds more than its share: nothing new until it has fallen";
  acme.want_room(router::priority::urgent);
  EXPECT_FALSE(acme.release(router::priority::urgent, 20));
  EXPECT_TRUE(acme.release(router::priority::urgent, 10)) << "roomy by its new share";
}

}  // namespace
}  // namespace trunkline::engine
