// What becomes of one line: parsed, routed, timed, encoded, and put into an admission; or left in its file with a note;
// or ended here with a reason.
#include "engine/spool/feeder.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/spool/made_batch.hpp"

namespace trunkline::engine {

namespace {

using namespace std::chrono_literals;
using router::message_status;
using router::reason;

/// A block whose lines wait for the pace of their senders is not read more often.
constexpr std::int64_t sender_look_ms = 20;
constexpr std::int64_t most_sender_look_ms = 30'000;

std::uint64_t carrier_bit(std::uint16_t id) noexcept { return std::uint64_t{1} << (id % 64U); }

}  // namespace

feeder::taking feeder::finish(const record* from, message_status status, reason why, std::string_view text,
                              const message_context& context, std::uint32_t error_value, std::uint16_t attempts) {
  message* m = encoder_.finished(from, status, why, text, context);
  if (m == nullptr) return taking::no_memory;
  m->error_value = error_value;
  m->attempts = attempts;
  auto& b = static_cast<batch&>(*context.owner);
  if (b.blocks[context.entry / block_entries].is_suspect(context.entry % block_entries))
    m->flags |= flag_maybe_duplicate;
  if (const auto found = b.partly_accepted.find(context.entry); found != b.partly_accepted.end()) {
    b.partly_accepted.erase(found);
  }
  forget_postponed(b, context.entry);
  sink_.final(m);
  messages_finished.add();
  return taking::finished;
}

/// Ends a message that may have gone out in part, or as a whole: its line says by whom, and what was accepted. `last`
/// may be null.
feeder::taking feeder::finish_begun(batch& b, const record& from, const ending& how, carrier* last,
                                    message_context& context, const postponed_line& later) {
  if (last != nullptr) {
    const std::string_view sender = from.has_from ? from.from : std::string_view(last->config().from);
    const auto verdict = encoder_.encode(from, sender, last->config(), last->id(), context,
                                         static_cast<std::uint32_t>(memory_.capacity()));
    if (verdict == submit_encoder::verdict::no_memory) return taking::no_memory;
    if (verdict == submit_encoder::verdict::ready) {
      message* m = encoder_.built();
      m->attempts = later.attempts;
      m->error_value = later.error_value;
      if (b.blocks[context.entry / block_entries].is_suspect(context.entry % block_entries))
        m->flags |= flag_maybe_duplicate;
      restore_parts(b, *m, last->config().name);
      m->status = how.status;
      m->why = how.why;
      forget_postponed(b, context.entry);
      hold(*last, *m);
      last->settle(m->slots);
      sink_.final(m);
      messages_finished.add();
      return taking::finished;
    }
  }
  return finish(&from, how.status, how.why, how.text, context, later.error_value, later.attempts);
}

feeder::taking feeder::take(batch& b, std::uint32_t entry, std::uint32_t line, entry_reader::outcome what,
                            std::string_view text, std::int64_t now_ms, visit_state& state) {
  message_context context{&b, entry, line, b.accepted_at_ms, never_ms, now_ms};
  if (what == entry_reader::outcome::too_long) {
    return finish(nullptr, message_status::rejected, reason::line_too_long,
                  fmt::format("the line is longer than {} octets", options_.records.limits.line_bytes), context);
  }
  const record* from = b.format == batch_format::csv ? parser_.parse_csv(text, b.columns, b.defaults)
                                                     : parser_.parse_json(text, b.defaults);
  if (from == nullptr) {
    const record_error why = parser_.error();
    return finish(parser_.rejected(text), message_status::rejected, why.code, why.text, context);
  }

  if (!b.priority_known) {
    b.priority = b.waits_as = from->priority;
    b.priority_known = true;
  } else if (entry < block_entries) {
    b.priority = std::min(b.priority, from->priority);
  }

  postponed_line later;
  bool again = false;  // this line was postponed
  if (!b.postponed.empty()) {
    if (const auto found = b.postponed.find(entry); found != b.postponed.end()) {
      later = found->second;
      again = true;
    }
  }
  if (!b.unresolved.empty()) {
    if (const auto found = b.unresolved.find(entry); found != b.unresolved.end()) {
      block& at = b.blocks[entry / block_entries];
      if (!at.is_suspect(entry % block_entries)) {
        at.set_suspect(entry % block_entries);
        maybe_duplicates.add();
      }
      context.expires_at_ms = now_ms;
      const ending how{message_status::unknown, reason::interrupted, {}};
      const auto taken = finish_begun(b, *from, how, by_name(found->second), context, later);
      if (taken == taking::finished) b.unresolved.erase(found);
      return taken;
    }
  }

  // Where it goes.
  const router::route* rule = nullptr;
  // Plain pointers: the snapshot in `routing_` owns the carriers, and counting references costs more than routing.
  carrier* pinned = nullptr;
  if (!from->carrier.empty()) {
    pinned = by_name(from->carrier);
    if (!pinned) {
      return finish(from, message_status::rejected, reason::unknown_carrier,
                    fmt::format("carrier \"{}\" is not configured", from->carrier), context);
    }
  } else {
    const router::tag_view tags{&from->tags, [](const void* all, std::string_view key) noexcept -> std::string_view {
                                  for (const tag& t : *static_cast<const std::span<const tag>*>(all)) {
                                    if (t.key == key) return t.value;
                                  }
                                  return {};
                                }};
    rule =
        routing_->routes->match({from->number, from->has_from ? from->from : std::string_view{}, from->priority, tags});
    if (rule == nullptr)
      return finish(from, message_status::rejected, reason::no_route, "no route takes this message", context);
  }

  // When.
  const std::int64_t counted_from = std::max(b.accepted_at_ms, from->send_at_ms);
  if (from->expires_at_ms >= 0) {
    context.expires_at_ms = from->expires_at_ms;
  } else if (from->validity_ms >= 0) {
    context.expires_at_ms = counted_from + from->validity_ms;
  } else if (rule != nullptr && rule->set.validity) {
    context.expires_at_ms = counted_from + rule->set.validity->count();
  } else {
    context.expires_at_ms = counted_from + options_.default_validity.count();
  }
  if (b.cancelled.load(std::memory_order_relaxed)) {
    const ending how{message_status::cancelled, reason::cancelled, "the batch was cancelled"};
    return finish_begun(b, *from, how, partly_sent_by(b, entry).get(), context, later);
  }
  if (context.expires_at_ms <= now_ms) {
    const ending how{message_status::expired, reason::expired, "the validity ended before the message was sent"};
    return finish_begun(b, *from, how, partly_sent_by(b, entry).get(), context, later);
  }
  if (b.paused.load(std::memory_order_relaxed)) {
    state.due_ms = std::min(state.due_ms, context.expires_at_ms);
    return taking::left;
  }
  const std::int64_t not_before = std::max(from->send_at_ms, later.due_ms);
  if (not_before > now_ms) {
    state.due_ms = std::min({state.due_ms, not_before, context.expires_at_ms});
    return taking::left;
  }

  // By whom.
  std::uint64_t& waits_of_its_kind = again ? state.retry_waits : state.waits;
  carrier* to = pinned;
  std::uint8_t position = 0xff;
  const auto now = now_;
  const auto sendable = [](const auto& c) { return c && !c->closed() && c->config().can_send(); };
  // Its carrier was closed by a stop or a reload, whose new routes are on their way: no reason to decide anything now.
  const auto later_again = [&] {
    state.due_ms = std::min({state.due_ms, context.expires_at_ms, now_ms + 20});
    return taking::left;
  };
  const auto any_closed = [&] {
    return std::any_of(rule->to.begin(), rule->to.end(), [&](const router::route_target& target) {
      const auto& c = routing_->at(target.carrier);
      return c && c->closed();
    });
  };
  if (const auto& begun_with = partly_sent_by(b, entry)) {
    // The parts that were accepted count only there.
    to = begun_with.get();
  } else if (rule != nullptr) {
    const std::uint32_t usable = router::carrier_mask(*rule, [&](router::carrier_id id) {
      const auto& c = routing_->at(id);
      return sendable(c) && c->usable(now, rule->failover_after);
    });
    const auto choice = router::choose_carrier(*rule, usable, later.tried, route_counter_++);
    if (choice.kind == router::choice_kind::exhausted) {
      if (later.tried == 0) {
        return finish(from, message_status::rejected, reason::no_sending_carrier,
                      fmt::format("no carrier of route \"{}\" can send", rule->name), context);
      }
      return finish(from, message_status::failed, reason::command_status,
                    "every carrier of the route refused the message", context, later.error_value, later.attempts);
    }
    if (choice.kind == router::choice_kind::wait) {
      std::uint64_t waits = 0;
      bool any_sends = false;
      for (const auto& target : rule->to) {
        if (const auto& c = routing_->at(target.carrier); sendable(c)) {
          waits |= carrier_bit(c->id());
          any_sends = true;
        }
      }
      if (!any_sends && any_closed()) return later_again();
      if (!any_sends) {
        return finish(from, message_status::rejected, reason::no_sending_carrier,
                      fmt::format("no carrier of route \"{}\" can send", rule->name), context);
      }
      waits_of_its_kind |= waits;
      state.due_ms = std::min(state.due_ms, context.expires_at_ms);
      return taking::left;
    }
    to = routing_->at(rule->to[choice.index].carrier).get();
    position = static_cast<std::uint8_t>(choice.index);
  } else if (to->closed()) {
    return later_again();
  } else if (!sendable(to)) {
    return finish(from, message_status::rejected, reason::no_sending_carrier,
                  fmt::format("carrier \"{}\" only receives", from->carrier), context);
  }
  if (!to->usable(now, 0ms)) {
    // Its sessions are down: the line waits in its file for them, or for failover_after.
    waits_of_its_kind |= carrier_bit(to->id());
    state.due_ms = std::min(state.due_ms, context.expires_at_ms);
    if (rule != nullptr && rule->to.size() > 1) {
      const auto patience =
          std::chrono::ceil<std::chrono::milliseconds>(rule->failover_after - to->down_for(now)).count();
      state.due_ms = std::min(state.due_ms, now_ms + std::max<std::int64_t>(patience, 1));
    }
    return taking::left;
  }
  const std::uint32_t room = to->room(from->priority);
  auto& of_priority = state.of_priority[static_cast<std::size_t>(from->priority)];
  const auto leave = [&] {
    b.waits_as = std::max(b.waits_as, from->priority);
    state.due_ms = std::min(state.due_ms, context.expires_at_ms);
    if ((of_priority.needs_more & carrier_bit(to->id())) != 0) {
      state.due_ms = std::min(state.due_ms, now_ms + 20);
      return taking::left;
    }
    waits_of_its_kind |= carrier_bit(to->id());
    roomy_.fresh &= ~carrier_bit(to->id());
    // A carrier that only takes no new lines may still take one that was postponed.
    if (again || !too_many_postponed(*to)) roomy_.retries &= ~carrier_bit(to->id());
    return taking::left;
  };
  // No later line goes before one of the same priority that finds no room.
  if (room == 0) of_priority.full |= carrier_bit(to->id());
  if ((of_priority.full & carrier_bit(to->id())) != 0) return leave();
  if (!again && too_many_postponed(*to)) return leave();

  // In which octets.
  const std::string_view sender = from->has_from                      ? from->from
                                  : rule != nullptr && rule->set.from ? std::string_view(*rule->set.from)
                                                                      : std::string_view(to->config().from);
  const bool sender_counts = to->feeding_senders().limited() && later.attempts == 0 && later.tried == 0;
  if (sender_counts) {
    if (const auto wait = to->feeding_senders().take(sender, 1, now, false); wait.count() != 0) {
      // Blocks farther back ask less often, so that all of them together ask some hundred times a second at most,
      // however many there are, and whoever is next notices at once.
      const auto ahead = std::int64_t{entry / block_entries} - std::int64_t{b.first_open_block()};
      const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
      const auto look = std::max(wait_ms, sender_look_ms) + std::min(ahead * sender_look_ms, most_sender_look_ms);
      state.due_ms = std::min({state.due_ms, context.expires_at_ms, now_ms + look});
      return taking::left;
    }
  }
  switch (encoder_.encode(*from, sender, to->config(), to->id(), context, room)) {
    case submit_encoder::verdict::refused:
      return finish(from, message_status::rejected, encoder_.error().code, encoder_.error().text, context);
    case submit_encoder::verdict::no_memory:
      if (sender_counts) to->feeding_senders().adjust(sender, -1);
      if (room >= carrier::longest_message_slots) return taking::no_memory;
      // There is some room, and it takes more: no reason to look all the time.
      of_priority.full |= carrier_bit(to->id());
      to->publish_holds();
      if (to->roomy(from->priority)) of_priority.needs_more |= carrier_bit(to->id());
      return leave();
    case submit_encoder::verdict::ready:
      break;
  }
  message* m = encoder_.built();
  if (sender_counts && m->parts > 1) to->feeding_senders().adjust(sender, m->parts - 1);
  if (options_.optouts != nullptr && !confirms_optout(b, *from))
    m->optout_key = optout_set::key_of(sender, from->number);
  m->route_position = position;
  m->attempts = later.attempts;
  m->tried = later.tried;
  m->error_value = later.error_value;
  const block& at = b.blocks[entry / block_entries];
  if (at.is_suspect(entry % block_entries)) {
    m->flags |= flag_maybe_duplicate;
    maybe_duplicates.add();
  }
  if (b.on_unknown == unknown_policy::hold) m->flags |= flag_hold;
  if (!b.partly_accepted.empty()) restore_parts(b, *m, to->config().name);
  if (again) forget_postponed(b, entry);
  hold(*to, *m);
  if (m->parts_accepted == m->parts) {
    // All its parts went out before a restart; only the outcome was lost.
    m->status = message_status::sent;
    to->settle(m->slots);
    sink_.final(m);
    return taking::finished;
  }

  if (state.pending == nullptr) {
    state.pending = new admission;
    state.pending->owner = &b;
    state.pending->block = entry / block_entries;
  }
  state.pending->lines[entry % block_entries / 64] |= std::uint64_t{1} << (entry % 64);
  const lane where = lane_of(m->priority);
  auto& groups = state.pending->groups;
  auto group = std::find_if(groups.begin(), groups.end(),
                            [&](const admission::group& g) { return g.to.get() == to && g.where == where; });
  if (group == groups.end()) {
    group = groups.insert(groups.end(), {routing_->at(to->id()), where, {}});
    group->messages.reserve(block_entries);
  }
  group->messages.push_back(m);
  messages_admitted.add();
  return taking::taken;
}

carrier* feeder::by_name(std::string_view name) const {
  const auto found = routing_->by_name.find(std::string(name));
  return found == routing_->by_name.end() ? nullptr : routing_->at(found->second).get();
}

const std::shared_ptr<carrier>& feeder::partly_sent_by(const batch& b, std::uint32_t entry) const {
  static const std::shared_ptr<carrier> none;
  if (b.partly_accepted.empty()) return none;
  const auto found = b.partly_accepted.find(entry);
  if (found == b.partly_accepted.end() || found->second.empty()) return none;
  const auto id = routing_->by_name.find(found->second.front().carrier);
  if (id == routing_->by_name.end()) return none;
  const auto& c = routing_->at(id->second);
  return c && !c->closed() && c->config().can_send() ? c : none;
}

void feeder::restore_parts(batch& b, message& m, const std::string& carrier_name) {
  const auto found = b.partly_accepted.find(m.entry);
  if (found == b.partly_accepted.end()) return;
  for (const accepted_part& part : found->second) {
    // Sent parts count only for the same carrier and the same cut; otherwise what they said goes out twice.
    if (part.carrier != carrier_name || part.parts != m.parts || part.part >= m.parts) {
      if ((m.flags & flag_maybe_duplicate) == 0) maybe_duplicates.add();
      m.flags |= flag_maybe_duplicate;
      continue;
    }
    const part_record before = read_part(m, part.part);
    if (before.state == part_state::accepted) continue;
    write_part(m, part.part,
               {before.body_length, part_state::accepted, static_cast<std::uint8_t>(part.message_id.size())});
    m.write(part_octets_offset(m, part.part),
            {reinterpret_cast<const std::uint8_t*>(part.message_id.data()), part.message_id.size()});
    ++m.parts_accepted;
  }
  b.partly_accepted.erase(found);
}

}  // namespace trunkline::engine
