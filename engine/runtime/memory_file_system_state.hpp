// A file system that forgets. Every file has what is seen (the page cache), what is stored (the device) and the list of
// changes in between; every change of names is an operation with one effect or, for a rename, two, which the device
// gets together or not at all. A sync moves changes to the device; a crash decides for each remaining one by the dice,
// with the only order a journaling file system promises: of changes of one name, a later one never without the earlier.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "engine/runtime/memory_file_system.hpp"

namespace trunkline::engine {
namespace memory_files {

inline constexpr std::uint64_t sector_bytes = 512;
inline constexpr int most_links_followed = 8;

using octets = std::vector<std::uint8_t>;

/// A change of a file's content: octets at an offset, or without octets a new size.
struct content_change {
  std::uint64_t number = 0;
  std::uint64_t offset = 0;
  octets data;
  bool resize = false;
};

inline void write_into(octets& content, std::uint64_t offset, std::span<const std::uint8_t> data) {
  if (data.empty()) return;
  if (content.size() < offset + data.size()) content.resize(offset + data.size());
  std::memcpy(content.data() + offset, data.data(), data.size());
}

inline void apply_change(octets& content, const content_change& change) {
  if (change.resize) {
    content.resize(change.offset);
  } else {
    write_into(content, change.offset, change.data);
  }
}

struct node;
using node_pointer = std::shared_ptr<node>;
using names = std::map<std::string, node_pointer>;

struct node {
  explicit node(std::shared_ptr<std::uint64_t> space) : used{std::move(space)} {}
  node(const node&) = delete;
  node& operator=(const node&) = delete;
  ~node() { *used -= content.size(); }

  file_status status;
  // A file:
  octets content;  // as seen
  octets stored;   // as on the device
  std::vector<content_change> changes;
  std::uint64_t last_change = 0;
  // A directory:
  names seen_names;
  names stored_names;
  // A link:
  std::string target;

  std::shared_ptr<std::uint64_t> used;

  bool is(file_type type) const noexcept { return status.type == type; }
  void set_content(octets now) {
    *used += now.size();
    *used -= content.size();
    content = std::move(now);
  }
};

/// A change of names: `name` in `directory` becomes `now`, or vanishes.
struct name_effect {
  node_pointer directory;
  std::string name;
  node_pointer now;
  bool synced = false;
};
using name_change = std::vector<name_effect>;

struct place {
  node_pointer directory;
  std::string name;
  node_pointer found;  // null: no such name
};

}  // namespace memory_files

/// Everything behind a `memory_file_system`, kept alive by its handles. Callers hold `mutex`.
struct memory_file_system::state {
  using node = memory_files::node;
  using node_pointer = memory_files::node_pointer;
  using name_effect = memory_files::name_effect;
  using name_change = memory_files::name_change;
  using content_change = memory_files::content_change;
  using octets = memory_files::octets;
  using place = memory_files::place;

  explicit state(std::uint64_t seed, const clock* given_time) : random{seed}, time{given_time} {
    root = make(file_type::directory, 0755);
  }

  mutable std::mutex mutex;
  std::mt19937_64 random;
  const clock* time;
  std::shared_ptr<std::uint64_t> used = std::make_shared<std::uint64_t>(0);
  std::optional<std::uint64_t> capacity;
  node_pointer root;
  std::vector<name_change> name_changes;
  std::set<const node*> locked;
  std::uint64_t last_inode = 0;
  std::uint64_t epoch = 0;
  std::uint64_t operations = 0;
  std::optional<std::uint64_t> stop_at;
  fault_hook hook;

  std::uint64_t below(std::uint64_t limit) { return random() % limit; }

  node_pointer make(file_type type, std::uint32_t mode) {
    auto made = std::make_shared<node>(used);
    made->status.type = type;
    made->status.mode = mode & 07777;
    made->status.inode = ++last_inode;
    touch(*made);
    return made;
  }

  clock::wall_time now() const {
    return time != nullptr ? time->wall() : clock::wall_time{std::chrono::seconds{1'800'000'000}};
  }

  void touch(node& changed) const { changed.status.mtime = changed.status.ctime = now(); }

  /// Counts the operation and asks whether it is to fail. An interrupted call is repeated, as the contract says.
  std::optional<std::error_code> refuse(file_operation operation, const std::string& path) {
    for (;;) {
      const std::uint64_t number = operations++;
      if (stop_at && number >= *stop_at) return std::make_error_code(std::errc::io_error);
      if (!hook) return std::nullopt;
      auto error = hook(operation, path);
      if (!error || *error != std::errc::interrupted) return error;
    }
  }

  static bool starts_at_root(const std::string& path) { return !path.empty() && path.front() == '/'; }

  result<node_pointer> directory_at(const std::string& path, node_pointer from, int links) {
    auto end = find(path, std::move(from), true, links);
    if (!end) return failure{end.error()};
    if (end->found == nullptr) return fail(std::errc::no_such_file_or_directory);
    if (!end->found->is(file_type::directory)) return fail(std::errc::not_a_directory);
    return end->found;
  }

  /// Walks to the last component. `follow`: a link at the end is followed, too.
  result<place> find(const std::string& path, node_pointer from, bool follow, int links = 0) {
    if (links > memory_files::most_links_followed) return fail(std::errc::too_many_symbolic_link_levels);
    place at{root, "", root};
    if (!starts_at_root(path) && from != nullptr) at = {from, "", from};
    for (std::size_t start = 0; start <= path.size();) {
      const std::size_t end = std::min(path.find('/', start), path.size());
      const std::string name = path.substr(start, end - start);
      start = end + 1;
      if (name.empty() || name == ".") continue;
      if (at.found == nullptr) return fail(std::errc::no_such_file_or_directory);
      if (at.found->is(file_type::symlink)) {
        auto next = directory_at(at.found->target, at.directory, links + 1);
        if (!next) return failure{next.error()};
        at.found = *next;
      }
      if (!at.found->is(file_type::directory)) return fail(std::errc::not_a_directory);
      const auto known = at.found->seen_names.find(name);
      at = {at.found, name, known == at.found->seen_names.end() ? nullptr : known->second};
    }
    if (follow && at.found != nullptr && at.found->is(file_type::symlink)) {
      return find(at.found->target, at.directory, true, links + 1);
    }
    return at;
  }

  result<place> find(const std::string& path, bool follow) { return find(path, nullptr, follow); }

  void change_names(name_change change) {
    for (name_effect& effect : change) {
      auto& seen = effect.directory->seen_names;
      if (const auto old = seen.find(effect.name); old != seen.end()) {
        --old->second->status.links;
        seen.erase(old);
      }
      if (effect.now != nullptr) {
        seen.emplace(effect.name, effect.now);
        ++effect.now->status.links;
      }
      touch(*effect.directory);
    }
    name_changes.push_back(std::move(change));
  }

  static void store(const name_change& change) {
    for (const name_effect& effect : change) {
      if (effect.now == nullptr) {
        effect.directory->stored_names.erase(effect.name);
      } else {
        effect.directory->stored_names[effect.name] = effect.now;
      }
    }
  }

  static bool same_name(const name_change& left, const name_change& right) {
    return std::any_of(left.begin(), left.end(), [&](const name_effect& one) {
      return std::any_of(right.begin(), right.end(), [&](const name_effect& other) {
        return one.directory == other.directory && one.name == other.name;
      });
    });
  }

  /// Stores the changes of which every effect is synced, and the earlier ones that they build on.
  void sync_names(const node_pointer& directory) {
    std::vector<bool> wanted(name_changes.size());
    for (std::size_t index = name_changes.size(); index-- > 0;) {
      bool complete = true;
      for (name_effect& effect : name_changes[index]) {
        effect.synced = effect.synced || effect.directory == directory;
        complete = complete && effect.synced;
      }
      wanted[index] = complete;
      // Later ones that are to be stored pull in the earlier ones of their names; the loop runs backwards for that.
      for (std::size_t later = index + 1; !wanted[index] && later < name_changes.size(); ++later) {
        wanted[index] = wanted[later] && same_name(name_changes[index], name_changes[later]);
      }
    }
    std::vector<name_change> left;
    for (std::size_t index = 0; index < name_changes.size(); ++index) {
      if (wanted[index]) {
        store(name_changes[index]);
      } else {
        left.push_back(std::move(name_changes[index]));
      }
    }
    name_changes = std::move(left);
  }

  /// What the device has of one change that nobody synced: all, nothing, the front, or any of its sectors.
  void tear(octets& content, const content_change& change) {
    const std::uint64_t way = below(6);
    if (way == 0) return;
    if (way <= 2) return memory_files::apply_change(content, change);
    if (change.resize) {
      if (way == 3) content.resize(change.offset);
      return;
    }
    const std::uint64_t end = change.offset + change.data.size();
    // The size may be there without the data.
    if (way == 3 && content.size() < end) content.resize(end);
    const std::uint64_t sectors = end / memory_files::sector_bytes - change.offset / memory_files::sector_bytes + 1;
    const std::uint64_t front = way == 4 ? below(sectors + 1) : 0;
    std::uint64_t index = 0;
    for (std::uint64_t at = change.offset; at < end; ++index) {
      const std::uint64_t next = std::min(end, (at / memory_files::sector_bytes + 1) * memory_files::sector_bytes);
      if (way == 4 ? index < front : below(2) == 0) {
        memory_files::write_into(content, at, std::span{change.data}.subspan(at - change.offset, next - at));
      }
      at = next;
    }
  }

  enum class fate { keep, lose, dice };

  void crash() {
    // All or nothing is as likely as any mixture, because that is where most mistakes show.
    const std::uint64_t drawn = below(4);
    const fate what = drawn == 0 ? fate::keep : drawn == 1 ? fate::lose : fate::dice;
    std::vector<name_change> lost;
    for (name_change& change : name_changes) {
      const bool builds_on_lost =
          std::any_of(lost.begin(), lost.end(), [&](const name_change& before) { return same_name(before, change); });
      if (!builds_on_lost && (what == fate::keep || (what == fate::dice && below(2) == 0))) {
        store(change);
      } else {
        lost.push_back(std::move(change));
      }
    }
    name_changes.clear();
    std::set<node*> visited;
    restart(*root, what, visited);
    end_processes();
  }

  /// After a crash: what is stored is what is seen.
  void restart(node& at, fate what, std::set<node*>& visited) {
    if (!visited.insert(&at).second) return;
    at.status.links = 0;
    if (at.is(file_type::directory)) {
      at.seen_names = at.stored_names;
      for (const auto& [name, child] : at.seen_names) restart(*child, what, visited);
      for (const auto& [name, child] : at.seen_names) ++child->status.links;
      return;
    }
    for (const content_change& change : at.changes) {
      if (what == fate::keep) apply_change(at.stored, change);
      if (what == fate::dice) tear(at.stored, change);
    }
    at.changes.clear();
    at.set_content(at.stored);
  }

  void end_processes() {
    ++epoch;
    locked.clear();
    stop_at.reset();
  }

  // Content.

  /// Octets that may still be added.
  std::uint64_t room() const {
    if (!capacity) return ~std::uint64_t{0};
    return *capacity > *used ? *capacity - *used : 0;
  }

  void change_content(node& at, content_change change) {
    const std::size_t before = at.content.size();
    apply_change(at.content, change);
    *used += at.content.size();
    *used -= before;
    change.number = ++at.last_change;
    at.changes.push_back(std::move(change));
    touch(at);
  }

  result<void> write(node& at, std::span<const std::uint8_t> data, std::uint64_t offset) {
    if (data.empty()) return {};
    const std::uint64_t size = at.content.size();
    const std::uint64_t end = offset + data.size();
    const bool fits = end <= size || end - size <= room();
    if (!fits) {
      const std::uint64_t limit = size + room();
      data = data.first(limit > offset ? static_cast<std::size_t>(limit - offset) : 0);
    }
    if (!data.empty()) change_content(at, {0, offset, {data.begin(), data.end()}, false});
    return fits ? result<void>{} : fail(std::errc::no_space_on_device);
  }

  result<void> resize(node& at, std::uint64_t bytes) {
    if (bytes > at.content.size() && bytes - at.content.size() > room()) return fail(std::errc::no_space_on_device);
    change_content(at, {0, bytes, {}, true});
    return {};
  }

  static void sync_content(node& at, std::uint64_t up_to) {
    auto change = at.changes.begin();
    for (; change != at.changes.end() && change->number <= up_to; ++change) apply_change(at.stored, *change);
    at.changes.erase(at.changes.begin(), change);
  }

  /// Afterwards these changes are clean although the device has only some of them: nobody will write them again.
  void fail_sync(node& at, std::uint64_t up_to) {
    auto change = at.changes.begin();
    for (; change != at.changes.end() && change->number <= up_to; ++change) tear(at.stored, *change);
    at.changes.erase(at.changes.begin(), change);
    if (below(2) == 0) drop_cache(at);
  }

  static void drop_cache(node& at) {
    octets content = at.stored;
    for (const content_change& change : at.changes) apply_change(content, change);
    at.set_content(std::move(content));
  }
};

}  // namespace trunkline::engine
