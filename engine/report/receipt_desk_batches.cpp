// NAME.receipts.jsonl: when a batch gets one, and how it is made, by walking back over the batch's messages in the
// store, a bounded piece at a time.
#include <algorithm>

#include "engine/report/receipt_desk.hpp"

namespace trunkline::engine {
namespace {

constexpr std::size_t messages_a_step = 500;
constexpr std::size_t file_piece_bytes = 1U << 20;

result<void> no_second_try(result<void> synced) {
  if (!synced && synced.error() == std::errc::no_space_on_device) return fail(std::errc::io_error);
  return synced;
}

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
      append_part_line(of.buffer, *m, part, id, fate);
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
    append_message_line(of.buffer, *m, whole, whole.final && because ? &*because : nullptr);
    of.next = m->previous;
    if (of.next.bucket == 0) return false;
  }
  return true;
}

/// Makes a piece of the file that is due. True: there is more to do.
result<bool> receipt_desk::continue_file() {
  result_file& f = finishing_.front();
  const std::string hidden = paths_.done() + "/." + f.name;
  const bool more = f.next.bucket != 0 && append_fates(f);
  if (!more) f.next = {};
  const auto write_out = [&]() -> result<void> {
    if (!f.out) {
      auto opened = files_.open(hidden, open_mode::read_write_create, file_mode_);
      if (!opened) return tl::unexpected(opened.error());
      f.out = std::move(*opened);
      if (auto cut = f.out->truncate(0); !cut) return cut;
    }
    const std::span<const std::uint8_t> octets(reinterpret_cast<const std::uint8_t*>(f.buffer.data()), f.buffer.size());
    if (auto written = f.out->write_at(octets, f.written); !written) return written;
    f.written += f.buffer.size();
    f.buffer.clear();
    return {};
  };
  if (more) {
    if (f.buffer.size() < file_piece_bytes) return true;
    if (auto written = write_out(); !written) return tl::unexpected(written.error());
    return true;
  }
  if (!f.out) {
    shown_.publish(paths_.done(), f.name, std::move(f.buffer));
  } else {
    auto done = write_out()
                    .and_then([&] { return no_second_try(f.out->sync()); })
                    .and_then([&] { return files_.rename(hidden, paths_.done() + "/" + f.name); })
                    .and_then([&] { return no_second_try(files_.sync_directory(paths_.done())); });
    if (!done) return tl::unexpected(done.error());
  }
  files_made.add();
  fates_.erase(f.batch);
  finishing_.pop_front();
  return !finishing_.empty();
}

}  // namespace trunkline::engine
