#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "engine/dispatch/outcomes.hpp"
#include "engine/report/publisher.hpp"
#include "engine/report/recovery.hpp"
#include "engine/runtime/clock.hpp"

namespace trunkline::engine {

/// The messages that the engine makes itself, as batches of its own: forwards, replies, confirmations. A batch goes
/// into the journal, with the received messages that it was made from, before its file appears in incoming/; so after a
/// crash recovery knows for each received message whether its batch is made, and for each batch whether its file was
/// there. No message is made twice, none is forgotten. Outputs thread.
class made_messages {
 public:
  struct limits {
    std::uint32_t lines = 4'096;   ///< the record has room for 8,191 received messages
    std::size_t bytes = 1U << 20;  ///< of one batch; a record of the journal must hold it
  };
  made_messages(publisher& to, const clock& time, std::string incoming, limits most)
      : to_(to), time_(time), incoming_(std::move(incoming)), most_(most) {}

  /// What tells this start from every other. Before the first `rotate`.
  void name_start(std::uint64_t start) noexcept { start_ = start; }
  /// A batch of an earlier run: what it was made from is not made again, and its file appears unless it did.
  void adopt(recovered_made batch, bool appeared);

  /// False: what this received message leads to is made already.
  [[nodiscard]] bool open_for(std::uint64_t id) const { return !known_.contains(id); }
  /// Lines (JSON, with their newlines) that a received message leads to, all of them at once.
  void add(std::uint64_t id, std::string_view lines, std::uint32_t count);

  [[nodiscard]] bool empty() const noexcept { return lines_ == 0; }
  [[nodiscard]] bool due() const noexcept {
    return lines_ >= most_.lines || contents_.size() >= most_.bytes ||
           (lines_ != 0 && time_.steady() - first_ >= std::chrono::seconds(1));
  }
  [[nodiscard]] std::chrono::steady_clock::time_point due_at() const noexcept {
    return first_ + std::chrono::seconds(1);
  }
  /// Journals what there is as a batch; its file appears once that is durable.
  void rotate(outcome_sink& journal);

 private:
  publisher& to_;
  const clock& time_;
  const std::string incoming_;
  const limits most_;
  std::uint64_t start_ = 0;
  std::uint64_t number_ = 0;
  std::string contents_;
  std::vector<std::uint64_t> ids_;
  std::uint32_t lines_ = 0;
  std::chrono::steady_clock::time_point first_{};
  std::unordered_set<std::uint64_t> known_;  // of earlier runs
};

}  // namespace trunkline::engine
