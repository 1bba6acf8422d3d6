// An hour of a carrier's life on a clock that is only a number. LIFE_SEED=n repeats one, LIFE_SEEDS=n runs so many.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <string>

#include "tests/engine/assembly/carrier_life.hpp"

namespace trunkline::engine::test {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

struct silence {
  silence() : before(spdlog::get_level()) { spdlog::set_level(spdlog::level::off); }
  ~silence() { spdlog::set_level(before); }
  spdlog::level::level_enum before;
};

std::string live_through(std::uint64_t seed) {
  SCOPED_TRACE("LIFE_SEED=" + std::to_string(seed));
  const silence quiet;
  carrier_life life(seed);
  while (life.age() < carrier_life::hour && life.broken().empty()) life.step();
  // The SMSC is well again: what is left comes to its end.
  life.set_supply(false);
  while (life.alive() != 0 && life.age() < carrier_life::hour + std::chrono::minutes(30) && life.broken().empty())
    life.step();
  for (const auto& what : life.broken()) ADD_FAILURE() << what;
  const auto& n = life.count();
  EXPECT_EQ(life.alive(), 0U) << "messages that come to no end";
  std::uint64_t ended = n.rerouted;
  for (const std::uint64_t some : n.ended) ended += some;
  EXPECT_EQ(ended, n.offered);
  EXPECT_GE(life.smsc().accepted.value(), n.sent_parts) << "what is called sent was accepted";
  EXPECT_GT(n.ended[0], 0U);
  EXPECT_GT(n.breaks, 0U);
  const std::string summary = life.summary();
  std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), summary.c_str());
  return summary;
}

TEST(carrier_life, an_hour_with_an_smsc_that_does_everything_wrong) {
  const std::uint64_t first = from_environment("LIFE_SEED", 1);
  const std::uint64_t seeds = from_environment("LIFE_SEEDS", std::getenv("LIFE_SEED") != nullptr ? 1 : 3);
  for (std::uint64_t seed = first; seed < first + seeds && !testing::Test::HasFailure(); ++seed) live_through(seed);
}

TEST(carrier_life, the_same_seed_is_the_same_life) { EXPECT_EQ(live_through(7), live_through(7)); }

}  // namespace
}  // namespace trunkline::engine::test
