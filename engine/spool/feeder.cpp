// The feeder decides what is in memory. It visits a block, takes the lines whose carrier has room, and leaves the
// others with a note: which carriers they wait for, and when something in the block becomes due (a start time, a retry,
// the end of a validity). A dead carrier, a retry in an hour and a start tomorrow therefore cost two bits a line and no
// memory.
#include "engine/spool/feeder.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "engine/journal/records.hpp"
#include "engine/spool/block_scan.hpp"
#include "engine/spool/expand.hpp"

namespace trunkline::engine {

namespace {

using namespace std::chrono_literals;
using router::message_status;
using router::reason;

constexpr auto longest_delay_in_memory = 5s;
constexpr auto idle_scan_after = 500ms;
/// For so long messages stay in the lanes of a carrier without a session: reconnecting at once must not cost a second
/// reading.
constexpr auto lane_patience = 200ms;
/// How soon the return of a carrier is noticed while lines may wait for it.
constexpr auto look_for_carriers = 20ms;
/// Files of batches that are kept open; however many wait, descriptors are left for sessions and reports.
constexpr std::size_t max_open_sources = 128;
/// A batch whose file cannot be read is tried again after this long, and then after twice as long each time.
constexpr std::int64_t first_retry_ms = 1000;
constexpr std::int64_t longest_retry_ms = 60'000;

std::int64_t to_ms(clock::wall_time t) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

std::uint64_t carrier_bit(std::uint16_t id) noexcept { return std::uint64_t{1} << (id % 64U); }

}  // namespace

feeder::feeder(feeder_options options, file_system& files, const clock& time, slab& memory, outcome_queues& queues,
               std::shared_ptr<const routing> routes)
    : options_(std::move(options)),
      files_(files),
      time_(time),
      memory_(memory),
      magazine_(memory),
      sink_(queues),
      returned_token_(queues.returned),
      dequeued_(1024),
      routing_(std::move(routes)),
      parser_(options_.records),
      reader_(options_.records.limits.line_bytes),
      encoder_(magazine_) {
  encoder_.keep_sender(options_.keep_sender);
}

feeder::~feeder() {
  while (!delayed_.empty()) magazine_.give(take_delayed());
}

void feeder::flush() {
  for (carrier* by : holders_) by->publish_holds();
  holders_.clear();
  sink_.flush();
}

void feeder::add(std::unique_ptr<batch> accepted, bool announce) {
  const std::uint32_t id = accepted->batch_id;
  if (announce) {
    const journal_records::batch_opened opened{id, accepted->accepted_at_ms, accepted->size,
                                               accepted->on_unknown == unknown_policy::hold, accepted->name};
    auto* r = new control_record;
    r->type = static_cast<std::uint8_t>(journal_records::type::batch_opened);
    r->payload.resize(journal_records::encoded_bytes(opened));
    r->payload.resize(journal_records::encode(opened, r->payload));
    r->opened = accepted.get();
    sink_.event(event_kind::control, r);
  }
  turns_.add(*batches_.emplace(id, std::move(accepted)).first->second);
}

void feeder::set_routing(std::shared_ptr<const routing> routes) {
  routing_ = std::move(routes);
  // Other carriers may take what waits, and nobody comes back for what waits for one that is gone.
  for (auto& [id, b] : batches_) look_at_all(*b);
}

void feeder::closed(std::uint32_t batch_id) {
  const std::lock_guard lock(closed_mutex_);
  closed_.push_back(batch_id);
}

void feeder::forget_closed() {
  std::vector<std::uint32_t> gone;
  {
    const std::lock_guard lock(closed_mutex_);
    gone.swap(closed_);
  }
  for (const std::uint32_t id : gone) {
    const auto found = batches_.find(id);
    if (found == batches_.end()) continue;
    reader_.forget(*found->second);
    turns_.forget(id);
    batches_.erase(found);
  }
}

void feeder::postpone(batch& b, std::uint32_t entry, const postponed_line& line) {
  forget_postponed(b, entry);
  b.postponed[entry] = line;
  if (line.carrier >= postponed_by_.size()) postponed_by_.resize(std::size_t{line.carrier} + 1);
  ++postponed_by_[line.carrier];
}

void feeder::forget_postponed(batch& b, std::uint32_t entry) {
  if (b.postponed.empty()) return;
  const auto found = b.postponed.find(entry);
  if (found == b.postponed.end()) return;
  const std::uint16_t carrier = found->second.carrier;
  if (carrier < postponed_by_.size() && postponed_by_[carrier] != 0) --postponed_by_[carrier];
  b.postponed.erase(found);
}

void feeder::return_to_line(message* m, std::int64_t due_ms, bool keep) {
  auto& b = static_cast<batch&>(*m->owner);
  block& at = b.blocks[m->entry / block_entries];
  const std::uint32_t index = m->entry % block_entries;
  if ((m->flags & flag_maybe_duplicate) != 0) at.set_suspect(index);
  if (b.cancelled.load(std::memory_order_relaxed)) due_ms = 0;  // it ends at once
  if (m->parts_accepted != 0) {
    auto& parts = b.partly_accepted[m->entry];
    parts.clear();
    const auto& from = routing_->at(m->carrier);
    for (std::uint8_t part = 0; part < m->parts; ++part) {
      const part_record record = read_part(*m, part);
      if (record.state != part_state::accepted) continue;
      accepted_part kept{part, m->parts, std::string(record.id_length, '\0'),
                         from ? from->config().name : std::string()};
      m->read(part_octets_offset(*m, part),
              {reinterpret_cast<std::uint8_t*>(kept.message_id.data()), kept.message_id.size()});
      parts.push_back(std::move(kept));
    }
  }
  if (keep || m->attempts != 0 || m->tried != 0) {
    postpone(b, m->entry, {due_ms, m->attempts, m->tried, m->error_value, m->carrier});
    auto* r = new control_record;
    const journal_records::postponed line{b.batch_id, m->entry, due_ms, m->attempts, m->tried, m->error_value};
    r->type = static_cast<std::uint8_t>(journal_records::type::postponed);
    r->payload.resize(journal_records::encoded_bytes(line));
    r->payload.resize(journal_records::encode(line, r->payload));
    sink_.event(event_kind::control, r);
  }
  at.due_ms = std::min(at.due_ms, due_ms);
  b.earliest_due_ms = std::min(b.earliest_due_ms, due_ms);
  turns_.wake(b);
  block::clear(at.taken, index);
  if (const auto& c = routing_->at(m->carrier)) c->release(m->priority, m->slots);
  magazine_.give(m);
}

bool feeder::take_returned() {
  auto& queue = sink_.queues().returned;
  const std::size_t taken = queue.try_dequeue_bulk(returned_token_, dequeued_.begin(), dequeued_.size());
  returned_.assign(dequeued_.begin(), dequeued_.begin() + static_cast<std::ptrdiff_t>(taken));
  // Those of which the journal still had to read accepted parts come by again, with their reason and time.
  returned_.insert(returned_.end(), unread_.begin(), unread_.end());
  unread_.clear();
  if (returned_.empty()) return false;
  const auto now = time_.steady();
  const std::int64_t now_ms = to_ms(time_.wall());
  bool any = false;
  for (const auto& [m, why, due] : returned_) {
    if (m->part_events.load(std::memory_order_acquire) != 0) {
      unread_.push_back({m, why, due});
      continue;
    }
    any = true;
    if (why == return_reason::retry && due - now <= longest_delay_in_memory && !m->owner->stopped()) {
      delay(m, due);
      continue;
    }
    if (why == return_reason::retry) {
      return_to_line(m, now_ms + std::chrono::duration_cast<std::chrono::milliseconds>(due - now).count(), true);
      continue;
    }
    if (why == return_reason::reroute) {
      if (m->route_position == 0xff) {
        m->status = message_status::failed;
        m->why = reason::command_status;
        m->credit = 0;
        if (const auto& c = routing_->at(m->carrier)) c->settle(m->slots);
        sink_.final(m);
        continue;
      }
      m->tried |= std::uint32_t{1} << m->route_position;
      return_to_line(m, now_ms, true);
      continue;
    }
    return_to_line(m, now_ms, false);
  }
  return any;
}

void feeder::delay(message* m, std::chrono::steady_clock::time_point due) {
  delayed_.push({due, m});
  if (const auto& c = routing_->at(m->carrier)) c->delay(m->slots);
}

message* feeder::take_delayed() {
  message* m = delayed_.top().subject;
  delayed_.pop();
  if (const auto& c = routing_->at(m->carrier)) c->delay(-std::int64_t{m->slots});
  return m;
}

bool feeder::release_delayed(std::chrono::steady_clock::time_point now) {
  bool any = false;
  while (!delayed_.empty() && delayed_.top().due <= now) {
    message* m = take_delayed();
    any = true;
    if (m->part_events.load(std::memory_order_acquire) != 0) {
      delay(m, now + 1ms);
      break;
    }
    const auto& c = routing_->at(m->carrier);
    if (c && !c->closed() && c->usable(now, 1s) && !m->owner->stopped()) {
      // Who only waited for the pace of its sender does not come before others.
      if (m->attempts == 0) {
        c->push_again(m);
      } else {
        c->push_returned(m);
      }
    } else {
      return_to_line(m, to_ms(time_.wall()), false);
    }
  }
  return any;
}

void feeder::give_up_delayed() {
  const std::int64_t now_ms = to_ms(time_.wall());
  while (!delayed_.empty()) return_to_line(take_delayed(), now_ms, false);
  flush();
}

bool feeder::empty_closed_lanes() {
  // Messages that were on their way when their carrier closed, or that wait for one whose sessions are down: their
  // lines wait as well as they do, and may go another way.
  bool any = false;
  const auto now = time_.steady();
  const std::int64_t now_ms = to_ms(time_.wall());
  for (const auto& c : routing_->carriers) {
    if (!c || c->queued() == 0 || c->usable(now, lane_patience)) continue;
    carrier::consumer via(*c);
    std::array<message*, 64> found;
    for (std::size_t n = c->drain(found, via); n != 0; n = c->drain(found, via)) {
      any = true;
      for (std::size_t i = 0; i < n; ++i) {
        if (found[i]->part_events.load(std::memory_order_acquire) != 0) {
          delay(found[i], now + 1ms);  // the journal still has to read accepted parts out of it
        } else {
          return_to_line(found[i], now_ms, false);
        }
      }
    }
  }
  return any;
}

room_by_priority feeder::roomy_carriers() const {
  room_by_priority room;
  const auto now = time_.steady();
  for (const auto& c : routing_->carriers) {
    if (!c || c->closed() || !c->config().can_send()) continue;
    if (!c->usable(now, 0ms)) continue;
    c->look_again(now);
    const bool takes_new = !too_many_postponed(*c);
    for (std::size_t i = 0; i < room.size(); ++i) {
      const auto p = static_cast<router::priority>(i);
      if (!c->roomy(p)) {
        c->want_room(p);
        if (!c->roomy(p)) continue;
      }
      room[i].retries |= carrier_bit(c->id());
      if (takes_new) room[i].fresh |= carrier_bit(c->id());
    }
  }
  return room;
}

bool feeder::find_block(batch& b, std::uint32_t& block_index, room_for roomy, std::int64_t now_ms) {
  const std::uint32_t count = b.blocks.size();
  if (b.last_block_open) {
    block_index = count - 1;
    return true;
  }
  if (b.earliest_due_ms <= now_ms) {
    std::int64_t earliest = never_ms;
    for (std::uint32_t i = 0; i < count; ++i) {
      block& at = b.blocks[i];
      if (at.due_ms == never_ms) continue;
      if (at.open.load(std::memory_order_relaxed) == 0) {
        at.due_ms = never_ms;
        continue;
      }
      if (at.due_ms <= now_ms) {
        block_index = i;
        return true;
      }
      earliest = std::min(earliest, at.due_ms);
    }
    b.earliest_due_ms = earliest;
  }
  if ((b.waits & roomy.fresh) != 0 || (b.retry_waits & roomy.retries) != 0) {
    std::uint64_t waits = 0;
    std::uint64_t retry_waits = 0;
    for (std::uint32_t n = 0; n < count; ++n) {
      const std::uint32_t i = (b.next_waiting + n) % count;
      block& at = b.blocks[i];
      if ((at.waits | at.retry_waits) == 0) continue;
      if (at.open.load(std::memory_order_relaxed) == 0) {
        at.waits = at.retry_waits = 0;
        continue;
      }
      if ((at.waits & roomy.fresh) != 0 || (at.retry_waits & roomy.retries) != 0) {
        block_index = i;
        b.next_waiting = i;
        return true;
      }
      waits |= at.waits;
      retry_waits |= at.retry_waits;
    }
    b.waits = waits;  // the whole table was looked at
    b.retry_waits = retry_waits;
    b.next_waiting = 0;
  }
  if (!b.scanned && roomy.fresh != 0) {
    block_index = count;
    return true;
  }
  return false;
}

batch* feeder::next_batch(std::uint32_t& block_index, std::int64_t now_ms) {
  const room_by_priority room = roomy_carriers();
  // Where no carrier has moved for a while the files are read on all the same, to learn what becomes due and when.
  const bool any_room = std::any_of(room.begin(), room.end(), [](const room_for& of) { return of.any(); });
  if (any_room) last_roomy_ = now_;
  turns_.wake_due(room, now_ms);
  room_for for_any;
  for (const room_for& of : room) for_any = {for_any.fresh | of.fresh, for_any.retries | of.retries};
  batch* next = turns_.next(now_ms, [&](batch& b) {
    // A paused batch moves for what ends, a cancelled one needs no carrier.
    constexpr room_for none;
    constexpr room_for all{~std::uint64_t{0}, ~std::uint64_t{0}};
    roomy_ = b.paused.load(std::memory_order_relaxed)      ? none
             : b.cancelled.load(std::memory_order_relaxed) ? all
             : !b.priority_known                           ? for_any
                                                           : room[static_cast<std::size_t>(b.waits_as)];
    return find_block(b, block_index, roomy_, now_ms);
  });
  if (next != nullptr) return next;
  roomy_ = {};
  // With nothing else to do a paused batch is read on, to learn when its lines expire.
  if (!any_room && now_ - last_roomy_ >= idle_scan_after) next = turns_.next_unread(false, now_ms);
  if (next == nullptr) next = turns_.next_unread(true, now_ms);
  if (next != nullptr) block_index = next->blocks.size();
  return next;
}

feeder::step_result feeder::step(bool take_new) {
  forget_closed();
  const auto now = now_ = time_.steady();
  bool worked = take_returned();
  worked |= carry_out_orders();
  worked |= release_delayed(now);
  worked |= empty_closed_lanes();
  const std::int64_t now_ms = to_ms(time_.wall());
  std::uint32_t block_index = 0;
  if (take_new) {
    if (batch* b = next_batch(block_index, now_ms)) {
      visit(*b, block_index, now_ms);
      worked = true;
    }
  }
  flush();
  step_result result{worked, now + 100ms};
  if (!unread_.empty()) result.next = now + 1ms;
  if (!delayed_.empty()) result.next = std::min(result.next, delayed_.top().due);
  const auto& carriers = routing_->carriers;
  if (!batches_.empty() && std::any_of(carriers.begin(), carriers.end(), [&](const auto& c) {
        return c && !c->closed() && c->config().can_send() && !c->usable(now, 0ms);
      })) {
    result.next = std::min(result.next, now + look_for_carriers);
  }
  if (take_new && turns_.next_due_ms() != never_ms) {
    const auto wait = std::chrono::milliseconds(std::clamp<std::int64_t>(turns_.next_due_ms() - now_ms, 0, 100));
    result.next = std::min(result.next, now + wait);
  }
  return result;
}

result<void> feeder::open_source(batch& b) {
  if (b.source) return {};
  // Others may write into active/: no link is followed there.
  const std::size_t slash = b.source_path.rfind('/');
  auto untrusted = files_.open_untrusted(b.source_path.substr(0, slash), b.source_path.substr(slash + 1));
  std::unique_ptr<file> source;
  if (untrusted) {
    source = std::move(untrusted->handle);
  } else if (untrusted.error() == std::errc::too_many_links) {
    // A backup that links files, say: what counts is that it is the same one.
    auto opened = files_.open(b.source_path, open_mode::read);
    if (!opened) return tl::unexpected(opened.error());
    source = std::move(*opened);
  } else {
    return tl::unexpected(untrusted.error());
  }
  const auto status = source->status();
  if (!status) return tl::unexpected(status.error());
  if (in_active(b) && b.stamp && !b.stamp->same_file(file_stamp(*status))) {
    spdlog::error("batch {}: another file is in the place of {}; put the accepted one back", b.name, b.source_path);
    return fail(std::errc::io_error);
  }
  b.source = std::move(source);
  open_sources_.push_back(b.batch_id);
  if (open_sources_.size() > max_open_sources) {
    const auto oldest = batches_.find(open_sources_.front());
    open_sources_.pop_front();
    if (oldest != batches_.end() && oldest->second.get() != &b) {
      reader_.forget(*oldest->second);
      oldest->second->source.reset();
    }
  }
  return {};
}

/// Finds out when somebody has written into an accepted file; once for each batch.
void feeder::look_for_change(batch& b) {
  if (!in_active(b) || !b.stamp || b.changed.load(std::memory_order_relaxed)) return;
  const auto now = b.source->status();
  if (!now || file_stamp(*now) == *b.stamp) return;
  b.changed.store(true);
  spdlog::error(
      "batch {}: {} was changed after it had been accepted: lines that were not read yet may differ from what "
      "was handed in; its summary says so",
      b.name, b.source_path);
}

/// The file itself is read, not an expansion of it.
bool feeder::in_active(const batch& b) noexcept { return compression_of(b.name) == compression::none; }

void feeder::visit(batch& b, std::uint32_t block_index, std::int64_t now_ms) {
  if (auto opened = open_source(b); !opened)
    return source_failed(b, block_index * block_entries, opened.error(), now_ms);
  look_for_change(b);
  const bool fresh = block_index == b.blocks.size();
  if (fresh) begin_block(b);
  const bool frontier = fresh || b.last_block_open;
  block& at = b.blocks[block_index];
  const std::uint64_t waited_for = frontier ? ~std::uint64_t{0} : at.waits;
  const std::uint64_t retries_waited_for = at.retry_waits;
  const std::int64_t due_before = at.due_ms;
  at.due_ms = never_ms;
  at.waits = at.retry_waits = 0;
  reader_.seek(b, at.offset, at.first_line);
  visit_state state;
  state.began_roomy = roomy_.any();
  const std::int64_t when_memory_may_be_left = now_ms + (b.cancelled.load(std::memory_order_relaxed) ? 5 : 1000);
  bool ended = false;
  const std::uint32_t count = frontier ? block_entries : at.entries;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto what = reader_.next();
    if (what == entry_reader::outcome::end) {
      ended = frontier;
      break;
    }
    if (what == entry_reader::outcome::failed) {
      if (state.pending != nullptr) sink_.event(event_kind::admission, state.pending);
      b.last_block_open = frontier;
      at.waits = at.retry_waits = ~std::uint64_t{0};
      b.waits = b.retry_waits = at.waits;
      at.due_ms = std::min(due_before, state.due_ms);
      b.earliest_due_ms = std::min(b.earliest_due_ms, at.due_ms);
      return source_failed(b, block_index * block_entries + i, reader_.error(), now_ms);
    }
    if (frontier && i >= at.entries) count_entry(b, block_index, i, what, reader_);
    if (block::test(at.final, i) || block::test(at.taken, i)) continue;
    if (!state.memory_left) {
      // Nothing more fits now: the rest of the block is not even looked at.
      // A visit for something that was due does not know what the others wait for.
      state.waits |= waited_for != 0 ? waited_for : ~std::uint64_t{0};
      state.retry_waits |= retries_waited_for;
      state.due_ms = std::min(state.due_ms, when_memory_may_be_left);
      if (!frontier) break;
      continue;
    }
    lines_read.add();
    const auto taken = take(b, block_index * block_entries + i, reader_.line(), what, reader_.view(), now_ms, state);
    if (taken == taking::no_memory) {
      state.memory_left = false;
      state.waits |= waited_for;
      state.retry_waits |= retries_waited_for;
      state.due_ms = std::min(state.due_ms, when_memory_may_be_left);
    }
    if (taken == taking::taken || taken == taking::finished) block::set_alone(at.taken, i);
    // Once no carrier has room the rest is left unread; a visit that began without any reads on, to learn what is due.
    if (taken == taking::left && state.began_roomy && !roomy_.any()) state.memory_left = false;
  }
  b.retry_after_ms = 0;
  if (frontier) {
    b.last_block_open = false;
    if (end_block(b, reader_, ended)) {
      // The outputs may have seen its last message already.
      auto* mark = new control_record;
      mark->scanned = b.batch_id;
      sink_.event(event_kind::control, mark);
    }
  }
  at.waits = state.waits;
  at.retry_waits = state.retry_waits;
  at.due_ms = std::min(at.due_ms, state.due_ms);
  b.waits |= state.waits;
  b.retry_waits |= state.retry_waits;
  b.earliest_due_ms = std::min(b.earliest_due_ms, at.due_ms);
  if (state.pending != nullptr) sink_.event(event_kind::admission, state.pending);
}

void feeder::source_failed(batch& b, std::uint32_t entry, std::error_code why, std::int64_t now_ms) {
  b.source.reset();
  reader_.forget(b);
  b.retry_after_ms = std::clamp(b.retry_after_ms * 2, first_retry_ms, longest_retry_ms);
  b.retry_at_ms = now_ms + b.retry_after_ms;
  spdlog::error("batch {}: cannot read {} at entry {}: {}; it is tried again in {} s, and nothing of it is lost",
                b.name, b.source_path, entry, why.message(), b.retry_after_ms / 1000);
}

}  // namespace trunkline::engine
