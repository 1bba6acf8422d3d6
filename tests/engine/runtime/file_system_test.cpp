// The contract of the file seam, asked of both implementations.
#include "engine/runtime/file_system.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "engine/runtime/memory_file_system.hpp"
#include "engine/runtime/posix_file_system.hpp"

namespace trunkline::engine {
namespace {

using octets = std::vector<std::uint8_t>;

octets text(std::string_view from) { return {from.begin(), from.end()}; }

/// A file system and a directory of its own, with the few things that the seam has no call for.
class world {
 public:
  virtual ~world() = default;
  virtual file_system& files() = 0;
  virtual std::string directory() = 0;
  virtual void symlink(const std::string& path, const std::string& target) = 0;
  virtual void hard_link(const std::string& path, const std::string& existing) = 0;
  virtual void fifo(const std::string& path) = 0;
};

class posix_world final : public world {
 public:
  posix_world() {
    std::string pattern = (std::filesystem::temp_directory_path() / "trunkline_test.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~posix_world() override { std::filesystem::remove_all(directory_); }
  file_system& files() override { return files_; }
  std::string directory() override { return directory_; }
  void symlink(const std::string& path, const std::string& target) override {
    std::filesystem::create_symlink(target, path);
  }
  void hard_link(const std::string& path, const std::string& existing) override {
    std::filesystem::create_hard_link(existing, path);
  }
  void fifo(const std::string& path) override { ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0); }

 private:
  posix_file_system files_;
  std::string directory_;
};

class memory_world final : public world {
 public:
  memory_world() { EXPECT_TRUE(files_.make_directory("/test")); }
  file_system& files() override { return files_; }
  std::string directory() override { return "/test"; }
  void symlink(const std::string& path, const std::string& target) override { files_.add_symlink(path, target); }
  void hard_link(const std::string& path, const std::string& existing) override {
    files_.add_hard_link(path, existing);
  }
  void fifo(const std::string& path) override { files_.add_other(path); }

 private:
  memory_file_system files_;
};

class file_system_contract : public testing::TestWithParam<std::string> {
 protected:
  file_system_contract() {
    if (GetParam() == "posix") {
      world_ = std::make_unique<posix_world>();
    } else {
      world_ = std::make_unique<memory_world>();
    }
  }

  file_system& files() { return world_->files(); }
  std::string path(const std::string& name) { return world_->directory() + '/' + name; }

  void put(const std::string& name, std::string_view content) {
    auto made = files().open(path(name), open_mode::create_new);
    ASSERT_TRUE(made) << made.error().message();
    ASSERT_TRUE((*made)->append(text(content)));
  }

  std::string content(const std::string& name) {
    auto opened = files().open(path(name), open_mode::read);
    if (!opened) return "error: " + opened.error().message();
    return all_of(**opened);
  }

  static std::string all_of(file& from) {
    octets into(1000);
    const auto got = from.read_at(into, 0);
    return got ? std::string{into.begin(), into.begin() + static_cast<std::ptrdiff_t>(*got)} : "error";
  }

  std::vector<std::string> names(const std::string& directory) {
    std::vector<std::string> found;
    for (const auto& entry : files().list(directory).value()) found.push_back(entry.name);
    return found;
  }

  std::unique_ptr<world> world_;
};

template <class T>
testing::AssertionResult fails_with(const result<T>& got, std::errc code) {
  if (got) return testing::AssertionFailure() << "succeeded";
  if (got.error() == code) return testing::AssertionSuccess();
  return testing::AssertionFailure() << got.error().message();
}

TEST_P(file_system_contract, open_modes) {
  EXPECT_TRUE(fails_with(files().open(path("a"), open_mode::read), std::errc::no_such_file_or_directory));
  EXPECT_TRUE(fails_with(files().open(path("a"), open_mode::read_write), std::errc::no_such_file_or_directory));
  put("a", "one");
  EXPECT_TRUE(fails_with(files().open(path("a"), open_mode::create_new), std::errc::file_exists));
  EXPECT_TRUE(files().open(path("a"), open_mode::read_write_create));
  EXPECT_EQ(content("a"), "one");
  EXPECT_TRUE(files().open(path("b"), open_mode::read_write_create));
  EXPECT_EQ(content("b"), "");
  EXPECT_TRUE(fails_with(files().open(world_->directory(), open_mode::read), std::errc::is_a_directory));
  EXPECT_TRUE(fails_with(files().open(path("none/a"), open_mode::create_new), std::errc::no_such_file_or_directory));
  EXPECT_TRUE(fails_with(files().open(path("a/b"), open_mode::create_new), std::errc::not_a_directory));
  auto reader = files().open(path("a"), open_mode::read);
  EXPECT_TRUE(fails_with((*reader)->write_at(text("x"), 0), std::errc::bad_file_descriptor));
  world_->symlink(path("link"), path("gone"));
  EXPECT_TRUE(fails_with(files().open(path("link"), open_mode::create_new), std::errc::file_exists));
}

TEST_P(file_system_contract, reads_and_writes_at_offsets) {
  auto made = files().open(path("a"), open_mode::create_new, 0640);
  ASSERT_TRUE(made);
  file& a = **made;
  EXPECT_TRUE(a.write_at(text("world"), 6));
  EXPECT_TRUE(a.write_at(text("hello,"), 0));
  EXPECT_EQ(all_of(a), "hello,world");
  octets into(5);
  EXPECT_EQ(a.read_at(into, 8), 3U);
  EXPECT_EQ(a.read_at(into, 11), 0U);
  EXPECT_EQ(a.read_at(into, 1000), 0U);
  EXPECT_EQ(a.read_at({}, 0), 0U);
  EXPECT_TRUE(a.write_at(text("!"), 13));
  EXPECT_EQ(all_of(a), std::string("hello,world\0\0!", 14));
  EXPECT_EQ(a.size(), 14U);
  EXPECT_EQ(a.status()->mode, 0640U);
  EXPECT_EQ(a.status()->links, 1U);
  EXPECT_EQ(a.status()->type, file_type::regular);
}

TEST_P(file_system_contract, appends_at_the_end) {
  put("a", "one");
  auto again = files().open(path("a"), open_mode::read_write);
  ASSERT_TRUE(again);
  EXPECT_TRUE((*again)->append(text("two")));
  EXPECT_TRUE((*again)->append({}));
  EXPECT_TRUE((*again)->append(text("three")));
  EXPECT_EQ(content("a"), "onetwothree");
  EXPECT_TRUE((*again)->truncate(4));
  EXPECT_TRUE((*again)->append(text("!")));
  EXPECT_EQ(content("a"), "onet!");
}

TEST_P(file_system_contract, truncates_preallocates_and_syncs) {
  auto made = files().open(path("a"), open_mode::create_new);
  file& a = **made;
  EXPECT_TRUE(a.append(text("abc")));
  EXPECT_TRUE(a.preallocate(10));
  EXPECT_EQ(all_of(a), std::string("abc\0\0\0\0\0\0\0", 10));
  EXPECT_TRUE(a.preallocate(5));
  EXPECT_EQ(a.size(), 10U);
  EXPECT_TRUE(a.sync());
  EXPECT_TRUE(a.drop_cache());
  EXPECT_EQ(all_of(a), std::string("abc\0\0\0\0\0\0\0", 10));
  EXPECT_TRUE(a.truncate(2));
  EXPECT_TRUE(a.sync_begin());
  EXPECT_TRUE(a.sync_finish());
  EXPECT_TRUE(a.truncate(4));
  EXPECT_EQ(all_of(a), std::string("ab\0\0", 4));
}

TEST_P(file_system_contract, renames) {
  put("a", "one");
  put("b", "two");
  EXPECT_TRUE(fails_with(files().rename(path("a"), path("b"), rename_mode::no_replace), std::errc::file_exists));
  EXPECT_EQ(content("a"), "one");
  EXPECT_TRUE(files().rename(path("a"), path("c"), rename_mode::no_replace));
  EXPECT_EQ(content("c"), "one");
  EXPECT_TRUE(files().rename(path("c"), path("b")));
  EXPECT_EQ(content("b"), "one");
  EXPECT_TRUE(fails_with(files().rename(path("c"), path("d")), std::errc::no_such_file_or_directory));
  EXPECT_TRUE(files().make_directory(path("sub")));
  EXPECT_TRUE(files().rename(path("b"), path("sub/b")));
  EXPECT_EQ(content("sub/b"), "one");
  EXPECT_TRUE(fails_with(files().rename(path("sub/b"), path("no/b")), std::errc::no_such_file_or_directory));
  put("file", "");
  EXPECT_TRUE(fails_with(files().rename(path("file"), path("sub")), std::errc::is_a_directory));
  EXPECT_TRUE(files().rename(path("sub"), path("moved")));
  EXPECT_EQ(content("moved/b"), "one");
}

TEST_P(file_system_contract, an_open_file_outlives_its_name) {
  put("a", "one");
  auto opened = files().open(path("a"), open_mode::read);
  EXPECT_TRUE(files().remove(path("a")));
  EXPECT_EQ(all_of(**opened), "one");
  EXPECT_EQ((*opened)->status()->links, 0U);
  EXPECT_TRUE(fails_with(files().stat(path("a")), std::errc::no_such_file_or_directory));
}

TEST_P(file_system_contract, removes) {
  put("a", "one");
  world_->symlink(path("link"), "a");
  EXPECT_TRUE(files().remove(path("link")));
  EXPECT_EQ(content("a"), "one");
  EXPECT_TRUE(files().remove(path("a")));
  EXPECT_TRUE(fails_with(files().remove(path("a")), std::errc::no_such_file_or_directory));
  EXPECT_TRUE(files().make_directory(path("sub")));
  EXPECT_TRUE(fails_with(files().remove(path("sub")), std::errc::is_a_directory));
}

TEST_P(file_system_contract, lists_and_stats_without_following) {
  put("a", "one");
  EXPECT_TRUE(files().make_directory(path("sub"), 0750));
  world_->symlink(path("link"), "a");
  world_->fifo(path("fifo"));
  EXPECT_THAT(files().list(world_->directory()).value(),
              testing::UnorderedElementsAre(
                  directory_entry{"a", file_type::regular}, directory_entry{"sub", file_type::directory},
                  directory_entry{"link", file_type::symlink}, directory_entry{"fifo", file_type::other}));
  EXPECT_EQ(files().stat(path("a"))->size, 3U);
  EXPECT_EQ(files().stat(path("link"))->type, file_type::symlink);
  EXPECT_EQ(files().stat(path("sub"))->type, file_type::directory);
  EXPECT_EQ(files().stat(path("sub"))->mode, 0750U);
  EXPECT_EQ(files().stat(path("fifo"))->type, file_type::other);
  EXPECT_EQ(files().stat(path("a"))->inode, (*files().open(path("link"), open_mode::read))->status()->inode);
  EXPECT_TRUE(fails_with(files().list(path("a")), std::errc::not_a_directory));
  EXPECT_TRUE(fails_with(files().list(path("none")), std::errc::no_such_file_or_directory));
}

TEST_P(file_system_contract, makes_directories) {
  EXPECT_TRUE(files().make_directory(path("sub")));
  EXPECT_TRUE(files().make_directory(path("sub")));
  put("a", "");
  EXPECT_TRUE(fails_with(files().make_directory(path("a")), std::errc::file_exists));
  EXPECT_TRUE(fails_with(files().make_directory(path("x/y")), std::errc::no_such_file_or_directory));
  EXPECT_TRUE(files().sync_directory(path("sub")));
  EXPECT_FALSE(files().sync_directory(path("a")));
}

TEST_P(file_system_contract, opens_the_untrusted_with_care) {
  const std::string directory = world_->directory();
  put("good", "one");
  put("twice", "two");
  world_->hard_link(path("twin"), path("twice"));
  world_->symlink(path("link"), "good");
  world_->symlink(path("outside"), "/etc/passwd");
  world_->fifo(path("fifo"));
  EXPECT_TRUE(files().make_directory(path("sub")));
  world_->symlink(path("linked_sub"), "sub");

  auto good = files().open_untrusted(directory, "good");
  ASSERT_TRUE(good) << good.error().message();
  EXPECT_EQ(all_of(*good->handle), "one");
  EXPECT_EQ(good->status.size, 3U);
  EXPECT_EQ(good->status.inode, files().stat(path("good"))->inode);

  const struct {
    std::string name;
    std::errc code;
  } cases[] = {{"link", std::errc::too_many_symbolic_link_levels},
               {"outside", std::errc::too_many_symbolic_link_levels},
               {"linked_sub", std::errc::too_many_symbolic_link_levels},
               {"twice", std::errc::too_many_links},
               {"twin", std::errc::too_many_links},
               {"sub", std::errc::is_a_directory},
               {"fifo", std::errc::not_supported},
               {"none", std::errc::no_such_file_or_directory},
               {"", std::errc::invalid_argument},
               {".", std::errc::invalid_argument},
               {"..", std::errc::invalid_argument},
               {"sub/x", std::errc::invalid_argument},
               {std::string("go\0od", 5), std::errc::invalid_argument}};
  for (const auto& given : cases) {
    EXPECT_TRUE(fails_with(files().open_untrusted(directory, given.name), given.code)) << given.name;
  }
}

TEST_P(file_system_contract, locks_against_others) {
  auto held = files().lock(path("lock"));
  ASSERT_TRUE(held);
  EXPECT_TRUE(fails_with(files().lock(path("lock")), std::errc::resource_unavailable_try_again));
  EXPECT_TRUE(files().lock(path("other")));
  held->reset();
  EXPECT_TRUE(files().lock(path("lock")));
  EXPECT_EQ(files().stat(path("lock"))->mode, 0600U);
  world_->symlink(path("link"), "lock");
  EXPECT_TRUE(fails_with(files().lock(path("link")), std::errc::too_many_symbolic_link_levels));
}

TEST_P(file_system_contract, sets_owner_and_mode) {
  put("a", "");
  EXPECT_TRUE(files().set_owner_mode(path("a"), std::nullopt, std::nullopt, 0644));
  EXPECT_EQ(files().stat(path("a"))->mode, 0644U);
  const auto before = files().stat(path("a"));
  EXPECT_TRUE(files().set_owner_mode(path("a"), before->uid, before->gid, std::nullopt));
  EXPECT_EQ(files().stat(path("a"))->mode, 0644U);
  EXPECT_TRUE(files().make_directory(path("sub")));
  EXPECT_TRUE(files().set_owner_mode(path("sub"), std::nullopt, std::nullopt, 02750));
  EXPECT_EQ(files().stat(path("sub"))->mode, 02750U);
  world_->symlink(path("link"), "a");
  EXPECT_TRUE(fails_with(files().set_owner_mode(path("link"), std::nullopt, std::nullopt, 0600),
                         std::errc::too_many_symbolic_link_levels));
  EXPECT_TRUE(fails_with(files().set_owner_mode(path("none"), std::nullopt, std::nullopt, 0600),
                         std::errc::no_such_file_or_directory));
}

TEST_P(file_system_contract, tells_free_space) { EXPECT_GT(files().free_bytes(world_->directory()).value(), 0U); }

INSTANTIATE_TEST_SUITE_P(both, file_system_contract, testing::Values("posix", "memory"),
                         [](const auto& tested) { return tested.param; });

TEST(posix_file_system, a_socket_is_not_a_file) {
  posix_world world;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (world.directory() + "/socket").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(fails_with(world.files().open_untrusted(world.directory(), "socket"), std::errc::not_supported));
  ::close(fd);
}

}  // namespace
}  // namespace trunkline::engine
