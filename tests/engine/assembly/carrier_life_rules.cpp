// What ended is counted and let go of; then the rules that hold after each turn.
#include <fmt/format.h>

#include <array>
#include <set>

#include "tests/engine/assembly/carrier_life_link.hpp"

namespace trunkline::engine::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

void carrier_life::wrong(const std::string& what) {
  if (broken_.size() < 10)
    broken_.push_back(fmt::format("at {} ms: {}", std::chrono::duration_cast<milliseconds>(age()).count(), what));
}

/// The journal and the dispatcher: what ended is let go of, what was given back waits.
void carrier_life::collect() {
  around_.collect();
  for (message* m : std::exchange(around_.finals, {})) {
    const auto found = live_.find(m->line);
    if (found == live_.end() || found->second.subject != m || found->second.waiting)
      return wrong(fmt::format("line {} ends twice, or from nowhere", m->line));
    if (m->parts_in_flight != 0) wrong(fmt::format("line {} ends with parts under way", m->line));
    ++counts_.ended[static_cast<std::size_t>(m->status)];
    if (m->status == router::message_status::sent) counts_.sent_parts += m->parts;
    if ((m->flags & flag_maybe_duplicate) != 0) ++counts_.duplicates_flagged;
    live_.erase(found);
    around_.release(m);
  }
  for (const returned_message& back : std::exchange(around_.returned, {})) {
    message* m = back.subject;
    const auto found = live_.find(m->line);
    if (found == live_.end() || found->second.subject != m || found->second.waiting)
      return wrong(fmt::format("line {} is given back twice, or from nowhere", m->line));
    if (m->parts_in_flight != 0) wrong(fmt::format("line {} is given back with parts under way", m->line));
    if (back.why == return_reason::reroute) {
      // Another carrier's now.
      ++counts_.rerouted;
      live_.erase(found);
      around_.release(m);
      continue;
    }
    found->second.waiting = true;
    found->second.due = back.why == return_reason::retry ? back.due : now_ + seconds(1);
  }
  for (auto& received : std::exchange(around_.received, {}))
    received->from->acknowledge(received->sequence_number, draw(50) != 0);
  around_.parts.clear();
}

/// Every message in exactly one place; every slot, and every credit, belongs to a part that is under way.
void carrier_life::check() {
  std::size_t waiting = 0;
  std::size_t under_way = 0;
  std::uint64_t parts = 0;
  for (const auto& [line, f] : live_) {
    waiting += f.waiting ? 1U : 0U;
    under_way += f.subject->parts_in_flight != 0 ? 1U : 0U;
    parts += f.subject->parts_in_flight;
    if (f.waiting && f.subject->parts_in_flight != 0) wrong(fmt::format("line {} waits and is under way", line));
  }
  std::uint64_t slots = 0;
  std::size_t held = 0;
  for (const auto& l : links_) {
    if (l->up) {
      const std::uint32_t taken = l->flow.machine().in_flight();
      slots += taken;
      if (taken > largest_window) wrong(fmt::format("{} submits unanswered", taken));
    } else if (!l->flow.idle()) {
      wrong("a session without a connection holds messages");
    }
    held += l->flow.not_begun();
    if (l->answers) {
      for (const auto& list : l->answers->lists) held += list->messages.size();
    }
  }
  if (slots != parts) wrong(fmt::format("{} slots taken for {} parts under way", slots, parts));
  const auto outstanding = around_.queues.credit.outstanding();
  if (outstanding != static_cast<std::int64_t>(parts))
    wrong(fmt::format("{} credits out for {} parts under way", outstanding, parts));
  const std::size_t queued = carrier_->queued();
  if (waiting + under_way + held + queued != live_.size()) {
    wrong(fmt::format("{} messages, of which {} wait, {} are under way, {} are held and {} queued", live_.size(),
                      waiting, under_way, held, queued));
  }
  check_pace();
  // Now and then by name: what the lanes hold is nowhere else.
  if (draw(1000) != 0) return;
  carrier::consumer from(*carrier_);
  std::set<std::uint32_t> seen;
  std::array<message*, 512> found{};
  for (std::uint8_t number = 0; number < lane_count; ++number) {
    const std::size_t count = carrier_->drain(static_cast<lane>(number), found, from);
    for (message* m : std::span(found).first(count)) {
      const auto known = live_.find(m->line);
      if (!seen.insert(m->line).second || known == live_.end() || known->second.subject != m || known->second.waiting ||
          m->parts_in_flight != 0)
        wrong(fmt::format("line {} is in a lane and elsewhere", m->line));
    }
    carrier_->push(static_cast<lane>(number), std::span(found).first(count), *tokens_);
  }
}

void carrier_life::check_pace() {
  written_.emplace_back(now_, written_now_);
  while (written_.front().first <= now_ - seconds(10)) written_.pop_front();
  if (written_now_ == 0) return;
  std::uint32_t sum = 0;
  const double burst = std::chrono::duration<double>(router::pace::burst).count();
  for (auto at = written_.rbegin(); at != written_.rend(); ++at) {
    if (at->second == 0) continue;
    sum += at->second;
    const double spanned = std::chrono::duration<double>(now_ - at->first).count();
    if (sum > throughput * (spanned + burst) + 1.001) wrong(fmt::format("{} submits in {} s", sum, spanned));
  }
  if (const double rate = carrier_->pacing().rate(now_); rate <= 0 || rate > throughput * 1.001)
    wrong(fmt::format("a rate of {}", rate));
}

std::string carrier_life::summary() const {
  const auto& n = counts_;
  return fmt::format(
      "{} sessions: {} messages: {} sent, {} failed, {} expired, {} unknown, {} rerouted, {} flagged; {} submits, {} "
      "binds, "
      "{} connections ended, {} binds refused, {} throttled",
      links_.size(), n.offered, n.ended[0], n.ended[1], n.ended[2], n.ended[4], n.rerouted, n.duplicates_flagged,
      n.submits, n.binds, n.breaks, smsc_counters_.binds_refused.value(), smsc_counters_.throttled.value());
}

}  // namespace trunkline::engine::test
