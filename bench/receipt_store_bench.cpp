// The store of sent messages at full size, on a real disk: what an insertion and a look-up cost, in the order of
// sending and at random, with the index in memory and on disk; octets for each entry; and how long it takes to be ready
// again.
//
//   receipt_store_bench [ENTRIES] [DIRECTORY] [INDEX_MEMORY_MIB]
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "engine/receipts/receipt_state.hpp"
#include "engine/receipts/sent_store.hpp"
#include "engine/runtime/posix_file_system.hpp"

namespace {

using namespace trunkline::engine;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Runs `what` `count` times and prints nanoseconds of wall and CPU time each.
template <class F>
void measure(const char* name, std::uint64_t count, F what) {
  const double cpu = cpu_seconds();
  const auto begun = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < count; ++i) what(i);
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  fmt::print("{:<44} {:>8.0f} ns wall {:>8.0f} ns CPU\n", name, wall * 1e9 / static_cast<double>(count),
             (cpu_seconds() - cpu) * 1e9 / static_cast<double>(count));
  std::fflush(stdout);
}

[[noreturn]] void fail(const std::string& what, std::error_code why) {
  fmt::print(stderr, "{}: {}\n", what, why.message());
  std::exit(1);
}

std::string id_of(std::uint64_t n) { return fmt::format("{:010x}", n * 2654435761U % 0xffffffffffU); }

}  // namespace

int main(int count, char** values) {
  const std::uint64_t entries = count > 1 ? std::strtoull(values[1], nullptr, 10) : 2'000'000;
  const std::string directory = count > 2 ? values[2] : "/tmp/receipt_store_bench";
  sent_store::options options;
  options.keep = std::chrono::hours(72);
  options.index_memory = (count > 3 ? std::strtoull(values[3], nullptr, 10) : 1024) << 20U;
  std::filesystem::remove_all(directory);
  std::filesystem::create_directory(directory);
  posix_file_system files;
  std::vector<sent_store::extent> noted;
  const auto note = [&](sent_store& store) {
    auto extents = store.sync();
    if (!extents) fail("sync", extents.error());
    receipt_state state;
    state.extents = noted = *extents;
    if (auto saved = save_receipt_state(files, directory, encode(state)); !saved) fail("state", saved.error());
    if (auto done = store.noted(); !done) fail("noted", done.error());
  };
  {
    sent_store store(files, directory, options);
    if (auto opened = store.open({}, 0); !opened) fail("open", opened.error());
    std::vector<std::uint8_t> ids;
    std::string id;
    std::string number;
    sent_message m;
    m.batch_id = 1;
    m.parts = 1;
    m.receipt = m.complete = true;
    m.carrier = "acme";
    m.batch = "newsletter-2026-11-27.jsonl";
    m.id = "\"customer-123456\"";
    measure("insert", entries, [&](std::uint64_t i) {
      id = id_of(i);
      ids.assign({0, static_cast<std::uint8_t>(id.size())});
      ids.insert(ids.end(), id.begin(), id.end());
      number = fmt::format("4917{:08}", i % 100'000'000);
      m.line = static_cast<std::uint32_t>(i + 1);
      m.number = number;
      m.ids = ids;
      store.insert(m, 0);
      if (i % 1000 == 999) {
        if (auto ready = store.prepare(0); !ready) fail("prepare", ready.error());
        if (auto written = store.flush(false); !written) fail("flush", written.error());
      }
      if (i % 600'000 == 599'999) note(store);
    });
    note(store);
    const auto each = [&](std::uint64_t bytes) {
      return static_cast<double>(bytes) / static_cast<double>(store.ids());
    };
    fmt::print("{} ids in {} buckets: {:.1f} octets each in memory, {:.1f} on disk (logs)\n", store.ids(),
               store.buckets(), each(store.index_bytes()), each(store.log_bytes()));
  }
  const auto begun = std::chrono::steady_clock::now();
  sent_store store(files, directory, options);
  if (auto opened = store.open(noted, 0); !opened) fail("open", opened.error());
  fmt::print("ready again after {:.2f} s\n",
             std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  std::array<char, 256> room;
  std::uint64_t found = 0;
  const auto look = [&](std::uint64_t n) {
    auto looked = store.each_part("acme", sent_store::key_of(id_of(n), room), [&](const sent_store::sent_part& p) {
      found += p.message.line == n + 1 ? 1U : 0U;
      return true;
    });
    if (!looked) fail("find", looked.error());
  };
  const std::uint64_t some = std::min<std::uint64_t>(entries, 1'000'000);
  std::mt19937_64 random(1);
  measure("find, newest first in the order of sending", some, [&](std::uint64_t i) { look(entries - some + i); });
  measure("find, at random", some, [&](std::uint64_t) { look(random() % entries); });
  if (found != 2 * some) fmt::print("{} of {} were not found\n", 2 * some - found, 2 * some);
  measure("find nothing", some, [&](std::uint64_t i) { look(entries + i + 7); });
  measure("find, and store a fate", some, [&](std::uint64_t i) {
    std::optional<sent_store::sent_part> at;
    auto looked = store.each_part("acme", sent_store::key_of(id_of(entries - some + i), room),
                                  [&](const sent_store::sent_part& p) {
                                    at = p;
                                    return true;
                                  });
    if (!looked || !at) fail("find", {});
    if (auto set = store.set_fate(*at, {trunkline::protocol::message_state::delivered, 1, 2, "000"}); !set)
      fail("fate", set.error());
    if (i % 1000 == 0) (void)store.flush(false);
  });
  std::filesystem::remove_all(directory);
  return 0;
}
