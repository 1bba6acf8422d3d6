// The order in which things happen to a receipt: it is read, its part is found (or it waits), the part's fate moves
// forward (or the receipt is counted as a repetition), its lines are written, and when it was the last that its batch
// waited for, the batch's file is made by walking back over its messages. A checkpoint makes the store durable and then
// the file `state`, which says what of it counts; recovery goes back to that and is told the rest again.
// receipt_desk_matching.cpp and receipt_desk_batches.cpp have the steps in between.
#include "engine/report/receipt_desk.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t overdue_a_step = 500;
constexpr std::size_t max_parked_bytes = 64U << 20;
constexpr auto between_expiries = 10s;

sent_store::options store_options(const receipts_config& config, std::chrono::milliseconds reply_window) {
  sent_store::options o;
  o.keep = std::max(config.receipt_ttl, reply_window);
  o.replies = reply_window.count() != 0;
  o.index_memory = config.index_memory_bytes;
  return o;
}

std::uint64_t receivable_parts(const sent_message& m) {
  std::uint64_t parts = 0;
  m.each_part([&](std::uint8_t, std::string_view id) { parts += id.empty() ? 0U : 1U; });
  return parts;
}

}  // namespace

receipt_reading reading_of(const carrier_config& config) noexcept {
  return {config.receipt_detect == receipt_detection::text,
          local_time::find(config.receipt_timezone).value_or(local_time()), &config.receipt_states};
}

receipt_desk::receipt_desk(file_system& files, const clock& time, const receipts_config& config,
                           std::chrono::milliseconds reply_window, const spool_paths& paths, rotating_output& lines,
                           publisher& shown, hooks hooks)
    : files_(files),
      time_(time),
      config_(config),
      paths_(paths),
      lines_(lines),
      shown_(shown),
      hooks_(std::move(hooks)),
      store_(files, paths.sent(), store_options(config, reply_window)),
      park_(static_cast<std::size_t>(config.max_parked), max_parked_bytes),
      gathered_(shown, paths.done()) {}

void receipt_desk::set_reply_window(std::chrono::milliseconds window) noexcept {
  const auto fresh = store_options(config_, window);
  store_.set_replies(fresh.replies, fresh.keep);
}

std::int64_t receipt_desk::now_ms() const noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time_.wall().time_since_epoch()).count();
}

/// True for an error that ends the engine. A damaged sector of an index costs the receipts that it would have led to.
bool receipt_desk::failed(std::error_code why, const std::string& what) {
  if (why == std::errc::illegal_byte_sequence) {
    if (!damage_told_) spdlog::error("{} is damaged: some receipts will not find their messages", what);
    damage_told_ = true;
    return false;
  }
  hooks_.on_fatal(why, what);
  return true;
}

// --- recovery ------------------------------------------------------------------------------------------------------

result<std::vector<std::string>> receipt_desk::recover() {
  std::vector<std::string> problems;
  auto state = load_receipt_state(files_, paths_.sent());
  if (!state) {
    if (state.error() != std::errc::illegal_byte_sequence) return tl::unexpected(state.error());
    problems.push_back(
        fmt::format("{}/state is damaged: receipts still find their messages, but batches that wait for "
                    "receipts get no file of them",
                    paths_.sent()));
    state = receipt_state{};
    auto names = files_.list(paths_.sent());
    if (!names) return tl::unexpected(names.error());
    for (const auto& entry : *names) {
      if (!entry.name.ends_with(".sent")) continue;
      const auto number = static_cast<std::uint32_t>(std::strtoul(entry.name.c_str(), nullptr, 16));
      state->extents.push_back({number, ~std::uint64_t{0}, now_ms()});
    }
  }
  fates_ = std::move(state->fates);
  for (const auto& [carrier, relation] : state->learned) correlator_.of(carrier).set_learned(relation);
  auto late = store_.open(state->extents, now_ms());
  if (!late) return tl::unexpected(late.error());
  for (auto& p : state->parked) {
    auto& from = source_of(p.carrier);
    if (const auto r = read_received_receipt(p.pdu, from.reading, p.received_at_ms, decoded_)) {
      park(p.carrier, p.received_at_ms, p.pdu, *r);
    } else {
      write_unmatched(p);
    }
  }
  for (const auto& payload : *late) {
    if (const auto m = decode_sent_message(payload)) replay_sent(*m);
  }
  if (auto synced = store_.sync_messages(); !synced) return tl::unexpected(synced.error());
  if (auto discarded = store_.discard_tails(); !discarded) return tl::unexpected(discarded.error());
  return problems;
}

void receipt_desk::replay_sent(const sent_message& m) {
  auto there = store_.contains(m);
  if (!there && failed(there.error(), paths_.sent())) return;
  if (!there || !*there) sent(m);
}

void receipt_desk::only_open(const std::set<std::uint32_t>& batches) {
  for (auto& [id, fate] : fates_) {
    fate.closed = !batches.contains(id);
    consider(id, fate);
  }
}

// --- what was sent -------------------------------------------------------------------------------------------------

void receipt_desk::store(sent_message m) {
  if (!m.receipt) {
    m.previous = {};
    store_.insert(m, now_ms());
    return;
  }
  batch_fate& fate = fates_[m.batch_id];
  if (fate.name.empty()) {
    fate.name = std::string(m.batch);
    gathered_.begin(m.batch_id, fate.name + ".receipts.jsonl");
  }
  gathered_.expect(m.batch_id, m);
  m.previous = fate.last;
  fate.last = store_.insert(m, now_ms());
  if (fate.first_bucket == 0) fate.first_bucket = fate.last.bucket;
  fate.open_parts += receivable_parts(m);
}

void receipt_desk::sent(sent_message m) {
  store(m);
  if (park_.empty() || !m.receipt) return;
  std::vector<std::uint64_t> waiting;
  std::array<char, 256> room;
  m.each_part([&](std::uint8_t, std::string_view id) {
    const auto numbers = park_.find(receipt_park::key_of(m.carrier, sent_store::key_of(id, room)));
    waiting.insert(waiting.end(), numbers.begin(), numbers.end());
  });
  // In the order in which they came, whatever part they are of: the first failure decides the message.
  std::sort(waiting.begin(), waiting.end());
  for (const std::uint64_t number : waiting) retry(number);
  retry_all_learned();
}

void receipt_desk::batch_closed(std::uint32_t batch) {
  const auto found = fates_.find(batch);
  if (found == fates_.end()) return;
  found->second.closed = true;
  consider(batch, found->second);
}

// --- rhythm --------------------------------------------------------------------------------------------------------

result<bool> receipt_desk::step() {
  const auto now = time_.steady();
  const std::int64_t wall_ms = now_ms();
  if (auto prepared = store_.prepare(wall_ms); !prepared) return tl::unexpected(prepared.error());
  if (auto flushed = store_.flush(false); !flushed) return tl::unexpected(flushed.error());
  bool more = false;
  for (std::size_t n = 0; n < overdue_a_step; ++n) {
    const auto p = park_.take_overdue(wall_ms - config_.park_time.count());
    if (!p) break;
    write_unmatched(*p);
    more = n + 1 == overdue_a_step;
  }
  parked.set(park_.size());
  if (now >= next_expiry_) {
    expire();
    next_expiry_ = now + between_expiries;
  }
  if (!to_finish_.empty()) begin_files();
  for (std::size_t n = 0; n < 64 && !finishing_.empty(); ++n) {
    const std::uint32_t batch = finishing_.front().batch;
    continue_file();
    // Many small files a step, but only a piece of a large one.
    if (!finishing_.empty() && finishing_.front().batch == batch) break;
  }
  more |= !finishing_.empty();
  if (now >= next_gauges_) {
    stored_ids.set(store_.ids());
    index_bytes.set(store_.index_bytes());
    log_bytes.set(store_.log_bytes());
    open_batches.set(fates_.size());
    next_gauges_ = now + 250ms;
  }
  next_ = now + 1s;
  return more;
}

result<void> receipt_desk::checkpoint() {
  auto extents = store_.sync();
  if (!extents) return tl::unexpected(extents.error());
  receipt_state state;
  state.extents = std::move(*extents);
  state.fates = fates_;
  park_.for_each([&](const parked_receipt& p) { state.parked.push_back(p); });
  for (const auto& [carrier, ids] : correlator_.all()) {
    if (ids.learned() != id_relation::unknown) state.learned[carrier] = ids.learned();
  }
  if (auto saved = save_receipt_state(files_, paths_.sent(), encode(state)); !saved) return saved;
  return store_.noted();
}

std::optional<sent_store::last_sent> receipt_desk::find_last_sent(std::string_view number, std::string_view sender,
                                                                  std::int64_t since_ms) {
  auto found = store_.find_last_sent(number, sender, since_ms);
  if (!found) {
    failed(found.error(), paths_.sent());
    return std::nullopt;
  }
  return std::move(*found);
}

}  // namespace trunkline::engine
