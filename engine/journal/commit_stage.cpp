// Group commit: everything that was decided while the last sync ran goes into one frame, whose sync makes all of it
// durable at once. Effects follow the sync, never the write: admissions are pushed into their lanes, credit is
// returned, received PDUs are acknowledged, and the events go on to the outputs. A new segment begins with the state
// that is still live, so that older segments can be removed once the outputs have recorded their positions.
#include "engine/journal/commit_stage.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace trunkline::engine {

namespace records = journal_records;

namespace {

/// A frame of so many events says that the next would not be much smaller without a pause.
constexpr std::size_t many_events = 64;
/// A sync costs as much CPU as ten to twenty messages.
constexpr std::chrono::milliseconds commit_spacing{1};

template <class Record>
std::vector<std::uint8_t> encoded(const Record& r) {
  std::vector<std::uint8_t> payload(records::encoded_bytes(r));
  payload.resize(records::encode(r, payload));
  return payload;
}

}  // namespace

commit_stage::commit_stage(journal_writer& writer, outcome_queues& queues, synced_queue& synced, const clock& time,
                           hooks hooks)
    : writer_(writer),
      queues_(queues),
      synced_(synced),
      time_(time),
      hooks_(std::move(hooks)),
      token_(queues.journal),
      drained_(4096) {}

commit_stage::~commit_stage() {
  for (const auto& event : frame_) discard(event);
  for (const auto& event : deferred_) discard(event);
  for (; next_ < drained_end_; ++next_) discard(drained_[next_]);
}

void commit_stage::name_carrier(std::uint16_t id, const std::string& name) { carriers_[id] = name; }

void commit_stage::adopt_batch(const records::batch_opened& opened) { batches_[opened.batch].opened = encoded(opened); }

void commit_stage::adopt_live(std::uint32_t batch, std::uint32_t entry, records::type type,
                              std::vector<std::uint8_t> payload) {
  remember_live(batch, entry, static_cast<std::uint8_t>(type), std::move(payload));
}

void commit_stage::adopt_control(const records::control& control) {
  batches_[control.batch].control = encoded(control);
}

void commit_stage::adopt_intent(std::uint32_t batch, std::uint32_t entry, std::uint16_t carrier) {
  batches_[batch].intents[entry] = carrier;
}

result<void> commit_stage::start() {
  if (auto rolled = writer_.roll(); !rolled) return rolled;
  collect_state();
  for (;;) {
    const bool all = repeat_state();
    if (auto written = writer_.commit(); !written) return written;
    if (all) return {};
  }
}

template <class Record>
bool commit_stage::write_record(const Record& r) {
  const auto room = writer_.begin_record(static_cast<std::uint8_t>(records::type_of<Record>), records::version,
                                         records::encoded_bytes(r));
  if (room.empty()) return false;
  writer_.end_record(records::encode(r, room));
  return true;
}

bool commit_stage::write_final(message& m) {
  std::array<std::uint8_t, 255 * (2 + max_message_id) + 2 + 255> ids;
  std::size_t used = 0;
  records::final_outcome r;
  if (m.parts_accepted != 0) {
    for (std::uint8_t part = 0; part < m.parts; ++part) {
      const part_record record = read_part(m, part);
      if (record.state != part_state::accepted) continue;
      ids[used++] = part;
      ids[used++] = record.id_length;
      m.read(part_octets_offset(m, part), {ids.data() + used, record.id_length});
      used += record.id_length;
    }
  }
  if (m.parts_accepted != 0 && m.parts_offset != m.head_length) {
    const std::size_t length = std::min<std::size_t>(m.parts_offset - m.head_length, 255);
    ids[used++] = records::sender_part;
    ids[used++] = static_cast<std::uint8_t>(length);
    m.read(m.head_length, {ids.data() + used, length});
    used += length;
  }
  std::array<char, 1024> text;
  if (m.error_text_length != 0) {
    const std::size_t length = std::min<std::size_t>(m.error_text_length, text.size());
    m.read(m.parts_offset, {reinterpret_cast<std::uint8_t*>(text.data()), length});
    r.error_text = {text.data(), length};
  }
  r.batch = m.owner->batch_id;
  r.entry = m.entry;
  r.status = static_cast<std::uint8_t>(m.status);
  r.why = static_cast<std::uint8_t>(m.why);
  r.flags = m.flags & static_cast<std::uint8_t>(~flag_intent);
  r.encoding = static_cast<std::uint8_t>(m.encoding);
  r.parts = m.parts;
  r.parts_accepted = m.parts_accepted;
  r.carrier = m.carrier;
  r.attempts = m.attempts;
  r.error_value = m.error_value;
  r.submitted_at_ms = m.submitted_at_ms;
  r.ids = {ids.data(), used};
  if (!write_record(r)) return false;
  // One part at the first attempt: the usual message left no records. Those that end in the feeder have no parts.
  if (m.parts != 1 || m.attempts > 1) forget_live(r.batch, r.entry);
  if ((m.flags & flag_hold) != 0) batches_[r.batch].intents.erase(r.entry);
  return true;
}

bool commit_stage::write_intents(const intent_list& list) {
  std::vector<records::intents::line> lines;
  lines.reserve(list.messages.size());
  for (const message* m : list.messages) lines.push_back({m->owner->batch_id, m->entry});
  const auto* octets = reinterpret_cast<const std::uint8_t*>(lines.data());
  const std::size_t bytes = lines.size() * sizeof(records::intents::line);
  if (!write_record(records::intents{list.carrier, {octets, bytes}})) return false;
  for (const auto& line : lines) batches_[line.batch].intents[line.entry] = list.carrier;
  return true;
}

bool commit_stage::write_returned(message& m) {
  if (!write_record(records::returned{m.owner->batch_id, m.entry})) return false;
  batches_[m.owner->batch_id].intents.erase(m.entry);
  m.part_events.fetch_sub(1, std::memory_order_release);
  return true;
}

bool commit_stage::write_part(message& m, std::uint8_t part) {
  const part_record record = read_part(m, part);
  std::array<std::uint8_t, max_message_id> id;
  m.read(part_octets_offset(m, part), {id.data(), record.id_length});
  records::part_accepted r;
  r.batch = m.owner->batch_id;
  r.entry = m.entry;
  r.carrier = m.carrier;
  r.part = part;
  r.parts = m.parts;
  r.message_id = {reinterpret_cast<const char*>(id.data()), record.id_length};
  if (!write_record(r)) return false;
  remember_live(r.batch, r.entry, static_cast<std::uint8_t>(records::type::part_accepted), encoded(r));
  m.part_events.fetch_sub(1, std::memory_order_release);
  return true;
}

bool commit_stage::write_control(control_record& r) {
  if (r.type != 0 && !writer_.append(r.type, records::version, r.payload)) return false;
  remember(r);
  return true;
}

void commit_stage::remember(const control_record& r) {
  switch (static_cast<records::type>(r.type)) {
    case records::type::batch_opened:
      if (const auto opened = records::decode<records::batch_opened>(r.payload))
        batches_[opened->batch].opened = r.payload;
      break;
    case records::type::control:
      // It may have been given while the batch was being closed.
      if (const auto control = records::decode<records::control>(r.payload)) {
        if (const auto found = batches_.find(control->batch); found != batches_.end())
          found->second.control = r.payload;
      }
      break;
    case records::type::batch_closed:
      if (const auto closed = records::decode<records::batch_closed>(r.payload)) batches_.erase(closed->batch);
      break;
    case records::type::postponed:
      if (const auto line = records::decode<records::postponed>(r.payload)) {
        remember_live(line->batch, line->entry, r.type, r.payload);
      }
      break;
    default:
      break;
  }
}

void commit_stage::remember_live(std::uint32_t batch, std::uint32_t entry, std::uint8_t type,
                                 std::vector<std::uint8_t> payload) {
  if (type != static_cast<std::uint8_t>(records::type::postponed)) {
    batches_[batch].messages[entry].emplace_back(type, std::move(payload));
  } else if (const auto line = records::decode<records::postponed>(payload)) {
    batches_[batch].postponed[entry] = *line;
  }
}

void commit_stage::forget_live(std::uint32_t batch, std::uint32_t entry) {
  const auto found = batches_.find(batch);
  if (found == batches_.end()) return;
  if (!found->second.messages.empty()) found->second.messages.erase(entry);
  if (!found->second.postponed.empty()) found->second.postponed.erase(entry);
}

bool commit_stage::write(journal_event& event) {
  switch (event.kind) {
    case event_kind::final:
      return write_final(*static_cast<message*>(event.subject));
    case event_kind::part:
      return write_part(*static_cast<message*>(event.subject), event.part);
    case event_kind::intents:
      return write_intents(*static_cast<intent_list*>(event.subject));
    case event_kind::returned:
      return write_returned(*static_cast<message*>(event.subject));
    case event_kind::received: {
      const auto& pdu = *static_cast<received_pdu*>(event.subject);
      return write_record(records::received{pdu.carrier, pdu.received_at_ms, pdu.octets()});
    }
    case event_kind::admission: {
      const auto& a = *static_cast<admission*>(event.subject);
      return write_record(records::taken{a.owner->batch_id, a.block, a.lines});
    }
    case event_kind::control:
      return write_control(*static_cast<control_record*>(event.subject));
  }
  return true;
}

/// What older segments said and is still true, so that recovery can start with the new one.
void commit_stage::collect_state() {
  for (const auto& [id, name] : carriers_) {
    repeat_.emplace_back(static_cast<std::uint8_t>(records::type::carrier_name),
                         encoded(records::carrier_name{id, name}));
  }
  const auto put = [&](records::type type, const std::vector<std::uint8_t>& payload) {
    if (!payload.empty()) repeat_.emplace_back(static_cast<std::uint8_t>(type), payload);
  };
  for (const auto& [id, batch] : batches_) {
    put(records::type::batch_opened, batch.opened);
    put(records::type::control, batch.control);
    for (const auto& [entry, kept] : batch.messages) {
      for (const auto& [type, payload] : kept) put(static_cast<records::type>(type), payload);
    }
    for (const auto& [entry, line] : batch.postponed) put(records::type::postponed, encoded(line));
    for (const auto& [entry, to] : batch.intents) {
      const records::intents::line line{id, entry};
      put(records::type::intents,
          encoded(records::intents{to, {reinterpret_cast<const std::uint8_t*>(&line), sizeof line}}));
    }
  }
}

/// Fills the frame with it. False: the rest comes with the next one.
bool commit_stage::repeat_state() {
  while (!repeat_.empty()) {
    const auto& [type, payload] = repeat_.front();
    if (!writer_.append(type, records::version, payload)) return false;
    repeat_.pop_front();
  }
  return true;
}

bool commit_stage::step() {
  if ((writer_.wants_roll() || checkpoint_wanted_.load(std::memory_order_relaxed)) && !checkpoint_running_ &&
      frame_.empty() && writer_.pending_bytes() == 0) {
    if (auto rolled = writer_.roll(); rolled) {
      checkpoint_wanted_.store(false, std::memory_order_relaxed);
      checkpoint_running_ = true;
      marker_ = writer_.segment();
      collect_state();
    } else if (rolled.error() != std::errc::no_space_on_device || writer_.broken()) {
      hooks_.on_fatal(rolled.error());
      return false;
    }
  }
  // Nothing of the new segment comes before the state that it repeats, nor does the outputs' mark.
  const bool repeated = repeat_state();
  if (repeated && marker_ != 0) {
    auto* mark = new control_record;
    mark->at_outputs = [this, marker = std::exchange(marker_, 0)] { hooks_.on_marker(marker); };
    frame_.push_back({event_kind::control, 0, mark});
  }
  if (repeated) fill_frame();
  if (frame_.empty() && writer_.pending_bytes() == 0) return false;
  return commit_frame();
}

clock::steady_time commit_stage::next_round() const noexcept {
  return many_ && !queues_.credit.scarce() ? begun_ + commit_spacing : clock::steady_time{};
}

/// Takes what was decided meanwhile, as far as the frame has room.
void commit_stage::fill_frame() {
  if (next_ == drained_end_) {
    next_ = 0;
    drained_end_ = queues_.journal.try_dequeue_bulk(token_, drained_.begin(), drained_.size());
  }
  // A message may come by as final, or announced anew, before another producer's event of it: it waits for that.
  const auto too_early = [](const journal_event& event) {
    const auto expects = [](const message* m) { return m->part_events.load(std::memory_order_acquire) != 0; };
    if (event.kind == event_kind::final) return expects(static_cast<message*>(event.subject));
    if (event.kind != event_kind::intents) return false;
    const auto& list = static_cast<intent_list*>(event.subject)->messages;
    return std::any_of(list.begin(), list.end(), expects);
  };
  for (std::size_t i = 0; i < deferred_.size();) {
    journal_event event = deferred_[i];
    if (too_early(event)) {
      ++i;
      continue;
    }
    if (!write(event)) break;
    frame_.push_back(event);
    deferred_[i] = deferred_.back();
    deferred_.pop_back();
  }
  while (next_ < drained_end_) {
    if (next_ + prefetch_distance < drained_end_) prefetch(drained_[next_ + prefetch_distance]);
    journal_event& event = drained_[next_];
    if (too_early(event)) {
      deferred_.push_back(event);
      ++next_;
      continue;
    }
    if (!write(event)) break;
    frame_.push_back(event);
    ++next_;
  }
}

/// Writes the frame, makes it durable, and lets it have its effects.
bool commit_stage::commit_frame() {
  const auto begun = begun_ = time_.steady();
  if (auto written = writer_.commit_begin(); !written) {
    if (written.error() == std::errc::no_space_on_device && !writer_.broken()) {
      // Nothing is lost: the records stay pending, and credit runs out, so that sending stops by itself.
      if (!full_.exchange(true)) hooks_.on_full(true);
      return false;
    }
    hooks_.on_fatal(written.error());
    return false;
  }
  if (auto synced = writer_.commit_finish(); !synced) {
    hooks_.on_fatal(synced.error());
    return false;
  }
  many_ = frame_.size() >= many_events;
  if (full_.exchange(false)) hooks_.on_full(false);
  commit_time_.observe(time_.steady() - begun);
  commits_.add();
  after_sync();
  return true;
}

/// Their session may write them now; when its connection is gone they go back to their lines.
void commit_stage::announce(std::unique_ptr<intent_list> list) {
  if (list->from->announced(list)) return;
  for (message* m : list->messages) {
    m->part_events.fetch_add(1, std::memory_order_relaxed);
    queues_.journal.enqueue({event_kind::returned, 0, m});
    queues_.returned.enqueue({m, return_reason::elsewhere, {}});
  }
  queues_.dispatcher_wake->wake();
}

carrier::producer& commit_stage::producer_for(const std::shared_ptr<carrier>& to) {
  auto& entry = producers_[to.get()];
  if (!entry.second) entry = {to, std::make_unique<carrier::producer>(*to)};
  return *entry.second;
}

/// A session's PDUs come in rows, and are answered so.
void commit_stage::answer(received_pdu& pdu) {
  if (pdu.from != answered_) send_answers();
  answered_ = std::exchange(pdu.from, nullptr);
  answers_.push_back(pdu.sequence_number);
}

void commit_stage::send_answers() {
  if (!answers_.empty()) answered_->acknowledge_all(answers_);
  answers_.clear();
  answered_.reset();
}

void commit_stage::after_sync() {
  std::uint32_t credit = 0;
  for (auto& event : frame_) {
    switch (event.kind) {
      case event_kind::final:
        credit += static_cast<message*>(event.subject)->credit;
        break;
      case event_kind::part:
        ++credit;
        break;
      case event_kind::admission: {
        std::unique_ptr<admission> a(static_cast<admission*>(event.subject));
        for (auto& group : a->groups) {
          if (!group.to->closed()) {
            group.to->push(group.where, group.messages, producer_for(group.to));
            continue;
          }
          for (message* m : group.messages) queues_.returned.enqueue({m, return_reason::elsewhere, {}});
          queues_.dispatcher_wake->wake();
        }
        event.subject = nullptr;
        break;
      }
      case event_kind::intents:
        many_ = false;
        announce(std::unique_ptr<intent_list>(static_cast<intent_list*>(event.subject)));
        event.subject = nullptr;
        break;
      case event_kind::returned:
        event.subject = nullptr;
        break;
      case event_kind::received: {
        many_ = false;
        auto& pdu = *static_cast<received_pdu*>(event.subject);
        if (pdu.from && synced_.answer_ahead(pdu.octets().size())) answer(pdu);
        break;
      }
      case event_kind::control: {
        auto* r = static_cast<control_record*>(event.subject);
        if (r->durable) r->durable();
        break;
      }
    }
  }
  send_answers();
  if (credit != 0 && queues_.credit.give(credit)) hooks_.wake_sessions();
  std::erase_if(frame_, [](const journal_event& e) { return e.subject == nullptr || e.kind == event_kind::part; });
  if (!frame_.empty()) synced_.push(frame_);
  frame_.clear();
}

void commit_stage::checkpoint_done(std::uint64_t marker) {
  checkpoint_running_ = false;
  if (auto removed = writer_.remove_segments_below(marker); !removed) hooks_.on_fatal(removed.error());
  checkpoints_.add();
}

}  // namespace trunkline::engine
