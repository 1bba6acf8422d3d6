// Messages in and out of the window. Writing: build() fills one buffer from the lanes. Messages of batches with
// on_unknown = "hold" go round by the journal first: drained, announced, and written once their intents are durable.
// Deciding: an answer, a timeout or a lost connection ends one part; when no part of a message is under way any more,
// decide() says what becomes of it. Credit: each part written holds one. An accepted part's is given back by the
// journal, any other's here, except that the part which makes a message final passes its credit on with the message.
#include "engine/smpp/message_flow.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "engine/dispatch/optout_set.hpp"
#include "engine/smpp/part_access.hpp"
#include "engine/smpp/peer_version.hpp"
#include "protocol/pdu.hpp"

namespace trunkline::engine {
namespace {

using protocol::session_fault;

static_assert(static_cast<int>(session_fault::unframeable) == static_cast<int>(pdu_error::unframeable));
static_assert(static_cast<int>(session_fault::nack) == static_cast<int>(pdu_error::nack));
static_assert(protocol::session_fault_kinds == pdu_error_kinds);

/// A single PDU always fits (default_max_pdu_bytes), and a system call is worth its price.
constexpr std::size_t min_buffer_bytes = 72 * 1024;
constexpr std::size_t max_buffer_bytes = 256 * 1024;
/// What a submit_sm takes at most in the usual case; only an estimate of how many to drain.
constexpr std::size_t usual_pdu_bytes = 320;
constexpr std::uint32_t max_drain = 512;
/// A message that waits for the pace of its sender stays in memory, so not for long: then it asks again.
constexpr std::chrono::seconds longest_sender_wait{4};
/// A peer that sends nothing but faults must not fill the disk with log lines.
constexpr std::uint32_t max_faults_logged = 50;

protocol::session_settings settings_of(const carrier_config& config, bind_mode bind, unsigned window,
                                       const smpp_options& options) {
  protocol::session_settings settings;
  settings.bind = bind == bind_mode::transmitter ? protocol::bind_type::transmitter
                  : bind == bind_mode::receiver  ? protocol::bind_type::receiver
                                                 : protocol::bind_type::transceiver;
  settings.interface_version = config.interface_version;
  settings.system_id = config.system_id;
  settings.password = config.password.reveal();
  settings.system_type = config.system_type;
  settings.address_range = config.address_range;
  settings.addr_ton = config.addr_ton;
  settings.addr_npi = config.addr_npi;
  settings.window = window;
  settings.bind_timeout = config.bind_timeout;
  settings.response_timeout = config.response_timeout;
  settings.enquire_link = config.enquire_link;
  settings.unbind_timeout = options.unbind_timeout;
  settings.unbind_grace = options.unbind_grace;
  settings.max_unacknowledged = options.max_unacknowledged;
  return settings;
}

void two_digits(std::uint8_t* at, std::int64_t value) noexcept {
  at[0] = static_cast<std::uint8_t>('0' + value / 10);
  at[1] = static_cast<std::uint8_t>('0' + value % 10);
}

}  // namespace

message_flow::message_flow(carrier& from, session_probe& probe, outcome_sink& sink, const smpp_options& options,
                           std::string name, const bind_config& bind)
    : carrier_(from),
      probe_(probe),
      sink_(sink),
      options_(options),
      name_(std::move(name)),
      bind_(bind.bind),
      window_(bind.window),
      tuner_(bind.window.automatic
                 ? std::optional<router::window_tuner>(std::in_place, bind.window.min, bind.window.max)
                 : std::nullopt),
      tokens_(from),
      buffer_bytes_(
          std::clamp<std::size_t>(std::size_t{bind.window.largest()} * 256, min_buffer_bytes, max_buffer_bytes)),
      // Not initialised: an idle session touches no page of it.
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(buffer_bytes_)) {
  drained_.resize(max_drain);
  size_window();
}

message_flow::~message_flow() = default;

void message_flow::connected(std::shared_ptr<acknowledger> answers, time_point now) {
  now_ = last_active_ = now;
  refused_ = logged_in_ = false;
  acknowledger_ = std::move(answers);
  machine_.emplace(settings_of(carrier_.config(), bind_, window_.largest(), options_), *this);
  if (tuner_) tuner_->new_connection();
  size_window();
  machine_->connected(now);
}

void message_flow::disconnected(time_point now, std::span<const std::uint8_t> written, std::size_t transferred) {
  if (!machine_) return;
  now_ = now;
  message* held = std::exchange(held_, nullptr);
  const bool held_idle = held != nullptr && held->parts_in_flight == 0;
  std::size_t at = written.empty() ? 0 : submits_begin_;
  while (at < written.size()) {
    const protocol::frame_result cut = protocol::next_frame(written.subspan(at));
    if (cut.kind != protocol::frame_kind::complete) break;
    at += cut.frame.octets.size();
    if (at <= transferred || cut.frame.header.id != protocol::command_id::submit_sm) continue;
    if (const auto token = machine_->withdraw_submit(cut.frame.header.sequence_number)) {
      auto& m = *static_cast<message*>(token->subject);
      --m.parts_in_flight;
      set_state(m, static_cast<std::uint8_t>(token->part), part_state::open);
      settle(m, 1);
    }
  }
  machine_->drain([this](protocol::submit_token token) {
    lost_part(*static_cast<message*>(token.subject), static_cast<std::uint8_t>(token.part));
  });
  if (held_idle) settle(*held, 0);
  // What is still on its way to the journal finds its connection gone, and is given back there.
  give_announced_back();
  reserved_ = 0;
  acknowledger_.reset();
  machine_.reset();
}

std::span<const std::uint8_t> message_flow::build(time_point now, std::int64_t wall_ms) {
  now_ = now;
  wall_ms_ = wall_ms;
  waits_for_ = flow_wait::window;
  std::size_t used = machine_->fill({buffer_.get(), buffer_bytes_});
  submits_begin_ = used;
  if (closed_ || refused_) give_announced_back();
  if (!machine_->has_staged()) {
    if (tuner_) size_window();
    const std::uint32_t slots = machine_->free_slots();
    if (tuner_ && slots == 0 && machine_->bound() && (held_ != nullptr || carrier_.queued() != 0))
      tuner_->held_up_by_window();
    if (slots != 0 && (held_ != nullptr || !(closed_ || refused_))) used = add_submits(used, slots);
  }
  if (used != 0) last_active_ = now;
  return {buffer_.get(), used};
}

/// The window that holds now, into the machine and the probe.
void message_flow::size_window() {
  const std::uint32_t size = tuner_ ? tuner_->size() : window_.fixed;
  if (machine_ && machine_->window_size() != size) machine_->resize_window(size);
  probe_.window_size.store(bind_ == bind_mode::receiver ? 0 : size, std::memory_order_relaxed);
}

void message_flow::reconfigure(const window_config& window) {
  if (window_ != window) {
    window_ = window;
    if (!window.automatic) {
      tuner_.reset();
    } else if (tuner_) {
      tuner_->set_bounds(window.min, window.max);
    } else {
      tuner_.emplace(window.min, window.max);
    }
    size_window();
  }
  const carrier_config& config = carrier_.config();
  if (machine_) machine_->set_timeouts(config.response_timeout, config.enquire_link);
}

std::size_t message_flow::add_submits(std::size_t used, std::uint32_t slots) {
  durability_credit& credit = sink_.queues().credit;
  const std::uint32_t credited = credit.take(slots);
  if (credited == 0) {
    waits_for_ = flow_wait::work;
    return used;
  }
  const std::uint32_t paced = carrier_.pacing().try_take(now_, credited);
  if (tuner_ && paced < credited) tuner_->held_up_by_pace();
  if (paced == 0) {
    waits_for_ = flow_wait::pace;
    credit_back_ += credited;
    return used;
  }
  std::uint32_t left = paced;
  if (held_ != nullptr) left -= write_parts(*held_, used, left);
  left -= write_announced(used, left);
  slots = machine_->free_slots();
  // What may be taken from the lanes: credited, paced, and not kept for what is announced.
  std::uint32_t free = std::min(left, slots - std::min(slots, reserved_));
  std::unique_ptr<intent_list> intents;
  while (free != 0 && held_ == nullptr && !closed_ && !refused_ && buffer_bytes_ - used >= usual_pdu_bytes) {
    const std::size_t room = (buffer_bytes_ - used) / usual_pdu_bytes;
    const std::size_t want = std::min<std::size_t>({free / usual_parts_, room, max_drain});
    const std::size_t count = carrier_.drain(std::span(drained_).first(std::max<std::size_t>(want, 1)), tokens_);
    if (count == 0) {
      waits_for_ = flow_wait::work;
      break;
    }
    usual_parts_ = 1;
    for (std::size_t i = 0; i < std::min(count, prefetch_distance); ++i) prefetch(drained_[i]);
    for (std::size_t i = 0; i < count; ++i) {
      if (i + prefetch_distance < count) prefetch(drained_[i + prefetch_distance]);
      message& m = *drained_[i];
      usual_parts_ = std::max<std::uint32_t>(usual_parts_, m.parts);
      // A long message may reserve more than there is, when nothing else is reserved: its parts follow one another.
      const bool waits_its_turn = (m.flags & flag_hold) != 0 && m.parts > free && reserved_ != 0;
      if (free == 0 || held_ != nullptr || waits_its_turn) {
        // Not touched yet: whoever has room for it takes it next.
        carrier_.push_returned(&m);
        if (waits_its_turn) free = 0;
        continue;
      }
      if (!may_be_sent(m)) continue;
      if (carrier_.sending_senders().limited() && sender_must_wait(m)) continue;
      if ((m.flags & flag_hold) != 0) {
        if (!intents) intents = std::make_unique<intent_list>();
        intents->messages.push_back(&m);
        reserved_ += m.parts;
        free -= std::min<std::uint32_t>(free, m.parts);
        continue;
      }
      begin_attempt(m);
      const std::uint32_t written = write_parts(m, used, free);
      left -= written;
      free -= written;
    }
  }
  if (intents) {
    intents->from = acknowledger_;
    intents->carrier = carrier_.id();
    sink_.intents(std::move(intents));
  }
  if (left != 0) carrier_.pacing().put_back(now_, left);
  credit_back_ += credited - (paced - left);
  probe_.submits.add(paced - left);
  return used;
}

void message_flow::announced(std::unique_ptr<intent_list> list) {
  for (message* m : list->messages) {
    m->flags |= flag_intent;
    announced_.push_back(m);
  }
}

std::uint32_t message_flow::write_announced(std::size_t& used, std::uint32_t budget) {
  std::uint32_t written = 0;
  while (!announced_.empty() && held_ == nullptr && written != budget && buffer_bytes_ - used >= usual_pdu_bytes) {
    message& m = *announced_.front();
    announced_.pop_front();
    reserved_ -= m.parts;
    if (!may_be_sent(m)) continue;
    begin_attempt(m);
    written += write_parts(m, used, budget - written);
  }
  return written;
}

/// Nothing is sent on this connection any more: whoever has room for them announces them anew.
void message_flow::give_announced_back() {
  for (message* m : announced_) {
    reserved_ -= std::min<std::uint32_t>(reserved_, m->parts);
    withdraw_intent(*m);
    carrier_.push_returned(m);
  }
  announced_.clear();
}

/// False: it ended here, or went back to its line.
bool message_flow::may_be_sent(message& m) {
  if (m.owner != nullptr && m.owner->cancelled.load(std::memory_order_relaxed)) {
    m.credit = 0;
    finish(m, router::message_status::cancelled, router::reason::cancelled);
    return false;
  }
  if (m.expires_at_ms != 0 && wall_ms_ >= m.expires_at_ms) {
    m.credit = 0;
    finish(m, router::message_status::expired, router::reason::expired);
    return false;
  }
  // Of a message that went out in part the rest follows.
  if (m.optout_key != 0 && options_.optouts != nullptr && m.parts_accepted == 0 &&
      options_.optouts->contains(m.optout_key)) {
    m.credit = 0;
    finish(m, router::message_status::rejected, router::reason::opted_out);
    probe_.opted_out.add();
    return false;
  }
  if (older_version_ && peer_is_too_old_for(m)) [[unlikely]] {
    m.credit = 0;
    finish(m, router::message_status::rejected, router::reason::peer_version);
    return false;
  }
  if (m.owner != nullptr && m.owner->paused.load(std::memory_order_relaxed)) {
    withdraw_intent(m);
    sink_.give_back(&m, return_reason::elsewhere);
    return false;
  }
  return true;
}

/// The peer turned out to speak a version that has no way to carry this message's text.
bool message_flow::peer_is_too_old_for(message& m) {
  // An accepted part holds its id instead; the peer could take it then.
  if (m.parts_accepted != 0) return false;
  const std::size_t body = load_part(m, 0).body_length;
  std::vector<std::uint8_t> pdu(protocol::header_bytes + body);
  protocol::write_header(std::span<std::uint8_t, protocol::header_bytes>(pdu.data(), protocol::header_bytes),
                         {.command_length = static_cast<std::uint32_t>(pdu.size()),
                          .id = protocol::command_id::submit_sm,
                          .status = protocol::command_status::rok,
                          .sequence_number = 1});
  m.read(part_octets_offset(m, 0), std::span(pdu).subspan(protocol::header_bytes));
  const auto cut = protocol::next_frame(pdu);
  return cut.kind == protocol::frame_kind::complete && needs_newer_version(cut.frame, *older_version_);
}

/// True: its sender has sent as much as it may for now (`throughput_per_sender`); the message comes back when its time
/// has come, and is no attempt the poorer.
bool message_flow::sender_must_wait(message& m) {
  std::array<std::uint8_t, 48> front;  // service_type, TON, NPI, source_addr: at most 6 + 2 + 21 octets
  const std::size_t length = std::min<std::size_t>(front.size(), load_part(m, 0).body_length);
  // An accepted part holds its id instead; the sender was let go then.
  if (m.parts_accepted != 0 || length < 4) return false;
  m.read(part_octets_offset(m, 0), std::span(front).first(length));
  const auto end = front.begin() + static_cast<std::ptrdiff_t>(length);
  const auto service_end = std::find(front.begin(), end, std::uint8_t{0});
  if (end - service_end < 4) return false;
  const auto sender = service_end + 3;
  const auto sender_end = std::find(sender, end, std::uint8_t{0});
  const std::string_view text(reinterpret_cast<const char*>(&*sender), static_cast<std::size_t>(sender_end - sender));
  const auto wait = carrier_.sending_senders().take(text, m.parts, now_, true);
  if (wait.count() == 0) return false;
  sink_.give_back(&m, return_reason::retry, now_ + std::min<std::chrono::nanoseconds>(wait, longest_sender_wait));
  return true;
}

void message_flow::begin_attempt(message& m) noexcept {
  ++m.attempts;
  m.error_value = 0;
  m.next_part = 0;
}

/// Writes the parts of `m` that are still to be sent, as far as budget and buffer go; a message with parts left becomes
/// the held one. Returns how many were written.
std::uint32_t message_flow::write_parts(message& m, std::size_t& used, std::uint32_t budget) {
  std::uint32_t written = 0;
  held_ = nullptr;
  for (; m.next_part < m.parts; ++m.next_part) {
    const std::uint8_t part = m.next_part;
    part_record record = load_part(m, part);
    if (record.state == part_state::accepted) continue;
    if (m.expires_at_ms != 0 && wall_ms_ >= m.expires_at_ms) {
      // Ends as expired as soon as the parts under way are answered; see decide().
      settle(m, 0);
      return written;
    }
    const std::size_t length = protocol::header_bytes + record.body_length;
    if (written == budget || buffer_bytes_ - used < length) {
      held_ = &m;
      return written;
    }
    const std::uint32_t number = machine_->open_submit(now_, {.subject = &m, .part = part});
    if (number == 0) {
      held_ = &m;
      return written;
    }
    std::uint8_t* out = buffer_.get() + used;
    protocol::write_header(std::span<std::uint8_t, protocol::header_bytes>(out, protocol::header_bytes),
                           {.command_length = static_cast<std::uint32_t>(length),
                            .id = protocol::command_id::submit_sm,
                            .status = protocol::command_status::rok,
                            .sequence_number = number});
    std::uint8_t* body = out + protocol::header_bytes;
    const std::size_t offset = part_octets_offset(m, part);
    if (const std::uint8_t* from = m.contiguous(offset, record.body_length)) [[likely]] {
      std::memcpy(body, from, record.body_length);
    } else {
      m.read(offset, {body, record.body_length});
    }
    if (m.validity_offset != 0) stamp_validity(m, body);
    record.state = part_state::in_flight;
    store_part(m, part, record);
    ++m.parts_in_flight;
    m.submitted_at_ms = wall_ms_;
    used += older_version_ ? fit_to_version({out, length}, *older_version_) : length;
    ++written;
  }
  return written;
}

/// What is left of the validity, as the relative time YYMMDDhhmmsstnnp of SMPP 3.4, 7.1.1. Only days and less are used:
/// a month is no fixed time.
void message_flow::stamp_validity(const message& m, std::uint8_t* body) const noexcept {
  constexpr std::int64_t day = 24 * 60 * 60;
  const std::int64_t seconds = std::clamp<std::int64_t>((m.expires_at_ms - wall_ms_) / 1000, 1, 99 * day);
  std::uint8_t* at = body + m.validity_offset;
  std::memset(at, '0', 15);
  two_digits(at + 4, seconds / day);
  two_digits(at + 6, seconds % day / 3600);
  two_digits(at + 8, seconds % 3600 / 60);
  two_digits(at + 10, seconds % 60);
  at[15] = 'R';
}

std::size_t message_flow::on_bytes(std::span<const std::uint8_t> octets, time_point now, std::int64_t wall_ms) {
  now_ = now;
  wall_ms_ = wall_ms;
  return machine_->on_bytes(octets, now);
}

void message_flow::tick(time_point now, std::int64_t wall_ms) {
  now_ = now;
  wall_ms_ = wall_ms;
  machine_->tick(now);
}

bool message_flow::end_turn() {
  const std::uint32_t in_flight = machine_ ? machine_->in_flight() : 0;
  probe_.in_flight.store(in_flight, std::memory_order_relaxed);
  if (tuner_) tuner_->in_flight(in_flight);
  if (answers_ != 0) {
    carrier_.note_answers(now_, answers_, full_answers_);
    answers_ = full_answers_ = 0;
  }
  bool others_wait = false;
  if (credit_back_ != 0) {
    others_wait = sink_.queues().credit.give(credit_back_);
    credit_back_ = 0;
  }
  // Before they can reach the outputs, which release them.
  if (settled_ != 0) carrier_.settle(std::exchange(settled_, 0U));
  if (!sink_.empty()) sink_.flush();
  return others_wait;
}

void message_flow::on_bound(std::string_view system_id, std::optional<std::uint8_t> sc_interface_version) noexcept {
  const auto configured = carrier_.config().interface_version;
  const auto version = ruling_version(configured, sc_interface_version);
  older_version_.reset();
  if (static_cast<std::uint8_t>(version) < configured) older_version_ = version;
  spdlog::info("{}: logged in, peer \"{}\"", name_, system_id.substr(0, 64));
  if (older_version_) {
    spdlog::warn(
        "{}: the peer speaks SMPP {:x}.{:x}, older than the configured {:x}.{:x}: messages go without the "
        "parameters that it does not know, and those whose text needs one are rejected (peer_version)",
        name_, static_cast<unsigned>(version) >> 4U, static_cast<unsigned>(version) & 15U, configured >> 4U,
        configured & 15U);
  }
  last_ok_ = logged_in_ = true;
  last_active_ = now_;
  probe_.last_state.store(session_last_state::ok, std::memory_order_relaxed);
  probe_.state.store(session_state::logged_in, std::memory_order_relaxed);
}

bool message_flow::on_received(const protocol::frame& pdu) noexcept {
  auto received = received_pdu::make(pdu.octets);
  received->from = acknowledger_;
  received->sequence_number = pdu.header.sequence_number;
  received->carrier = carrier_.id();
  received->received_at_ms = wall_ms_;
  sink_.received(std::move(received));
  probe_.delivers.add();
  last_active_ = now_;
  return true;
}

void message_flow::on_fault(session_fault kind, std::span<const std::uint8_t> octets) noexcept {
  probe_.pdu_errors[static_cast<std::size_t>(kind)].add();
  if (kind == session_fault::nack) {
    last_ok_ = false;
    probe_.last_state.store(session_last_state::nack, std::memory_order_relaxed);
  }
  if (faults_logged_ >= max_faults_logged) return;
  ++faults_logged_;
  // What follows the header holds addresses and texts.
  const std::size_t most = options_.mask_numbers ? protocol::header_bytes : 64;
  const auto shown = octets.first(std::min(octets.size(), most));
  spdlog::warn("{}: {} PDU of {} octets: {:02x}{}{}", name_, to_label(static_cast<pdu_error>(kind)), octets.size(),
               fmt::join(shown, ""), shown.size() < octets.size() ? "..." : "",
               faults_logged_ == max_faults_logged ? " (further ones are only counted)" : "");
}

void message_flow::on_alert(const protocol::frame& pdu) noexcept {
  probe_.alerts.add();
  if (const auto alert = protocol::decode<protocol::alert_notification>(pdu)) {
    if (options_.mask_numbers) {
      spdlog::info("{}: alert_notification: a phone can be reached again", name_);
    } else {
      spdlog::info("{}: alert_notification: {} can be reached again (for {})", name_, alert->source_addr,
                   alert->esme_addr);
    }
  } else {
    on_fault(session_fault::malformed, pdu.octets);
  }
}

}  // namespace trunkline::engine
