// The paced half of `pace`: GCRA in sixteenths of a nanosecond, and the recovery after a throttle. Both are functions
// of two words, the theoretical arrival time and the last throttle, each changed by one compare-exchange, so that
// sessions on any number of threads share a pace without a lock. Orders are relaxed throughout: nothing else is
// published by them.
#include "router/pacing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trunkline::router {
namespace {

using std::chrono::duration_cast;
using std::chrono::nanoseconds;

constexpr double ticks_per_second = 16e9;
constexpr unsigned fraction_bits = 20;
constexpr double fraction_scale = 1U << fraction_bits;
/// The pace never falls below this part of the full one, so that recovery always begins with something.
constexpr double min_fraction = 1.0 / 1024;

std::int64_t nanoseconds_of(pace::time_point time) noexcept {
  return duration_cast<nanoseconds>(time.time_since_epoch()).count();
}

/// Rounded up, so that a pause is never shorter than it says.
std::int64_t milliseconds_of(pace::time_point time) noexcept { return (nanoseconds_of(time) + 999'999) / 1'000'000; }

pace::time_point time_of(std::int64_t ns) noexcept {
  return pace::time_point(duration_cast<pace::time_point::duration>(nanoseconds(ns)));
}

/// Ticks between parts at this rate; 0 for unlimited.
std::int64_t interval_of(double rate) noexcept {
  if (!(rate > 0.0) || std::isinf(rate)) return 0;
  // One part in twelve days at the slowest keeps all sums far from the end of the integer.
  return static_cast<std::int64_t>(std::clamp(std::round(ticks_per_second / rate), 1.0, 16e15));
}

}  // namespace

constexpr std::uint64_t pace::pack(throttle_state state) noexcept {
  const auto fraction = static_cast<std::uint64_t>(state.fraction * fraction_scale);
  // A time of 0 would read as "none".
  const auto at = static_cast<std::uint64_t>(std::max<std::int64_t>(state.at_ms, 1));
  return at << (fraction_bits + 2) | std::uint64_t{state.pauses} << (fraction_bits + 1) | fraction;
}

constexpr pace::throttle_state pace::unpack(std::uint64_t word) noexcept {
  return {static_cast<std::int64_t>(word >> (fraction_bits + 2)), (word >> (fraction_bits + 1) & 1U) != 0,
          static_cast<double>(word & ((2ULL << fraction_bits) - 1)) / fraction_scale};
}

double pace::fraction_at(std::uint64_t word, time_point now) const noexcept {
  if (word == 0) return 1.0;
  const throttle_state state = unpack(word);
  const double since = static_cast<double>(nanoseconds_of(now)) / 1e6 - static_cast<double>(state.resumes_ms());
  const double climb =
      std::clamp(since / static_cast<double>(state.at_ms + recovery.count() - state.resumes_ms()), 0.0, 1.0);
  return state.fraction + (1.0 - state.fraction) * climb;
}

bool pace::paused(time_point now) const noexcept {
  const std::uint64_t word = throttle_.load(std::memory_order_relaxed);
  return word != 0 && nanoseconds_of(now) < unpack(word).resumes_ms() * 1'000'000;
}

bool pace::recovering(time_point now) const noexcept {
  return fraction_at(throttle_.load(std::memory_order_relaxed), now) < 1.0;
}

pace::terms pace::terms_at(time_point now) const noexcept {
  const ticks full = interval_.load(std::memory_order_relaxed);
  const std::uint64_t word = throttle_.load(std::memory_order_relaxed);
  constexpr ticks full_burst = burst.count() * ticks_per_nanosecond;
  if (word == 0) return {full, full_burst};
  if (nanoseconds_of(now) < unpack(word).resumes_ms() * 1'000'000) return {full, -1};
  const double fraction = fraction_at(word, now);
  if (fraction >= 1.0) return {full, full_burst};
  const ticks base = full != 0 ? full : interval_of(learned_rate_.load(std::memory_order_relaxed));
  return {static_cast<ticks>(static_cast<double>(base) / fraction), recovering_burst.count() * ticks_per_nanosecond};
}

std::uint32_t pace::take_paced(time_point now, std::uint32_t want) noexcept {
  const terms in_force = terms_at(now);
  if (in_force.burst < 0 || want == 0) return 0;
  if (in_force.interval == 0) {
    // An unlimited pace that has recovered: back to the short way, unless a throttle came just now.
    std::uint64_t word = throttle_.load(std::memory_order_relaxed);
    if (word != 0 && fraction_at(word, now) >= 1.0)
      throttle_.compare_exchange_strong(word, 0, std::memory_order_relaxed);
    count(now, want);
    return want;
  }
  const ticks time = nanoseconds_of(now) * ticks_per_nanosecond;
  ticks arrival = arrival_.load(std::memory_order_relaxed);
  for (;;) {
    const ticks start = std::max(arrival, time - in_force.burst);
    if (start > time) return 0;
    const ticks fits = (time - start) / in_force.interval + 1;
    const auto granted = static_cast<std::uint32_t>(std::min<ticks>(fits, want));
    if (arrival_.compare_exchange_weak(arrival, start + granted * in_force.interval, std::memory_order_relaxed))
      return granted;
  }
}

void pace::put_back(time_point now, std::uint32_t parts) noexcept {
  const terms in_force = terms_at(now);
  if (in_force.interval != 0) arrival_.fetch_sub(parts * in_force.interval, std::memory_order_relaxed);
}

pace::time_point pace::next_at(time_point now) const noexcept {
  const terms in_force = terms_at(now);
  if (in_force.burst < 0) {
    // The pause first; what the bucket says is known when it is over.
    const throttle_state state = unpack(throttle_.load(std::memory_order_relaxed));
    return std::max(now, time_of(state.resumes_ms() * 1'000'000));
  }
  if (in_force.interval == 0) return now;
  const ticks arrival = arrival_.load(std::memory_order_relaxed);
  return std::max(now, time_of((arrival + ticks_per_nanosecond - 1) / ticks_per_nanosecond));
}

bool pace::slow(time_point now, slowed_by why, double factor) noexcept {
  const bool pauses = why == slowed_by::throttling;
  std::uint64_t word = throttle_.load(std::memory_order_relaxed);
  if (word != 0 && nanoseconds_of(now) < (unpack(word).at_ms + pause.count()) * 1'000'000) {
    // The same event, unless the carrier has come from being busy to refusing.
    if (!pauses || unpack(word).pauses) return false;
  }
  const double fraction = fraction_at(word, now);
  const bool unlimited = interval_.load(std::memory_order_relaxed) == 0;
  // An unlimited pace learns its full rate anew each time: from what went out, or, while it recovers, from the pace it
  // had come to. So it comes down to the carrier's limit step by step, however far above it had been.
  const double full = !unlimited       ? 0.0
                      : fraction < 1.0 ? learned_rate_.load(std::memory_order_relaxed) * fraction
                                       : measured_rate(now);
  const double resume = unlimited ? factor : std::max(fraction * factor, min_fraction);
  if (unlimited && !pauses) {
    // Without a pause the new rate is looked at once the word is there.
    learned_rate_.store(std::max(full, 1.0), std::memory_order_relaxed);
  }
  if (!throttle_.compare_exchange_strong(word, pack({milliseconds_of(now), pauses, resume}), std::memory_order_relaxed))
    return false;  // another session has just done it
  // Nobody looks at the learned rate during a pause that has just begun.
  if (unlimited && pauses) learned_rate_.store(std::max(full, 1.0), std::memory_order_relaxed);
  reason_.store(why, std::memory_order_relaxed);
  slowed_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  return true;
}

void pace::set_rate(double parts_per_second) noexcept {
  const ticks before = interval_.exchange(interval_of(parts_per_second), std::memory_order_relaxed);
  // From limited to unlimited in the middle of a recovery: what was the full rate is the one to climb back to.
  if (before != 0) learned_rate_.store(ticks_per_second / static_cast<double>(before), std::memory_order_relaxed);
}

double pace::rate(time_point now) const noexcept {
  const ticks full = interval_.load(std::memory_order_relaxed);
  const double fraction = fraction_at(throttle_.load(std::memory_order_relaxed), now);
  if (full == 0) return fraction >= 1.0 ? 0.0 : learned_rate_.load(std::memory_order_relaxed) * fraction;
  return ticks_per_second / static_cast<double>(full) * fraction;
}

double pace::measured_rate(time_point now) const noexcept {
  const double counted = static_cast<double>(counted_.load(std::memory_order_relaxed));
  const double seconds = static_cast<double>(nanoseconds_of(now) - count_since_.load(std::memory_order_relaxed)) / 1e9;
  // A second that has just begun counts as a tenth at least: a first burst says little, and too high is soon halved.
  const double running = counted / std::max(seconds, 0.1);
  return std::max(running, measured_rate_.load(std::memory_order_relaxed));
}

void pace::roll(time_point now) noexcept {
  std::int64_t since = count_since_.load(std::memory_order_relaxed);
  const std::int64_t time = nanoseconds_of(now);
  if (time - since < 1'000'000'000 || !count_since_.compare_exchange_strong(since, time, std::memory_order_relaxed))
    return;
  const auto counted = static_cast<double>(counted_.exchange(0, std::memory_order_relaxed));
  // After an idle spell the mean says little about the sending that begins now.
  const double seconds = static_cast<double>(time - since) / 1e9;
  measured_rate_.store(seconds > 10.0 ? 0.0 : counted / seconds, std::memory_order_relaxed);
}

const char* to_label(pace::slowed_by why) noexcept {
  switch (why) {
    case pace::slowed_by::throttling:
      return "throttling";
    case pace::slowed_by::congestion:
      return "congestion";
    case pace::slowed_by::full_queue:
      return "full_queue";
  }
  return "";
}

const char* to_text(pace::slowed_by why) noexcept {
  return why == pace::slowed_by::full_queue ? "full queue" : to_label(why);
}

}  // namespace trunkline::router
