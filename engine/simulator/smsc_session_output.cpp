// The simulator's side of a session: what goes out, and when. Nothing is rendered before it is due, so that what waits
// is small and everything a read caused leaves in one buffer.
#include <algorithm>
#include <cstring>

#include "engine/simulator/message_ids.hpp"
#include "engine/simulator/smsc_session_machine.hpp"
#include "protocol/pdu.hpp"

namespace trunkline::engine {

using protocol::command_id;
using protocol::command_status;
using protocol::header_bytes;

namespace {

/// Octets of the longest submit_sm_resp we write.
constexpr std::size_t max_response_bytes = header_bytes + max_message_id_bytes + 1 + 5;

/// How long answers wait for others to be shuffled with.
constexpr auto reorder_patience = std::chrono::milliseconds(5);

/// After so long without an answer a delivery is tried again.
constexpr auto delivery_timeout = std::chrono::seconds(60);

}  // namespace

void smsc_session_machine::say(command_id id, command_status status, std::uint32_t sequence) {
  std::array<std::uint8_t, header_bytes> octets;
  protocol::write_header(octets, {.id = id, .status = status, .sequence_number = sequence});
  control_.insert(control_.end(), octets.begin(), octets.end());
}

std::size_t smsc_session_machine::fill(std::span<std::uint8_t> out, time_point now) {
  if (!centre_.options().steps.empty()) look_at_scenario(now);
  if (cut_off_ || muted_) return 0;
  std::size_t at = fill_control(out);
  if (closing_ || control_at_ < control_.size()) return at;
  at += fill_responses(out.subspan(at), now);
  if (!late_.empty()) at += fill_late(out.subspan(at), now);
  if (unbinding_) {
    if (responses_left() || out.size() - at < header_bytes) return at;
    say(command_id::unbind_resp, command_status::rok, unbind_sequence_);
    closing_ = true;
    return at + fill_control(out.subspan(at));
  }
  if (can_receive()) at += fill_deliveries(out.subspan(at), now);
  if (options_->enquire_link.count() > 0) {
    watch_peer(now);
    at += fill_control(out.subspan(at));
  }
  return at;
}

std::size_t smsc_session_machine::fill_control(std::span<std::uint8_t> out) noexcept {
  const std::size_t size = std::min(out.size(), control_.size() - control_at_);
  if (size == 0) return 0;
  std::memcpy(out.data(), control_.data() + control_at_, size);
  control_at_ += size;
  if (control_at_ == control_.size()) {
    control_.clear();
    control_at_ = 0;
  }
  return size;
}

std::size_t smsc_session_machine::fill_responses(std::span<std::uint8_t> out, time_point now) {
  if (options_->reorder > 1) return fill_in_groups(out, now);
  std::size_t at = 0;
  while (!responses_.empty() && responses_.front().due <= now) {
    const response& answer = responses_.front();
    if (out.size() - at < max_response_bytes + (answer.has_receipt ? max_delivery_bytes : 0)) break;
    if (answer.has_receipt) at += write_early_receipt(out.subspan(at), now);
    at += write_response(out.subspan(at), answer, now);
    responses_.pop();
  }
  return at;
}

std::size_t smsc_session_machine::fill_late(std::span<std::uint8_t> out, time_point now) {
  std::size_t at = 0;
  while (!late_.empty() && late_.front().due <= now && out.size() - at >= max_response_bytes) {
    at += write_response(out.subspan(at), late_.front(), now);
    std::pop_heap(late_.begin(), late_.end(), [](const response& a, const response& b) { return a.due > b.due; });
    late_.pop_back();
  }
  return at;
}

std::size_t smsc_session_machine::fill_in_groups(std::span<std::uint8_t> out, time_point now) {
  std::size_t at = 0;
  while (group_at_ < group_.size() || form_group(now)) {
    for (; group_receipts_ > 0; --group_receipts_) {
      if (out.size() - at < max_delivery_bytes) return at;
      at += write_early_receipt(out.subspan(at), now);
    }
    for (; group_at_ < group_.size(); ++group_at_) {
      if (out.size() - at < max_response_bytes) return at;
      at += write_response(out.subspan(at), group_[group_at_], now);
    }
  }
  return at;
}

bool smsc_session_machine::form_group(time_point now) {
  std::size_t count = 0;
  while (count < options_->reorder && count < responses_.size() && responses_[count].due <= now) ++count;
  if (count == 0) return false;
  const bool whole = count == options_->reorder;
  if (!whole && !unbinding_ && now < responses_.front().due + reorder_patience) return false;

  group_.clear();
  group_at_ = 0;
  for (; count > 0; --count) {
    group_receipts_ += responses_.front().has_receipt ? 1 : 0;
    group_.push_back(responses_.front());
    responses_.pop();
  }
  for (std::size_t i = group_.size(); i > 1; --i) std::swap(group_[i - 1], group_[random_.below(i)]);
  return true;
}

std::size_t smsc_session_machine::write_response(std::span<std::uint8_t> out, const response& answer, time_point) {
  std::size_t length = header_bytes;
  if (answer.nack) {
    protocol::write_header(out.first<header_bytes>(), {.command_length = header_bytes,
                                                       .id = command_id::generic_nack,
                                                       .status = answer.status,
                                                       .sequence_number = answer.sequence});
    return length;
  }
  if (answer.status == command_status::rok) {
    auto* id = reinterpret_cast<char*>(out.data()) + header_bytes;
    const std::size_t size = write_message_id(id, answer.message_id, options_->message_ids);
    id[size] = '\0';
    length += size + 1;
  } else if (options_->congestion) {
    out[length++] = 0;  // an empty message_id, so that the TLV has its place
  }
  if (options_->congestion) {
    protocol::octet_writer tlv(out.subspan(length, 5));
    protocol::write_tlv_u8(tlv, protocol::tlv_tag::congestion_state, *options_->congestion);
    length += tlv.written().size();
  }
  protocol::write_header(out.first<header_bytes>(), {.command_length = static_cast<std::uint32_t>(length),
                                                     .id = command_id::submit_sm_resp,
                                                     .status = answer.status,
                                                     .sequence_number = answer.sequence});
  return length;
}

std::size_t smsc_session_machine::write_early_receipt(std::span<std::uint8_t> out, time_point now) {
  const delivery receipt = early_receipts_.front();
  early_receipts_.pop();
  if (window_.room() > 0) return send(out, receipt, now);
  put_back(receipt, now);  // comes as soon as there is room
  return 0;
}

std::size_t smsc_session_machine::fill_deliveries(std::span<std::uint8_t> out, time_point now) {
  std::size_t at = 0;
  std::size_t room = std::min(window_.room(), out.size() / max_delivery_bytes);
  for (; room > 0 && !receipts_.empty() && receipts_.front().due <= now; --room) {
    at += send(out.subspan(at), receipts_.front(), now);
    receipts_.pop();
  }
  if (room > 0 && account_->next_due() <= now) {
    mail_.clear();
    account_->take_due(now, room, mail_);
    for (const delivery& what : mail_) at += send(out.subspan(at), what, now);
    room -= mail_.size();
  }
  for (; room > 0; --room) {
    const std::uint64_t number = centre_.take_inbound(step_, now);
    if (number == 0) break;
    at += send(out.subspan(at), delivery(number, options_->inbound_from, options_->inbound_to, now), now);
  }
  if (window_.in_flight() > 0 && window_.oldest() + delivery_timeout <= now) {
    window_.take_older(now - delivery_timeout, [this, now](const delivery& what) {
      counters_.redeliveries.add();
      put_back(what, now);
    });
  }
  return at;
}

std::size_t smsc_session_machine::send(std::span<std::uint8_t> out, const delivery& what, time_point now) {
  (what.what == delivery::kind::receipt ? counters_.receipts : counters_.inbound).add();
  const auto wall = std::chrono::floor<std::chrono::seconds>(centre_.wall_at(now));
  return write_delivery(out, window_.put(what, now), what, *options_, dates_, wall);
}

void smsc_session_machine::watch_peer(time_point now) {
  if (asking_) {
    if (now >= asked_ + options_->enquire_link) cut_off_ = true;
  } else if (bound() && now >= last_heard_ + options_->enquire_link) {
    say(command_id::enquire_link, command_status::rok, window_.next_sequence());
    asking_ = true;
    asked_ = now;
  }
}

smsc_session_machine::time_point smsc_session_machine::next_deadline() const noexcept {
  time_point next = centre_.end_of(step_);
  if (closing_ || cut_off_) return time_point::max();
  if (muted_) return next;
  if (!responses_.empty()) {
    time_point due = responses_.front().due;
    if (options_->reorder > 1) {
      due += reorder_patience;
      if (responses_.size() >= options_->reorder) due = std::min(due, responses_[options_->reorder - 1].due);
    }
    next = std::min(next, due);
  }
  if (!late_.empty()) next = std::min(next, late_.front().due);
  if (can_receive() && !unbinding_) {
    if (window_.room() > 0) {
      if (!receipts_.empty()) next = std::min(next, receipts_.front().due);
      next = std::min(next, account_->next_due());
      next = std::min(next, centre_.next_inbound(step_));
    }
    if (window_.in_flight() > 0) next = std::min(next, window_.oldest() + delivery_timeout);
  }
  if (options_->enquire_link.count() > 0 && bound()) {
    next = std::min(next, (asking_ ? asked_ : last_heard_) + options_->enquire_link);
  }
  return next;
}

}  // namespace trunkline::engine
