// Everything here may be done again after a crash: the journal is the truth, and these files follow it. A report grows
// under a hidden name; at each checkpoint its length, its counts and the bits of its batch are recorded, so that
// recovery cuts the report there and repeats what came later. A finished batch is closed in an order that leaves no
// moment in which a message has no line: report and summary durable, the batch moved to done/, the summary shown, the
// report shown last.
#include "engine/report/outputs.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/journal/records.hpp"
#include "engine/runtime/rfc3339.hpp"

namespace trunkline::engine {

namespace {

using namespace std::chrono_literals;
constexpr std::uint32_t inline_bits_blocks = 8;
constexpr std::size_t max_unpublished = 32;
constexpr std::size_t max_open_reports = 128;
constexpr std::uint64_t max_unpublished_bytes = std::uint64_t{12} << 20U;
constexpr std::size_t bits_per_block_bytes = 256;

std::int64_t to_ms(clock::wall_time t) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

/// A failed sync is final whatever its code: what was written may be gone although it still reads back.
result<void> no_second_try(result<void> synced) {
  if (!synced && synced.error() == std::errc::no_space_on_device) return fail(std::errc::io_error);
  return synced;
}

template <class Record>
control_record* make_control(const Record& r) {
  auto* c = new control_record;
  c->type = static_cast<std::uint8_t>(journal_records::type_of<Record>);
  c->payload.resize(journal_records::encoded_bytes(r));
  c->payload.resize(journal_records::encode(r, c->payload));
  return c;
}

/// The 256 octets of one block: decided, and may have gone out. The feeder sets `suspect` before it clears `taken`, so
/// `taken` is read first: a line on its way from one to the other is seen in at least one of them.
void copy_bits(const block& at, std::uint8_t* to) noexcept {
  for (std::size_t w = 0; w < at.final.size(); ++w) {
    const std::uint64_t decided = at.final[w].load(std::memory_order_relaxed);
    std::uint64_t sent = at.taken[w].load(std::memory_order_acquire);
    const entry_bits* suspect = at.suspect.load(std::memory_order_acquire);
    if (suspect != nullptr) sent |= (*suspect)[w].load(std::memory_order_relaxed);
    std::memcpy(to + w * 8, &decided, 8);
    std::memcpy(to + 128 + w * 8, &sent, 8);
  }
}

/// Views into the carrier's configuration, which lives as long as the carrier.
received_from source_of(const carrier& c) noexcept {
  return {c.config().name, c.config().default_alphabet, c.config().gsm_packed};
}

}  // namespace

outputs::outputs(file_system& files, const clock& time, const spool_config& spool, const receipts_config& receipts,
                 std::chrono::milliseconds reply_window, spool_paths paths, slab& memory, outcome_queues& queues,
                 synced_queue& synced, publisher& shown, hooks hooks)
    : files_(files),
      time_(time),
      spool_(spool),
      paths_(std::move(paths)),
      magazine_(memory),
      sink_(queues),
      synced_(synced),
      shown_(shown),
      hooks_(std::move(hooks)),
      results_(shown, time, paths_.results()),
      receipts_(shown, time, paths_.receipts()),
      desk_(files, time, receipts, reply_window, paths_, receipts_, shown,
            receipt_desk::hooks{
                [this](const parked_receipt& p) { write_unmatched(p); },
                [this](std::string_view name) { return carrier_named(name); },
                [this](std::error_code why, const std::string& what) { hooks_.on_fatal(why, what); },
            }) {}

outputs::~outputs() {
  for (; next_event_ < events_.size(); ++next_event_) discard(events_[next_event_]);
}

void outputs::name_carrier(std::uint16_t id, const std::shared_ptr<carrier>& c) {
  const std::lock_guard lock(names_mutex_);
  if (carriers_.size() <= id) carriers_.resize(id + 1U);
  carriers_[id] = c;
}

void outputs::adopt(batch& b, std::unique_ptr<batch_report> report) {
  for (std::size_t i = 0; i < report->by_status.size(); ++i) {
    final_by_status[i].add(report->by_status[i]);
    b.by_status[i].store(report->by_status[i], std::memory_order_relaxed);
  }
  reports_[&b] = {std::move(report), {}};
  by_id_[b.batch_id] = &b;
}

void outputs::check(batch& b) {
  to_check_.try_emplace(&b);
  idle_.store(false);
}

void outputs::adopt_sent(const std::vector<recovered_sent>& messages, const std::set<std::uint32_t>& open_batches) {
  for (const recovered_sent& r : messages) {
    const auto outcome = journal_records::decode<journal_records::final_outcome>(r.outcome);
    if (!outcome || ((outcome->flags & flag_receipt) == 0 && !desk_.replies())) continue;
    sent_message m = sent_message_of(r.head, *outcome, desk_.replies());
    m.batch_id = r.batch;
    m.line = r.line;
    m.batch = r.batch_name;
    if (desk_.replies()) m.batch_name = r.called;
    m.carrier = r.carrier;
    desk_.replay_sent(m);
  }
  desk_.only_open(open_batches);
}

void outputs::replay_received(std::string_view carrier_name, std::int64_t received_at_ms,
                              std::span<const std::uint8_t> pdu) {
  carrier* named = carrier_named(carrier_name);
  write_received(named, named != nullptr ? source_of(*named) : received_from{carrier_name}, received_at_ms, pdu);
}

carrier* outputs::carrier_named(std::string_view name) {
  const auto of_name = [&](const std::shared_ptr<carrier>& c) { return c && c->config().name == name; };
  // The newest of that name: a reload gives a changed carrier another number.
  auto found = std::find_if(known_.rbegin(), known_.rend(), of_name);
  if (found != known_.rend() && !(*found)->closed()) return found->get();
  {
    const std::lock_guard lock(names_mutex_);
    known_ = carriers_;
  }
  found = std::find_if(known_.rbegin(), known_.rend(), of_name);
  return found == known_.rend() ? nullptr : found->get();
}

bool outputs::failed(const result<void>& r, const std::string& what) {
  if (r) return false;
  if (r.error() == std::errc::no_space_on_device) {
    blocked_.store(true, std::memory_order_relaxed);
  } else {
    hooks_.on_fatal(r.error(), what);
  }
  return true;
}

outputs::open_report& outputs::report_of(batch& b) {
  if (last_batch_ == &b) return *last_report_;
  auto& r = reports_[&b];
  if (!r.report) {
    r.report = std::make_unique<batch_report>(files_, paths_.hidden_report(b.name), spool_.file_mode);
    by_id_[b.batch_id] = &b;
  }
  last_batch_ = &b;
  last_report_ = &r;
  return r;
}

void outputs::consume_final(message& m) {
  auto& b = static_cast<batch&>(*m.owner);
  batch_report& report = *report_of(b).report;
  const auto outcome = outcome_of(m, scratch_);
  const carrier* c = nullptr;
  if (m.carrier != journal_records::no_carrier) {
    if (m.carrier >= known_.size() || !known_[m.carrier]) {
      const std::lock_guard lock(names_mutex_);
      known_ = carriers_;
    }
    if (m.carrier < known_.size()) c = known_[m.carrier].get();
  }
  std::string& lines = report.buffer();
  const std::size_t begin = lines.size();
  append_report_line(lines, scratch_.head, outcome,
                     c != nullptr ? std::string_view(c->config().name) : std::string_view{});
  report.count(m.status, m.parts, m.parts_accepted, (m.flags & flag_maybe_duplicate) != 0, m.submitted_at_ms);
  results_.buffer().append("{\"batch\":\"").append(b.name).append("\",").append(lines, begin + 1);
  results_.added();
  const auto status = static_cast<std::size_t>(m.status);
  final_by_status[status].add();
  b.by_status[status].store(report.by_status[status], std::memory_order_relaxed);
  if (m.parts_accepted != 0 && c != nullptr && ((m.flags & flag_receipt) != 0 || desk_.replies())) [[unlikely]]
    remember_sent(m, b, c, outcome);

  block& at = b.blocks[m.entry / block_entries];
  block::set(at.final, m.entry % block_entries);
  at.open.fetch_sub(1, std::memory_order_relaxed);
  const std::uint32_t finished = b.finished.load(std::memory_order_relaxed) + 1;
  b.finished.store(finished, std::memory_order_relaxed);
  if (finished == b.total.load(std::memory_order_acquire)) to_check_.try_emplace(&b);
  if (c != nullptr) {
    if (released_.size() < known_.size()) released_.resize(known_.size());
    released_[m.carrier][static_cast<std::size_t>(m.priority)] += m.slots;
  }
  const auto lived = std::max<std::int64_t>(0, now_ms_ - m.accepted_at_ms);
  message_duration[static_cast<std::size_t>(m.priority)].observe(std::chrono::milliseconds(lived));
  magazine_.give(&m);
}

void outputs::release_slots() {
  for (std::size_t id = 0; id < released_.size(); ++id) {
    for (std::size_t i = 0; i < released_[id].size(); ++i) {
      if (released_[id][i] == 0) continue;
      const auto p = static_cast<router::priority>(i);
      if (known_[id]->release_settled(p, std::exchange(released_[id][i], 0U))) hooks_.room_made();
    }
  }
}

void outputs::remember_sent(const message& m, const batch& b, const carrier* c,
                            const journal_records::final_outcome& outcome) {
  sent_message sent = sent_message_of(scratch_.head, outcome, desk_.replies());
  sent.batch_id = b.batch_id;
  sent.line = m.line;
  sent.batch = b.name;
  sent.carrier = c->config().name;
  if (desk_.replies()) {
    scratch_.sender.resize(m.parts_offset - m.head_length);
    m.read(m.head_length, {reinterpret_cast<std::uint8_t*>(scratch_.sender.data()), scratch_.sender.size()});
    sent.sender = scratch_.sender;
    sent.batch_name = b.defaults.name;
  }
  desk_.sent(sent);
}

void outputs::write_received(carrier* by, const received_from& from, std::int64_t received_at_ms,
                             std::span<const std::uint8_t> pdu) {
  if (desk_.received(from.carrier, received_at_ms, pdu) == receipt_desk::kind::receipt) return;
  if (kind_of_received(pdu) == received_kind::inbound) {
    inbound_->received(from, received_at_ms, pdu);
    return;
  }
  append_received_line(receipts_.buffer(), from, received_at_ms, pdu);
  receipts_.added();
  if (by != nullptr) by->deliveries.unmatched.add();
}

void outputs::write_unmatched(const parked_receipt& p) {
  const carrier* by = carrier_named(p.carrier);
  receipt_reading how;
  std::string decoded;
  if (by != nullptr) how = reading_of(by->config());
  const auto read = read_received_receipt(p.pdu, how, p.received_at_ms, decoded);
  append_received_line(receipts_.buffer(), by != nullptr ? source_of(*by) : received_from{p.carrier}, p.received_at_ms,
                       p.pdu, read ? &*read : nullptr);
  receipts_.added();
}

void outputs::consume(journal_event& event) {
  switch (event.kind) {
    case event_kind::final:
      consume_final(*static_cast<message*>(event.subject));
      break;
    case event_kind::received: {
      const std::unique_ptr<received_pdu> pdu(static_cast<received_pdu*>(event.subject));
      if (pdu->carrier >= known_.size() || !known_[pdu->carrier]) {
        const std::lock_guard lock(names_mutex_);
        known_ = carriers_;
      }
      const auto& c = pdu->carrier < known_.size() ? known_[pdu->carrier] : nullptr;
      write_received(c.get(), c ? source_of(*c) : received_from{}, pdu->received_at_ms, pdu->octets());
      if (pdu->from) {
        pdu->from->acknowledge(pdu->sequence_number, true);
      } else {
        synced_.taken(pdu->octets().size());
      }
      break;
    }
    case event_kind::control: {
      const std::unique_ptr<control_record> r(static_cast<control_record*>(event.subject));
      if (r->opened != nullptr) (void)report_of(static_cast<batch&>(*r->opened));
      if (const auto found = by_id_.find(r->scanned); found != by_id_.end()) to_check_.try_emplace(found->second);
      if (r->at_outputs) r->at_outputs();
      break;
    }
    case event_kind::part:
    case event_kind::intents:
    case event_kind::returned:
    case event_kind::admission:
      break;
  }
}

void outputs::rotate_all() {
  for (rotating_output* out : {&results_, &receipts_}) out->rotate();
  inbound_->rotate_all();
}

/// Writes it when it is large. However many batches are open, descriptors are left for the others.
bool outputs::flush_last_report() {
  batch_report& report = *last_report_->report;
  if (failed(report.flush(false), report.path())) return false;
  if (reports_.size() > max_open_reports) report.close();
  return true;
}

outputs::step_result outputs::step() {
  const auto now = time_.steady();
  now_ms_ = to_ms(time_.wall());
  if (blocked_.load(std::memory_order_relaxed)) {
    blocked_.store(false, std::memory_order_relaxed);
    for (auto& [b, r] : reports_) {
      if (failed(r.report->flush(false), r.report->path())) return {false, now + 200ms};
    }
  }
  if (const auto window = fresh_reply_window_.exchange(-1, std::memory_order_acquire); window >= 0)
    desk_.set_reply_window(std::chrono::milliseconds(window));
  // Positions come before anything later is consumed; they wait until all that was handed to the publisher is shown.
  if (marker_ != 0 && !record_positions()) return {false, now + 2ms};
  if (shown_.pending() > max_unpublished || shown_.pending_bytes() > max_unpublished_bytes) return {false, now + 2ms};
  bool worked = false;
  if (next_event_ == events_.size()) {
    next_event_ = 0;
    idle_.store(false);
    if (!synced_.pop(events_)) events_.clear();
  }
  while (next_event_ < events_.size()) {
    worked = true;
    if (next_event_ + prefetch_distance < events_.size()) prefetch(events_[next_event_ + prefetch_distance]);
    consume(events_[next_event_++]);
    if (marker_ != 0) break;
    if ((next_event_ & 255U) == 0) release_slots();
    if ((next_event_ & 255U) == 0 && last_report_ != nullptr) {
      if (!flush_last_report()) break;
    }
    if (results_.full()) results_.rotate();
    if (receipts_.full()) receipts_.rotate();
  }
  release_slots();
  sink_.flush();
  if (blocked_.load(std::memory_order_relaxed)) return {false, now + 200ms};
  if (last_report_ != nullptr) (void)flush_last_report();
  if (!to_check_.empty()) close_finished();
  auto more_receipts = desk_.step();
  if (!more_receipts) {
    (void)failed(tl::unexpected(more_receipts.error()), paths_.sent());
    return {false, now + 200ms};
  }
  step_result result{worked || *more_receipts, desk_.next()};
  for (rotating_output* out : {&results_, &receipts_}) {
    if (out->due()) {
      out->rotate();
    } else if (!out->empty()) {
      result.next = std::min(result.next, out->due_at());
    }
  }
  result.next = std::min(result.next, inbound_->step(sink_));
  sink_.flush();
  if (!to_check_.empty()) result.next = now + 2ms;
  if (blocked_.load(std::memory_order_relaxed)) result.next = now + 200ms;
  idle_.store(next_event_ == events_.size() && synced_.empty() && to_check_.empty() && marker_ == 0 && desk_.idle());
  return result;
}

std::string outputs::summary_of(const batch& b, const batch_report& report) const {
  nlohmann::ordered_json j;
  j["batch"] = b.name;
  if (!b.defaults.name.empty()) j["batch_name"] = b.defaults.name;
  std::uint64_t messages = 0;
  for (const auto n : report.by_status) messages += n;
  j["messages"] = messages;
  for (std::size_t i = 0; i < report.by_status.size(); ++i) {
    j["status"][std::string(router::name(static_cast<router::message_status>(i)))] = report.by_status[i];
  }
  j["parts"] = report.parts;
  j["parts_sent"] = report.parts_accepted;
  j["maybe_duplicates"] = report.maybe_duplicates;
  if (b.changed.load()) j["changed_after_acceptance"] = true;
  j["accepted_at"] = format_rfc3339_ms(b.accepted_at_ms);
  j["first_submitted_at"] =
      report.first_ms != 0 ? nlohmann::ordered_json(format_rfc3339_ms(report.first_ms)) : nlohmann::ordered_json();
  j["last_submitted_at"] =
      report.last_ms != 0 ? nlohmann::ordered_json(format_rfc3339_ms(report.last_ms)) : nlohmann::ordered_json();
  j["finished_at"] = format_rfc3339_ms(to_ms(time_.wall()));
  return j.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void outputs::close_finished() {
  std::vector<batch*> group;
  for (auto next = to_check_.begin(); next != to_check_.end();) {
    auto& [b, shown_at] = *next;
    const std::uint32_t total = b->total.load(std::memory_order_acquire);
    if (total == batch::unknown_total || b->finished.load(std::memory_order_relaxed) != total) {
      next = to_check_.erase(next);
      continue;
    }
    // Once it is closed recovery knows nothing of it any more, so its last lines in results/ have to be there before.
    if (!shown_at) {
      results_.rotate();
      shown_at = shown_.handed_over();
    }
    if (shown_.shown() >= *shown_at) group.push_back(b);
    ++next;
  }
  if (!group.empty()) close_group(group);
}

void outputs::close_group(const std::vector<batch*>& group) {
  const auto done = [&](const result<void>& r, const std::string& what) { return !failed(r, what); };
  for (batch* b : group) {
    batch_report& report = *report_of(*b).report;
    if (report.bytes() == 0 && !done(report.resume(0), report.path())) return;
    if (!done(report.flush(true), report.path()) || !done(report.sync(), report.path())) return;
    const std::string text = summary_of(*b, report);
    const std::string path = paths_.hidden_summary(b->name);
    auto opened = files_.open(path, open_mode::read_write_create, spool_.file_mode);
    if (!opened) {
      (void)failed(tl::unexpected(opened.error()), path);
      return;
    }
    auto& f = **opened;
    if (!done(f.truncate(0)
                  .and_then([&] {
                    return f.write_at({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, 0);
                  })
                  .and_then([&] { return no_second_try(f.sync()); }),
              path)) {
      return;
    }
  }
  // Receipts still have to find its messages when recovery, which sees the report, does not ask the journal any more.
  if (!done(desk_.sync_messages(), paths_.sent())) return;
  // A step that was done before a failure finds its file gone: that is success.
  const auto move = [&](const std::string& from, const std::string& to) {
    auto moved = files_.rename(from, to);
    if (!moved && moved.error() == std::errc::no_such_file_or_directory && files_.stat(to)) return true;
    return done(moved, from);
  };
  if (!done(no_second_try(files_.sync_directory(paths_.done())), paths_.done())) return;
  for (batch* b : group) {
    if (!move(paths_.active(b->name), paths_.done(b->name))) return;
    if (!move(paths_.hidden_summary(b->name), paths_.summary(b->name))) return;
  }
  if (!done(no_second_try(files_.sync_directory(paths_.done())), paths_.done())) return;
  if (!done(no_second_try(files_.sync_directory(paths_.active())), paths_.active())) return;
  for (batch* b : group) {
    if (!move(paths_.hidden_report(b->name), paths_.report(b->name))) return;
  }
  if (!done(no_second_try(files_.sync_directory(paths_.done())), paths_.done())) return;
  for (batch* b : group) {
    desk_.batch_closed(b->batch_id);
    auto* closed = make_control(journal_records::batch_closed{b->batch_id});
    const std::uint32_t id = b->batch_id;
    const std::string bits = paths_.bits(id);
    const std::string expanded = b->source_path != paths_.active(b->name) ? b->source_path : std::string();
    closed->durable = [this, id, bits, expanded] {
      (void)files_.remove(bits);
      if (!expanded.empty()) (void)files_.remove(expanded);
      hooks_.batch_closed(id);
    };
    // Nothing may look at the batch from the event on: the feeder frees it when the event is durable.
    to_check_.erase(b);
    reports_.erase(b);
    by_id_.erase(id);
    last_batch_ = nullptr;
    last_report_ = nullptr;
    batches_done.add();
    sink_.event(event_kind::control, closed);
  }
  sink_.flush();
}

result<void> outputs::save_bits(batch& b, open_report& r, std::vector<std::uint8_t>& inline_bits, bool& in_file) {
  const std::uint32_t count = b.blocks.size();
  inline_bits.clear();
  in_file = count > inline_bits_blocks;
  if (!in_file) {
    inline_bits.resize(count * bits_per_block_bytes);
    for (std::uint32_t i = 0; i < count; ++i) copy_bits(b.blocks[i], inline_bits.data() + i * bits_per_block_bytes);
    return {};
  }
  auto opened = files_.open(paths_.bits(b.batch_id), open_mode::read_write_create, 0600);
  if (!opened) return tl::unexpected(opened.error());
  r.settled.resize(count);
  std::vector<std::uint8_t> run;
  for (std::uint32_t i = 0; i < count;) {
    if (r.settled[i]) {
      ++i;
      continue;
    }
    const std::uint32_t first = i;
    run.clear();
    for (; i < count && !r.settled[i] && run.size() < (1U << 20); ++i) {
      run.resize(run.size() + bits_per_block_bytes);
      // Read the count first: a block is settled only if nothing was open before its bits were copied.
      const bool settled =
          b.blocks[i].open.load(std::memory_order_acquire) == 0 && b.blocks[i].entries == block_entries;
      copy_bits(b.blocks[i], run.data() + run.size() - bits_per_block_bytes);
      r.settled[i] = settled;
    }
    if (auto written = (*opened)->write_at(run, std::uint64_t{first} * bits_per_block_bytes); !written) return written;
  }
  return no_second_try((*opened)->sync());
}

bool outputs::record_positions() {
  rotate_all();
  if (shown_.pending() != 0) return false;
  std::vector<std::uint8_t> inline_bits;
  bool files_made = false;
  std::vector<control_record*> positions;
  const auto give_up = [&] {
    for (auto* p : positions) delete p;
    return false;
  };
  for (auto& [b, r] : reports_) {
    if (failed(r.report->flush(true), r.report->path()) || failed(r.report->sync(), r.report->path())) return give_up();
    bool in_file = false;
    if (failed(save_bits(*b, r, inline_bits, in_file), paths_.bits(b->batch_id))) return give_up();
    files_made |= in_file;
    if (b != last_batch_) r.report->close();
    journal_records::position p;
    p.batch = b->batch_id;
    p.marker = marker_;
    p.report_bytes = r.report->bytes();
    p.totals = r.report->totals();
    p.bits_in_file = in_file ? 1 : 0;
    p.bits = inline_bits;
    positions.push_back(make_control(p));
  }
  if (files_made && failed(no_second_try(files_.sync_directory(paths_.bits())), paths_.bits())) return give_up();
  if (failed(no_second_try(files_.sync_directory(paths_.done())), paths_.done())) return give_up();
  if (failed(desk_.checkpoint(), paths_.sent())) return give_up();
  // Last, so that what it gives to the journal is not given twice.
  if (!inbound_->checkpoint(sink_)) return give_up();
  for (auto* p : positions) sink_.event(event_kind::control, p);
  auto* end = make_control(journal_records::checkpoint{marker_, next_batch_ != nullptr ? next_batch_->load() : 0U});
  end->durable = [this, marker = marker_] { hooks_.checkpoint_done(marker); };
  sink_.event(event_kind::control, end);
  sink_.flush();
  marker_ = 0;
  return true;
}

}  // namespace trunkline::engine
