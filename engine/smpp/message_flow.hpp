#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/dispatch/carrier.hpp"
#include "engine/dispatch/outcomes.hpp"
#include "engine/dispatch/session_probe.hpp"
#include "engine/smpp/options.hpp"
#include "protocol/session_machine.hpp"
#include "protocol/version.hpp"
#include "router/window_tuner.hpp"

namespace trunkline::engine {

/// What a session that has nothing to write waits for.
enum class flow_wait : std::uint8_t {
  window,  ///< an answer, or the bind: only what the peer sends helps
  work,    ///< messages, or durability credit: wake_slot of the carrier
  pace,    ///< the carrier's pace: a timer
};

/// What one session does with messages: takes them from its carrier's lanes into the window, and decides what each
/// answer, and each missing one, means for them. No sockets, no threads, no clock.
///
/// Ownership: a message belongs to the flow from drain() until it goes to the sink (final, given back) or returns to a
/// lane. At most one message is held that is not wholly in the window: the one being sent in parts.
/// Lives as long as its session and serves one connection after another. One thread.
class message_flow final : public protocol::session_handler {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// All references must outlive the flow. `name` stands in log lines; `bind` is which of the carrier's it serves.
  message_flow(carrier& from, session_probe& probe, outcome_sink& sink, const smpp_options& options, std::string name,
               const bind_config& bind);
  /// For the first of the carrier's binds.
  message_flow(carrier& from, session_probe& probe, outcome_sink& sink, const smpp_options& options, std::string name)
      : message_flow(from, probe, sink, options, std::move(name), from.config().all_binds().front()) {}
  ~message_flow() override;
  message_flow(const message_flow&) = delete;
  message_flow& operator=(const message_flow&) = delete;

  /// A new connection is up: a fresh machine, the bind staged. `answers` is handed out with every received PDU.
  void connected(std::shared_ptr<acknowledger> answers, time_point now);
  /// The connection is gone. `written` is the buffer of the last build() when its write failed, of which `transferred`
  /// octets reached the socket; what lies behind surely was not sent, everything else unanswered may have been.
  void disconnected(time_point now, std::span<const std::uint8_t> written = {}, std::size_t transferred = 0);

  /// Valid from connected() on.
  [[nodiscard]] protocol::session_machine& machine() noexcept { return *machine_; }

  /// Everything that can be written now: answers and control PDUs, then as many submit_sm as window, pace, credit and
  /// the buffer allow. Valid until the next call. Empty: nothing; waits_for() says what would help.
  [[nodiscard]] std::span<const std::uint8_t> build(time_point now, std::int64_t wall_ms);
  [[nodiscard]] flow_wait waits_for() const noexcept { return waits_for_; }

  /// The intents of these messages are durable: build() writes them next, or they go back when nothing may be sent.
  void announced(std::unique_ptr<intent_list> list);

  /// A reload changed the carrier: its times, and this bind's window.
  void reconfigure(const window_config& window);

  /// What the peer sent; returns how many octets were used up, the rest is kept in front of the next ones.
  std::size_t on_bytes(std::span<const std::uint8_t> octets, time_point now, std::int64_t wall_ms);
  void tick(time_point now, std::int64_t wall_ms);

  /// Ends a turn: hands outcomes over, returns credit, publishes gauges. True when credit was returned that others wait
  /// for: wake every carrier.
  [[nodiscard]] bool end_turn();

  /// Takes no more messages from the lanes (stop), or does again.
  void close_admission(bool closed) noexcept { closed_ = closed; }
  /// Nothing unanswered, no message held, none announced.
  [[nodiscard]] bool idle() const noexcept {
    return held_ == nullptr && reserved_ == 0 && (!machine_ || machine_->in_flight() == 0);
  }
  /// Messages that it owns and of which nothing is under way: one between its parts, and announced ones.
  [[nodiscard]] std::size_t not_begun() const noexcept {
    return announced_.size() + (held_ != nullptr && held_->parts_in_flight == 0 ? 1 : 0);
  }
  /// The bind of this connection was accepted.
  [[nodiscard]] bool logged_in() const noexcept { return logged_in_; }
  /// An answer said that the session itself is at fault (stop_session): drain, unbind, bind again after a delay.
  [[nodiscard]] bool refused() const noexcept { return refused_; }
  /// When something was written or answered last.
  [[nodiscard]] time_point last_active() const noexcept { return last_active_; }

 private:
  // protocol::session_handler
  void on_bound(std::string_view system_id, std::optional<std::uint8_t> sc_interface_version) noexcept override;
  void on_submit_answer(const protocol::submit_answer& answer) noexcept override;
  void on_submit_timeout(protocol::submit_token token) noexcept override;
  bool on_received(const protocol::frame& pdu) noexcept override;
  void on_fault(protocol::session_fault kind, std::span<const std::uint8_t> octets) noexcept override;
  void on_alert(const protocol::frame& pdu) noexcept override;

  // writing
  std::size_t add_submits(std::size_t used, std::uint32_t slots);
  bool may_be_sent(message& m);
  bool peer_is_too_old_for(message& m);
  void begin_attempt(message& m) noexcept;
  void size_window();
  bool sender_must_wait(message& m);
  std::uint32_t write_announced(std::size_t& used, std::uint32_t budget);
  void give_announced_back();
  std::uint32_t write_parts(message& m, std::size_t& used, std::uint32_t budget);
  void stamp_validity(const message& m, std::uint8_t* body) const noexcept;

  // deciding
  void accepted(message& m, std::uint8_t part, std::string_view message_id);
  void refused_part(message& m, std::uint8_t part, std::uint32_t status);
  void lost_part(message& m, std::uint8_t part);
  void prefetch_after(std::uint32_t sequence_number) const noexcept;
  void settle(message& m, std::uint8_t owed);
  bool decide(message& m);
  bool decide_refused(message& m);
  bool decide_unanswered(message& m);
  void finish(message& m, router::message_status status, router::reason why);
  void send_again(message& m);
  void withdraw_intent(message& m);
  void reopen(message& m);
  [[nodiscard]] int severity(std::uint32_t status) const noexcept;

  carrier& carrier_;
  session_probe& probe_;
  outcome_sink& sink_;
  const smpp_options& options_;
  const std::string name_;
  const bind_mode bind_;
  window_config window_;
  std::optional<router::window_tuner> tuner_;  ///< of window = "auto"
  carrier::consumer tokens_;
  std::optional<protocol::session_machine> machine_;
  std::shared_ptr<acknowledger> acknowledger_;

  std::size_t buffer_bytes_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t submits_begin_ = 0;  ///< where the submit_sm of the last build() begin
  std::vector<message*> drained_;
  message* held_ = nullptr;         ///< the message being sent in parts
  std::deque<message*> announced_;  ///< their intents are durable: to be written before anything from a lane
  std::uint32_t reserved_ = 0;      ///< slots kept for parts that are announced, or on their way to the journal
  std::uint32_t usual_parts_ = 1;   ///< parts of recent messages: how many to drain
  std::uint32_t answers_ = 0;       ///< of this turn, for the share of ESME_RMSGQFUL
  std::uint32_t full_answers_ = 0;  ///< so many of them say ESME_RMSGQFUL
  std::uint32_t settled_ = 0;       ///< slots of messages that became final in this turn
  std::uint32_t credit_back_ = 0;   ///< credit to return at the end of the turn
  flow_wait waits_for_ = flow_wait::window;
  bool closed_ = false;
  bool refused_ = false;
  bool logged_in_ = false;
  /// Set when the peer speaks an older version than the carrier is configured for.
  std::optional<protocol::interface_version> older_version_;
  bool last_ok_ = true;  ///< what the probe says as last state
  time_point now_{};
  std::int64_t wall_ms_ = 0;
  time_point last_active_{};
  std::uint32_t faults_logged_ = 0;
};

}  // namespace trunkline::engine
