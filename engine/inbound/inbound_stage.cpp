// The order in which one message is dealt with: put together, its keyword looked up, the rules asked, the line written,
// and new messages made. Nothing here is the truth: that is the journal, from which the same messages come again after
// a crash. Lines may be shown twice then; opting out twice changes nothing; and messages are made once, because each
// names what it was made from (made_messages).
#include "engine/inbound/inbound_stage.hpp"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "engine/dispatch/admission.hpp"
#include "engine/journal/records.hpp"
#include "engine/runtime/rfc3339.hpp"
#include "engine/spool/json_text.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view unrouted = "unrouted";

std::uint64_t seed_of(std::uint64_t given) {
  if (given != 0) return given;
  std::random_device random;
  return std::uint64_t{random()} << 32U | random();
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  append_json(out, text);
}

void append_hex_member(std::string& out, std::string_view name, std::span<const std::uint8_t> octets) {
  out.append(",\"").append(name).append("\":\"");
  append_hex(out, octets.data(), octets.size());
  out.push_back('"');
}

void append_time_member(std::string& out, std::string_view name, std::int64_t ms) {
  char text[rfc3339_ms_bytes];
  format_rfc3339_ms(ms, text);
  out.append(",\"").append(name).append("\":\"").append(text, sizeof text).push_back('"');
}

/// A message's id as 16 hexadecimal digits.
void append_id_member(std::string& out, std::uint64_t id) {
  std::uint8_t octets[8];
  for (std::size_t i = 0; i < sizeof octets; ++i) octets[i] = static_cast<std::uint8_t>(id >> (56 - 8 * i));
  append_hex_member(out, "id", octets);
}

std::string_view digits_of(std::string_view address) noexcept {
  if (address.starts_with('+')) address.remove_prefix(1);
  return address;
}

/// The number that a phone wrote to, as messages name it as their sender: "00" in front of a long one is the carrier's.
std::string_view own_number(std::string_view address) noexcept {
  constexpr std::size_t short_code = 8;
  address = digits_of(address);
  if (address.starts_with("00") && address.size() > short_code + 2) address.remove_prefix(2);
  return address;
}

std::string_view name_of(optout_word word) noexcept {
  return word == optout_word::stop ? "stop" : word == optout_word::start ? "start" : "help";
}

/// A line of a batch has at most 40,000 octets of text or data. What is longer is cut just behind that, so that its
/// report says too_long, and a record of the journal always holds what one message leads to.
constexpr std::size_t max_made_octets = 40'001;

std::string_view bounded(std::string_view text) noexcept {
  if (text.size() <= max_made_octets) return text;
  text = text.substr(0, max_made_octets + protocol::max_utf8_octets - 1);
  return text.substr(0, protocol::valid_utf8_prefix(text));
}

template <class Record>
control_record* make_record(const Record& r) {
  auto* made = new control_record;
  made->type = static_cast<std::uint8_t>(journal_records::type_of<Record>);
  made->payload.resize(journal_records::encoded_bytes(r));
  made->payload.resize(journal_records::encode(r, made->payload));
  return made;
}

}  // namespace

inbound_stage::inbound_stage(const clock& time, const spool_paths& paths, publisher& shown, optout_list& optouts,
                             std::shared_ptr<const inbound_plan> plan, inbound_options options, fatal_hook on_fatal)
    : time_(time),
      paths_(paths),
      shown_(shown),
      optouts_(optouts),
      on_fatal_(std::move(on_fatal)),
      plan_(std::move(plan)),
      parts_(options.reassembly_ttl, options.parts, seed_of(options.seed)),
      made_(shown, time, paths.incoming(), options.made),
      emit_([this](const received_message& m) { route(m); }),
      calling_code_(std::move(options.calling_code)) {}

void inbound_stage::name_start(std::uint64_t start) {
  start_ = start;
  made_.name_start(start);
}

void inbound_stage::set_plan(std::shared_ptr<const inbound_plan> plan) {
  {
    const std::lock_guard lock(plan_mutex_);
    fresh_plan_ = std::move(plan);
  }
  has_fresh_plan_.store(true, std::memory_order_release);
}

rotating_output& inbound_stage::output(const std::string& directory) {
  if (last_directory_ != nullptr && *last_directory_ == directory) return *last_output_;
  auto found = outputs_.find(directory);
  if (found == outputs_.end()) {
    found = outputs_.try_emplace(directory, shown_, time_, paths_.inbound() + "/" + directory).first;
    found->second.name_start(start_);
  }
  last_directory_ = &found->first;
  last_output_ = &found->second;
  return found->second;
}

void inbound_stage::count(const std::string& carrier, std::string_view rule) {
  if (last_count_ == nullptr || last_count_->first.first != carrier || last_count_->first.second != rule) {
    const std::lock_guard lock(counts_mutex_);
    last_count_ = &*counts_.try_emplace(std::pair(carrier, std::string(rule))).first;
  }
  last_count_->second.add();
}

void inbound_stage::for_each_count(
    const std::function<void(const std::string&, const std::string&, std::uint64_t)>& visit) const {
  const std::lock_guard lock(counts_mutex_);
  for (const auto& [key, n] : counts_) visit(key.first, key.second, n.value());
}

void inbound_stage::received(const received_from& from, std::int64_t received_at_ms,
                             std::span<const std::uint8_t> pdu) {
  if (has_fresh_plan_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(plan_mutex_);
    plan_ = std::move(fresh_plan_);
    has_fresh_plan_.store(false, std::memory_order_relaxed);
    local_of_ = -1;
  }
  idle_.store(false, std::memory_order_release);
  const std::uint64_t id = identify(from.carrier, received_at_ms, pdu);
  const auto fields = read_received(pdu);
  if (fields && fields->place) {
    if (parts_.add(from, received_at_ms, id, *fields, pdu, emit_)) return;
  }
  assembler_.begin(from, 1);
  assembler_.add(1, received_at_ms, id, pdu, fields);
  route(assembler_.finish());
}

std::optional<answered_line> inbound_stage::find_answered(const received_message& m) {
  if (sent_ == nullptr || m.from.empty() || plan_->reply_window() == 0ms) return std::nullopt;
  const std::int64_t since = m.received_at_ms - plan_->reply_window().count();
  return sent_->find_last_sent(phone_of(m), own_number(m.to), since, plan_->rules().needs_reply_to());
}

/// The phone's number as messages to it name it, whatever the carrier writes in front; what is no number stays as it
/// is. Valid until the next call.
std::string_view inbound_stage::phone_of(const received_message& m) noexcept {
  const auto number = normalize_number(m.from, calling_code_, phone_);
  return number.fault == number_fault::none ? number.digits : digits_of(m.from);
}

void inbound_stage::route(const received_message& m) {
  std::optional<inbound_plan::keyword> keyword;
  if (m.text && plan_->optout_enabled()) keyword = plan_->find_keyword(m.carrier, *m.text);
  if (keyword) note_optout(m, keyword->word);
  const auto answered = find_answered(m);
  router::answered_message answers;
  router::inbound_query query;
  query.carrier = m.carrier;
  query.from = phone_of(m);
  query.to = digits_of(m.to);
  if (m.text) query.text = *m.text;
  if (plan_->rules().needs_time()) {
    if (m.received_at_ms / 60'000 != local_of_) {
      local_of_ = m.received_at_ms / 60'000;
      local_ = plan_->local_times(m.received_at_ms);
    }
    query.local = local_;
  }
  if (answered) {
    answers = {answered->batch, answered->batch_name, answered->tags};
    query.answers = &answers;
  }
  const auto rule = plan_->rules().match(query);
  const inbound_plan::action* action = rule ? &plan_->action_of(*rule) : nullptr;
  const std::string_view name = rule ? std::string_view(plan_->rules().rules()[*rule].name) : unrouted;
  if (!rule && time_.steady() >= next_unrouted_note_) {
    next_unrouted_note_ = time_.steady() + 60s;
    spdlog::warn("a message received by {} found no inbound rule and is in inbound/{}", m.carrier, unrouted);
  }
  std::string_view text = m.text ? std::string_view(*m.text) : std::string_view();
  if (m.text && action != nullptr && !action->replace.empty()) {
    text_.clear();
    action->replace.apply({*m.text, digits_of(m.from), digits_of(m.to)}, text_);
    text = text_;
  }
  deliver(m, action, name, answered, text, keyword ? std::optional(keyword->word) : std::nullopt);
  const bool makes =
      (action != nullptr && (!action->forwards.empty() || action->reply)) || (keyword && !keyword->reply->empty());
  if (makes && made_.open_for(m.id)) make_messages(m, action, name, text, keyword ? &*keyword : nullptr);
  count(m.carrier, name);
}

void inbound_stage::note_optout(const received_message& m, optout_word word) {
  const std::int64_t at_s = m.received_at_ms / 1000;
  if (word == optout_word::stop) {
    optouts_.add(own_number(m.to), phone_of(m), at_s);
  } else if (word == optout_word::start) {
    optouts_.remove(own_number(m.to), phone_of(m), at_s);
  }
}

void inbound_stage::deliver(const received_message& m, const inbound_plan::action* action, std::string_view rule,
                            const std::optional<answered_line>& answered, std::string_view text,
                            std::optional<optout_word> keyword) {
  if (action != nullptr && action->directories.empty()) return;
  line_ = "{\"carrier\":";
  append_json(line_, m.carrier);
  append_member(line_, "from", m.from);
  append_member(line_, "to", m.to);
  if (m.text) append_member(line_, "text", text);
  line_.append(",\"data_coding\":");
  append_number(line_, unsigned{m.data_coding});
  line_.append(",\"parts\":");
  append_number(line_, unsigned{m.parts});
  if (!m.missing.empty()) line_.append(fmt::format(",\"incomplete\":true,\"missing\":[{}]", fmt::join(m.missing, ",")));
  append_time_member(line_, "received_at", m.received_at_ms);
  if (answered) {
    line_.append(",\"reply_to\":{\"batch\":");
    append_json(line_, answered->batch);
    line_.append(",\"line\":");
    append_number(line_, answered->line);
    if (!answered->id.empty()) append_member(line_, "id", answered->id);
    line_.push_back('}');
  } else {
    line_.append(",\"reply_to\":null");
  }
  if (action != nullptr) append_member(line_, "rule", rule);
  if (keyword) append_member(line_, "optout", name_of(*keyword));
  append_id_member(line_, m.id);
  if (!m.header.empty()) append_hex_member(line_, "udh", m.header);
  if (!m.raw.empty()) append_hex_member(line_, "raw", m.raw);
  line_.append("}\n");
  static const std::string unrouted_directory(unrouted);
  const auto write = [&](const std::string& directory) {
    rotating_output& to = output(directory);
    to.buffer().append(line_);
    to.added();
    if (to.full()) to.rotate();
  };
  if (action == nullptr) {
    write(unrouted_directory);
  } else {
    for (const std::string& directory : action->directories) write(directory);
  }
}

void inbound_stage::append_line(const received_message& m, std::string_view kind, std::string_view rule,
                                std::string_view to, std::string_view from, std::string_view carrier) {
  lines_.append("{\"to\":");
  append_json(lines_, to);
  if (!from.empty()) append_member(lines_, "from", from);
  if (!carrier.empty()) append_member(lines_, "carrier", carrier);
  append_id_member(lines_, m.id);
  lines_.append(",\"tags\":{\"inbound\":");
  append_json(lines_, kind);
  append_member(lines_, "rule", rule);
  ++line_count_;
}

void inbound_stage::append_forward(const received_message& m, const inbound_plan::action& action,
                                   const inbound_plan::forward& to, const std::string& number, std::string_view rule,
                                   std::string_view text) {
  const std::string_view sender = digits_of(m.from);
  const std::string_view receiver = digits_of(m.to);
  append_line(m, "forward", rule, action.destination.apply(number, sender, receiver),
              action.source.apply(sender, sender, receiver), to.carrier);
  for (const auto& [key, value] : to.tags) {
    if (key != "inbound" && key != "rule") {
      lines_.push_back(',');
      append_json(lines_, key);
      lines_.push_back(':');
      append_json(lines_, value);
    }
  }
  lines_.push_back('}');
  append_member(lines_, "priority", to.priority);
  const auto append_octet = [&](std::string_view name, const std::optional<std::uint8_t>& value) {
    if (!value) return;
    lines_.append(",\"").append(name).append("\":");
    append_number(lines_, unsigned{*value});
  };
  append_octet("source_ton", action.source.ton);
  append_octet("source_npi", action.source.npi);
  append_octet("dest_ton", action.destination.ton);
  append_octet("dest_npi", action.destination.npi);
  if (m.text) {
    append_member(lines_, "text", bounded(text));
  } else {
    append_hex_member(lines_, "data", std::span(m.octets).first(std::min(m.octets.size(), max_made_octets)));
    lines_.append(",\"data_coding\":");
    append_number(lines_, unsigned{m.data_coding});
    if (!m.header.empty() && m.parts == 1) append_hex_member(lines_, "udh", m.header);
  }
  lines_.append("}\n");
  forwarded.add();
}

void inbound_stage::make_messages(const received_message& m, const inbound_plan::action* action, std::string_view rule,
                                  std::string_view text, const inbound_plan::keyword* keyword) {
  const std::string_view sender = digits_of(m.from);
  const std::string_view receiver = digits_of(m.to);
  lines_.clear();
  line_count_ = 0;
  const auto reply_carrier = [&](const std::string& wanted) -> std::string_view {
    if (!wanted.empty()) return wanted;
    return plan_->can_send(m.carrier) ? std::string_view(m.carrier) : std::string_view();
  };
  if (action != nullptr) {
    for (const inbound_plan::forward& to : action->forwards) {
      if (to.to.empty()) append_forward(m, *action, to, std::string(receiver), rule, text);
      for (const router::text_rewriting& number : to.to) {
        std::string made;
        number.apply({receiver, sender, receiver}, made);
        append_forward(m, *action, to, made, rule, text);
      }
    }
    if (action->reply) {
      const auto& reply = *action->reply;
      std::string words;
      reply.text.apply({m.text ? std::string_view(*m.text) : std::string_view(), sender, receiver}, words);
      append_line(m, "reply", rule, sender, reply.from.empty() ? receiver : std::string_view(reply.from),
                  reply_carrier(reply.carrier));
      lines_.append("},\"priority\":\"normal\"");
      append_member(lines_, "text", bounded(words));
      lines_.append("}\n");
      replied.add();
    }
  }
  if (keyword != nullptr && !keyword->reply->empty()) {
    append_line(m, "optout", rule, sender, receiver, reply_carrier({}));
    lines_.append("},\"priority\":\"urgent\"");
    append_member(lines_, "text", *keyword->reply);
    lines_.append("}\n");
    replied.add();
  }
  made_.add(m.id, lines_, line_count_);
}

std::chrono::steady_clock::time_point inbound_stage::step(outcome_sink& journal) {
  const auto now = time_.steady();
  auto next = now + 1h;
  const std::int64_t wall_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(time_.wall().time_since_epoch()).count();
  if (const std::int64_t deadline = parts_.deadline_ms(); deadline <= wall_ms) {
    parts_.expire(wall_ms, emit_);
  } else if (deadline - wall_ms < 60 * 60'000) {
    next = now + std::chrono::milliseconds(deadline - wall_ms);
  }
  bool waiting = false;
  for (auto& [directory, out] : outputs_) {
    if (out.due()) out.rotate();
    if (out.empty()) continue;
    waiting = true;
    next = std::min(next, out.due_at());
  }
  if (made_.due()) made_.rotate(journal);
  if (!made_.empty()) {
    waiting = true;
    next = std::min(next, made_.due_at());
  }
  // The journal has them until the next checkpoint, so there is no hurry.
  if (optouts_.dirty() && now >= next_flush_) {
    next_flush_ = now + 1s;
    if (auto flushed = optouts_.flush(); !flushed && flushed.error() != std::errc::no_space_on_device)
      on_fatal_(flushed.error(), "the opt-out list");
  }
  if (optouts_.dirty()) next = std::min(next, next_flush_);
  if (!waiting) idle_.store(true, std::memory_order_release);
  return next;
}

void inbound_stage::rotate_all() {
  for (auto& [directory, out] : outputs_) out.rotate();
}

bool inbound_stage::checkpoint(outcome_sink& journal) {
  if (auto flushed = optouts_.flush(); !flushed) {
    if (flushed.error() != std::errc::no_space_on_device) on_fatal_(flushed.error(), "the opt-out list");
    return false;
  }
  made_.rotate(journal);
  std::vector<bool> named;
  parts_.each([&](const kept_part& part) {
    const auto carrier = static_cast<std::uint16_t>(journal_records::first_kept_carrier + part.scope);
    if (named.size() <= part.scope) named.resize(part.scope + 1);
    if (!named[part.scope]) {
      named[part.scope] = true;
      journal.event(event_kind::control, make_record(journal_records::carrier_name{carrier, part.from.carrier}));
    }
    journal.event(event_kind::control, make_record(journal_records::received{carrier, part.received_at_ms, part.pdu}));
  });
  return true;
}

}  // namespace trunkline::engine
