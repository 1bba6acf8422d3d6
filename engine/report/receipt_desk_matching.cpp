// What happens to a received receipt: it is read, its part is found or it waits for it, the part's fate moves forward
// or the receipt is a repetition, and lines say what is new.
#include <spdlog/spdlog.h>

#include "engine/report/receipt_desk.hpp"

namespace trunkline::engine {

receipt_desk::source& receipt_desk::source_of(std::string_view name) {
  auto found = sources_.find(name);
  if (found == sources_.end()) found = sources_.emplace(std::string(name), source{}).first;
  source& s = found->second;
  carrier* c = hooks_.find_carrier(name);
  if (c != s.counted) settle_settings(s, name, c);
  return s;
}

void receipt_desk::settle_settings(source& s, std::string_view name, carrier* c) {
  s.counted = c;
  if (c == nullptr) return;
  const carrier_config& config = c->config();
  s.reading = reading_of(config);
  id_knowledge& ids = correlator_.of(name);
  ids.configure(config.response_ids, config.receipt_ids);
  c->deliveries.id_relation.store(static_cast<std::uint8_t>(ids.relation()), std::memory_order_relaxed);
}

receipt_desk::kind receipt_desk::received(std::string_view carrier_name, std::int64_t received_at_ms,
                                          std::span<const std::uint8_t> pdu) {
  source& from = source_of(carrier_name);
  const auto r = read_received_receipt(pdu, from.reading, received_at_ms, decoded_);
  if (!r) return kind::message;
  if (from.counted != nullptr) {
    delivery_counters& count = from.counted->deliveries;
    if (r->state) count.receipts[static_cast<std::size_t>(*r->state)].add();
    if (!r->readable()) count.unreadable.add();
    if (r->contradictory) count.contradictory.add();
  }
  if (!r->readable()) {
    write_unmatched({std::string(carrier_name), received_at_ms, {pdu.begin(), pdu.end()}});
  } else if (!match(from, carrier_name, received_at_ms, *r)) {
    park(carrier_name, received_at_ms, pdu, *r);
  }
  retry_all_learned();
  return kind::receipt;
}

bool receipt_desk::match(source& from, std::string_view carrier_name, std::int64_t received_at_ms,
                         const received_receipt& r) {
  auto found = correlator_.find(store_, carrier_name, r);
  if (!found) {
    failed(found.error(), paths_.sent());
    return false;
  }
  if (found->learned) learned_.emplace_back(carrier_name);
  if (!found->found) {
    if (found->contradicted && from.counted != nullptr) from.counted->deliveries.wrong_address.add();
    return false;
  }
  if (!found->read) {
    const correlator::match& to = *found->found;
    auto again = store_.again(to.message, to.part, to.fingerprint, to.indexed);
    if (!again) failed(again.error(), paths_.sent());
    if (!again || !*again) return true;
    found->read = **again;
  }
  apply(from, *found->read, received_at_ms, r);
  return true;
}

void receipt_desk::apply(source& from, const sent_store::sent_part& part, std::int64_t received_at_ms,
                         const received_receipt& r) {
  delivery_counters* count = from.counted != nullptr ? &from.counted->deliveries : nullptr;
  const auto before = part.fate ? std::optional(part.fate->state) : std::nullopt;
  if (!moves_forward(before, *r.state)) {
    if (count != nullptr) (*before == *r.state ? count->repeated : count->stale).add();
    return;
  }
  const part_fate fate{*r.state, r.done_at_ms, received_at_ms, r.error};
  const std::size_t begin = lines_.buffer().size();
  append_part_line(lines_.buffer(), part.message, part.part, part.id, fate);
  lines_.added();
  if (auto set = store_.set_fate(part, fate); !set && failed(set.error(), paths_.sent())) return;
  if (!protocol::is_final(fate.state)) return;
  if (count != nullptr && fate.state == protocol::message_state::delivered)
    count->duration.observe(std::chrono::milliseconds(received_at_ms - part.message.submitted_at_ms));
  const std::uint32_t batch = part.message.batch_id;
  const unsigned last_lines = finish_message(from, part, fate) ? 2 : 1;
  gathered_.append(batch, std::string_view(lines_.buffer()).substr(begin), last_lines);
  if (const auto waits = fates_.find(batch); waits != fates_.end()) {
    if (waits->second.open_parts != 0) --waits->second.open_parts;
    consider(batch, waits->second);
  }
}

/// Writes the line of the whole message when this part, whose fate has just become final, decides it. True: it did.
bool receipt_desk::finish_message(source& from, const sent_store::sent_part& decided, const part_fate& fate) {
  std::optional<sent_message> copied;
  message_fate whole{fate.state, true};
  if (decided.message.parts > 1 || !decided.message.complete) {
    // What `decided` views is gone after the next look into the store.
    message_copy_.clear();
    encode(decided.message, message_copy_);
    copied = decode_sent_message(message_copy_);
    std::vector<std::optional<protocol::message_state>> states{fate.state};
    bool over_before = false;
    copied->each_part([&](std::uint8_t part, std::string_view) {
      if (part == decided.part) return;
      auto other = store_.part_of(decided.place, part);
      if (!other) failed(other.error(), paths_.sent());
      const auto known = other && *other && (*other)->fate ? std::optional((*other)->fate->state) : std::nullopt;
      over_before |= known && protocol::is_final(*known) && *known != protocol::message_state::delivered;
      states.push_back(known);
    });
    if (over_before) return false;
    whole = fate_of_message(states, copied->complete);
  }
  if (!whole.final) return false;
  append_message_line(lines_.buffer(), copied ? *copied : decided.message, whole, &fate);
  lines_.added();
  if (from.counted != nullptr) from.counted->deliveries.messages[static_cast<std::size_t>(*whole.state)].add();
  return true;
}

void receipt_desk::park(std::string_view carrier_name, std::int64_t received_at_ms, std::span<const std::uint8_t> pdu,
                        const received_receipt& r) {
  std::vector<std::uint64_t> keys;
  correlator_.each_key(carrier_name, r,
                       [&](std::string_view key) { keys.push_back(receipt_park::key_of(carrier_name, key)); });
  park_.put({std::string(carrier_name), received_at_ms, {pdu.begin(), pdu.end()}}, keys);
  parked.set(park_.size());
}

void receipt_desk::retry(std::uint64_t number) {
  const parked_receipt* waiting = park_.at(number);
  if (waiting == nullptr) return;
  source& from = source_of(waiting->carrier);
  const auto r = read_received_receipt(waiting->pdu, from.reading, waiting->received_at_ms, decoded_);
  if (!r || !match(from, waiting->carrier, waiting->received_at_ms, *r)) return;
  (void)park_.take(number);
  parked.set(park_.size());
}

void receipt_desk::retry_all_learned() {
  while (!learned_.empty()) {
    const std::string name = std::move(learned_.back());
    learned_.pop_back();
    const id_knowledge& known = correlator_.of(name);
    spdlog::info("carrier {}: learned that message ids are {}", name, name_of(known.relation()));
    if (carrier* c = source_of(name).counted) {
      c->deliveries.id_relation.store(static_cast<std::uint8_t>(known.relation()), std::memory_order_relaxed);
    }
    for (const std::uint64_t number : park_.of_carrier(name)) retry(number);
  }
}

void receipt_desk::write_unmatched(const parked_receipt& p) {
  if (carrier* c = source_of(p.carrier).counted) c->deliveries.unmatched.add();
  hooks_.write_unmatched(p);
}

}  // namespace trunkline::engine
