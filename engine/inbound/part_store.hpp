#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/inbound/received_message.hpp"
#include "engine/runtime/counter.hpp"
#include "protocol/segmentation_reassembly.hpp"

namespace trunkline::engine {

/// A part that waits for the others, as it was received.
struct kept_part {
  std::uint32_t scope = 0;  ///< of its carrier
  std::int64_t received_at_ms = 0;
  std::uint64_t id = 0;
  received_from from;  ///< the views point into the store
  std::vector<std::uint8_t> pdu;
};

/// Parts of received messages, until their message is whole or given up. Memory is bounded: when there is no room the
/// oldest unfinished message is given up early. What is in here is in the journal as well; `each` tells what has to
/// stay there. One thread.
class part_store {
 public:
  struct bounds {
    std::size_t messages = 4096;
    std::size_t parts = 16384;
  };
  part_store(std::chrono::milliseconds ttl, bounds limits, std::uint64_t seed);

  using emit = std::function<void(const received_message&)>;
  /// True when the part was taken: kept, a repeat, or the last one of its message. `out` is called for each message
  /// that is whole, or given up. False: it can never be put together, so it is a message by itself.
  bool add(const received_from& from, std::int64_t received_at_ms, std::uint64_t id, const received_fields& fields,
           std::span<const std::uint8_t> pdu, const emit& out);
  /// Gives up what waited longer than the ttl.
  void expire(std::int64_t now_ms, const emit& out);
  /// Wall clock when something will be given up; the largest value when nothing waits.
  [[nodiscard]] std::int64_t deadline_ms() const noexcept;
  /// Calls `visit` for each part of an unfinished message, in the order in which they came.
  void each(const std::function<void(const kept_part&)>& visit) const;

  std::atomic<std::size_t> pending_messages{0};
  counter duplicates;
  counter expired;  ///< messages given up

 private:
  void give_out(const protocol::reassembler::message& message, const emit& out);
  protocol::reassembler::time_point time_of(std::int64_t ms) noexcept;

  protocol::reassembler parts_;
  message_assembler assembler_;
  std::unordered_map<std::uint64_t, kept_part> kept_;  // by tag
  std::unordered_map<std::string, std::uint32_t> scopes_;
  std::uint64_t next_tag_ = 1;
  std::int64_t latest_ms_ = 0;
};

}  // namespace trunkline::engine
