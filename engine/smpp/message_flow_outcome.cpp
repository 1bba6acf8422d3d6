// What becomes of messages. An answer, a timeout or a lost connection ends one part; when no part of a message is under
// way any more, decide() says what that means for the whole. Credit: each part written holds one. An accepted part's is
// given back by the journal, any other's here, except that the part which makes a message final passes its credit on
// with the message.
#include <algorithm>
#include <cstring>

#include "engine/smpp/message_flow.hpp"
#include "engine/smpp/part_access.hpp"

namespace trunkline::engine {

using router::submit_action;

/// Most peers answer in order: the messages whose answers probably follow are fetched meanwhile. The first answer of a
/// turn has them begin.
void message_flow::prefetch_after(std::uint32_t sequence_number) const noexcept {
  for (std::uint32_t ahead = answers_ == 0 ? 1 : prefetch_distance; ahead <= prefetch_distance; ++ahead) {
    if (const auto* soon = machine_->unanswered(sequence_number + ahead))
      prefetch(static_cast<message*>(soon->subject));
  }
}

void message_flow::on_submit_answer(const protocol::submit_answer& answer) noexcept {
  prefetch_after(answer.sequence_number);
  auto& m = *static_cast<message*>(answer.token.subject);
  const auto part = static_cast<std::uint8_t>(answer.token.part);
  const auto status = static_cast<std::uint32_t>(answer.status);
  probe_.responses.add(status);
  probe_.latency.observe(answer.duration);
  last_active_ = now_;
  ++answers_;
  if (tuner_) tuner_->answered(answer.duration, now_);
  if (answer.congestion_state != 0) [[unlikely]]
    carrier_.pacing().congested(now_, answer.congestion_state);
  if (!last_ok_ && !answer.nack) {
    last_ok_ = true;
    probe_.last_state.store(session_last_state::ok, std::memory_order_relaxed);
  }
  --m.parts_in_flight;
  if (answer.status == protocol::command_status::rok) [[likely]] {
    accepted(m, part, answer.message_id);
  } else {
    refused_part(m, part, status);
  }
}

void message_flow::accepted(message& m, std::uint8_t part, std::string_view message_id) {
  part_record record = load_part(m, part);
  record.state = part_state::accepted;
  record.id_length = static_cast<std::uint8_t>(std::min(message_id.size(), max_message_id));
  store_part(m, part, record);
  const std::span<const std::uint8_t> id(reinterpret_cast<const std::uint8_t*>(message_id.data()), record.id_length);
  const std::size_t offset = part_octets_offset(m, part);
  if (std::uint8_t* at = m.contiguous(offset, id.size())) [[likely]] {
    if (!id.empty()) std::memcpy(at, id.data(), id.size());
  } else {
    m.write(offset, id);
  }
  ++m.parts_accepted;
  if (m.parts_accepted == m.parts) [[likely]] {
    m.credit = 1;
    finish(m, router::message_status::sent, router::reason::none);
    return;
  }
  sink_.part(&m, part);
  settle(m, 0);
}

void message_flow::refused_part(message& m, std::uint8_t part, std::uint32_t status) {
  set_state(m, part, part_state::refused);
  if (carrier_.policy().for_submit(status).action == submit_action::throttle) {
    probe_.throttled.add();
    carrier_.pacing().throttled(now_);
  }
  if (status == static_cast<std::uint32_t>(protocol::command_status::rmsgqful)) ++full_answers_;
  if (m.error_value == 0 || severity(status) >= severity(m.error_value)) m.error_value = status;
  // The rest of a message that has to be sent again, or has failed, waits for the decision.
  if (held_ == &m) held_ = nullptr;
  settle(m, 1);
}

void message_flow::lost_part(message& m, std::uint8_t part) {
  --m.parts_in_flight;
  set_state(m, part, part_state::unanswered);
  if (held_ == &m) held_ = nullptr;
  settle(m, 1);
}

void message_flow::on_submit_timeout(protocol::submit_token token) noexcept {
  last_ok_ = false;
  probe_.last_state.store(session_last_state::timeout, std::memory_order_relaxed);
  lost_part(*static_cast<message*>(token.subject), static_cast<std::uint8_t>(token.part));
}

/// After a part has ended: decides when nothing of the message is under way or about to be. `owed`: the credit of that
/// part, which leaves with the message when this makes it final.
void message_flow::settle(message& m, std::uint8_t owed) {
  if (m.parts_in_flight != 0 || held_ == &m) {
    credit_back_ += owed;
    return;
  }
  m.credit = owed;
  if (!decide(m)) credit_back_ += owed;
}

/// True when the message is final (and not ours any more); otherwise it went back to a lane or to the dispatcher.
bool message_flow::decide(message& m) {
  bool refused = false;
  bool unanswered = false;
  for (std::uint8_t part = 0; part < m.parts; ++part) {
    const part_state state = load_part(m, part).state;
    refused = refused || state == part_state::refused;
    unanswered = unanswered || state == part_state::unanswered;
  }
  if (unanswered) {
    ++m.unanswered;
    if ((m.flags & flag_maybe_duplicate) == 0) {
      m.flags |= flag_maybe_duplicate;
      probe_.maybe_duplicates.add();
    }
  }
  if (refused && carrier_.policy().for_submit(m.error_value).action == submit_action::fail) return decide_refused(m);
  if (unanswered && decide_unanswered(m)) return true;
  if (refused) return decide_refused(m);
  if (m.expires_at_ms != 0 && wall_ms_ >= m.expires_at_ms && !unanswered) {
    finish(m, router::message_status::expired, router::reason::expired);
    return true;
  }
  send_again(m);
  return false;
}

bool message_flow::decide_unanswered(message& m) {
  if ((m.flags & flag_hold) == 0 && m.unanswered <= options_.unknown_resends) return false;
  finish(m, router::message_status::unknown, router::reason::no_response);
  return true;
}

bool message_flow::decide_refused(message& m) {
  const router::policy_rule rule = carrier_.policy().for_submit(m.error_value);
  switch (rule.action) {
    case submit_action::throttle:
      send_again(m);
      return false;
    case submit_action::stop_session:
      refused_ = true;
      if (m.parts_accepted != 0) {
        send_again(m);
      } else {
        reopen(m);
        --m.attempts;
        sink_.give_back(&m, return_reason::elsewhere);
      }
      return false;
    case submit_action::reroute:
      if (m.parts_accepted == 0) {
        reopen(m);
        sink_.give_back(&m, return_reason::reroute);
        return false;
      }
      [[fallthrough]];
    case submit_action::retry:
      if (m.attempts >= rule.attempts) break;
      reopen(m);
      sink_.give_back(&m, return_reason::retry, now_ + router::next_delay(rule.delay, m.attempts));
      return false;
    case submit_action::sent:
    case submit_action::fail:
      break;
  }
  finish(m, router::message_status::failed, router::reason::command_status);
  return true;
}

void message_flow::finish(message& m, router::message_status status, router::reason why) {
  m.status = status;
  m.why = why;
  settled_ += m.slots;
  sink_.final(&m);
}

/// Back to the lane that comes first; this was no attempt.
void message_flow::send_again(message& m) {
  reopen(m);
  --m.attempts;
  carrier_.push_returned(&m);
}

void message_flow::withdraw_intent(message& m) {
  if ((m.flags & flag_intent) == 0) return;
  m.flags &= static_cast<std::uint8_t>(~flag_intent);
  sink_.returned(&m);
}

/// What was not accepted is to be sent again.
void message_flow::reopen(message& m) {
  withdraw_intent(m);
  for (std::uint8_t part = 0; part < m.parts; ++part) {
    part_record record = load_part(m, part);
    if (record.state == part_state::accepted || record.state == part_state::open) continue;
    record.state = part_state::open;
    store_part(m, part, record);
  }
  m.next_part = 0;
}

/// Which of several answers to the parts of one message decides.
int message_flow::severity(std::uint32_t status) const noexcept {
  switch (carrier_.policy().for_submit(status).action) {
    case submit_action::sent:
      return 0;
    case submit_action::throttle:
      return 1;
    case submit_action::retry:
      return 2;
    case submit_action::reroute:
      return 3;
    case submit_action::stop_session:
      return 4;
    case submit_action::fail:
      return 5;
  }
  return 5;
}

}  // namespace trunkline::engine
