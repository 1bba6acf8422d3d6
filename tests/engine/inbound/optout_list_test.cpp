#include "engine/inbound/optout_list.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <thread>

#include "engine/runtime/clock.hpp"
#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine::test {
namespace {

using pair = std::pair<std::string, std::string>;

struct optout_test : testing::Test {
  manual_clock time;
  memory_file_system files{1, &time};
  std::vector<std::string> problems;

  optout_test() {
    (void)files.make_directory("/data");
    (void)files.sync_directory("/");
  }
  std::unique_ptr<optout_list> open() {
    auto list = std::make_unique<optout_list>(files, "/data/optout");
    EXPECT_TRUE(list->load(problems));
    return list;
  }
  static std::set<pair> all(optout_list& list) {
    std::set<pair> found;
    EXPECT_TRUE(list.each([&](const optout_entry& e) {
      EXPECT_TRUE(found.emplace(e.sender, e.number).second) << "twice";
      return true;
    }));
    return found;
  }
  std::string contents() {
    auto f = files.open("/data/optout", open_mode::read);
    std::string text(*(*f)->size(), '\0');
    (void)(*f)->read_at({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0);
    return text;
  }
  void replace(const std::string& text) {
    auto f = files.open("/data/optout", open_mode::read_write_create);
    (void)(*f)->truncate(0);
    (void)(*f)->write_at({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, 0);
    (void)(*f)->sync();
  }
};

TEST_F(optout_test, adds_removes_and_remembers) {
  auto list = open();
  EXPECT_TRUE(list->add("12345", "491701", 10));
  EXPECT_FALSE(list->add("12345", "491701", 11));
  EXPECT_FALSE(list->add("+12345", "+491701", 11)) << "the same pair";
  EXPECT_TRUE(list->add("ACME", "491701", 12));
  EXPECT_TRUE(list->contains("acme", "491701"));
  EXPECT_TRUE(list->remove("ACME", "491701", 13));
  EXPECT_FALSE(list->remove("ACME", "491701", 14));
  EXPECT_TRUE(list->add("", "491702", 15)) << "messages without a sender";
  EXPECT_FALSE(list->add("12345", "", 16));
  EXPECT_FALSE(list->add(std::string(21, '1'), "49", 16));
  EXPECT_FALSE(list->contains("12345", "491702"));
  EXPECT_TRUE(list->dirty());
  EXPECT_TRUE(list->flush());
  EXPECT_FALSE(list->dirty());
  files.crash();
  list = open();
  EXPECT_EQ(all(*list), (std::set<pair>{{"12345", "491701"}, {"", "491702"}}));
  EXPECT_EQ(list->size(), 2U);
  EXPECT_TRUE(problems.empty());
}

TEST_F(optout_test, what_was_not_flushed_may_be_gone_and_nothing_else) {
  auto list = open();
  list->add("1", "100", 1);
  ASSERT_TRUE(list->flush());
  list->add("1", "200", 1);
  list.reset();
  files.crash();
  EXPECT_TRUE(open()->contains("1", "100"));
}

// A killed process leaves what it wrote to the system, unsynced. Who asks the list then is told that the pair is there,
// and will not add it again.
TEST_F(optout_test, what_a_killed_process_left_unsynced_is_safe_once_it_was_loaded) {
  for (std::uint64_t n = 0; n < 8; ++n) {
    replace("TLOPTOUT");
    auto list = open();
    EXPECT_TRUE(list->add("12345", "491701", 10));
    files.stop_after(n);
    const bool flushed = list->flush().has_value();
    list.reset();
    files.kill();
    const bool known = open()->contains("12345", "491701");
    EXPECT_TRUE(known || !flushed);
    files.crash();
    EXPECT_EQ(open()->contains("12345", "491701"), known) << "died at operation " << n;
  }
}

TEST_F(optout_test, a_file_cut_anywhere_keeps_what_is_whole) {
  auto list = open();
  for (int i = 0; i < 5; ++i) list->add("12345", std::to_string(490 + i), i);
  ASSERT_TRUE(list->flush());
  const std::string whole = contents();
  const std::size_t record = (whole.size() - 8) / 5;
  for (std::size_t n = 0; n <= whole.size(); ++n) {
    replace(whole.substr(0, n));
    problems.clear();
    list = open();
    EXPECT_EQ(list->size(), n < 8 ? 0 : (n - 8) / record) << n;
    EXPECT_TRUE(problems.empty());
    EXPECT_TRUE(list->add("7", "777", 1));
    ASSERT_TRUE(list->flush());
    EXPECT_TRUE(open()->contains("7", "777")) << n;
  }
}

TEST_F(optout_test, damage_in_the_middle_is_said_and_passed_over) {
  auto list = open();
  for (int i = 0; i < 50; ++i) list->add("12345", std::to_string(49000 + i), i);
  ASSERT_TRUE(list->flush());
  const std::string whole = contents();
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    std::string damaged = whole;
    const std::size_t at = random() % (whole.size() - 40);
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    replace(damaged);
    problems.clear();
    list = open();
    EXPECT_GE(list->size(), 49U) << at;
    EXPECT_EQ(problems.size(), 1U);
    problems.clear();
    EXPECT_GE(open()->size(), 49U);
    EXPECT_TRUE(problems.empty()) << "it was written anew";
  }
}

TEST_F(optout_test, is_written_anew_without_what_is_out_of_date) {
  auto list = open();
  for (int i = 0; i < 3000; ++i) {
    list->add("1", "123", i);
    list->remove("1", "123", i);
  }
  list->add("1", "456", 1);
  ASSERT_TRUE(list->flush());
  const std::size_t before = contents().size();
  list = open();
  EXPECT_LT(contents().size(), before / 100);
  EXPECT_EQ(all(*list), (std::set<pair>{{"1", "456"}}));
}

TEST_F(optout_test, survives_a_crash_at_every_operation) {
  for (std::uint64_t n = 0; n < 60; ++n) {
    manual_clock clock;
    memory_file_system disk(n, &clock);
    (void)disk.make_directory("/data");
    (void)disk.sync_directory("/");
    std::set<pair> durable;
    std::set<pair> now;  // and what may be
    disk.stop_after(n);
    std::vector<std::string> said;
    optout_list list(disk, "/data/optout");
    if (list.load(said)) {
      for (int i = 0; i < 8; ++i) {
        const pair p{"1", std::to_string(100 + i % 5)};
        if (i % 3 == 2) {
          list.remove(p.first, p.second, i);
          now.erase(p);
        } else {
          list.add(p.first, p.second, i);
          now.insert(p);
        }
        if (!list.flush()) break;
        durable = now;
      }
    }
    disk.run_on();
    disk.crash();
    optout_list after(disk, "/data/optout");
    ASSERT_TRUE(after.load(said)) << n;
    EXPECT_TRUE(said.empty()) << n;
    const auto found = all(after);
    EXPECT_TRUE(found == durable || found == now) << n << ": " << found.size();
  }
}

TEST_F(optout_test, a_full_disk_is_tried_again) {
  auto list = open();
  list->add("1", "100", 1);
  int left = 2;
  files.set_fault_hook([&](file_operation what, const std::string&) -> std::optional<std::error_code> {
    if (what != file_operation::write || left-- <= 0) return std::nullopt;
    return std::make_error_code(std::errc::no_space_on_device);
  });
  EXPECT_EQ(list->flush().error(), std::errc::no_space_on_device);
  EXPECT_TRUE(list->contains("1", "100")) << "it counts at once";
  list->add("1", "200", 2);
  EXPECT_FALSE(list->flush());
  EXPECT_TRUE(list->flush());
  files.set_fault_hook({});
  EXPECT_EQ(open()->size(), 2U);
  EXPECT_TRUE(problems.empty());
}

TEST(optout_set, grows_while_others_look) {
  optout_set set;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> misses{0};
  set.insert(optout_set::key_of("1", "0"));
  std::thread reader([&] {
    const auto key = optout_set::key_of("1", "0");
    while (!stop.load()) misses += set.contains(key) ? 0 : 1;
  });
  for (int i = 1; i < 200'000; ++i) ASSERT_TRUE(set.insert(optout_set::key_of("1", std::to_string(i))));
  for (int i = 1; i < 200'000; i += 2) ASSERT_TRUE(set.erase(optout_set::key_of("1", std::to_string(i))));
  stop = true;
  reader.join();
  EXPECT_EQ(misses, 0U);
  EXPECT_EQ(set.size(), 100'000U);
  for (int i = 1; i < 200'000; ++i)
    ASSERT_EQ(set.contains(optout_set::key_of("1", std::to_string(i))), i % 2 == 0) << i;
}

TEST(optout_set, takes_as_much_memory_as_its_pairs_need_also_while_it_grows) {
  optout_set set;
  std::size_t most = 0;
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(set.insert(optout_set::key_of("1", std::to_string(i))));
    ASSERT_FALSE(set.insert(optout_set::key_of("1", std::to_string(i))));
    most = std::max(most, set.memory_bytes());
  }
  EXPECT_LT(most, 1'400'000U);
  // Places of removed pairs are used again: neither they nor new ones fill the tables up.
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 50'000; ++i)
      ASSERT_TRUE(set.erase(optout_set::key_of("1", std::to_string(round * 50'000 + i))));
    for (int i = 0; i < 50'000; ++i)
      ASSERT_TRUE(set.insert(optout_set::key_of("1", std::to_string((round + 2) * 50'000 + i))));
  }
  EXPECT_EQ(set.size(), 100'000U);
  EXPECT_LT(set.memory_bytes(), 1'500'000U);
}

TEST(optout_set, keys_differ) {
  std::set<std::uint64_t> keys;
  const std::string senders[] = {"", "1", "12", "123", "ACME", "ACMEX"};
  unsigned pairs = 0;
  for (const auto& sender : senders) {
    for (int i = 0; i < 20'000; ++i, ++pairs) keys.insert(optout_set::key_of(sender, std::to_string(491'700'000 + i)));
  }
  EXPECT_EQ(keys.size(), pairs);
  EXPECT_NE(optout_set::key_of("12", "3"), optout_set::key_of("1", "23"));
  EXPECT_EQ(optout_set::key_of("Acme", "+49"), optout_set::key_of("ACME", "49"));
  EXPECT_NE(optout_set::key_of("", "1"), 0U);
}

}  // namespace
}  // namespace trunkline::engine::test
