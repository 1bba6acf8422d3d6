#include "router/sender_pace.hpp"

#include <algorithm>
#include <cmath>

namespace trunkline::router {
namespace {

/// A table that is full of busy senders is not walked through for each message.
constexpr std::chrono::milliseconds sweep_every(100);

}  // namespace

sender_pace::sender_pace(double parts_per_second, std::size_t most_senders)
    : most_senders_(std::max<std::size_t>(most_senders, 1)) {
  set_rate(parts_per_second);
}

void sender_pace::set_rate(double parts_per_second) noexcept {
  if (!(parts_per_second > 0.0) || std::isinf(parts_per_second)) {
    interval_ = duration(0);
    senders_.clear();
    return;
  }
  interval_ = duration(static_cast<std::int64_t>(std::clamp(1e9 / parts_per_second, 1.0, 1e15)));
}

sender_pace::duration sender_pace::take(std::string_view sender, std::uint32_t parts, time_point now, bool in_line) {
  if (!limited()) return duration(0);
  auto found = senders_.find(sender);
  if (found == senders_.end()) {
    if (senders_.size() >= most_senders_ && !make_room(now)) return full_wait;
    found = senders_.emplace(std::string(sender), state{now - burst, now - burst}).first;
  }
  state& s = found->second;
  if (s.next <= now) {
    s.next = std::max(s.next, now - burst) + interval_ * parts;
    s.queue = s.next;
    return duration(0);
  }
  if (!in_line) return std::min<duration>(s.next - now, longest_wait);
  const duration wait = std::min<duration>(std::max(s.queue, s.next) - now, longest_wait);
  s.queue = std::min(std::max(s.queue, s.next) + interval_ * parts, now + 2 * longest_wait);
  return wait;
}

void sender_pace::adjust(std::string_view sender, std::int64_t parts) noexcept {
  const auto found = senders_.find(sender);
  if (found == senders_.end()) return;
  found->second.next += interval_ * parts;
  found->second.queue = std::max(found->second.queue, found->second.next);
}

/// Forgets the senders that may send a full burst: a new entry says the same.
bool sender_pace::make_room(time_point now) {
  if (now < next_sweep_) return false;
  next_sweep_ = now + sweep_every;
  std::erase_if(senders_, [now](const auto& entry) { return entry.second.next + burst <= now; });
  return senders_.size() < most_senders_;
}

}  // namespace trunkline::router
