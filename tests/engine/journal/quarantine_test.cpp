// What is left of a damaged place of the journal is kept, whole and durable, or it is said why not.
#include "engine/journal/quarantine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/journal/format.hpp"
#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace {

class quarantine : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* path : {"/data", "/data/journal"}) ASSERT_TRUE(files_.make_directory(path));
    // More than one piece of copying.
    octets_.resize((5U << 20) + 123);
    for (std::size_t i = 0; i < octets_.size(); ++i) octets_[i] = static_cast<std::uint8_t>(i * 31 + i / 997);
    auto segment = files_.open("/data/journal/" + journal_format::segment_name(7), open_mode::create_new);
    ASSERT_TRUE(segment);
    ASSERT_TRUE((*segment)->write_at(octets_, 0));
    ASSERT_TRUE((*segment)->sync());
    for (const char* path : {"/", "/data", "/data/journal"}) ASSERT_TRUE(files_.sync_directory(path));
  }
  result<std::string> keep(std::uint64_t offset, std::uint64_t bytes) {
    return set_aside(files_, "/data/journal", "/data/quarantine", {7, offset, bytes, 0, 0, "the frame is damaged"});
  }
  std::vector<std::uint8_t> content(const std::string& path) {
    auto opened = files_.open(path, open_mode::read);
    if (!opened) return {};
    std::vector<std::uint8_t> all(octets_.size() + 1);
    all.resize((*opened)->read_at(all, 0).value_or(0));
    return all;
  }

  memory_file_system files_{1};
  std::vector<std::uint8_t> octets_;
};

TEST_F(quarantine, keeps_the_octets_over_a_power_cut_and_a_second_start) {
  for (int start = 0; start < 2; ++start) {
    const auto kept = keep(8192, 4U << 20);
    ASSERT_TRUE(kept) << kept.error().message();
    EXPECT_EQ(*kept, "/data/quarantine/0000000000000007-8192.octets");
    files_.crash();
    const auto copy = content(*kept);
    ASSERT_EQ(copy.size(), 4U << 20);
    EXPECT_TRUE(std::equal(copy.begin(), copy.end(), octets_.begin() + 8192));
  }
}

TEST_F(quarantine, keeps_what_there_is) {
  const auto kept = keep(octets_.size() - 10, 100);
  ASSERT_TRUE(kept);
  EXPECT_EQ(content(*kept), std::vector<std::uint8_t>(octets_.end() - 10, octets_.end()));
  const auto nothing = keep(8192, 0);
  ASSERT_TRUE(nothing);
  EXPECT_EQ(*nothing, "") << "frames are missing: nothing is left of them";
}

TEST_F(quarantine, says_why_it_could_not) {
  for (const file_operation what : {file_operation::write, file_operation::sync_begin}) {
    files_.set_fault_hook([&](file_operation asked, const std::string& path) -> std::optional<std::error_code> {
      if (asked != what || path.find("quarantine") == std::string::npos) return std::nullopt;
      return std::make_error_code(std::errc::no_space_on_device);
    });
    const auto kept = keep(8192, 100);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error(), std::errc::no_space_on_device);
  }
}

}  // namespace
}  // namespace trunkline::engine
