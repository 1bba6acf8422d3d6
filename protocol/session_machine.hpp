#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/framing.hpp"
#include "protocol/keep_alive.hpp"
#include "protocol/window.hpp"

namespace trunkline::protocol {

/// What a session may do once it is bound (SMPP 3.4, 2.2).
enum class bind_type : std::uint8_t { transmitter, receiver, transceiver };

/// Everything a session machine needs to know about one bind. Times are bounds, none may be negative.
struct session_settings {
  using duration = std::chrono::steady_clock::duration;

  bind_type bind = bind_type::transceiver;
  std::uint8_t interface_version = 0x34;
  std::string system_id{};      ///< at most 15 octets
  std::string password{};       ///< sent as it is, also when longer than the 8 octets of the standard
  std::string system_type{};    ///< at most 12 octets
  std::string address_range{};  ///< at most 40 octets
  std::uint8_t addr_ton = 0;
  std::uint8_t addr_npi = 0;
  std::uint32_t window = 10;  ///< unanswered submit_sm
  duration bind_timeout = std::chrono::seconds(10);
  duration response_timeout = std::chrono::seconds(60);  ///< of submit_sm, enquire_link, and of the rest of a PDU
  duration enquire_link = std::chrono::seconds(30);      ///< silence before the peer is asked; 0: never
  duration unbind_timeout = std::chrono::seconds(5);
  duration unbind_grace = std::chrono::seconds(1);  ///< how long a peer that unbinds may still answer our submits
  std::uint32_t max_pdu_bytes = default_max_pdu_bytes;
  std::uint32_t max_unacknowledged = 1'000;  ///< received PDUs not answered yet; more are refused as temporary
  /// How long the answer to a received PDU is withheld while it cannot be made durable; then it is refused with
  /// ESME_RX_T_APPN, and the peer sends it again.
  duration acknowledge_timeout = std::chrono::seconds(10);
};

/// OPEN, BINDING, BOUND_*, UNBINDING, CLOSED. Which of the BOUND states it is follows from the bind type.
enum class session_phase : std::uint8_t { open, binding, bound, unbinding, closed };

/// Why a session came to its end. Everything but `unbound` calls for a new attempt.
enum class session_end : std::uint8_t {
  none,             ///< it has not
  unbound,          ///< we asked, and the peer agreed
  unbound_by_peer,  ///< the peer asked, and was answered
  bind_refused,     ///< end_status() says why
  bind_nack,        ///< the bind was answered with generic_nack
  bind_invalid,     ///< the bind was answered with something else
  bind_timeout,     ///< the bind was not answered
  peer_silent,      ///< an enquire_link, or every submit_sm, stayed without any sign of life
  stalled_pdu,      ///< the rest of a PDU did not come
  unbind_timeout,   ///< our unbind was not answered
  unframeable,      ///< the stream cannot be cut into PDUs any more
  flooded,          ///< the peer makes us answer and does not read the answers
};
[[nodiscard]] std::string_view name_of(session_end reason) noexcept;

/// Kinds of faulty PDUs, as counted in pdu_errors_total.
enum class session_fault : std::uint8_t { unframeable, malformed, unexpected, unknown_command, late_response, nack };
inline constexpr std::size_t session_fault_kinds = 6;

/// What the caller wants back with the answer to a submit_sm.
struct submit_token {
  void* subject = nullptr;
  std::uint32_t part = 0;
};

/// The answer to one submit_sm.
struct submit_answer {
  submit_token token;
  std::uint32_t sequence_number = 0;
  command_status status{};
  bool nack = false;                  ///< the answer was a generic_nack
  std::uint8_t congestion_state = 0;  ///< how busy the SMSC says it is, 0 to 100 (SMPP 5.0, 4.8.4.18); 0: not said
  std::string_view message_id;        ///< without its NUL, opaque octets; dies with the octets given to on_bytes()
  std::chrono::steady_clock::duration duration{};
};

/// Who is told what a session machine finds out. Called from within on_bytes() and tick(); must not call the machine
/// back except for answer() and what only asks.
class session_handler {
 public:
  virtual ~session_handler() = default;

  /// The bind was accepted. `sc_interface_version`: what the response says of it, if anything; session_version() tells
  /// what that means. `system_id` dies with the octets.
  virtual void on_bound(std::string_view system_id, std::optional<std::uint8_t> sc_interface_version) noexcept = 0;
  /// A submit_sm was answered; its slot is free again.
  virtual void on_submit_answer(const submit_answer& answer) noexcept = 0;
  /// A submit_sm was not answered within response_timeout; its slot is free again, an answer that still comes is late.
  virtual void on_submit_timeout(submit_token token) noexcept = 0;
  /// A well-formed deliver_sm or data_sm. True: will be answered by answer(). False: not now; answered with
  /// ESME_RX_T_APPN at once, so that the peer keeps it. The frame dies with the octets.
  virtual bool on_received(const frame& pdu) noexcept = 0;
  /// Something is wrong with what the peer sent; the machine has already reacted. `octets` die with the call.
  virtual void on_fault(session_fault kind, std::span<const std::uint8_t> octets) noexcept = 0;
  /// An alert_notification; has no answer.
  virtual void on_alert(const frame&) noexcept {}
};

/// One SMPP session as an ESME on a connection that we opened: what to say, what to make of what is heard, and when to
/// give up. No sockets, no threads, no clock: octets and times go in, octets and calls of the handler come out. One
/// object per connection. One thread.
///
/// Severities: a PDU with a bad body is answered with its error and counted, the session goes on; a stream that cannot
/// be framed is nacked, counted and ended. A response is never answered.
class session_machine {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `handler` must outlive the machine.
  session_machine(session_settings settings, session_handler& handler);

  /// The connection is up: stages the bind.
  void connected(time_point now) noexcept;

  /// Reads every PDU that is whole and returns how many octets they were; the caller keeps the rest in front of what
  /// it reads next. Never call it with only old octets.
  std::size_t on_bytes(std::span<const std::uint8_t> octets, time_point now) noexcept;

  /// Writes staged PDUs, as far as `out` has room, and returns how many octets. Nothing else may be written to the
  /// connection while has_staged().
  std::size_t fill(std::span<std::uint8_t> out) noexcept;
  [[nodiscard]] bool has_staged() const noexcept { return staged_at_ != staged_.size(); }

  /// What is due at `now`: timeouts and enquire_link.
  void tick(time_point now) noexcept;
  /// When tick() has something to do if nothing else happens; time_point::max() when never.
  [[nodiscard]] time_point next_deadline() const noexcept;

  /// How many submit_sm may be opened now: 0 unless bound for sending.
  [[nodiscard]] std::uint32_t free_slots() const noexcept {
    return phase_ == session_phase::bound && sends_ && !peer_unbinds_ ? window_.free() : 0;
  }
  /// Opens a submit_sm and returns its sequence number; the caller writes header and body to the connection itself.
  /// Only while free_slots() != 0.
  [[nodiscard]] std::uint32_t open_submit(time_point now, submit_token token) noexcept {
    return window_.open(now, token);
  }
  /// Changes how many submit_sm may be unanswered.
  void resize_window(std::uint32_t size) { window_.resize(size); }
  /// New times; they hold for what is unanswered, too.
  void set_timeouts(session_settings::duration response, session_settings::duration enquire_link) noexcept {
    settings_.response_timeout = response;
    settings_.enquire_link = enquire_link;
    keep_alive_.set_times(enquire_link, response);
  }
  /// What was opened under this number and is unanswered, or nullptr.
  [[nodiscard]] const submit_token* unanswered(std::uint32_t sequence_number) const noexcept {
    return window_.find(sequence_number);
  }
  /// Takes a submit_sm back that surely never reached the connection.
  [[nodiscard]] std::optional<submit_token> withdraw_submit(std::uint32_t sequence_number) noexcept;
  /// Takes all unanswered submit_sm back, oldest first: the connection is gone, whether they arrived is unknown.
  template <typename F>
  void drain(F f) {
    window_.drain([&f](std::uint32_t, window<submit_token>::entry lost) { f(lost.value); });
  }

  /// Answers a received PDU that on_received() took. False when there is none of that number waiting.
  bool answer(std::uint32_t sequence_number, command_status status) noexcept;
  [[nodiscard]] std::size_t unacknowledged() const noexcept { return received_.size() - received_at_; }

  /// Stages an unbind; whoever wants its answers waits for them before. Before the bind it just ends.
  void begin_unbind(time_point now) noexcept;

  [[nodiscard]] session_phase phase() const noexcept { return phase_; }
  [[nodiscard]] bool bound() const noexcept { return phase_ == session_phase::bound; }
  /// Once ended, write what is staged and close the connection.
  [[nodiscard]] bool ended() const noexcept { return phase_ == session_phase::closed; }
  [[nodiscard]] session_end end_reason() const noexcept { return end_; }
  [[nodiscard]] command_status end_status() const noexcept { return end_status_; }
  [[nodiscard]] std::uint32_t in_flight() const noexcept { return window_.in_flight(); }
  [[nodiscard]] std::uint32_t window_size() const noexcept { return window_.size(); }
  [[nodiscard]] const session_settings& settings() const noexcept { return settings_; }

 private:
  struct received {
    std::uint32_t sequence_number;
    command_id id;
    time_point since;
  };

  void handle(const frame& pdu, time_point now) noexcept;
  void on_submit_resp(const frame& pdu, time_point now) noexcept;
  void on_nack(const frame& pdu, time_point now) noexcept;
  void on_bind_resp(const frame& pdu, time_point now) noexcept;
  void on_message(const frame& pdu, time_point now) noexcept;
  void on_unbind(const frame& pdu, time_point now) noexcept;
  void on_other(const frame& pdu) noexcept;
  void finish_peer_unbind(time_point now) noexcept;
  void end(session_end reason, command_status status = command_status::rok) noexcept;
  void stage(command_id id, command_status status, std::uint32_t sequence_number,
             std::span<const std::uint8_t> body = {}) noexcept;
  void stage_bind(time_point now) noexcept;
  [[nodiscard]] bool is_bound_somehow() const noexcept {
    return phase_ == session_phase::bound || phase_ == session_phase::unbinding;
  }

  session_settings settings_;
  session_handler& handler_;
  bool sends_;
  session_phase phase_ = session_phase::open;
  session_end end_ = session_end::none;
  command_status end_status_ = command_status::rok;
  window<submit_token> window_;
  keep_alive keep_alive_;
  std::uint32_t bind_number_ = 0;
  std::uint32_t unbind_number_ = 0;
  std::uint32_t peer_unbind_number_ = 0;
  bool peer_unbinds_ = false;
  bool partial_ = false;
  time_point partial_since_{};
  time_point phase_deadline_{};  ///< of binding and unbinding
  time_point peer_unbind_deadline_{};
  std::vector<std::uint8_t> staged_;
  std::size_t staged_at_ = 0;
  std::vector<received> received_;  ///< waiting for answer(), in order of arrival, from received_at_ on
  std::size_t received_at_ = 0;
};

}  // namespace trunkline::protocol
