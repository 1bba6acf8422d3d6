// The calls of the file system in memory: each asks for leave to succeed, then does to the state what the real call
// does.
#include "engine/runtime/memory_file_system.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/runtime/memory_file_system_state.hpp"

namespace trunkline::engine {
namespace {

using state = memory_file_system::state;
using memory_files::node;
using memory_files::node_pointer;

class memory_file final : public file {
 public:
  memory_file(std::shared_ptr<state> world, node_pointer at, std::string path, bool writable)
      : world_{std::move(world)},
        at_{std::move(at)},
        path_{std::move(path)},
        writable_{writable},
        epoch_{world_->epoch} {}

  ~memory_file() override {
    const std::lock_guard lock{world_->mutex};
    at_.reset();
  }

  result<std::size_t> read_at(std::span<std::uint8_t> into, std::uint64_t offset) override {
    const std::lock_guard lock{world_->mutex};
    if (auto error = refuse(file_operation::read)) return failure{*error};
    if (offset >= at_->content.size()) return 0;
    const std::size_t count = std::min<std::size_t>(into.size(), at_->content.size() - offset);
    if (count > 0) std::memcpy(into.data(), at_->content.data() + offset, count);
    return count;
  }

  result<void> write_at(std::span<const std::uint8_t> data, std::uint64_t offset) override {
    const std::lock_guard lock{world_->mutex};
    return write(data, offset);
  }

  result<void> append(std::span<const std::uint8_t> data) override {
    const std::lock_guard lock{world_->mutex};
    if (!end_) end_ = at_->content.size();
    auto written = write(data, *end_);
    if (written) *end_ += data.size();
    return written;
  }

  result<void> sync_begin() override {
    const std::lock_guard lock{world_->mutex};
    if (auto error = refuse(file_operation::sync_begin)) return failure{*error};
    syncing_ = at_->last_change;
    return {};
  }

  result<void> sync_finish() override {
    const std::lock_guard lock{world_->mutex};
    if (!syncing_) return fail(std::errc::operation_not_permitted);
    const std::uint64_t up_to = *std::exchange(syncing_, std::nullopt);
    if (auto error = refuse(file_operation::sync_finish)) {
      if (!stopped()) world_->fail_sync(*at_, up_to);
      return failure{*error};
    }
    state::sync_content(*at_, up_to);
    return {};
  }

  result<file_status> status() override {
    const std::lock_guard lock{world_->mutex};
    if (auto error = refuse(file_operation::status)) return failure{*error};
    file_status status = at_->status;
    status.size = at_->content.size();
    return status;
  }

  result<void> truncate(std::uint64_t bytes) override {
    const std::lock_guard lock{world_->mutex};
    if (auto error = refuse(file_operation::truncate)) return failure{*error};
    if (!writable_) return fail(std::errc::invalid_argument);
    end_ = bytes;
    return world_->resize(*at_, bytes);
  }

  result<void> preallocate(std::uint64_t bytes) override {
    const std::lock_guard lock{world_->mutex};
    if (auto error = refuse(file_operation::preallocate)) return failure{*error};
    if (!writable_) return fail(std::errc::bad_file_descriptor);
    if (bytes <= at_->content.size()) return {};
    return world_->resize(*at_, bytes);
  }

  result<void> drop_cache() override {
    const std::lock_guard lock{world_->mutex};
    if (auto error = refuse(file_operation::drop_cache)) return failure{*error};
    state::drop_cache(*at_);
    return {};
  }

 private:
  bool stopped() const { return epoch_ != world_->epoch || (world_->stop_at && world_->operations > *world_->stop_at); }

  std::optional<std::error_code> refuse(file_operation operation) {
    if (epoch_ != world_->epoch) return std::make_error_code(std::errc::io_error);
    return world_->refuse(operation, path_);
  }

  result<void> write(std::span<const std::uint8_t> data, std::uint64_t offset) {
    if (auto error = refuse(file_operation::write)) {
      // The call that the machine died in may have got some way; those after it do nothing.
      const bool first = epoch_ == world_->epoch && (!world_->stop_at || world_->operations == *world_->stop_at + 1);
      if (first && writable_ && !data.empty())
        (void)world_->write(*at_, data.first(world_->below(data.size())), offset);
      return failure{*error};
    }
    if (!writable_) return fail(std::errc::bad_file_descriptor);
    return world_->write(*at_, data, offset);
  }

  std::shared_ptr<state> world_;
  node_pointer at_;
  std::string path_;
  bool writable_;
  std::uint64_t epoch_;
  std::optional<std::uint64_t> end_;
  std::optional<std::uint64_t> syncing_;
};

class memory_lock final : public file_lock {
 public:
  memory_lock(std::shared_ptr<state> world, node_pointer at)
      : world_{std::move(world)}, at_{std::move(at)}, epoch_{world_->epoch} {}

  ~memory_lock() override {
    const std::lock_guard lock{world_->mutex};
    if (epoch_ == world_->epoch) world_->locked.erase(at_.get());
    at_.reset();
  }

 private:
  std::shared_ptr<state> world_;
  node_pointer at_;
  std::uint64_t epoch_;
};

file_status seen(const node& at) {
  file_status status = at.status;
  status.size = at.is(file_type::symlink) ? at.target.size() : at.content.size();
  return status;
}

}  // namespace

memory_file_system::memory_file_system(std::uint64_t seed, const clock* time)
    : state_{std::make_shared<state>(seed, time)} {}

memory_file_system::~memory_file_system() = default;

result<std::unique_ptr<file>> memory_file_system::open(const std::string& path, open_mode mode,
                                                       std::uint32_t permissions) {
  const std::lock_guard lock{state_->mutex};
  if (auto error = state_->refuse(file_operation::open, path)) return failure{*error};
  auto at = state_->find(path, mode != open_mode::create_new);
  if (!at) return failure{at.error()};
  if (at->found == nullptr) {
    if (mode == open_mode::read || mode == open_mode::read_write) return fail(std::errc::no_such_file_or_directory);
    at->found = state_->make(file_type::regular, permissions);
    state_->change_names({{at->directory, at->name, at->found}});
  } else {
    if (mode == open_mode::create_new) return fail(std::errc::file_exists);
    if (at->found->is(file_type::directory)) return fail(std::errc::is_a_directory);
    if (!at->found->is(file_type::regular)) return fail(std::errc::not_supported);
    if ((at->found->status.mode & 0444) == 0) return fail(std::errc::permission_denied);
  }
  return std::make_unique<memory_file>(state_, at->found, path, mode != open_mode::read);
}

result<opened_file> memory_file_system::open_untrusted(const std::string& directory, const std::string& name) {
  const std::lock_guard lock{state_->mutex};
  const std::string path = directory + '/' + name;
  if (auto error = state_->refuse(file_operation::open_untrusted, path)) return failure{*error};
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    return fail(std::errc::invalid_argument);
  }
  const auto at = state_->find(path, false);
  if (!at) return failure{at.error()};
  if (at->found == nullptr) return fail(std::errc::no_such_file_or_directory);
  const node& found = *at->found;
  if (found.is(file_type::symlink)) return fail(std::errc::too_many_symbolic_link_levels);
  if (found.is(file_type::directory)) return fail(std::errc::is_a_directory);
  if (!found.is(file_type::regular)) return fail(std::errc::not_supported);
  if ((found.status.mode & 0444) == 0) return fail(std::errc::permission_denied);
  if (found.status.links != 1) return fail(std::errc::too_many_links);
  return opened_file{std::make_unique<memory_file>(state_, at->found, path, false), seen(found)};
}

result<void> memory_file_system::rename(const std::string& from, const std::string& to, rename_mode mode) {
  const std::lock_guard lock{state_->mutex};
  if (auto error = state_->refuse(file_operation::rename, from)) return failure{*error};
  const auto old_place = state_->find(from, false);
  if (!old_place) return failure{old_place.error()};
  const auto new_place = state_->find(to, false);
  if (!new_place) return failure{new_place.error()};
  if (old_place->found == nullptr) return fail(std::errc::no_such_file_or_directory);
  if (old_place->name.empty() || new_place->name.empty()) return fail(std::errc::device_or_resource_busy);
  if (new_place->found != nullptr) {
    if (mode == rename_mode::no_replace) return fail(std::errc::file_exists);
    if (new_place->found == old_place->found) return {};
    const bool onto_directory = new_place->found->is(file_type::directory);
    if (onto_directory && !old_place->found->is(file_type::directory)) return fail(std::errc::is_a_directory);
    if (!onto_directory && old_place->found->is(file_type::directory)) return fail(std::errc::not_a_directory);
    if (onto_directory && !new_place->found->seen_names.empty()) return fail(std::errc::directory_not_empty);
  }
  old_place->found->status.ctime = state_->now();
  state_->change_names(
      {{old_place->directory, old_place->name, nullptr}, {new_place->directory, new_place->name, old_place->found}});
  return {};
}

result<void> memory_file_system::remove(const std::string& path) {
  const std::lock_guard lock{state_->mutex};
  if (auto error = state_->refuse(file_operation::remove, path)) return failure{*error};
  const auto at = state_->find(path, false);
  if (!at) return failure{at.error()};
  if (at->found == nullptr) return fail(std::errc::no_such_file_or_directory);
  if (at->found->is(file_type::directory)) return fail(std::errc::is_a_directory);
  state_->change_names({{at->directory, at->name, nullptr}});
  return {};
}

result<std::vector<directory_entry>> memory_file_system::list(const std::string& directory, std::size_t most) {
  const std::lock_guard lock{state_->mutex};
  if (auto error = state_->refuse(file_operation::list, directory)) return failure{*error};
  const auto at = state_->directory_at(directory, nullptr, 0);
  if (!at) return failure{at.error()};
  std::vector<directory_entry> entries;
  for (const auto& [name, child] : (*at)->seen_names) entries.push_back({name, child->status.type});
  // The contract promises no order, so nobody may come to rely on one.
  std::shuffle(entries.begin(), entries.end(), state_->random);
  entries.resize(std::min(entries.size(), most));
  return entries;
}

result<file_status> memory_file_system::stat(const std::string& path) {
  const std::lock_guard lock{state_->mutex};
  if (auto error = state_->refuse(file_operation::stat, path)) return failure{*error};
  const auto at = state_->find(path, false);
  if (!at) return failure{at.error()};
  if (at->found == nullptr) return fail(std::errc::no_such_file_or_directory);
  return seen(*at->found);
}

result<void> memory_file_system::make_directory(const std::string& path, std::uint32_t permissions) {
  const std::lock_guard lock{state_->mutex};
  if (auto error = state_->refuse(file_operation::make_directory, path)) return failure{*error};
  const auto at = state_->find(path, true);
  if (!at) return failure{at.error()};
  if (at->found != nullptr) {
    return at->found->is(file_type::directory) ? result<void>{} : fail(std::errc::file_exists);
  }
  state_->change_names({{at->directory, at->name, state_->make(file_type::directory, permissions)}});
  return {};
}

result<void> memory_file_system::sync_directory(const std::string& path) {
  const std::lock_guard lock{state_->mutex};
  if (auto error = state_->refuse(file_operation::sync_directory, path)) return failure{*error};
  const auto at = state_->directory_at(path, nullptr, 0);
  if (!at) return failure{at.error()};
  state_->sync_names(*at);
  return {};
}

result<std::unique_ptr<file_lock>> memory_file_system::lock(const std::string& path) {
  const std::lock_guard guard{state_->mutex};
  if (auto error = state_->refuse(file_operation::lock, path)) return failure{*error};
  auto at = state_->find(path, false);
  if (!at) return failure{at.error()};
  if (at->found == nullptr) {
    at->found = state_->make(file_type::regular, 0600);
    state_->change_names({{at->directory, at->name, at->found}});
  }
  if (at->found->is(file_type::symlink)) return fail(std::errc::too_many_symbolic_link_levels);
  if (at->found->is(file_type::directory)) return fail(std::errc::is_a_directory);
  if (!state_->locked.insert(at->found.get()).second) return fail(std::errc::resource_unavailable_try_again);
  return std::make_unique<memory_lock>(state_, at->found);
}

result<std::uint64_t> memory_file_system::free_bytes(const std::string& path) {
  const std::lock_guard lock{state_->mutex};
  if (auto error = state_->refuse(file_operation::free_bytes, path)) return failure{*error};
  return state_->capacity ? state_->room() : std::uint64_t{1} << 50;
}

result<void> memory_file_system::set_owner_mode(const std::string& path, std::optional<std::uint32_t> uid,
                                                std::optional<std::uint32_t> gid, std::optional<std::uint32_t> mode) {
  const std::lock_guard lock{state_->mutex};
  if (auto error = state_->refuse(file_operation::set_owner_mode, path)) return failure{*error};
  const auto at = state_->find(path, false);
  if (!at) return failure{at.error()};
  if (at->found == nullptr) return fail(std::errc::no_such_file_or_directory);
  if (at->found->is(file_type::symlink)) return fail(std::errc::too_many_symbolic_link_levels);
  if (uid) at->found->status.uid = *uid;
  if (gid) at->found->status.gid = *gid;
  if (mode) at->found->status.mode = *mode & 07777;
  return {};
}

void memory_file_system::crash() {
  const std::lock_guard lock{state_->mutex};
  state_->crash();
}

void memory_file_system::kill() {
  const std::lock_guard lock{state_->mutex};
  state_->end_processes();
}

void memory_file_system::set_fault_hook(fault_hook hook) {
  const std::lock_guard lock{state_->mutex};
  state_->hook = std::move(hook);
}

void memory_file_system::stop_after(std::uint64_t n) {
  const std::lock_guard lock{state_->mutex};
  state_->stop_at = state_->operations + n;
}

void memory_file_system::run_on() {
  const std::lock_guard lock{state_->mutex};
  state_->stop_at.reset();
}

std::uint64_t memory_file_system::operations() const {
  const std::lock_guard lock{state_->mutex};
  return state_->operations;
}

void memory_file_system::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock{state_->mutex};
  state_->capacity = bytes;
}

void memory_file_system::add_symlink(const std::string& path, const std::string& target) {
  const std::lock_guard lock{state_->mutex};
  auto at = state_->find(path, false);
  if (!at || at->found != nullptr) return;
  at->found = state_->make(file_type::symlink, 0777);
  at->found->target = target;
  state_->change_names({{at->directory, at->name, at->found}});
}

void memory_file_system::add_hard_link(const std::string& path, const std::string& existing) {
  const std::lock_guard lock{state_->mutex};
  const auto from = state_->find(existing, false);
  const auto at = state_->find(path, false);
  if (!from || from->found == nullptr || !at || at->found != nullptr) return;
  state_->change_names({{at->directory, at->name, from->found}});
}

void memory_file_system::add_other(const std::string& path) {
  const std::lock_guard lock{state_->mutex};
  const auto at = state_->find(path, false);
  if (!at || at->found != nullptr) return;
  state_->change_names({{at->directory, at->name, state_->make(file_type::other, 0600)}});
}

}  // namespace trunkline::engine
