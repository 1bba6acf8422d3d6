#include "engine/report/gathered_fates.hpp"

namespace trunkline::engine {

void gathered_fates::begin(std::uint32_t batch, std::string name) {
  measure(batches_.try_emplace(batch, gathering{{to_, directory_, hidden_name(batch), std::move(name)}}).first->second);
}

void gathered_fates::measure(gathering& g) noexcept {
  const std::size_t now = sizeof g + g.out.buffer().capacity();
  memory_ += now - g.counted;
  g.counted = now;
}

gathered_fates::batches::iterator gathered_fates::find(std::uint32_t batch) noexcept {
  if (last_ == batches_.end() || last_->first != batch) last_ = batches_.find(batch);
  return last_;
}

void gathered_fates::forget(batches::iterator which) {
  memory_ -= which->second.counted;
  batches_.erase(which);
  last_ = batches_.end();
}

void gathered_fates::expect(std::uint32_t batch, const sent_message& m) {
  const auto found = find(batch);
  if (found == batches_.end()) return;
  ++found->second.lines_to_come;
  m.each_part([&](std::uint8_t, std::string_view) { ++found->second.lines_to_come; });
}

void gathered_fates::append(std::uint32_t batch, std::string_view lines, unsigned count) {
  const auto found = find(batch);
  if (found == batches_.end()) return;
  gathering& to = found->second;
  to.lines_to_come -= count;
  to.out.buffer().append(lines);
  to.out.hand_over_large();
  measure(to);
  while (memory_ > most_memory_ && !batches_.empty()) forget(batches_.begin());
}

bool gathered_fates::finish(std::uint32_t batch) {
  const auto found = find(batch);
  if (found == batches_.end()) return false;
  const bool whole = found->second.lines_to_come == 0;
  if (whole) found->second.out.finish();
  forget(found);
  return whole;
}

}  // namespace trunkline::engine
