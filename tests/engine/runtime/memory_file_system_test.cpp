// What the file system in memory does beyond the contract: forget, tear, fail.
#include "engine/runtime/memory_file_system.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace trunkline::engine {
namespace {

using octets = std::vector<std::uint8_t>;

octets filled(std::size_t size, std::uint8_t with) { return octets(size, with); }

octets content(file_system& files, const std::string& path) {
  auto opened = files.open(path, open_mode::read);
  if (!opened) return {};
  octets all((*opened)->size().value());
  (void)(*opened)->read_at(all, 0);
  return all;
}

bool exists(file_system& files, const std::string& path) { return files.stat(path).has_value(); }

TEST(memory_file_system, what_was_synced_stays) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    memory_file_system files{seed};
    {
      auto made = files.open("/a", open_mode::create_new);
      ASSERT_TRUE((*made)->append(filled(3000, 1)));
      ASSERT_TRUE((*made)->sync());
      ASSERT_TRUE(files.sync_directory("/"));
    }
    files.crash();
    ASSERT_EQ(content(files, "/a"), filled(3000, 1)) << "seed " << seed;
  }
}

TEST(memory_file_system, what_was_not_synced_comes_in_every_shape) {
  bool whole = false, nothing = false, front = false, hole = false, nameless = false;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    memory_file_system files{seed};
    {
      auto made = files.open("/a", open_mode::create_new);
      ASSERT_TRUE((*made)->append(filled(4096, 1)));
    }
    files.crash();
    const octets left = content(files, "/a");
    const auto ones = static_cast<std::size_t>(std::count(left.begin(), left.end(), 1));
    ASSERT_EQ(ones % 512, 0U) << "a sector is written whole or not at all";
    nameless |= !exists(files, "/a");
    nothing |= exists(files, "/a") && left.empty();
    whole |= ones == 4096;
    front |= ones > 0 && ones < 4096 && ones == left.size();
    hole |= ones > 0 && ones < left.size();
  }
  EXPECT_TRUE(whole && nothing && front && hole && nameless);
}

TEST(memory_file_system, unsynced_writes_are_reordered) {
  bool only_second = false;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    memory_file_system files{seed};
    auto made = files.open("/a", open_mode::create_new);
    ASSERT_TRUE((*made)->preallocate(1024));
    ASSERT_TRUE((*made)->sync());
    ASSERT_TRUE(files.sync_directory("/"));
    ASSERT_TRUE((*made)->write_at(filled(512, 1), 0));
    ASSERT_TRUE((*made)->write_at(filled(512, 2), 512));
    files.crash();
    const octets left = content(files, "/a");
    ASSERT_EQ(left.size(), 1024U);
    only_second |= left[0] == 0 && left[512] == 2;
  }
  EXPECT_TRUE(only_second);
}

TEST(memory_file_system, names_are_lost_and_kept_independently_but_a_rename_is_one) {
  std::set<std::vector<bool>> seen;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    memory_file_system files{seed};
    ASSERT_TRUE(files.make_directory("/in"));
    ASSERT_TRUE(files.make_directory("/out"));
    ASSERT_TRUE(files.open("/in/a", open_mode::create_new));
    ASSERT_TRUE(files.open("/in/b", open_mode::create_new));
    for (const char* directory : {"/", "/in", "/out"}) ASSERT_TRUE(files.sync_directory(directory));
    ASSERT_TRUE(files.rename("/in/a", "/out/a"));
    ASSERT_TRUE(files.rename("/in/b", "/out/b"));
    files.crash();
    ASSERT_NE(exists(files, "/in/a"), exists(files, "/out/a")) << "seed " << seed;
    ASSERT_NE(exists(files, "/in/b"), exists(files, "/out/b")) << "seed " << seed;
    seen.insert({exists(files, "/out/a"), exists(files, "/out/b")});
  }
  EXPECT_EQ(seen.size(), 4U);
}

TEST(memory_file_system, a_rename_is_durable_when_both_directories_are_synced) {
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (const bool both : {false, true}) {
      memory_file_system files{seed};
      ASSERT_TRUE(files.make_directory("/in"));
      ASSERT_TRUE(files.make_directory("/out"));
      ASSERT_TRUE(files.open("/in/a", open_mode::create_new));
      for (const char* directory : {"/", "/in", "/out"}) ASSERT_TRUE(files.sync_directory(directory));
      ASSERT_TRUE(files.rename("/in/a", "/out/a"));
      ASSERT_TRUE(files.sync_directory("/out"));
      if (both) {
        ASSERT_TRUE(files.sync_directory("/in"));
      }
      files.crash();
      if (both) {
        ASSERT_TRUE(exists(files, "/out/a"));
      }
      lost |= !exists(files, "/out/a");
    }
  }
  EXPECT_TRUE(lost);
}

TEST(memory_file_system, changes_of_one_name_keep_their_order) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    memory_file_system files{seed};
    {
      auto made = files.open("/final", open_mode::create_new);
      ASSERT_TRUE((*made)->append(filled(3, 1)) && (*made)->sync() && files.sync_directory("/"));
      auto next = files.open("/temporary", open_mode::create_new);
      ASSERT_TRUE((*next)->append(filled(3, 2)) && (*next)->sync());
      ASSERT_TRUE(files.rename("/temporary", "/final"));
    }
    files.crash();
    // The replaced name is the old or the new file, never none: the idiom on which every report relies.
    const octets left = content(files, "/final");
    ASSERT_TRUE(left == filled(3, 1) || left == filled(3, 2)) << "seed " << seed;
    if (left == filled(3, 2)) {
      ASSERT_FALSE(exists(files, "/temporary"));
    }
  }
}

TEST(memory_file_system, a_removed_file_may_come_back) {
  bool back = false, gone = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    memory_file_system files{seed};
    ASSERT_TRUE(files.open("/a", open_mode::create_new));
    ASSERT_TRUE(files.sync_directory("/"));
    ASSERT_TRUE(files.remove("/a"));
    files.crash();
    (exists(files, "/a") ? back : gone) = true;
  }
  EXPECT_TRUE(back && gone);
}

TEST(memory_file_system, the_same_seed_gives_the_same_crash) {
  const auto run = [](std::uint64_t seed) {
    memory_file_system files{seed};
    for (int index = 0; index < 10; ++index) {
      auto made = files.open("/" + std::to_string(index), open_mode::create_new);
      (void)(*made)->append(filled(5000, static_cast<std::uint8_t>(index + 1)));
    }
    files.crash();
    std::vector<octets> left;
    for (int index = 0; index < 10; ++index) left.push_back(content(files, "/" + std::to_string(index)));
    return left;
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) EXPECT_EQ(run(seed), run(seed));
}

TEST(memory_file_system, kill_keeps_what_was_written_but_not_handles_and_locks) {
  memory_file_system files;
  auto made = files.open("/a", open_mode::create_new);
  ASSERT_TRUE((*made)->append(filled(10, 1)));
  auto lock = files.lock("/lock");
  files.kill();
  EXPECT_EQ(content(files, "/a"), filled(10, 1));
  EXPECT_EQ((*made)->append(filled(1, 1)).error(), std::errc::io_error);
  auto again = files.lock("/lock");
  EXPECT_TRUE(again);
  lock->reset();  // of a dead process: no longer a lock
  EXPECT_FALSE(files.lock("/lock"));
}

TEST(memory_file_system, after_a_failed_sync_the_rest_is_gone_for_good) {
  bool stale_shown = false, lost = false;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    memory_file_system files{seed};
    auto made = files.open("/a", open_mode::create_new);
    ASSERT_TRUE((*made)->preallocate(512) && (*made)->sync() && files.sync_directory("/"));
    ASSERT_TRUE((*made)->write_at(filled(512, 1), 0));
    files.set_fault_hook([](file_operation operation, const std::string&) -> std::optional<std::error_code> {
      if (operation == file_operation::sync_finish) return std::make_error_code(std::errc::io_error);
      return std::nullopt;
    });
    EXPECT_FALSE((*made)->sync());
    files.set_fault_hook(nullptr);
    EXPECT_TRUE((*made)->sync()) << "the second sync lies, as on Linux";
    const octets shown = content(files, "/a");
    ASSERT_TRUE((*made)->drop_cache());
    const octets stored = content(files, "/a");
    files.crash();
    ASSERT_EQ(content(files, "/a"), stored);
    stale_shown |= shown != stored;
    lost |= stored == filled(512, 0);
  }
  EXPECT_TRUE(stale_shown && lost);
}

TEST(memory_file_system, the_hook_fails_any_call) {
  memory_file_system files;
  auto a = files.open("/a", open_mode::create_new);
  std::vector<std::string> asked;
  files.set_fault_hook([&](file_operation, const std::string& path) -> std::optional<std::error_code> {
    asked.push_back(path);
    return std::make_error_code(std::errc::no_space_on_device);
  });
  octets into(1);
  file& open = **a;
  const auto code = std::errc::no_space_on_device;
  EXPECT_EQ(files.open("/b", open_mode::create_new).error(), code);
  EXPECT_EQ(files.open_untrusted("/", "a").error(), code);
  EXPECT_EQ(open.read_at(into, 0).error(), code);
  EXPECT_EQ(open.write_at(into, 0).error(), code);
  EXPECT_EQ(open.append(into).error(), code);
  EXPECT_EQ(open.sync_begin().error(), code);
  EXPECT_EQ(open.status().error(), code);
  EXPECT_EQ(open.truncate(0).error(), code);
  EXPECT_EQ(open.preallocate(1).error(), code);
  EXPECT_EQ(open.drop_cache().error(), code);
  EXPECT_EQ(files.rename("/a", "/b").error(), code);
  EXPECT_EQ(files.remove("/a").error(), code);
  EXPECT_EQ(files.list("/").error(), code);
  EXPECT_EQ(files.stat("/a").error(), code);
  EXPECT_EQ(files.make_directory("/d").error(), code);
  EXPECT_EQ(files.sync_directory("/").error(), code);
  EXPECT_EQ(files.lock("/l").error(), code);
  EXPECT_EQ(files.free_bytes("/").error(), code);
  EXPECT_EQ(files.set_owner_mode("/a", 1, 1, 0600).error(), code);
  EXPECT_EQ(asked.size(), 19U);
  EXPECT_EQ(asked[2], "/a");
  files.set_fault_hook(nullptr);
  EXPECT_THAT(files.list("/").value(), testing::ElementsAre(directory_entry{"a", file_type::regular}));
}

TEST(memory_file_system, an_interrupted_call_is_repeated) {
  memory_file_system files;
  int interruptions = 3;
  files.set_fault_hook([&](file_operation, const std::string&) -> std::optional<std::error_code> {
    if (interruptions-- > 0) return std::make_error_code(std::errc::interrupted);
    return std::nullopt;
  });
  EXPECT_TRUE(files.open("/a", open_mode::create_new));
  EXPECT_EQ(files.operations(), 4U);
}

TEST(memory_file_system, stops_at_the_nth_operation) {
  memory_file_system files;
  auto made = files.open("/a", open_mode::create_new);
  files.stop_after(1);
  EXPECT_TRUE((*made)->append(filled(10, 1)));
  EXPECT_FALSE((*made)->append(filled(10, 2)));
  EXPECT_FALSE((*made)->append(filled(10, 3)));
  EXPECT_FALSE(files.remove("/a"));
  files.run_on();
  const octets left = content(files, "/a");
  EXPECT_GE(left.size(), 10U);
  EXPECT_LT(left.size(), 20U);
  EXPECT_EQ(std::count(left.begin(), left.end(), 3), 0);
}

TEST(memory_file_system, space_ends_and_comes_back) {
  memory_file_system files;
  files.set_capacity(1000);
  {
    auto made = files.open("/a", open_mode::create_new);
    EXPECT_TRUE((*made)->append(filled(600, 1)));
    EXPECT_EQ(files.free_bytes("/"), 400U);
    EXPECT_EQ((*made)->append(filled(600, 2)).error(), std::errc::no_space_on_device);
    EXPECT_EQ((*made)->size(), 1000U);
    EXPECT_EQ((*made)->preallocate(1001).error(), std::errc::no_space_on_device);
    EXPECT_TRUE((*made)->truncate(100));
    EXPECT_EQ(files.free_bytes("/"), 900U);
  }
  EXPECT_TRUE(files.remove("/a") && files.sync_directory("/"));
  EXPECT_EQ(files.free_bytes("/"), 1000U);
}

TEST(memory_file_system, an_unreadable_file_is_refused) {
  memory_file_system files;
  ASSERT_TRUE(files.open("/a", open_mode::create_new, 0200));
  EXPECT_EQ(files.open("/a", open_mode::read).error(), std::errc::permission_denied);
  EXPECT_EQ(files.open_untrusted("/", "a").error(), std::errc::permission_denied);
}

TEST(memory_file_system, mtime_comes_from_the_clock) {
  manual_clock time;
  memory_file_system files{1, &time};
  auto made = files.open("/a", open_mode::create_new);
  time.advance(std::chrono::seconds{5});
  ASSERT_TRUE((*made)->append(filled(1, 1)));
  EXPECT_EQ(files.stat("/a")->mtime, time.wall());
}

}  // namespace
}  // namespace trunkline::engine
