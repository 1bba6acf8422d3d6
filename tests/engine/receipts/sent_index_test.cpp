#include "engine/receipts/sent_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

std::vector<std::uint32_t> all_of(sent_index& index, std::uint32_t fingerprint) {
  std::vector<std::uint32_t> found;
  EXPECT_TRUE(index.find(fingerprint, [&](std::uint32_t position) {
    found.push_back(position);
    return false;
  }));
  std::sort(found.begin(), found.end());
  return found;
}

/// Fingerprints of a model, many of them shared, some at the ends of the range.
std::multimap<std::uint32_t, std::uint32_t> fill(sent_index& index, std::uint32_t count) {
  std::multimap<std::uint32_t, std::uint32_t> model;
  std::mt19937 random(7);
  for (std::uint32_t position = 8; position < 8 + count; ++position) {
    auto fingerprint = static_cast<std::uint32_t>(random());
    if (position % 10 == 0) fingerprint %= 50;
    if (position % 11 == 0) fingerprint = ~(fingerprint % 50);
    index.add(fingerprint, position);
    model.emplace(fingerprint, position);
  }
  return model;
}

void expect_same(sent_index& index, const std::multimap<std::uint32_t, std::uint32_t>& model) {
  EXPECT_EQ(index.size(), model.size());
  for (auto at = model.begin(); at != model.end();) {
    std::vector<std::uint32_t> expected;
    const auto [first, last] = model.equal_range(at->first);
    for (auto i = first; i != last; ++i) expected.push_back(i->second);
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(all_of(index, at->first), expected) << at->first;
    at = last;
  }
}

TEST(sent_index, finds_every_slot_of_a_fingerprint_while_it_grows_and_after_it_was_fitted) {
  sent_index index;
  auto model = fill(index, 20'000);
  expect_same(index, model);
  EXPECT_TRUE(all_of(index, 0x12345678).empty() || model.contains(0x12345678));
  index.fit();
  expect_same(index, model);
  EXPECT_LE(index.memory_bytes(), 20'000 * 103 / 10);
}

TEST(sent_index, replaces_exactly_one_slot) {
  sent_index index;
  index.add(5, 10);
  index.add(5, 20);
  EXPECT_TRUE(index.replace(5, 10, 30).value());
  EXPECT_FALSE(index.replace(5, 10, 40).value());
  EXPECT_FALSE(index.replace(6, 20, 40).value());
  EXPECT_EQ(all_of(index, 5), (std::vector<std::uint32_t>{20, 30}));
}

TEST(sent_index, is_the_same_from_a_file_in_memory_and_in_place) {
  memory_file_system files;
  ASSERT_TRUE(files.make_directory("/d") && files.sync_directory("/"));
  sent_index index;
  auto model = fill(index, 3'000);
  ASSERT_TRUE(index.save(files, "/d/i", 4711));
  for (const bool into_memory : {true, false}) {
    auto loaded = sent_index::load(files, "/d/i", into_memory);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->second, 4711U);
    EXPECT_EQ(loaded->first.in_memory(), into_memory);
    expect_same(loaded->first, model);
  }
}

TEST(sent_index, changes_in_a_file_are_found_before_and_after_they_are_written) {
  memory_file_system files;
  ASSERT_TRUE(files.make_directory("/d") && files.sync_directory("/"));
  sent_index index;
  auto model = fill(index, 1'000);
  ASSERT_TRUE(index.save(files, "/d/i", 1));
  auto loaded = sent_index::load(files, "/d/i", false);
  ASSERT_TRUE(loaded);
  std::multimap<std::uint32_t, std::uint32_t> changed;
  for (const auto& [fingerprint, position] : model) {
    const std::uint32_t to = position % 3 == 0 ? position + 100'000 : position;
    if (to != position) {
      ASSERT_TRUE(loaded->first.replace(fingerprint, position, to).value());
    }
    changed.emplace(fingerprint, to);
  }
  expect_same(loaded->first, changed);
  ASSERT_TRUE(loaded->first.write_changes(2));
  EXPECT_FALSE(loaded->first.changed());
  expect_same(loaded->first, changed);
  auto again = sent_index::load(files, "/d/i", true);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->second, 2U);
  expect_same(again->first, changed);
}

TEST(sent_index, a_damaged_file_is_refused) {
  memory_file_system files;
  ASSERT_TRUE(files.make_directory("/d") && files.sync_directory("/"));
  sent_index index;
  fill(index, 200);
  ASSERT_TRUE(index.save(files, "/d/i", 1));
  const auto size = files.stat("/d/i")->size;
  for (std::uint64_t offset = 0; offset < size; offset += 101) {
    auto f = files.open("/d/i", open_mode::read_write);
    ASSERT_TRUE(f);
    std::uint8_t octet = 0;
    ASSERT_TRUE((*f)->read_at({&octet, 1}, offset));
    octet ^= 0x40U;
    ASSERT_TRUE((*f)->write_at({&octet, 1}, offset));
    EXPECT_EQ(sent_index::load(files, "/d/i", true).error(), std::errc::illegal_byte_sequence) << offset;
    octet ^= 0x40U;
    ASSERT_TRUE((*f)->write_at({&octet, 1}, offset));
  }
  EXPECT_TRUE(sent_index::load(files, "/d/i", true));
  auto f = files.open("/d/i", open_mode::read_write);
  ASSERT_TRUE((*f)->truncate(size - 1));
  EXPECT_FALSE(sent_index::load(files, "/d/i", true));
}

}  // namespace
}  // namespace trunkline::engine
