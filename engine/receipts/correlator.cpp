#include "engine/receipts/correlator.hpp"

#include "protocol/message_id.hpp"

namespace trunkline::engine {
namespace {

// How good a candidate is: the same octets or only the same key, and whether the address says so, too.
constexpr int rank_key = 1;
constexpr int rank_key_and_address = 2;
constexpr int rank_exact = 3;
constexpr int rank_exact_and_address = 4;

}  // namespace

id_knowledge& correlator::of(std::string_view carrier) {
  const auto found = known_.find(carrier);
  return found != known_.end() ? found->second : known_[std::string(carrier)];
}

/// Looks under one relation. True: there can be no better one.
result<bool> correlator::look(sent_store& in, std::string_view carrier, const received_receipt& r, std::string_view id,
                              id_relation relation, candidate& best, outcome& out) {
  id_knowledge& known = of(carrier);
  std::array<char, 256> room;
  const std::string_view key = response_key(id, relation, room);
  if (key.empty()) return false;
  const bool converted = relation != id_relation::text;
  if (converted) {
    // A number that is written the same both ways proves nothing, and was looked for already.
    std::array<char, 256> as_text;
    if (known.learning() && sent_store::key_of(id, as_text) == key) return false;
  }
  bool done = false;
  auto looked = in.each_part(carrier, key, [&](const sent_store::sent_part& p) {
    const bool exact = !converted && p.id == id;
    if (!converted && known.strict_text()) {
      using protocol::canonical_id;
      using protocol::id_radix;
      if (!(canonical_id(p.id, id_radix::text) == canonical_id(id, id_radix::text))) return false;
    }
    const address_verdict address = compare_address(p.message.number, r.source, r.destination);
    if (address == address_verdict::contradicts) {
      out.contradicted = true;
      if (known.learning() && converted) known.contradict(relation);
      return false;
    }
    const bool agrees = address == address_verdict::agrees;
    if (known.learning() && agrees) {
      std::array<char, 256> other;
      const bool proves = converted || response_key(id, id_relation::decimal_receipts, other) != key;
      if (proves && known.agree(relation, p.place, p.part)) out.learned = true;
    }
    // Before it is learned a conversion only counts as a vote.
    if (converted && known.relation() != relation) return false;
    const int rank =
        exact ? (agrees ? rank_exact_and_address : rank_exact) : (agrees ? rank_key_and_address : rank_key);
    if (rank < best.rank) return false;
    const bool other_message = best.rank == rank && !(best.what.message == p.place);
    if (other_message && best.submitted_at_ms >= p.message.submitted_at_ms) {
      best.ambiguous = best.ambiguous || rank == rank_key;
      return false;
    }
    best = {{p.place, p.part, p.fingerprint, p.indexed},
            p.message.submitted_at_ms,
            rank,
            other_message && rank == rank_key};
    done = rank == rank_exact_and_address;
    if (done) out.read = p;
    return done;
  });
  if (!looked) return tl::unexpected(looked.error());
  return done;
}

result<correlator::outcome> correlator::find(sent_store& in, std::string_view carrier, const received_receipt& r) {
  outcome out;
  candidate best;
  for (const std::string_view id : {r.message_id, r.other_id}) {
    if (id.empty()) continue;
    for (const id_relation relation :
         {id_relation::text, id_relation::decimal_receipts, id_relation::hexadecimal_receipts}) {
      const id_knowledge& known = of(carrier);
      if (!known.learning() && known.relation() != relation) continue;
      auto done = look(in, carrier, r, id, relation, best, out);
      if (!done) return tl::unexpected(done.error());
      if (*done) break;
    }
    if (best.rank == rank_exact_and_address) break;
  }
  // Without an address, and only alike: when two messages are, neither is meant for sure.
  if (best.rank != 0 && !best.ambiguous) out.found = best.what;
  return out;
}

}  // namespace trunkline::engine
