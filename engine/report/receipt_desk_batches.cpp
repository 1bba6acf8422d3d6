// NAME.receipts.jsonl: when a batch gets one, and how it is made. Where its lines were not gathered while they came, by
// walking back over the batch's messages in the store, a bounded piece at a time.
#include <algorithm>

#include "engine/report/receipt_desk.hpp"

namespace trunkline::engine {
namespace {

constexpr std::size_t messages_a_step = 500;

}  // namespace

/// Nothing more comes of a batch that is closed and waits for no part.
void receipt_desk::consider(std::uint32_t batch, const batch_fate& fate) {
  if (fate.closed && fate.open_parts == 0) to_finish_.push_back(batch);
}

/// Batches whose youngest message is too old go without what has not come, then buckets that nobody needs.
void receipt_desk::expire() {
  const std::int64_t now = now_ms();
  std::uint32_t first_needed = ~std::uint32_t{0};
  for (const auto& [id, fate] : fates_) {
    first_needed = std::min(first_needed, fate.first_bucket);
    if (!fate.closed || fate.open_parts == 0) continue;
    const auto at = store_.expires_at_ms(fate.last.bucket);
    if (at && *at <= now) to_finish_.push_back(id);
  }
  for (const result_file& f : finishing_) {
    const auto fate = fates_.find(f.batch);
    if (fate != fates_.end()) first_needed = std::min(first_needed, fate->second.first_bucket);
  }
  if (auto expired = store_.expire(now, first_needed); !expired) failed(expired.error(), paths_.sent());
}

/// Appends the lines of the next messages. False: that was all.
bool receipt_desk::append_fates(result_file& of) {
  std::vector<std::optional<protocol::message_state>> states;
  for (std::size_t n = 0; n < messages_a_step; ++n) {
    auto found = store_.message_at(of.next);
    if (!found) failed(found.error(), paths_.sent());
    if (!found || !*found || (*found)->batch_id != of.batch) return false;
    message_copy_.clear();
    encode(**found, message_copy_);
    const auto m = decode_sent_message(message_copy_);
    states.clear();
    std::optional<part_fate> because;
    std::string error;
    m->each_part([&](std::uint8_t part, std::string_view id) {
      auto known = store_.part_of(of.next, part);
      if (!known) failed(known.error(), paths_.sent());
      if (!known || !*known || !(*known)->fate) {
        states.emplace_back();
        return;
      }
      const part_fate& fate = *(*known)->fate;
      states.emplace_back(fate.state);
      append_part_line(of.out.buffer(), *m, part, id, fate);
      if (!protocol::is_final(fate.state)) return;
      const bool failure = fate.state != protocol::message_state::delivered;
      // As when it was decided: by the first failure, else by the last delivery.
      const bool failed_before = because && because->state != protocol::message_state::delivered;
      if (failed_before ? failure && fate.received_at_ms < because->received_at_ms
                        : failure || !because || fate.received_at_ms >= because->received_at_ms) {
        because = fate;
        error = std::string(fate.error);
      }
    });
    if (because) because->error = error;
    message_fate whole = fate_of_message(states, m->complete);
    if (whole.final && because) whole.state = because->state;
    append_message_line(of.out.buffer(), *m, whole, whole.final && because ? &*because : nullptr);
    of.next = m->previous;
    if (of.next.bucket == 0) return false;
  }
  return true;
}

void receipt_desk::begin_files() {
  // Whoever sees the file of a batch has all its lines in receipts/, too.
  lines_.rotate();
  for (; !to_finish_.empty(); to_finish_.pop_front()) {
    const std::uint32_t batch = to_finish_.front();
    const auto found = fates_.find(batch);
    const bool begun =
        std::any_of(finishing_.begin(), finishing_.end(), [&](const result_file& f) { return f.batch == batch; });
    if (found == fates_.end() || begun) continue;
    if (gathered_.finish(batch)) {
      files_made.add();
      fates_.erase(found);
      continue;
    }
    finishing_.push_back(
        {batch,
         found->second.last,
         {shown_, paths_.done(), gathered_fates::hidden_name(batch), found->second.name + ".receipts.jsonl"}});
  }
}

/// Makes a piece of the file that is due.
void receipt_desk::continue_file() {
  result_file& f = finishing_.front();
  if (append_fates(f)) {
    f.out.hand_over_large();
    return;
  }
  f.out.finish();
  files_made.add();
  fates_.erase(f.batch);
  finishing_.pop_front();
}

}  // namespace trunkline::engine
