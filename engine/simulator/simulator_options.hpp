#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "protocol/command_status.hpp"

namespace trunkline::engine {

/// How a message id is written: the simulator numbers messages, and carriers write such numbers in either radix.
enum class id_form : std::uint8_t { hex, dec };

/// A status and the share of submit_sm that are answered with it.
struct status_chance {
  protocol::command_status status{};
  double probability = 0;
};

/// A final state of a message (its seven letters in a receipt, and the number for the TLV message_state) and its share.
struct state_chance {
  std::string stat;
  std::uint8_t message_state = 2;
  double probability = 0;
};

/// How a bind is answered wrongly.
enum class bind_fault : std::uint8_t { none, nack, silence, other, close };

/// What a carrier does to a session in the middle of everything.
enum class session_fault_kind : std::uint8_t {
  disconnect,  ///< closes the connection
  reset,       ///< the same with a TCP reset
  unbind,      ///< asks to unbind
  garbage,     ///< sends octets that are no PDU
  nack,        ///< sends a generic_nack that answers nothing
  mute,        ///< reads on and says nothing more
  stall,       ///< reads nothing more either
};

/// A fault at the Nth submit_sm of each session.
struct fault_at {
  session_fault_kind kind{};
  std::uint64_t submit = 0;  ///< from 1; 0: never
};

/// A share of answers that come so much later than the others.
struct late_chance {
  std::chrono::nanoseconds by{0};
  double probability = 0;
};

struct simulator_step;

/// Everything that `trunkline simulator` can be told; the defaults are an SMSC that takes everything and answers at
/// once. A plain value: parsed by the command line, read by all sessions, never changed while they run.
struct simulator_options {
  std::string listen = "127.0.0.1";
  std::uint16_t port = 2775;  ///< 0: any free one
  unsigned threads = 1;

  std::string tls_cert;       ///< chain of certificates: TLS is spoken, and nothing else; empty: plain TCP
  std::string tls_key;        ///< empty: in the same file
  std::string tls_client_ca;  ///< a client must show a certificate that it signed; empty: need not

  std::string system_id;   ///< empty: any system_id and password may bind
  std::string password;    ///< empty: any password
  unsigned max_binds = 0;  ///< per system_id, 0: any number; one more is refused with ESME_RALYBND
  protocol::command_status bind_error = protocol::command_status::rok;  ///< other than rok: every bind is refused so

  bind_fault bind_answer = bind_fault::none;

  std::chrono::nanoseconds latency{0};     ///< between a submit_sm and its answer
  double throttle_per_second = 0;          ///< per system_id; above it ESME_RTHROTTLED; 0: unlimited
  unsigned window = 0;                     ///< unanswered submit_sm of a session; above it ESME_RTHROTTLED; 0: any
  std::optional<std::uint8_t> congestion;  ///< congestion_state in answers
  std::vector<status_chance> errors;       ///< probabilities sum up to at most 1
  double drop_responses = 0;               ///< share of accepted submit_sm that get no answer
  late_chance late;                        ///< answers that come later than the others
  double duplicate = 0;                    ///< share of answers that come twice
  double nack = 0;                         ///< share that is answered with generic_nack
  double wrong_sequence = 0;               ///< share of answers with a number that nobody used
  fault_at fault;
  double read_rate = 0;                      ///< octets a second that are read of each connection; 0: all
  unsigned reorder = 0;                      ///< answers leave in groups of so many, shuffled; below 2: in order
  std::uint64_t disconnect_after = 0;        ///< submit_sm of one session after which it is cut off; 0: never
  std::chrono::nanoseconds enquire_link{0};  ///< silence of the peer after which it is asked; 0: never

  id_form message_ids = id_form::hex;                ///< in responses
  std::optional<std::chrono::nanoseconds> receipts;  ///< delay from answer to receipt; nothing: no receipts
  std::optional<id_form> receipt_ids;                ///< nothing: the same as in responses
  bool receipts_first = false;                       ///< the receipt leaves just before the answer
  std::vector<state_chance> receipt_states;          ///< what is left of 1 is DELIVRD
  double duplicate_receipts = 0;                     ///< share of receipts that come twice
  double inbound_per_second = 0;                     ///< deliver_sm of mobiles, over all sessions that can receive
  std::uint64_t inbound_count = 0;                   ///< so many of them, then no more; 0: no end
  std::string inbound_text = "Message {n}";          ///< {n}: their number, from 1
  std::string inbound_to = "12345";
  std::string inbound_from;        ///< empty: each from a phone of its own
  unsigned deliver_window = 1000;  ///< unanswered deliver_sm of one session

  std::string log_file;   ///< JSON Lines of the submit_sm received; empty: none
  bool log_sync = false;  ///< a line is written to the file before its submit_sm is answered
  bool stats = false;     ///< a line a second on stderr
  std::uint64_t seed = 1;

  std::vector<simulator_step> steps;         ///< what changes later, in order of time
  bool accept = true;                        ///< of a step: connections are taken, otherwise closed at once
  std::optional<session_fault_kind> action;  ///< of a step: what each session does when it begins
};

/// A moment of a scenario and all options from then on; their own `steps` are empty.
struct simulator_step {
  std::chrono::nanoseconds at;  ///< since the first connection
  simulator_options options;
};

/// "20ms", "1.5s", "2m", "1h", "300us" as a duration; an error in words. A number without a unit is refused.
tl::expected<std::chrono::nanoseconds, std::string> parse_simulator_duration(std::string_view text);

/// "1000/s", "60/m" or "1000" as events a second.
tl::expected<double, std::string> parse_rate(std::string_view text);

/// A share from 0 to 1.
tl::expected<double, std::string> parse_probability(std::string_view text);

/// A status by name ("ESME_RTHROTTLED") or number ("0x58", "88").
tl::expected<protocol::command_status, std::string> parse_status(std::string_view text);

/// "ESME_RMSGQFUL=0.01"; the status also as a number.
tl::expected<status_chance, std::string> parse_status_chance(std::string_view text);

/// "UNDELIV=0.05".
tl::expected<state_chance, std::string> parse_state_chance(std::string_view text);

/// "hex", "dec" or "same" (nothing).
tl::expected<std::optional<id_form>, std::string> parse_id_form(std::string_view text);

/// "nack", "silence", "other" or "close".
tl::expected<bind_fault, std::string> parse_bind_fault(std::string_view text);

/// "disconnect", "reset", "unbind", "garbage", "nack", "mute" or "stall".
tl::expected<session_fault_kind, std::string> parse_fault(std::string_view text);

/// "reset@100": a fault at the hundredth submit_sm.
tl::expected<fault_at, std::string> parse_fault_after(std::string_view text);

/// "90s=0.01".
tl::expected<late_chance, std::string> parse_late(std::string_view text);

/// A congestion_state, 0 to 100.
tl::expected<std::uint8_t, std::string> parse_congestion(std::string_view text);

/// What is wrong with the whole, or empty: sums of probabilities above 1, options that need another one.
std::string fault_of(const simulator_options& options);

}  // namespace trunkline::engine
