#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace trunkline::router {

/// What share of a carrier's answers of the last ten seconds was of one kind (ESME_RMSGQFUL), over all its sessions: a
/// few full queues are the trouble of a few numbers, many are the carrier's.
///
/// Buckets of a second each, the current one and the nine before it count. Any thread, no lock: what two threads add in
/// the moment in which a second begins may be lost, which changes the share by less than it matters.
class answer_share {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Adds answers, `marked` of them of the kind, and tells whether more than a twentieth of the last ten seconds' was,
  /// and more than one. Always false when `marked` is 0: the verdict comes with the answer that tips the scales.
  bool add(time_point now, std::uint32_t answers, std::uint32_t marked) noexcept {
    const std::int64_t second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count() + 1;
    bucket& current = buckets_[static_cast<std::size_t>(second) % buckets_.size()];
    std::int64_t holds = current.second.load(std::memory_order_relaxed);
    if (holds != second && current.second.compare_exchange_strong(holds, second, std::memory_order_relaxed)) {
      current.answers.store(0, std::memory_order_relaxed);
      current.marked.store(0, std::memory_order_relaxed);
    }
    current.answers.fetch_add(answers, std::memory_order_relaxed);
    if (marked == 0) return false;
    current.marked.fetch_add(marked, std::memory_order_relaxed);
    std::uint64_t all = 0;
    std::uint64_t of_the_kind = 0;
    for (const bucket& b : buckets_) {
      if (b.second.load(std::memory_order_relaxed) <= second - seconds) continue;
      all += b.answers.load(std::memory_order_relaxed);
      of_the_kind += b.marked.load(std::memory_order_relaxed);
    }
    return of_the_kind > 1 && of_the_kind * 20 > all;
  }

 private:
  static constexpr std::int64_t seconds = 10;
  struct bucket {
    std::atomic<std::int64_t> second{0};  ///< from 1; 0: never used
    std::atomic<std::uint64_t> answers{0};
    std::atomic<std::uint64_t> marked{0};
  };
  std::array<bucket, seconds + 1> buckets_;
};

}  // namespace trunkline::router
