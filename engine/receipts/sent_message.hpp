#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/message_state.hpp"

namespace trunkline::engine {

/// A place in the store: a record of one of its buckets.
struct sent_place {
  std::uint32_t bucket = 0;    ///< its number; 0: nowhere
  std::uint32_t position = 0;  ///< in its log

  friend bool operator==(const sent_place&, const sent_place&) = default;
};

/// A message that was sent, as what comes back later needs it. Views point into what they were read from.
struct sent_message {
  std::uint32_t batch_id = 0;
  std::uint32_t line = 0;
  std::int64_t submitted_at_ms = 0;
  sent_place previous;       ///< the message of the same batch that was stored before
  std::uint8_t parts = 0;    ///< submit_sm it consists of
  bool receipt = false;      ///< a receipt was asked for
  bool complete = false;     ///< all its parts were accepted
  std::string_view carrier;  ///< name
  std::string_view batch;    ///< name
  std::string_view id;       ///< the producer's, as a JSON string with its quotes; empty: none
  std::string_view number;
  std::string_view sender;      ///< kept only for replies
  std::string_view batch_name;  ///< what the batch calls itself, kept only for replies
  std::string_view tags;        ///< a JSON object, kept only for replies; empty: none
  /// For each accepted part {u8 part, u8 length, octets of the message_id}, as in journal_records::final_outcome.
  std::span<const std::uint8_t> ids;

  /// Calls f(part, message_id) for each accepted part.
  template <class F>
  void each_part(F f) const {
    for (std::size_t at = 0; at + 2 <= ids.size();) {
      const std::size_t length = ids[at + 1];
      if (at + 2 + length > ids.size()) return;
      f(ids[at], std::string_view(reinterpret_cast<const char*>(ids.data()) + at + 2, length));
      at += 2 + length;
    }
  }
};

/// What a receipt said of a part.
struct part_fate {
  protocol::message_state state{};
  std::int64_t done_at_ms = 0;  ///< 0: it did not say
  std::int64_t received_at_ms = 0;
  std::string_view error;
};

/// A fate in the log of its message's bucket: what the index leads to once there is one.
struct stored_fate {
  std::uint32_t fingerprint = 0;
  std::uint32_t replaces = 0;  ///< position that the index held before
  std::uint32_t message = 0;   ///< position of the message
  std::uint8_t part = 0;
  part_fate fate;
};

/// Types of records in a bucket's log. Numbers are never reused.
enum class sent_record : std::uint8_t { message = 1, fate = 2 };

/// The payload of a record, appended to `to`; and back, nothing when it is none. Decoded views point into `payload`.
void encode(const sent_message& m, std::vector<std::uint8_t>& to);
void encode(const stored_fate& f, std::vector<std::uint8_t>& to);
std::optional<sent_message> decode_sent_message(std::span<const std::uint8_t> payload) noexcept;
std::optional<stored_fate> decode_stored_fate(std::span<const std::uint8_t> payload) noexcept;

}  // namespace trunkline::engine
