#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/udh.hpp"

// Puts the parts of received long messages together again (3GPP TS 23.040, 9.2.3.24.1): in any order, with repeats, for
// each scope, source, destination, reference and total. All memory is taken at construction.
namespace trunkline::protocol {

/// One received part. The views need to live only during the call.
struct inbound_part {
  std::uint32_t scope = 0;  ///< what else keeps messages apart, for example the carrier
  std::string_view source;
  std::string_view destination;
  concatenation place;    ///< from the header, or from the SAR TLVs (wide)
  std::uint64_t tag = 0;  ///< the caller's own, for example where the part stands in a journal
  std::span<const std::uint8_t> octets;
};

/// Collects parts. Not thread-safe: one owner. Time never flows by itself, and does not go backwards.
class reassembler {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  /// Longest part: a packed or unpacked short message, with a SAR TLV up to the whole of short_message.
  static constexpr std::size_t max_part_octets = 255;
  static constexpr std::size_t max_address_octets = 64;

  /// Bounds: about 200 octets for each message and 280 for each part. `seed` keeps strangers from choosing addresses
  /// that share a bucket.
  struct bounds {
    std::size_t messages = 4096;
    std::size_t parts = 16384;
    duration keep = std::chrono::hours(24);
    std::uint64_t seed = 0;
  };

  enum class outcome : std::uint8_t {
    stored,     ///< kept until the others come
    duplicate,  ///< known already; also for `keep` after the message was complete
    complete,   ///< it was the last one: see `result::message`
    full,       ///< not stored: take_oldest() first
    refused,    ///< can never be stored: fewer than two parts, too long, an impossible place
  };

 private:
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  struct slot {
    std::uint64_t tag;
    std::uint32_t next;
    std::uint8_t sequence;
    std::uint8_t size;
    std::array<std::uint8_t, max_part_octets> octets;
  };

 public:
  /// A message with the parts that are there. Valid until the next call of a non-const member of the reassembler.
  class message {
   public:
    [[nodiscard]] std::uint32_t scope() const noexcept;
    [[nodiscard]] std::string_view source() const noexcept;
    [[nodiscard]] std::string_view destination() const noexcept;
    [[nodiscard]] std::uint16_t reference() const noexcept;
    [[nodiscard]] std::size_t total() const noexcept;
    [[nodiscard]] std::size_t received() const noexcept;
    [[nodiscard]] time_point first_at() const noexcept;
    /// Calls `visit(sequence, tag, octets)` for each part that is there, by rising sequence number.
    template <class Visit>
    void each(Visit&& visit) const {
      for (std::uint32_t at = first_slot(); at != none; at = slot_at(at).next)
        visit(slot_at(at).sequence, slot_at(at).tag, std::span(slot_at(at).octets).first(slot_at(at).size));
    }

   private:
    friend class reassembler;
    message(const reassembler& owner, std::uint32_t index) noexcept : owner_(&owner), index_(index) {}
    [[nodiscard]] std::uint32_t first_slot() const noexcept { return owner_->entries_[index_].first; }
    [[nodiscard]] const slot& slot_at(std::uint32_t at) const noexcept { return owner_->slots_[at]; }
    const reassembler* owner_;
    std::uint32_t index_;
  };

  struct result {
    outcome what = outcome::refused;
    std::optional<message> complete;
    /// An unfinished message of the same key whose part differed: the sender used its reference again. It is given up
    /// here.
    std::optional<message> displaced;
  };

  /// Allocates everything; may throw std::bad_alloc.
  explicit reassembler(const bounds& limits);
  reassembler(const reassembler&) = delete;
  reassembler& operator=(const reassembler&) = delete;

  /// Takes one part. Costs one hash and, at worst, a walk over the parts of its message.
  result add(const inbound_part& part, time_point now) noexcept;

  /// Gives up the oldest unfinished message if it began `keep` ago or more. Call until it returns nothing.
  std::optional<message> take_expired(time_point now) noexcept;
  /// Gives up the oldest unfinished message, whatever its age.
  std::optional<message> take_oldest() noexcept;
  /// When the next unfinished message expires; time_point::max() when there is none.
  [[nodiscard]] time_point deadline() const noexcept;

  /// Unfinished messages, and parts in memory (of finished ones too, which are dropped as soon as room is needed).
  [[nodiscard]] std::size_t unfinished() const noexcept { return open_.size; }
  [[nodiscard]] std::size_t parts() const noexcept { return used_slots_; }

 private:
  struct entry {
    std::uint64_t hash;
    time_point since;  // of the first part; once finished, of the last one
    std::uint32_t in_bucket;
    std::uint32_t older, newer;
    std::uint32_t first;  // slot
    std::uint32_t scope;
    std::uint16_t reference;
    std::uint8_t total, received;
    bool wide, finished;
    std::uint8_t source_size, destination_size;
    std::array<char, max_address_octets> source, destination;
  };
  struct queue {  // of entries, by age
    std::uint32_t oldest = none, newest = none;
    std::size_t size = 0;
  };

  [[nodiscard]] std::uint64_t hash_of(const inbound_part& part) const noexcept;
  [[nodiscard]] std::uint32_t find(const inbound_part& part, std::uint64_t hash) const noexcept;
  std::uint32_t create(const inbound_part& part, std::uint64_t hash, time_point now) noexcept;
  bool make_room(bool entry_needed) noexcept;
  void push(queue& to, std::uint32_t index) noexcept;
  void unlink(queue& from, std::uint32_t index) noexcept;
  void forget(std::uint32_t index) noexcept;   // out of queue and bucket
  void release(std::uint32_t index) noexcept;  // entry and slots are free again
  void release_leaving() noexcept;

  duration keep_;
  std::uint64_t seed_;
  std::vector<entry> entries_;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> buckets_;
  queue open_, finished_;
  std::uint32_t free_entry_ = none, free_slot_ = none;
  std::uint32_t leaving_ = none;  // given to the caller by the last call
  std::size_t used_slots_ = 0;
};

}  // namespace trunkline::protocol
