// The order in which things happen to a receipt: it is read, its part is found (or it waits), the part's fate moves
// forward (or the receipt is counted as a repetition), its lines are written, and when it was the last that its batch
// waited for, the batch's file is made by walking back over its messages. A checkpoint makes the store durable and then
// the file `state`, which says what of it counts; recovery goes back to that and is told the rest again.
#include "engine/report/receipt_desk.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "engine/report/received_line.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t messages_a_step = 500;
constexpr std::size_t overdue_a_step = 500;
constexpr std::size_t file_piece_bytes = 1U << 20;
constexpr std::size_t max_parked_bytes = 64U << 20;
constexpr auto between_expiries = 10s;

sent_store::options store_options(const receipts_config& config, std::chrono::milliseconds reply_window) {
  sent_store::options o;
  o.keep = std::max(config.receipt_ttl, reply_window);
  o.replies = reply_window.count() != 0;
  o.index_memory = config.index_memory_bytes;
  return o;
}

result<void> no_second_try(result<void> synced) {
  if (!synced && synced.error() == std::errc::no_space_on_device) return fail(std::errc::io_error);
  return synced;
}

std::uint64_t receivable_parts(const sent_message& m) {
  std::uint64_t parts = 0;
  m.each_part([&](std::uint8_t, std::string_view id) { parts += id.empty() ? 0U : 1U; });
  return parts;
}

}  // namespace

receipt_reading reading_of(const carrier_config& config) noexcept {
  return {config.receipt_detect == receipt_detection::text,
          local_time::find(config.receipt_timezone).value_or(local_time())};
}

receipt_desk::receipt_desk(file_system& files, const clock& time, const receipts_config& config,
                           std::chrono::milliseconds reply_window, const spool_paths& paths, std::uint32_t file_mode,
                           rotating_output& lines, publisher& shown, hooks hooks)
    : files_(files),
      time_(time),
      config_(config),
      paths_(paths),
      file_mode_(file_mode),
      lines_(lines),
      shown_(shown),
      hooks_(std::move(hooks)),
      store_(files, paths.sent(), store_options(config, reply_window)),
      park_(static_cast<std::size_t>(config.max_parked), max_parked_bytes) {}

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
  if (fate.name.empty()) fate.name = std::string(m.batch);
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
  for (const std::uint64_t number : waiting) retry(number);
  retry_all_learned();
}

void receipt_desk::batch_closed(std::uint32_t batch) {
  const auto found = fates_.find(batch);
  if (found == fates_.end()) return;
  found->second.closed = true;
  consider(batch, found->second);
}

// --- what comes back -----------------------------------------------------------------------------------------------

receipt_desk::source& receipt_desk::source_of(std::string_view name) {
  auto found = sources_.find(name);
  if (found == sources_.end()) found = sources_.emplace(std::string(name), source{}).first;
  source& s = found->second;
  carrier* c = hooks_.find_carrier(name);
  if (c != s.counted) settle_settings(s, name, c);
  return s;
}

void receipt_desk::settle_settings(source& s, std::string_view name, carrier* c) {
  s.counted = c;
  if (c == nullptr) return;
  const carrier_config& config = c->config();
  s.reading = reading_of(config);
  id_knowledge& ids = correlator_.of(name);
  ids.configure(config.response_ids, config.receipt_ids);
  c->deliveries.id_relation.store(static_cast<std::uint8_t>(ids.relation()), std::memory_order_relaxed);
}

receipt_desk::kind receipt_desk::received(std::string_view carrier_name, std::int64_t received_at_ms,
                                          std::span<const std::uint8_t> pdu) {
  source& from = source_of(carrier_name);
  const auto r = read_received_receipt(pdu, from.reading, received_at_ms, decoded_);
  if (!r) return kind::message;
  if (from.counted != nullptr) {
    delivery_counters& count = from.counted->deliveries;
    if (r->state) count.receipts[static_cast<std::size_t>(*r->state)].add();
    if (!r->readable()) count.unreadable.add();
    if (r->contradictory) count.contradictory.add();
  }
  if (!r->readable()) {
    write_unmatched({std::string(carrier_name), received_at_ms, {pdu.begin(), pdu.end()}});
  } else if (!match(from, carrier_name, received_at_ms, *r)) {
    park(carrier_name, received_at_ms, pdu, *r);
  }
  retry_all_learned();
  return kind::receipt;
}

bool receipt_desk::match(source& from, std::string_view carrier_name, std::int64_t received_at_ms,
                         const received_receipt& r) {
  auto found = correlator_.find(store_, carrier_name, r);
  if (!found) {
    failed(found.error(), paths_.sent());
    return false;
  }
  if (found->learned) learned_.emplace_back(carrier_name);
  if (!found->found) {
    if (found->contradicted && from.counted != nullptr) from.counted->deliveries.wrong_address.add();
    return false;
  }
  apply(from, *found->found, received_at_ms, r);
  return true;
}

void receipt_desk::apply(source& from, const correlator::match& to, std::int64_t received_at_ms,
                         const received_receipt& r) {
  auto found = store_.again(to.message, to.part, to.fingerprint, to.indexed);
  if (!found || !*found) {
    if (!found) failed(found.error(), paths_.sent());
    return;
  }
  const sent_store::sent_part& part = **found;
  delivery_counters* count = from.counted != nullptr ? &from.counted->deliveries : nullptr;
  const auto before = part.fate ? std::optional(part.fate->state) : std::nullopt;
  if (!moves_forward(before, *r.state)) {
    if (count != nullptr) (*before == *r.state ? count->repeated : count->stale).add();
    return;
  }
  const part_fate fate{*r.state, r.done_at_ms, received_at_ms, r.error};
  append_part_line(lines_.buffer(), part.message, part.part, part.id, fate);
  lines_.added();
  if (auto set = store_.set_fate(part, fate); !set && failed(set.error(), paths_.sent())) return;
  if (!protocol::is_final(fate.state)) return;
  if (count != nullptr && fate.state == protocol::message_state::delivered)
    count->duration.observe(std::chrono::milliseconds(received_at_ms - part.message.submitted_at_ms));
  const std::uint32_t batch = part.message.batch_id;
  finish_message(from, part, fate);
  if (const auto waits = fates_.find(batch); waits != fates_.end()) {
    if (waits->second.open_parts != 0) --waits->second.open_parts;
    consider(batch, waits->second);
  }
}

/// Writes the line of the whole message when this part, whose fate has just become final, decides it.
void receipt_desk::finish_message(source& from, const sent_store::sent_part& decided, const part_fate& fate) {
  std::vector<std::optional<protocol::message_state>> states{fate.state};
  // What `decided` views is gone after the next look into the store.
  message_copy_.clear();
  encode(decided.message, message_copy_);
  const auto m = decode_sent_message(message_copy_);
  if (m->parts > 1 || !m->complete) {
    bool over_before = false;
    m->each_part([&](std::uint8_t part, std::string_view) {
      if (part == decided.part) return;
      auto other = store_.part_of(decided.place, part);
      if (!other) failed(other.error(), paths_.sent());
      const auto known = other && *other && (*other)->fate ? std::optional((*other)->fate->state) : std::nullopt;
      over_before |= known && protocol::is_final(*known) && *known != protocol::message_state::delivered;
      states.push_back(known);
    });
    if (over_before) return;
  }
  const message_fate whole = fate_of_message(states, m->complete);
  if (!whole.final) return;
  append_message_line(lines_.buffer(), *m, whole, &fate);
  lines_.added();
  if (from.counted != nullptr) from.counted->deliveries.messages[static_cast<std::size_t>(*whole.state)].add();
}

void receipt_desk::park(std::string_view carrier_name, std::int64_t received_at_ms, std::span<const std::uint8_t> pdu,
                        const received_receipt& r) {
  std::vector<std::uint64_t> keys;
  correlator_.each_key(carrier_name, r,
                       [&](std::string_view key) { keys.push_back(receipt_park::key_of(carrier_name, key)); });
  park_.put({std::string(carrier_name), received_at_ms, {pdu.begin(), pdu.end()}}, keys);
  parked.set(park_.size());
}

void receipt_desk::retry(std::uint64_t number) {
  const parked_receipt* waiting = park_.at(number);
  if (waiting == nullptr) return;
  source& from = source_of(waiting->carrier);
  const auto r = read_received_receipt(waiting->pdu, from.reading, waiting->received_at_ms, decoded_);
  if (!r || !match(from, waiting->carrier, waiting->received_at_ms, *r)) return;
  (void)park_.take(number);
  parked.set(park_.size());
}

void receipt_desk::retry_all_learned() {
  while (!learned_.empty()) {
    const std::string name = std::move(learned_.back());
    learned_.pop_back();
    const id_knowledge& known = correlator_.of(name);
    spdlog::info("carrier {}: learned that message ids are {}", name, name_of(known.relation()));
    if (carrier* c = source_of(name).counted) {
      c->deliveries.id_relation.store(static_cast<std::uint8_t>(known.relation()), std::memory_order_relaxed);
    }
    for (const std::uint64_t number : park_.of_carrier(name)) retry(number);
  }
}

void receipt_desk::write_unmatched(const parked_receipt& p) {
  if (carrier* c = source_of(p.carrier).counted) c->deliveries.unmatched.add();
  hooks_.write_unmatched(p);
}

// --- batches -------------------------------------------------------------------------------------------------------

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
  for (; !to_finish_.empty(); to_finish_.pop_front()) {
    const auto found = fates_.find(to_finish_.front());
    const bool begun = std::any_of(finishing_.begin(), finishing_.end(),
                                   [&](const result_file& f) { return f.batch == to_finish_.front(); });
    if (found == fates_.end() || begun) continue;
    result_file& f = finishing_.emplace_back();
    f.batch = found->first;
    f.name = found->second.name + ".receipts.jsonl";
    f.next = found->second.last;
  }
  for (std::size_t n = 0; n < 64 && !finishing_.empty(); ++n) {
    const std::uint32_t batch = finishing_.front().batch;
    auto continued = continue_file();
    if (!continued) return tl::unexpected(continued.error());
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
