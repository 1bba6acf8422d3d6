#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// The records that the engine keeps in its journal, field by field (docs/journal.md says the same for people). All
/// numbers are little-endian. Decoders check every length: a journal is read after a crash, and may come from a damaged
/// disk. Views in decoded records point into the payload that was given.
namespace trunkline::engine::journal_records {

enum class type : std::uint8_t {
  carrier_name = 1,  ///< what a carrier id means from here on
  batch_opened = 2,
  final_outcome = 3,
  part_accepted = 4,
  taken = 5,
  control = 6,
  batch_closed = 7,
  received = 8,
  position = 9,
  checkpoint = 10,
  postponed = 11,
  intents = 12,
  returned = 13,
  made_batch = 20,
};
inline constexpr std::uint8_t version = 1;

/// Carrier ids belong to one run of the engine; names are for ever.
struct carrier_name {
  std::uint16_t carrier = 0;
  std::string_view name;
};

/// A batch is accepted: from here on each of its messages will end in one report line.
struct batch_opened {
  std::uint32_t batch = 0;
  std::int64_t accepted_at_ms = 0;
  std::uint64_t size = 0;
  std::uint8_t hold = 0;  ///< 1: on_unknown = "hold", decided when it was accepted
  std::string_view name;
};

/// The fate of one message. What its report line needs besides this is in the spool file.
struct final_outcome {
  std::uint32_t batch = 0;
  std::uint32_t entry = 0;
  std::uint8_t status = 0;
  std::uint8_t why = 0;
  std::uint8_t flags = 0;
  std::uint8_t encoding = 0;
  std::uint8_t parts = 0;
  std::uint8_t parts_accepted = 0;
  std::uint16_t carrier = 0;  ///< 0xffff: never had one
  std::uint16_t attempts = 0;
  std::uint32_t error_value = 0;
  std::int64_t submitted_at_ms = 0;
  std::string_view error_text;
  /// parts_accepted times {u8 part, u8 length, octets}; where replies have to find the message, then once more with
  /// `sender_part` and its sender.
  std::span<const std::uint8_t> ids;
};
inline constexpr std::uint8_t sender_part = 0xff;  ///< parts are 0 to 254
inline constexpr std::uint16_t no_carrier = 0xffff;
/// Carrier numbers from here on are those of `received` records that a checkpoint repeats, because their message is not
/// whole yet: they came before everything else in their segment.
inline constexpr std::uint16_t first_kept_carrier = 0xe000;

/// One part of a longer message was accepted while others are still open.
struct part_accepted {
  std::uint32_t batch = 0;
  std::uint32_t entry = 0;
  std::uint16_t carrier = 0;
  std::uint8_t part = 0;
  std::uint8_t parts = 0;
  std::string_view message_id;
};

/// Lines of one block that are about to be sent; durable before they are, so that after a crash exactly these are
/// flagged.
struct taken {
  std::uint32_t batch = 0;
  std::uint32_t block = 0;
  std::array<std::uint64_t, 16> lines{};
};

enum class command : std::uint8_t { pause = 1, resume = 2, cancel = 3 };
struct control {
  std::uint32_t batch = 0;
  command what{};
  std::int64_t at_ms = 0;
};

struct batch_closed {
  std::uint32_t batch = 0;
};

/// A deliver_sm or data_sm as it came, stored before it was answered.
struct received {
  std::uint16_t carrier = 0;
  std::int64_t received_at_ms = 0;
  std::span<const std::uint8_t> octets;
};

/// Everything before segment `marker` is in the report (its first `report_bytes` octets) and in the bits file of a
/// batch.
struct position {
  std::uint32_t batch = 0;
  std::uint64_t marker = 0;
  std::uint64_t report_bytes = 0;
  std::array<std::uint64_t, 11> totals{};  ///< of those report lines, for the summary
  std::uint8_t bits_in_file = 0;
  std::span<const std::uint8_t> bits;
};

/// All positions of `marker` are written: earlier segments are not needed any more. `next_batch` keeps batch numbers
/// unique.
struct checkpoint {
  std::uint64_t marker = 0;
  std::uint32_t next_batch = 0;
};

/// A message waits in its file for a later attempt.
struct postponed {
  std::uint32_t batch = 0;
  std::uint32_t entry = 0;
  std::int64_t due_ms = 0;  ///< wall clock
  std::uint16_t attempts = 0;
  std::uint32_t tried = 0;
  std::uint32_t error_value = 0;
};

/// Messages of batches with on_unknown = "hold" that are about to be written: durable before they are, so that after a
/// crash those without an outcome, and without `returned`, are unknown and never go out again.
struct intents {
  struct line {
    std::uint32_t batch = 0;
    std::uint32_t entry = 0;
  };
  std::uint16_t carrier = 0;
  /// Times {u32 batch, u32 entry}.
  std::span<const std::uint8_t> lines;

  std::size_t size() const noexcept { return lines.size() / sizeof(line); }
  line operator[](std::size_t i) const noexcept;
};

/// The last intent of this message came to nothing: it surely did not reach the carrier, or was answered with an error
/// that is not final.
struct returned {
  std::uint32_t batch = 0;
  std::uint32_t entry = 0;
};

/// Messages that the engine makes itself from received ones, as a batch: durable before its file appears. What it was
/// made from is not made again, and the file appears once.
struct made_batch {
  std::string_view name;
  std::string_view ids;       ///< times u64: the received messages (identify())
  std::string_view contents;  ///< of the file

  std::size_t id_count() const noexcept { return ids.size() / 8; }
  std::uint64_t id(std::size_t i) const noexcept;
};

/// Octets a record needs at most.
inline std::size_t encoded_bytes(const carrier_name& r) { return 2 + r.name.size(); }
inline std::size_t encoded_bytes(const batch_opened& r) { return 21 + r.name.size(); }
inline std::size_t encoded_bytes(const final_outcome& r) { return 34 + r.error_text.size() + r.ids.size(); }
inline std::size_t encoded_bytes(const part_accepted& r) { return 12 + r.message_id.size(); }
inline std::size_t encoded_bytes(const taken&) { return 136; }
inline std::size_t encoded_bytes(const control&) { return 13; }
inline std::size_t encoded_bytes(const batch_closed&) { return 4; }
inline std::size_t encoded_bytes(const received& r) { return 10 + r.octets.size(); }
inline std::size_t encoded_bytes(const position& r) { return 21 + sizeof(r.totals) + r.bits.size(); }
inline std::size_t encoded_bytes(const checkpoint&) { return 12; }
inline std::size_t encoded_bytes(const postponed&) { return 26; }
inline std::size_t encoded_bytes(const intents& r) { return 2 + r.lines.size(); }
inline std::size_t encoded_bytes(const returned&) { return 8; }
inline std::size_t encoded_bytes(const made_batch& r) { return 4 + r.name.size() + r.ids.size() + r.contents.size(); }

/// Writes a record's payload; `to` holds at least `encoded_bytes`. Returns the octets written.
std::size_t encode(const carrier_name& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const batch_opened& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const final_outcome& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const part_accepted& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const taken& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const control& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const batch_closed& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const received& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const position& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const checkpoint& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const postponed& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const intents& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const returned& r, std::span<std::uint8_t> to) noexcept;
std::size_t encode(const made_batch& r, std::span<std::uint8_t> to) noexcept;

/// Reads a payload; nothing when it is too short or a value is impossible.
template <class Record>
std::optional<Record> decode(std::span<const std::uint8_t> payload) noexcept;

template <class Record>
inline constexpr type type_of = type{};
template <>
inline constexpr type type_of<carrier_name> = type::carrier_name;
template <>
inline constexpr type type_of<batch_opened> = type::batch_opened;
template <>
inline constexpr type type_of<final_outcome> = type::final_outcome;
template <>
inline constexpr type type_of<part_accepted> = type::part_accepted;
template <>
inline constexpr type type_of<taken> = type::taken;
template <>
inline constexpr type type_of<control> = type::control;
template <>
inline constexpr type type_of<batch_closed> = type::batch_closed;
template <>
inline constexpr type type_of<received> = type::received;
template <>
inline constexpr type type_of<position> = type::position;
template <>
inline constexpr type type_of<checkpoint> = type::checkpoint;
template <>
inline constexpr type type_of<postponed> = type::postponed;
template <>
inline constexpr type type_of<intents> = type::intents;
template <>
inline constexpr type type_of<returned> = type::returned;
template <>
inline constexpr type type_of<made_batch> = type::made_batch;

}  // namespace trunkline::engine::journal_records
