#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/receipts/id_relation.hpp"
#include "engine/receipts/received_receipt.hpp"
#include "engine/receipts/sent_store.hpp"

namespace trunkline::engine {

/// Decides which part of which message a receipt speaks of, and learns how a carrier writes ids. It would rather find
/// none than the wrong one: where a receipt names an address, it must be the message's. No files, no clock; the store
/// is asked. One thread.
class correlator {
 public:
  struct match {
    sent_place message;
    std::uint8_t part = 0;
    std::uint32_t fingerprint = 0;  ///< as the store found it, see sent_store::again
    std::uint32_t indexed = 0;
  };
  struct outcome {
    std::optional<match> found;
    /// What was found, when nothing was read after it: its views are still good, until the next call of the store.
    std::optional<sent_store::sent_part> read;
    bool learned = false;       ///< how ids are written has just become known: receipts that wait may match now
    bool contradicted = false;  ///< a message has this id, and another number
  };

  /// What is known of a carrier's ids. The reference stays good.
  id_knowledge& of(std::string_view carrier);
  const std::map<std::string, id_knowledge, std::less<>>& all() const noexcept { return known_; }

  result<outcome> find(sent_store& in, std::string_view carrier, const received_receipt& r);

  /// Calls f(key) for every key (sent_store::key_of) of a response that this receipt could belong to.
  template <class F>
  void each_key(std::string_view carrier, const received_receipt& r, F f) {
    const id_knowledge& known = of(carrier);
    std::array<char, 256> room;
    for (const std::string_view id : {r.message_id, r.other_id}) {
      if (id.empty()) continue;
      std::string before;
      for (const id_relation relation :
           {id_relation::text, id_relation::decimal_receipts, id_relation::hexadecimal_receipts}) {
        if (!known.learning() && known.relation() != relation) continue;
        const std::string_view key = response_key(id, relation, room);
        if (key.empty() || key == before) continue;
        if (relation == id_relation::text) before = key;
        f(key);
      }
    }
  }

 private:
  struct candidate {
    match what;
    std::int64_t submitted_at_ms = 0;
    int rank = 0;  // 0: none
    bool ambiguous = false;
  };
  result<bool> look(sent_store& in, std::string_view carrier, const received_receipt& r, std::string_view id,
                    id_relation relation, candidate& best, outcome& out);

  std::map<std::string, id_knowledge, std::less<>> known_;
};

}  // namespace trunkline::engine
