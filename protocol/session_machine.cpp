// The session machine: one function per thing that a peer may say, and tick() for what it fails to say. All that is
// written goes through stage(), so that answers and control PDUs are coalesced and keep their order.
#include "protocol/session_machine.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "protocol/pdu.hpp"

namespace trunkline::protocol {
namespace {

/// Answers that a peer does not read may take this much memory.
constexpr std::size_t max_staged_bytes = std::size_t{1} << 20U;

command_id bind_command(bind_type type) noexcept {
  switch (type) {
    case bind_type::transmitter:
      return command_id::bind_transmitter;
    case bind_type::receiver:
      return command_id::bind_receiver;
    case bind_type::transceiver:
      break;
  }
  return command_id::bind_transceiver;
}

/// The first C-octet string of a response, which peers leave out or end without its NUL.
std::string_view leading_text(std::span<const std::uint8_t> body) noexcept {
  if (body.empty()) return {};
  const void* nul = std::memchr(body.data(), 0, body.size());
  const std::size_t size =
      nul == nullptr ? body.size() : static_cast<std::size_t>(static_cast<const std::uint8_t*>(nul) - body.data());
  return {reinterpret_cast<const char*>(body.data()), size};
}

/// What is wrong with a deliver_sm or data_sm; ESME_ROK when nothing is.
command_status check_message(const frame& pdu) noexcept {
  if (pdu.header.id == command_id::deliver_sm) {
    const auto read = decode<deliver_sm>(pdu);
    return read ? command_status::rok : status_for(read.error());
  }
  const auto read = decode<data_sm>(pdu);
  if (!read) return status_for(read.error());
  // A receipt without a text is one all the same.
  const bool tells_something = read->tlvs.find(tlv_tag::message_payload) ||
                               read->tlvs.find(tlv_tag::receipted_message_id) ||
                               read->tlvs.find(tlv_tag::message_state);
  return tells_something ? command_status::rok : command_status::rmissingtlv;
}

}  // namespace

std::string_view name_of(session_end reason) noexcept {
  switch (reason) {
    case session_end::none:
      return "none";
    case session_end::unbound:
      return "unbound";
    case session_end::unbound_by_peer:
      return "unbound by the peer";
    case session_end::bind_refused:
      return "bind refused";
    case session_end::bind_nack:
      return "bind answered with generic_nack";
    case session_end::bind_invalid:
      return "bind answered with another response";
    case session_end::bind_timeout:
      return "no answer to bind";
    case session_end::peer_silent:
      return "peer silent";
    case session_end::stalled_pdu:
      return "PDU not completed";
    case session_end::unbind_timeout:
      return "no answer to unbind";
    case session_end::unframeable:
      return "stream cannot be framed";
    case session_end::flooded:
      return "peer does not read";
  }
  return "unknown";
}

session_machine::session_machine(session_settings settings, session_handler& handler)
    : settings_(std::move(settings)),
      handler_(handler),
      sends_(settings_.bind != bind_type::receiver),
      window_(std::max(settings_.window, 1U)),
      keep_alive_(settings_.enquire_link, settings_.response_timeout) {
  staged_.reserve(4096);
  received_.reserve(64);
}

void session_machine::connected(time_point now) noexcept {
  if (phase_ != session_phase::open) return;
  phase_ = session_phase::binding;
  stage_bind(now);
}

void session_machine::stage_bind(time_point now) noexcept {
  std::array<std::uint8_t, 1024> body{};
  octet_writer out(body);
  out.c_octet_string(settings_.system_id);
  out.c_octet_string(settings_.password);
  out.c_octet_string(settings_.system_type);
  out.u8(settings_.interface_version);
  out.u8(settings_.addr_ton);
  out.u8(settings_.addr_npi);
  out.c_octet_string(settings_.address_range);
  bind_number_ = window_.take_number();
  phase_deadline_ = now + settings_.bind_timeout;
  if (!out.ok()) return end(session_end::bind_invalid);
  stage(bind_command(settings_.bind), command_status::rok, bind_number_, out.written());
}

std::size_t session_machine::on_bytes(std::span<const std::uint8_t> octets, time_point now) noexcept {
  if (ended() || octets.empty()) return octets.size();
  keep_alive_.heard(now);
  std::size_t at = 0;
  while (at != octets.size()) {
    const frame_result cut = next_frame(octets.subspan(at), settings_.max_pdu_bytes);
    if (cut.kind == frame_kind::complete) [[likely]] {
      at += cut.frame.octets.size();
      handle(cut.frame, now);
      if (ended()) return octets.size();
      continue;
    }
    if (cut.kind == frame_kind::unframeable) {
      handler_.on_fault(session_fault::unframeable,
                        octets.subspan(at).first(std::min<std::size_t>(octets.size() - at, std::size_t{64})));
      stage(command_id::generic_nack, status_for(cut.error), cut.sequence_number);
      end(session_end::unframeable);
      return octets.size();
    }
    break;
  }
  if (at == octets.size()) {
    partial_ = false;
  } else if (!partial_ || at != 0) {
    partial_ = true;
    partial_since_ = now;
  }
  if (peer_unbinds_) finish_peer_unbind(now);
  if (staged_.size() - staged_at_ > max_staged_bytes) end(session_end::flooded);
  return at;
}

void session_machine::handle(const frame& pdu, time_point now) noexcept {
  switch (pdu.header.id) {
    case command_id::submit_sm_resp:
      return on_submit_resp(pdu, now);
    case command_id::deliver_sm:
    case command_id::data_sm:
      return on_message(pdu, now);
    case command_id::enquire_link:
      return stage(command_id::enquire_link_resp, command_status::rok, pdu.header.sequence_number);
    case command_id::enquire_link_resp:
      return;  // heard() is all it is for
    case command_id::generic_nack:
      return on_nack(pdu, now);
    case command_id::bind_receiver_resp:
    case command_id::bind_transmitter_resp:
    case command_id::bind_transceiver_resp:
      return on_bind_resp(pdu, now);
    case command_id::unbind:
      return on_unbind(pdu, now);
    case command_id::unbind_resp:
      if (phase_ == session_phase::unbinding) return end(session_end::unbound);
      return handler_.on_fault(session_fault::unexpected, pdu.octets);
    case command_id::alert_notification:
      if (is_bound_somehow()) return handler_.on_alert(pdu);
      return handler_.on_fault(session_fault::unexpected, pdu.octets);
    default:
      return on_other(pdu);
  }
}

void session_machine::on_submit_resp(const frame& pdu, time_point now) noexcept {
  const auto answered = window_.close(pdu.header.sequence_number);
  if (!answered) [[unlikely]]
    return handler_.on_fault(session_fault::late_response, pdu.octets);
  const std::string_view id = leading_text(pdu.body);
  std::uint8_t congestion = 0;
  if (pdu.body.size() > id.size() + 1) [[unlikely]]
    congestion = tlv_view(pdu.body.subspan(id.size() + 1)).find_u8(tlv_tag::congestion_state).value_or(0);
  handler_.on_submit_answer({.token = answered->value,
                             .sequence_number = pdu.header.sequence_number,
                             .status = pdu.header.status,
                             .nack = false,
                             .congestion_state = congestion,
                             .message_id = id,
                             .duration = now - answered->sent});
}

void session_machine::on_nack(const frame& pdu, time_point now) noexcept {
  handler_.on_fault(session_fault::nack, pdu.octets);
  const std::uint32_t number = pdu.header.sequence_number;
  if (phase_ == session_phase::binding && number == bind_number_) return end(session_end::bind_nack, pdu.header.status);
  if (phase_ == session_phase::unbinding && number == unbind_number_) return end(session_end::unbound);
  const auto answered = window_.close(number);
  if (!answered) return;
  // A nack that says "no error" is a refusal all the same.
  const command_status status =
      pdu.header.status == command_status::rok ? command_status::runknownerr : pdu.header.status;
  handler_.on_submit_answer({.token = answered->value,
                             .sequence_number = number,
                             .status = status,
                             .nack = true,
                             .congestion_state = 0,
                             .message_id = {},
                             .duration = now - answered->sent});
}

void session_machine::on_bind_resp(const frame& pdu, time_point now) noexcept {
  if (phase_ != session_phase::binding || pdu.header.sequence_number != bind_number_)
    return handler_.on_fault(session_fault::unexpected, pdu.octets);
  if (pdu.header.id != response_of(bind_command(settings_.bind))) {
    handler_.on_fault(session_fault::unexpected, pdu.octets);
    return end(session_end::bind_invalid);
  }
  if (pdu.header.status != command_status::rok) return end(session_end::bind_refused, pdu.header.status);
  phase_ = session_phase::bound;
  keep_alive_.heard(now);
  std::optional<std::uint8_t> peer_version;
  std::string_view system_id = leading_text(pdu.body);
  if (const auto read = decode<bind_resp>(pdu)) {
    system_id = read->system_id;
    peer_version = read->tlvs.find_u8(tlv_tag::sc_interface_version);
  }
  handler_.on_bound(system_id, peer_version);
}

void session_machine::on_message(const frame& pdu, time_point now) noexcept {
  const command_id answer_id = response_of(pdu.header.id);
  const auto refuse = [&](command_status status) {
    static constexpr std::uint8_t empty_id[] = {0};
    const bool with_body = pdu.header.id == command_id::deliver_sm;
    stage(answer_id, status, pdu.header.sequence_number,
          with_body ? std::span<const std::uint8_t>(empty_id) : std::span<const std::uint8_t>());
  };
  // A transmitter has no business with a deliver_sm, but some SMSCs send receipts to one, and a receipt is worth more
  // than the rule.
  if (!is_bound_somehow()) {
    handler_.on_fault(session_fault::unexpected, pdu.octets);
    return refuse(command_status::rinvbndsts);
  }
  if (const command_status status = check_message(pdu); status != command_status::rok) {
    handler_.on_fault(session_fault::malformed, pdu.octets);
    return refuse(status);
  }
  if (unacknowledged() >= settings_.max_unacknowledged) return refuse(command_status::rx_t_appn);
  // Entered first, so that the handler may answer at once.
  received_.push_back({pdu.header.sequence_number, pdu.header.id, now});
  if (!handler_.on_received(pdu)) answer(pdu.header.sequence_number, command_status::rx_t_appn);
}

bool session_machine::answer(std::uint32_t sequence_number, command_status status) noexcept {
  const auto begin = received_.begin() + static_cast<std::ptrdiff_t>(received_at_);
  const auto found =
      std::find_if(begin, received_.end(), [&](const received& r) { return r.sequence_number == sequence_number; });
  if (found == received_.end()) return false;
  const command_id id = found->id;
  if (found == begin) {
    ++received_at_;
  } else {
    received_.erase(found);
  }
  if (received_at_ == received_.size()) {
    received_.clear();
    received_at_ = 0;
  } else if (received_at_ >= 1024) {
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(received_at_));
    received_at_ = 0;
  }
  if (!is_bound_somehow()) return true;
  static constexpr std::uint8_t empty_id[] = {0};
  const bool with_body = id == command_id::deliver_sm || status == command_status::rok;
  stage(response_of(id), status, sequence_number,
        with_body ? std::span<const std::uint8_t>(empty_id) : std::span<const std::uint8_t>());
  return true;
}

void session_machine::on_unbind(const frame& pdu, time_point now) noexcept {
  if (peer_unbinds_) return;
  peer_unbinds_ = true;
  peer_unbind_number_ = pdu.header.sequence_number;
  peer_unbind_deadline_ = now + settings_.unbind_grace;
  finish_peer_unbind(now);
}

/// Answers the peer's unbind, but first lets it answer what it still owes us: each of those answers is a message that
/// need not be sent twice.
void session_machine::finish_peer_unbind(time_point now) noexcept {
  if (ended()) return;
  if (window_.in_flight() != 0 && now < peer_unbind_deadline_) return;
  stage(command_id::unbind_resp, command_status::rok, peer_unbind_number_);
  end(session_end::unbound_by_peer);
}

/// Everything an SMSC does not say to an ESME.
void session_machine::on_other(const frame& pdu) noexcept {
  const command_id id = pdu.header.id;
  if (!is_known(id)) {
    handler_.on_fault(session_fault::unknown_command, pdu.octets);
    if (!is_response(id)) stage(command_id::generic_nack, command_status::rinvcmdid, pdu.header.sequence_number);
    return;
  }
  handler_.on_fault(session_fault::unexpected, pdu.octets);
  if (has_response(id)) stage(response_of(id), command_status::rinvcmdid, pdu.header.sequence_number);
}

std::optional<submit_token> session_machine::withdraw_submit(std::uint32_t sequence_number) noexcept {
  const auto taken = window_.close(sequence_number);
  if (!taken) return std::nullopt;
  return taken->value;
}

void session_machine::begin_unbind(time_point now) noexcept {
  if (phase_ == session_phase::open || phase_ == session_phase::binding) return end(session_end::unbound);
  if (phase_ != session_phase::bound || peer_unbinds_) return;
  phase_ = session_phase::unbinding;
  phase_deadline_ = now + settings_.unbind_timeout;
  unbind_number_ = window_.take_number();
  stage(command_id::unbind, command_status::rok, unbind_number_);
}

void session_machine::tick(time_point now) noexcept {
  if (ended() || phase_ == session_phase::open) return;
  if (partial_ && now - partial_since_ >= settings_.response_timeout) {
    handler_.on_fault(session_fault::malformed, {});
    return end(session_end::stalled_pdu);
  }
  if (phase_ == session_phase::binding) {
    if (now >= phase_deadline_) end(session_end::bind_timeout);
    return;
  }
  while (unacknowledged() != 0 && now - received_[received_at_].since >= settings_.acknowledge_timeout)
    answer(received_[received_at_].sequence_number, command_status::rx_t_appn);
  bool silent_since_submit = false;
  window_.expire(now, settings_.response_timeout, [&](std::uint32_t, window<submit_token>::entry lost) {
    silent_since_submit = silent_since_submit || lost.sent >= keep_alive_.last_heard();
    handler_.on_submit_timeout(lost.value);
  });
  if (peer_unbinds_) return finish_peer_unbind(now);
  if (phase_ == session_phase::unbinding) {
    if (now >= phase_deadline_) end(session_end::unbind_timeout);
    return;
  }
  // Not one octet since a submit that has timed out: whoever takes that for a living peer waits for ever.
  if (silent_since_submit) return end(session_end::peer_silent);
  switch (keep_alive_.due(now)) {
    case keep_alive::action::none:
      return;
    case keep_alive::action::ask:
      stage(command_id::enquire_link, command_status::rok, window_.take_number());
      return keep_alive_.asked(now);
    case keep_alive::action::dead:
      return end(session_end::peer_silent);
  }
}

session_machine::time_point session_machine::next_deadline() const noexcept {
  time_point next = time_point::max();
  if (ended() || phase_ == session_phase::open) return next;
  if (partial_) next = std::min(next, partial_since_ + settings_.response_timeout);
  if (phase_ == session_phase::binding) return std::min(next, phase_deadline_);
  if (unacknowledged() != 0) next = std::min(next, received_[received_at_].since + settings_.acknowledge_timeout);
  if (const auto oldest = window_.oldest()) next = std::min(next, *oldest + settings_.response_timeout);
  if (peer_unbinds_) return std::min(next, peer_unbind_deadline_);
  if (phase_ == session_phase::unbinding) return std::min(next, phase_deadline_);
  return std::min(next, keep_alive_.deadline());
}

std::size_t session_machine::fill(std::span<std::uint8_t> out) noexcept {
  const std::size_t size = std::min(out.size(), staged_.size() - staged_at_);
  if (size == 0) return 0;
  std::memcpy(out.data(), staged_.data() + staged_at_, size);
  staged_at_ += size;
  if (staged_at_ == staged_.size()) {
    staged_.clear();
    staged_at_ = 0;
  }
  return size;
}

void session_machine::end(session_end reason, command_status status) noexcept {
  if (ended()) return;
  phase_ = session_phase::closed;
  end_ = reason;
  end_status_ = status;
}

void session_machine::stage(command_id id, command_status status, std::uint32_t sequence_number,
                            std::span<const std::uint8_t> body) noexcept {
  std::array<std::uint8_t, header_bytes> header{};
  write_header(header, {.command_length = static_cast<std::uint32_t>(header_bytes + body.size()),
                        .id = id,
                        .status = status,
                        .sequence_number = sequence_number});
  staged_.insert(staged_.end(), header.begin(), header.end());
  staged_.insert(staged_.end(), body.begin(), body.end());
}

}  // namespace trunkline::protocol
