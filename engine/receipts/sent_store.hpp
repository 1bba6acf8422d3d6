#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/receipts/sent_index.hpp"
#include "engine/receipts/sent_log.hpp"
#include "engine/receipts/sent_message.hpp"
#include "engine/runtime/file_system.hpp"

namespace trunkline::engine {

/// What was sent and may be answered later: the messages for which a receipt was asked, and, where replies are of
/// interest, all of them. Kept in buckets by time, each a log of messages and of what receipts said of them, and an
/// index from message ids (and from numbers, for replies) into it; a bucket is dropped as a whole. Memory holds the
/// indexes of the newest buckets, ten octets a message id, up to a bound; older ones are looked up in their files.
///
/// What is inserted is durable after `sync_messages`; all of it after `sync`, followed by the caller's note of
/// `extents`, to which `open` goes back after a crash. One thread; outputs' in the engine.
class sent_store {
 public:
  struct options {
    std::chrono::milliseconds keep{};         ///< how long a message stays, at least
    bool replies = false;                     ///< keep what `find_last_sent` needs
    std::uint64_t index_memory = 256U << 20;  ///< octets
    std::uint64_t bucket_slots = 4U << 20;    ///< ids in a bucket
    std::uint64_t salt = 0;                   ///< 0: drawn at random when the first bucket is made
  };
  /// How much of a bucket's log counts.
  struct extent {
    std::uint32_t bucket = 0;
    std::uint64_t bytes = 0;
    std::int64_t filled_until_ms = 0;  ///< when its last message was stored
  };

  sent_store(file_system& files, std::string directory, options with);

  /// Takes up what is in the directory, as `noted` says. Returns the payloads of messages that were stored later than
  /// that (their logs' tails): the caller inserts them again, calls `sync_messages`, then `discard_tails`.
  result<std::vector<std::vector<std::uint8_t>>> open(const std::vector<extent>& noted, std::int64_t now_ms);
  result<void> discard_tails();

  /// Begins another bucket when the one being filled is full or old. After an error it is still good: call again.
  result<void> prepare(std::int64_t now_ms);
  /// Stores a message; after `open`. Never fails: it is in memory until `flush`.
  sent_place insert(const sent_message& m, std::int64_t now_ms);

  /// A part that was sent and the fate that is known of it.
  struct sent_part {
    sent_message message;  ///< views live until the next call of the store
    sent_place place;      ///< of the message
    std::uint8_t part = 0;
    std::string_view id;
    std::optional<part_fate> fate;
    std::uint32_t fingerprint = 0;
    std::uint32_t indexed = 0;  ///< where the index leads now
  };
  /// The octets that an id is looked up by: its lower-case letters, without leading zeros. Views `room`.
  static std::string_view key_of(std::string_view id, std::array<char, 256>& room) noexcept;
  /// Calls f(sent_part&) for each part of the carrier that was accepted under an id with this key, newest bucket first,
  /// until it returns true.
  template <class F>
  result<void> each_part(std::string_view carrier, std::string_view key, F f);
  /// The part of that message which has this number, as `each_part` would give it; nothing when it was not accepted.
  result<std::optional<sent_part>> part_of(const sent_place& place, std::uint8_t part);
  /// A part that `each_part` found before, again: its views had died.
  result<std::optional<sent_part>> again(sent_place message, std::uint8_t part, std::uint32_t fingerprint,
                                         std::uint32_t indexed);
  /// Stores what is known now of a part that was just found.
  result<void> set_fate(const sent_part& of, const part_fate& fate);
  /// The message at a place; views live until the next call.
  result<std::optional<sent_message>> message_at(const sent_place& place);
  /// Whether this message is there already. Looks for one of its ids.
  result<bool> contains(const sent_message& m);

  /// The last message that was sent to `number` under this sender (or under none, the carrier's own), not before
  /// `since_ms`. Numbers may begin with "+".
  struct last_sent {
    std::string batch;
    std::string batch_name;  ///< what the batch calls itself; empty: nothing
    std::uint32_t line = 0;
    std::string id;    ///< a JSON string with its quotes; empty: none
    std::string tags;  ///< a JSON object; empty: none
    std::string carrier;
    std::int64_t submitted_at_ms = 0;
  };
  result<std::optional<last_sent>> find_last_sent(std::string_view number, std::string_view sender,
                                                  std::int64_t since_ms);
  bool replies() const noexcept { return options_.replies; }
  /// From the next message on; what was stored before without it is not found.
  void set_replies(bool wanted, std::chrono::milliseconds keep) noexcept {
    options_.replies = wanted;
    options_.keep = keep;
  }

  /// Writes what waits in memory when there is much of it, or at all.
  result<void> flush(bool everything);
  /// Makes every message inserted so far durable.
  result<void> sync_messages();
  /// Makes everything durable and says what there is. Call `noted` when the extents are durable, too.
  result<std::vector<extent>> sync();
  /// Brings the files of indexes up to date, and moves the oldest out of memory when there is too much.
  result<void> noted();

  /// Drops buckets whose youngest message is older than `keep`, oldest first, but none from `first_needed` on.
  result<void> expire(std::int64_t now_ms, std::uint32_t first_needed);
  /// When messages in this bucket are all older than `keep`; nothing while it is the one being filled.
  std::optional<std::int64_t> expires_at_ms(std::uint32_t bucket) const;

  std::uint64_t ids() const noexcept;
  std::uint64_t index_bytes() const noexcept;
  std::uint64_t log_bytes() const noexcept;
  std::size_t buckets() const noexcept { return buckets_.size(); }

 private:
  struct bucket {
    std::unique_ptr<sent_log> log;
    sent_index index;
    std::int64_t filled_until_ms = 0;  // of the last insertion
    bool filled = false;               // nothing is inserted any more
    bool messages_waiting = false;     // for a sync
    std::uint64_t index_covers = 0;    // octets of the log that the index file knows; 0: there is none
    std::uint64_t tail_from = 0;       // what is behind this does not count and is to be cut off; 0: nothing
  };

  std::string log_path(std::uint32_t number) const;
  std::string index_path(std::uint32_t number) const;
  bucket& current() noexcept { return buckets_.rbegin()->second; }
  bucket* find_bucket(std::uint32_t number) noexcept;
  result<void> load_index(bucket& b);
  /// False: there are messages that an index in a file cannot take up.
  result<bool> read_log_into_index(bucket& b, std::uint64_t from);
  result<void> add_bucket(std::uint32_t number, std::int64_t now_ms);
  void index_message(bucket& b, const sent_message& m, std::uint32_t position);
  void index_reply(bucket& b, const sent_message& m, std::uint32_t position);
  result<void> remove_bucket(std::uint32_t number);
  static std::uint32_t fingerprint_of_id(std::uint64_t salt, std::string_view carrier, std::string_view key) noexcept;
  static std::uint32_t fingerprint_of_reply(std::uint64_t salt, std::string_view number,
                                            std::string_view sender) noexcept;
  /// The part that a slot of the index leads to, when its id has that key; message and id are copied into `copy_`.
  result<bool> read_part(bucket& b, std::uint32_t position, std::string_view carrier, std::string_view key,
                         sent_part& out);
  /// The message, and the fate if there is one, that a slot leads to; and of which part, if a fate says so.
  result<bool> read_slot(bucket& b, std::uint32_t position, sent_part& out, std::optional<std::uint8_t>& only);
  result<bool> read_message(bucket& b, std::uint32_t position, sent_message& out);

  file_system& files_;
  const std::string directory_;
  options options_;
  log_windows windows_;
  std::map<std::uint32_t, bucket> buckets_;  // by number; the last is being filled
  std::vector<std::uint32_t> late_buckets_;  // made after what was noted: gone with the tails
  bool names_changed_ = false;               // the directory needs a sync
  std::vector<std::uint8_t> payload_;
  std::vector<std::uint8_t> copy_;
  std::array<char, 256> error_copy_{};
  std::vector<std::uint32_t> positions_;
};

template <class F>
result<void> sent_store::each_part(std::string_view carrier, std::string_view key, F f) {
  std::uint64_t salt = 0;
  std::uint32_t fingerprint = 0;
  for (auto b = buckets_.rbegin(); b != buckets_.rend(); ++b) {
    if (fingerprint == 0 || salt != b->second.log->salt()) {
      salt = b->second.log->salt();
      fingerprint = fingerprint_of_id(salt, carrier, key);
    }
    positions_.clear();
    auto found = b->second.index.find(fingerprint, [&](std::uint32_t position) {
      positions_.push_back(position);
      return false;
    });
    if (!found) return tl::unexpected(found.error());
    for (std::size_t i = 0; i < positions_.size(); ++i) {
      sent_part part;
      part.place.bucket = b->first;
      part.fingerprint = fingerprint;
      part.indexed = positions_[i];
      auto read = read_part(b->second, positions_[i], carrier, key, part);
      if (!read) return tl::unexpected(read.error());
      if (*read && f(part)) return {};
    }
  }
  return {};
}

}  // namespace trunkline::engine
