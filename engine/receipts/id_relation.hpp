#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/receipts/sent_message.hpp"
#include "engine/runtime/configuration.hpp"

namespace trunkline::engine {

/// How the message ids in a carrier's receipts belong to those in its responses.
enum class id_relation : std::uint8_t {
  unknown,              ///< not learned yet: only ids that are the same as texts match
  text,                 ///< the same, but for case and leading zeros
  decimal_receipts,     ///< hexadecimal in responses, decimal in receipts
  hexadecimal_receipts  ///< decimal in responses, hexadecimal in receipts
};

/// "unknown", "text", "decimal receipts of hexadecimal responses", ...: for log and status.
std::string_view name_of(id_relation r) noexcept;

/// The key (sent_store::key_of) of the response that a receipt's id belongs to under a relation, empty when there is
/// none; views `room`.
std::string_view response_key(std::string_view receipt_id, id_relation r, std::array<char, 256>& room) noexcept;

/// What is known of one carrier's ids: configured, or learned from 20 different parts whose converted id and address
/// agree, while none speaks against it. Pure.
class id_knowledge {
 public:
  static constexpr std::size_t votes_needed = 20;

  /// As the configuration says; what was learned counts only where it says "auto".
  void configure(id_format responses, id_format receipts) noexcept;
  /// The relation in force.
  id_relation relation() const noexcept { return configured_ != id_relation::unknown ? configured_ : learned_; }
  /// Ids as texts must be equal but for case: zeros count.
  bool strict_text() const noexcept { return strict_text_; }
  bool learning() const noexcept { return relation() == id_relation::unknown; }

  /// A part was found under a relation and its address agrees. True: that decided what the relation is.
  bool agree(id_relation r, const sent_place& message, std::uint8_t part);
  /// A part was found under a relation whose address is another.
  void contradict(id_relation r) noexcept { ++contradictions_[static_cast<std::size_t>(r)]; }

  id_relation learned() const noexcept { return learned_; }
  void set_learned(id_relation r) noexcept { learned_ = r; }

 private:
  struct vote {
    sent_place message;
    std::uint8_t part = 0;
    friend bool operator==(const vote&, const vote&) = default;
  };
  id_relation configured_ = id_relation::unknown;
  id_relation learned_ = id_relation::unknown;
  bool strict_text_ = false;
  std::array<std::vector<vote>, 4> votes_;
  std::array<std::uint64_t, 4> contradictions_{};
};

}  // namespace trunkline::engine
