#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "engine/receipts/sent_message.hpp"
#include "engine/report/piecewise_output.hpp"

namespace trunkline::engine {

/// NAME.receipts.jsonl of batches, gathered while their receipts come, so that it is there with the last of them. A
/// shortcut and never the truth: what is not whole (a batch that an earlier run began, or that had to make room) is
/// made from the store. Memory is bounded; the oldest batches make room. One thread.
class gathered_fates {
 public:
  /// `most_memory`: octets of lines that were not handed to the publisher yet.
  gathered_fates(publisher& to, std::string directory, std::size_t most_memory = std::size_t{32} << 20U)
      : to_(to), directory_(std::move(directory)), most_memory_(most_memory) {}

  /// What NAME.receipts.jsonl of a batch is called while it is made: names of batches come again.
  static std::string hidden_name(std::uint32_t batch) { return "receipts-" + std::to_string(batch); }

  /// Before the first message of a batch.
  void begin(std::uint32_t batch, std::string name);
  /// Lines are to come of this message, and of each of its accepted parts. Batches that were not begun are nobody's
  /// concern, here and below.
  void expect(std::uint32_t batch, const sent_message& m);
  /// So many whole lines, each the last of its part or message.
  void append(std::uint32_t batch, std::string_view lines, unsigned count);
  /// All receipts of the batch came. True: its file will appear; false: it is not whole.
  bool finish(std::uint32_t batch);

 private:
  struct gathering {
    piecewise_output out;
    std::uint64_t lines_to_come = 0;
    std::size_t counted = 0;  // octets in memory_
  };
  void measure(gathering& g) noexcept;
  using batches = std::map<std::uint32_t, gathering>;
  batches::iterator find(std::uint32_t batch) noexcept;
  void forget(batches::iterator which);

  publisher& to_;
  const std::string directory_;
  const std::size_t most_memory_;
  std::size_t memory_ = 0;  // of all of them
  batches batches_;
  batches::iterator last_ = batches_.end();  // most lines are of the same batch as the one before
};

}  // namespace trunkline::engine
