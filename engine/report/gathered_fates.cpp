#include "engine/report/gathered_fates.hpp"

namespace trunkline::engine {

void gathered_fates::begin(std::uint32_t batch, std::string name) {
  batches_.try_emplace(batch, gathering{{to_, directory_, hidden_name(batch), std::move(name)}});
}

gathered_fates::batches::iterator gathered_fates::find(std::uint32_t batch) noexcept {
  if (last_ == batches_.end() || last_->first != batch) last_ = batches_.find(batch);
  return last_;
}

void gathered_fates::forget(batches::iterator which) {
  memory_ -= which->second.out.buffer().capacity();
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
  memory_ -= to.out.buffer().capacity();
  to.out.buffer().append(lines);
  to.out.hand_over_large();
  memory_ += to.out.buffer().capacity();
  while (memory_ > most_memory_) forget(batches_.begin());
}

bool gathered_fates::finish(std::uint32_t batch) {
  const auto found = find(batch);
  if (found == batches_.end()) return false;
  const bool whole = found->second.lines_to_come == 0;
  if (whole) {
    memory_ -= found->second.out.buffer().capacity();
    found->second.out.finish();
    memory_ += found->second.out.buffer().capacity();
  }
  forget(found);
  return whole;
}

}  // namespace trunkline::engine
