// The peer's side of a session: what comes in. What goes out, and when, is in smsc_session_output.cpp. The path of a
// submit_sm (frame, decode, judge, queue an answer) is what benchmarks pay for; everything an option adds to it is
// behind a test of that option.
#include "engine/simulator/smsc_session_machine.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "engine/simulator/message_ids.hpp"
#include "protocol/pdu.hpp"

namespace trunkline::engine {

using protocol::command_id;
using protocol::command_status;

namespace {

constexpr auto redelivery_delay = std::chrono::seconds(5);

constexpr std::string_view our_system_id = "trunkline-smsc";

/// Requests that an ESME may make where it may send (SMPP 3.4, 2.3), whether they are served here or not.
constexpr bool is_for_senders(command_id id) noexcept {
  switch (id) {
    case command_id::submit_sm:
    case command_id::submit_multi:
    case command_id::data_sm:
    case command_id::query_sm:
    case command_id::replace_sm:
    case command_id::cancel_sm:
    case command_id::broadcast_sm:
    case command_id::query_broadcast_sm:
    case command_id::cancel_broadcast_sm:
      return true;
    default:
      return false;
  }
}

}  // namespace

smsc_session_machine::smsc_session_machine(message_centre& centre, std::uint64_t number, simulator_counters& counters,
                                           submit_log* log)
    : centre_(centre),
      options_(&centre.options()),
      counters_(counters),
      log_(log),
      number_(number),
      random_(options_->seed * 0x9E3779B97F4A7C15U + number),
      window_(options_->deliver_window) {}

void smsc_session_machine::look_at_scenario(time_point now) {
  const std::size_t step = centre_.step_at(now);
  const bool first = !std::exchange(looked_, true);
  if (step == step_) return;
  // Who comes later starts in the middle, and takes no part in what was done before.
  for (++step_; step_ < step && !first; ++step_) {
    if (const auto& action = centre_.options_of(step_).action) perform(*action);
  }
  step_ = step;
  options_ = &centre_.options_of(step_);
  if (!first && options_->action) perform(*options_->action);
}

void smsc_session_machine::perform(session_fault_kind what) {
  switch (what) {
    case session_fault_kind::disconnect:
      cut_off_ = true;
      return;
    case session_fault_kind::reset:
      cut_off_ = reset_ = true;
      return;
    case session_fault_kind::unbind:
      return stop();
    case session_fault_kind::garbage: {
      // The first four octets are no length that a PDU has.
      static constexpr std::string_view octets = "HTTP/1.1 400 Bad Request\r\n\r\n";
      control_.insert(control_.end(), octets.begin(), octets.end());
      return;
    }
    case session_fault_kind::nack:
      return say(command_id::generic_nack, command_status::rinvcmdid, 0);
    case session_fault_kind::stall:
      stalled_ = true;
      [[fallthrough]];
    case session_fault_kind::mute:
      muted_ = true;
      return;
  }
}

std::size_t smsc_session_machine::on_bytes(std::span<const std::uint8_t> octets, time_point now) {
  if (!centre_.options().steps.empty()) look_at_scenario(now);
  last_heard_ = now;
  asking_ = false;
  std::size_t done = 0;
  while (!closing_ && !unbinding_ && !cut_off_) {
    const auto next = protocol::next_frame(octets.subspan(done));
    if (next.kind == protocol::frame_kind::complete) [[likely]] {
      done += next.frame.octets.size();
      if (next.frame.header.id == command_id::submit_sm) [[likely]] {
        on_submit(next.frame, now);
      } else {
        on_other(next.frame, now);
      }
    } else if (next.kind == protocol::frame_kind::need_more) {
      return done;
    } else {
      counters_.malformed.add();
      say(command_id::generic_nack, protocol::status_for(next.error), next.sequence_number);
      closing_ = true;
    }
  }
  return octets.size();  // nobody listens any more
}

void smsc_session_machine::on_submit(const protocol::frame& from, time_point now) {
  counters_.submits.add();
  response answer{.due = now + options_->latency,
                  .message_id = 0,
                  .sequence = from.header.sequence_number,
                  .status = command_status::rok,
                  .has_receipt = false,
                  .nack = false};
  bool answered = true;
  const auto message = protocol::decode<protocol::submit_sm>(from.body);
  if (!message) {
    counters_.malformed.add();
    answer.status = protocol::status_for(message.error());
  } else {
    answer.status = can_submit() ? judge(now) : command_status::rinvbndsts;
  }

  if (answer.status == command_status::rok && options_->nack > 0 && random_.unit() < options_->nack) {
    answer.nack = true;
    answer.status = command_status::rsyserr;
  }
  if (answer.status == command_status::rok) {
    counters_.accepted.add();
    answer.message_id = next_message_id();
    answered = options_->drop_responses <= 0 || random_.unit() >= options_->drop_responses;
    if (!answered) counters_.dropped.add();
    ++submits_;
    if (options_->disconnect_after != 0 && submits_ >= options_->disconnect_after) {
      cut_off_ = true;
      answered = false;
    }
    if (options_->fault.submit != 0 && submits_ == options_->fault.submit) {
      perform(options_->fault.kind);
      if (cut_off_) answered = false;
    }
    if (muted_) answered = false;
    if (answered && options_->wrong_sequence > 0 && random_.unit() < options_->wrong_sequence) {
      answer.sequence ^= 0x40000000U;
      counters_.dropped.add();
    }
    if (options_->receipts) plan_receipt(*message, answer, answered, now);
  } else if (answer.status == command_status::rthrottled) {
    counters_.throttled.add();
  } else {
    counters_.refused.add();
  }

  if (log_ != nullptr && message) {
    std::array<char, max_message_id_bytes> id;
    const std::size_t id_size = answer.status == command_status::rok
                                    ? write_message_id(id.data(), answer.message_id, options_->message_ids)
                                    : 0;
    const submit_log::context about{.received = centre_.wall_at(now),
                                    .system_id = system_id_,
                                    .session = number_,
                                    .sequence_number = from.header.sequence_number,
                                    .message_id = {id.data(), id_size},
                                    .status = answer.status,
                                    .answered = answered};
    log_->add(about, *message);
  }
  if (answered) queue_answer(answer, now);
}

void smsc_session_machine::queue_answer(const response& answer, time_point now) {
  const late_chance& late = options_->late;
  if (late.probability > 0 && !answer.has_receipt && random_.unit() < late.probability) {
    late_.push_back(answer);
    late_.back().due = now + options_->latency + late.by;
    std::push_heap(late_.begin(), late_.end(), [](const response& a, const response& b) { return a.due > b.due; });
    return;
  }
  responses_.push(answer);
  if (options_->duplicate > 0 && random_.unit() < options_->duplicate) {
    response again = answer;
    again.has_receipt = false;
    responses_.push(again);
  }
}

command_status smsc_session_machine::judge(time_point now) {
  if (options_->window != 0 && unanswered() >= options_->window) return command_status::rthrottled;
  auto& throttle = account_->throttle(step_);
  if (throttle && !throttle->try_take(now)) return command_status::rthrottled;
  if (!options_->errors.empty()) {
    double left = random_.unit();
    for (const auto& error : options_->errors) {
      if (left < error.probability) return error.status;
      left -= error.probability;
    }
  }
  return command_status::rok;
}

void smsc_session_machine::plan_receipt(const protocol::submit_sm& message, response& answer, bool answered,
                                        time_point now) {
  const unsigned wanted = message.registered_delivery & 3U;
  if (wanted == 0) return;
  const std::uint8_t state = draw_receipt_state();
  const bool delivered = state == 0 || options_->receipt_states[state - 1U].message_state == 2;
  if ((wanted == 2 && delivered) || (wanted == 3 && !delivered)) return;

  const bool first = options_->receipts_first;
  const auto due = first ? answer.due : answer.due + *options_->receipts;
  delivery receipt(message, answer.message_id, state, due,
                   std::chrono::floor<std::chrono::seconds>(centre_.wall_at(now)));
  if (!can_receive()) {
    if (first) receipt.due = now;  // another session has to be faster than this one's answer
    put_back(receipt, receipt.due);
  } else if (first && answered) {
    early_receipts_.push(receipt);
    answer.has_receipt = true;
  } else {
    receipts_.push(receipt);
  }
  if (options_->duplicate_receipts > 0 && random_.unit() < options_->duplicate_receipts) {
    if (can_receive()) {
      receipts_.push(receipt);
    } else {
      put_back(receipt, receipt.due);
    }
  }
}

std::uint8_t smsc_session_machine::draw_receipt_state() noexcept {
  if (options_->receipt_states.empty()) return 0;
  double left = random_.unit();
  for (std::size_t i = 0; i < options_->receipt_states.size(); ++i) {
    if (left < options_->receipt_states[i].probability) return static_cast<std::uint8_t>(i + 1);
    left -= options_->receipt_states[i].probability;
  }
  return 0;
}

void smsc_session_machine::on_other(const protocol::frame& from, time_point now) {
  const auto& header = from.header;
  switch (header.id) {
    case command_id::bind_receiver:
    case command_id::bind_transmitter:
    case command_id::bind_transceiver:
      return on_bind(from);
    case command_id::enquire_link:
      counters_.enquire_links.add();
      return say(command_id::enquire_link_resp, command_status::rok, header.sequence_number);
    case command_id::unbind:
      if (!bound()) return say(command_id::unbind_resp, command_status::rinvbndsts, header.sequence_number);
      unbinding_ = true;
      unbind_sequence_ = header.sequence_number;
      return;
    case command_id::unbind_resp:
      closing_ = true;
      return;
    case command_id::generic_nack:
      counters_.nacks.add();
      return on_delivery_answer(header, now);
    case command_id::deliver_sm_resp:
      return on_delivery_answer(header, now);
    default:
      break;
  }
  if (protocol::is_response(header.id)) return;
  if (!protocol::is_known(header.id)) counters_.malformed.add();
  const auto answer = protocol::has_response(header.id) ? protocol::response_of(header.id) : command_id::generic_nack;
  const bool in_wrong_state = is_for_senders(header.id) && !can_submit();
  say(answer, in_wrong_state ? command_status::rinvbndsts : command_status::rinvcmdid, header.sequence_number);
}

void smsc_session_machine::on_bind(const protocol::frame& from) {
  const auto response_id = protocol::response_of(from.header.id);
  auto status = command_status::rok;
  const auto request = protocol::decode<protocol::bind_request>(from);
  if (!request) {
    counters_.malformed.add();
    status = protocol::status_for(request.error());
  } else if (bound()) {
    status = command_status::ralybnd;
  } else if (options_->bind_error != command_status::rok) {
    status = options_->bind_error;
  } else if (!options_->system_id.empty() && request->system_id != options_->system_id) {
    status = command_status::rinvsysid;
  } else if (!options_->password.empty() && request->password != options_->password) {
    status = command_status::rinvpaswd;
  } else if (auto& account = centre_.account_of(request->system_id); account.begin_bind(options_->max_binds)) {
    account_ = &account;
  } else {
    status = command_status::ralybnd;
  }
  if (options_->bind_answer != bind_fault::none) {
    counters_.binds_refused.add();
    if (account_ != nullptr && mode_ == mode::open) std::exchange(account_, nullptr)->end_bind();
    switch (options_->bind_answer) {
      case bind_fault::nack:
        return say(command_id::generic_nack, command_status::rinvcmdid, from.header.sequence_number);
      case bind_fault::other:
        return say(response_id == command_id::bind_transmitter_resp ? command_id::bind_receiver_resp
                                                                    : command_id::bind_transmitter_resp,
                   command_status::rok, from.header.sequence_number);
      case bind_fault::close:
        cut_off_ = true;
        return;
      case bind_fault::silence:
      case bind_fault::none:
        return;
    }
  }
  if (status != command_status::rok) {
    counters_.binds_refused.add();
    return say(response_id, status, from.header.sequence_number);
  }

  counters_.binds.add();
  system_id_ = request->system_id;
  mode_ = from.header.id == command_id::bind_transmitter ? mode::transmitter
          : from.header.id == command_id::bind_receiver  ? mode::receiver
                                                         : mode::transceiver;
  std::array<std::uint8_t, 8> tlv_octets;
  protocol::octet_writer tlvs(tlv_octets);
  // A peer of 3.3 knows no TLVs.
  if (request->interface_version >= 0x34) {
    protocol::write_tlv_u8(tlvs, protocol::tlv_tag::sc_interface_version, std::uint8_t{0x34});
  }
  protocol::bind_resp answer;
  answer.id = response_id;
  answer.system_id = our_system_id;
  answer.tlvs = protocol::tlv_view(tlvs.written());
  std::array<std::uint8_t, 64> octets;
  const std::size_t size = protocol::write_pdu(octets, command_status::rok, from.header.sequence_number, answer);
  control_.insert(control_.end(), octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(size));
}

void smsc_session_machine::on_delivery_answer(const protocol::pdu_header& header, time_point now) {
  const auto answered = window_.take(header.sequence_number);
  if (!answered) return;
  if (header.id == command_id::deliver_sm_resp && header.status == command_status::rok) {
    counters_.deliveries_acked.add();
  } else {
    counters_.redeliveries.add();
    put_back(*answered, now + redelivery_delay);
  }
}

void smsc_session_machine::put_back(const delivery& what, time_point due) {
  delivery later = what;
  later.due = due;
  if (account_ != nullptr && account_->put(later)) centre_.on_mail();
}

std::uint64_t smsc_session_machine::next_message_id() noexcept {
  if (ids_left_ == 0) {
    next_id_ = centre_.ids().take_block();
    ids_left_ = message_id_source::block;
  }
  --ids_left_;
  return next_id_++;
}

void smsc_session_machine::stop() {
  if (closing_ || unbinding_) return;
  if (bound()) {
    say(command_id::unbind, command_status::rok, window_.next_sequence());
  } else {
    closing_ = true;
  }
}

void smsc_session_machine::on_closed(time_point now) {
  closing_ = true;
  if (account_ == nullptr) return;
  const auto give_back = [this](const delivery& what) {
    counters_.redeliveries.add();
    put_back(what, what.due);
  };
  window_.take_older(time_point::max(), give_back);
  for (; !early_receipts_.empty(); early_receipts_.pop()) put_back(early_receipts_.front(), now);
  for (; !receipts_.empty(); receipts_.pop()) put_back(receipts_.front(), receipts_.front().due);
  account_->end_bind();
  account_ = nullptr;
}

}  // namespace trunkline::engine
