#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "protocol/text_encoding.hpp"
#include "router/outcome.hpp"

namespace trunkline::engine {

/// What a message's owner tells whoever holds the message; the whole batch lives in engine/spool. Outlives its
/// messages.
struct batch_control {
  std::uint32_t batch_id = 0;
  std::atomic<bool> cancelled{false};  ///< finish what is not in flight as `cancelled`
  std::atomic<bool> paused{false};     ///< give what is not in flight back (return_reason::elsewhere)

  bool stopped() const noexcept {
    return cancelled.load(std::memory_order_relaxed) || paused.load(std::memory_order_relaxed);
  }

 protected:
  ~batch_control() = default;
};

/// Where one part of a message stands.
enum class part_state : std::uint8_t { open, in_flight, accepted, refused, unanswered };

/// Octets of one slab slot. A message is one slot, or a chain of them when it is long.
inline constexpr std::size_t slot_bytes = 512;

/// Bits of `message::flags`.
inline constexpr std::uint8_t flag_maybe_duplicate = 1;  ///< may have gone out before: a crash or a lost answer
inline constexpr std::uint8_t flag_hold = 2;             ///< batch asks for on_unknown = "hold"
inline constexpr std::uint8_t flag_smart = 4;            ///< typographic characters of its text were replaced
inline constexpr std::uint8_t flag_intent = 8;           ///< of flag_hold: the journal says that it is being sent
inline constexpr std::uint8_t flag_receipt = 16;         ///< asks for a delivery receipt

/// One message in memory: identity, progress and, in its payload, the ready-made octets for one carrier.
///
/// Payload (a byte string over the chain): the report head (`head_length` octets of JSON members without braces), up to
/// `parts_offset` the sender where replies have to find the message (else nothing), then `parts` part records of
/// `part_stride` octets each: {u16 body length, u8 part_state, u8 length of message_id, octets}. The octets are the
/// submit_sm body (what follows the 16-octet header); once the part is accepted they are the message_id.
///
/// One owner at a time: feeder, lane, session, journal, outputs. Nothing here is synchronised except `part_events`.
struct message {
  message* next_slot = nullptr;      ///< following slot of the chain
  batch_control* owner = nullptr;    ///< its batch
  std::uint32_t entry = 0;           ///< ordinal of the line in its batch: block * 1024 + index
  std::uint32_t line = 0;            ///< 1-based physical line, for people
  std::int64_t accepted_at_ms = 0;   ///< wall clock: when the batch was accepted
  std::int64_t expires_at_ms = 0;    ///< wall clock: never written after it
  std::int64_t submitted_at_ms = 0;  ///< wall clock of the last write; 0 before the first
  std::uint64_t optout_key = 0;      ///< of sender and number, see optout_set; 0: not looked up
  std::uint32_t error_value = 0;     ///< the command_status when `why` is reason::command_status
  std::uint32_t parts_offset = 0;    ///< payload offset of the first part record
  std::uint32_t part_stride = 0;     ///< octets from one part record to the next
  std::uint16_t head_length = 0;     ///< octets of the report head at payload offset 0
  std::uint16_t error_text_length =
      0;                       ///< octets of text for people that replace the part records of a message never sent
  std::uint16_t carrier = 0;   ///< id of the carrier it is encoded for
  std::uint16_t slots = 1;     ///< length of the chain: what it counts for in `max_active`
  std::uint16_t attempts = 0;  ///< submits that were answered with an error that counts, plus the one under way
  std::atomic<std::uint16_t> part_events{0};  ///< events of it queued for the journal and not yet read by it
  std::uint8_t parts = 0;
  std::uint8_t next_part = 0;  ///< first part not yet written
  std::uint8_t parts_accepted = 0;
  std::uint8_t parts_in_flight = 0;
  std::uint8_t unanswered = 0;       ///< answers lost so far (unknown_resends)
  std::uint8_t validity_offset = 0;  ///< offset of a 16-octet relative validity_period in every body; 0: none
  std::uint8_t flags = 0;
  std::uint8_t credit = 0;  ///< parts whose durability credit the journal gives back with the final outcome
  protocol::encoding encoding{};
  router::priority priority{};
  router::message_status status{};  ///< valid once final
  router::reason why{};
  std::uint8_t route_position = 0xff;  ///< position of `carrier` in its route; 0xff: pinned
  std::uint32_t tried = 0;             ///< positions of the route that refused it with a reroute

  static constexpr std::size_t first_payload_bytes = slot_bytes - 112;
  static constexpr std::size_t next_payload_bytes = slot_bytes - sizeof(message*);

  /// Copies `out.size()` octets of the payload from `offset` on.
  void read(std::size_t offset, std::span<std::uint8_t> out) const noexcept;
  /// Overwrites payload octets; the chain must be long enough.
  void write(std::size_t offset, std::span<const std::uint8_t> octets) noexcept;
  /// The payload from `offset` on when `length` octets lie in the first slot, else nullptr: the fast path of readers.
  std::uint8_t* contiguous(std::size_t offset, std::size_t length) noexcept {
    return offset + length <= first_payload_bytes ? payload() + offset : nullptr;
  }
  std::uint8_t* payload() noexcept { return reinterpret_cast<std::uint8_t*>(this) + 112; }
  const std::uint8_t* payload() const noexcept { return reinterpret_cast<const std::uint8_t*>(this) + 112; }
};
static_assert(sizeof(message) <= 112);

/// Asks for the first slot of a message that is dealt with soon: between stages tens of thousands of messages wait,
/// more than a cache holds.
inline void prefetch(const message* m) noexcept {
  for (std::size_t at = 0; at < slot_bytes; at += 64) __builtin_prefetch(reinterpret_cast<const char*>(m) + at);
}
/// How many messages ahead.
inline constexpr std::size_t prefetch_distance = 4;

/// Header of a part record inside the payload.
struct part_record {
  std::uint16_t body_length = 0;
  part_state state = part_state::open;
  std::uint8_t id_length = 0;
};
static_assert(sizeof(part_record) == 4);
/// Longest message_id (SMPP 3.4, 5.2.23: 65 octets with NUL); a part record has at least room for it.
inline constexpr std::size_t max_message_id = 65;

/// Reads or writes the header of part record `part` (0-based).
part_record read_part(const message& m, std::uint8_t part) noexcept;
void write_part(message& m, std::uint8_t part, part_record record) noexcept;
/// Payload offset of the octets of part `part`.
inline std::size_t part_octets_offset(const message& m, std::uint8_t part) noexcept {
  return m.parts_offset + std::size_t{m.part_stride} * part + sizeof(part_record);
}

}  // namespace trunkline::engine
