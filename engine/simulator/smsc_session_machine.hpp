#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/simulator/delivery_window.hpp"
#include "engine/simulator/growing_ring.hpp"
#include "engine/simulator/message_centre.hpp"
#include "engine/simulator/random_source.hpp"
#include "engine/simulator/simulator_counters.hpp"
#include "engine/simulator/submit_log.hpp"
#include "protocol/framing.hpp"

namespace trunkline::engine {

/// One connection to the simulated SMSC, without the connection: octets in, octets out, time as a parameter. It decides
/// what is answered, with what and when; a shell around it moves the octets. The same machine serves real sockets and a
/// simulated world on one thread. Not for several threads at once; what sessions share is in the message_centre.
///
/// The shell, in a loop: on_bytes() when octets come; then, and at next_deadline(), fill() until it gives 0 octets;
/// then close the connection if finished(). After each on_bytes() and fill(), close it at once if cut_off(). When the
/// connection is gone for whatever reason: on_closed().
class smsc_session_machine {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `number` names the session in the log and, with the options' seed, seeds its random decisions. `log` may be null.
  /// All that is passed in outlives the machine.
  smsc_session_machine(message_centre& centre, std::uint64_t number, simulator_counters& counters, submit_log* log);

  /// Takes what the peer sent and returns how many octets it is done with; the caller keeps the rest (less than one
  /// PDU) and passes it again with what follows. Allocates nothing once its queues have grown to the load.
  std::size_t on_bytes(std::span<const std::uint8_t> octets, time_point now);

  /// Writes what is due into `out` (at least 1 KiB) and returns how many octets; 0: nothing more is due now.
  std::size_t fill(std::span<std::uint8_t> out, time_point now);

  /// When fill() will have something to say if the peer says nothing; time_point::max(): never. After a fill() that
  /// gave 0 it lies in the future.
  time_point next_deadline() const noexcept;

  /// False while so many answers wait that the shell should rather write than read.
  bool wants_input() const noexcept { return !stalled_ && responses_.size() < max_waiting_responses; }

  /// The conversation is over: close when everything is written.
  bool finished() const noexcept { return closing_ && control_at_ == control_.size(); }

  /// To be cut off without another octet.
  bool cut_off() const noexcept { return cut_off_; }
  /// The same by a TCP reset.
  bool reset() const noexcept { return reset_; }
  /// Octets a second to read; 0: as they come.
  double read_rate() const noexcept { return options_->read_rate; }

  /// Ends the session in order, by unbind if it is bound.
  void stop();

  /// The connection is gone: gives back the bind and leaves deliveries to the account's other sessions. Must be called
  /// once before the end; a second call does nothing.
  void on_closed(time_point now);

  bool bound() const noexcept { return mode_ != mode::open; }
  const std::string& system_id() const noexcept { return system_id_; }

 private:
  enum class mode : std::uint8_t { open, transmitter, receiver, transceiver };

  /// An answer to a submit_sm that waits for its time.
  struct response {
    time_point due;
    std::uint64_t message_id;
    std::uint32_t sequence;
    protocol::command_status status;
    bool has_receipt;  // its receipt is at the front of early_receipts_, and leaves first
    bool nack;         // a generic_nack instead
  };

  static constexpr std::size_t max_waiting_responses = 1U << 20U;

  bool can_submit() const noexcept { return mode_ == mode::transmitter || mode_ == mode::transceiver; }
  bool can_receive() const noexcept { return mode_ == mode::receiver || mode_ == mode::transceiver; }

  void look_at_scenario(time_point now);
  void perform(session_fault_kind what);
  void queue_answer(const response& answer, time_point now);
  std::size_t unanswered() const noexcept { return responses_.size() + (group_.size() - group_at_) + late_.size(); }
  std::size_t fill_late(std::span<std::uint8_t> out, time_point now);
  void on_submit(const protocol::frame& from, time_point now);
  void on_other(const protocol::frame& from, time_point now);
  void on_bind(const protocol::frame& from);
  void on_delivery_answer(const protocol::pdu_header& header, time_point now);
  protocol::command_status judge(time_point now);
  void plan_receipt(const protocol::submit_sm& message, response& answer, bool answered, time_point now);
  std::uint8_t draw_receipt_state() noexcept;
  void put_back(const delivery& what, time_point due);
  std::uint64_t next_message_id() noexcept;

  void say(protocol::command_id id, protocol::command_status status, std::uint32_t sequence);
  std::size_t fill_control(std::span<std::uint8_t> out) noexcept;
  std::size_t fill_responses(std::span<std::uint8_t> out, time_point now);
  std::size_t fill_in_groups(std::span<std::uint8_t> out, time_point now);
  bool form_group(time_point now);
  std::size_t write_response(std::span<std::uint8_t> out, const response& answer, time_point now);
  std::size_t write_early_receipt(std::span<std::uint8_t> out, time_point now);
  std::size_t fill_deliveries(std::span<std::uint8_t> out, time_point now);
  std::size_t send(std::span<std::uint8_t> out, const delivery& what, time_point now);
  void watch_peer(time_point now);
  bool responses_left() const noexcept { return unanswered() != 0; }

  message_centre& centre_;
  const simulator_options* options_;  // of the step
  std::size_t step_ = 0;
  bool looked_ = false;  // at the scenario, once at least
  simulator_counters& counters_;
  submit_log* const log_;
  const std::uint64_t number_;
  random_source random_;

  mode mode_ = mode::open;
  std::string system_id_;
  esme_account* account_ = nullptr;  // once bound, until on_closed()
  bool unbinding_ = false;           // the peer asked to; answered after all other answers
  std::uint32_t unbind_sequence_ = 0;
  bool closing_ = false;
  bool cut_off_ = false;
  bool reset_ = false;
  bool muted_ = false;
  bool stalled_ = false;

  std::uint64_t next_id_ = 0;
  std::uint64_t ids_left_ = 0;
  std::uint64_t submits_ = 0;

  growing_ring<response> responses_;  // in order of due: a latency that falls holds later ones up
  std::vector<response> late_;        // a heap, the earliest in front
  std::vector<response> group_;       // with reorder: what leaves now, shuffled
  std::size_t group_at_ = 0;
  std::size_t group_receipts_ = 0;  // of early_receipts_, to leave before the group
  growing_ring<delivery> early_receipts_;
  growing_ring<delivery> receipts_;  // in order of due
  delivery_window window_;
  std::vector<delivery> mail_;  // scratch
  receipt_dates dates_;

  std::vector<std::uint8_t> control_;  // PDUs that leave at once
  std::size_t control_at_ = 0;
  time_point last_heard_;  // set before anything can be bound
  time_point asked_;       // enquire_link sent then, meaningful while asking_
  bool asking_ = false;
};

}  // namespace trunkline::engine
