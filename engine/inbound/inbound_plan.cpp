#include "engine/inbound/inbound_plan.hpp"

#include <date/tz.h>

#include <algorithm>

namespace trunkline::engine {
namespace {

router::text_rewriting compile(const std::string& source) {
  return router::text_rewriting::parse(source).value_or(router::text_rewriting());
}

router::address_rewriting compile(const address_rewriting_config& from) {
  return {from.rewrite, compile(from.address), from.ton, from.npi};
}

}  // namespace

struct inbound_plan::zones {
  std::vector<std::string> names;
  std::vector<const date::time_zone*> of;

  std::uint16_t place(const std::string& name) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      names.push_back(name);
      of.push_back(date::locate_zone(name));
      return static_cast<std::uint16_t>(names.size() - 1);
    }
    return static_cast<std::uint16_t>(found - names.begin());
  }
};

inbound_plan::inbound_plan(const configuration& from) : optout_(from.optout), reply_window_(from.engine.reply_window) {
  auto zones_made = std::make_shared<zones>();
  std::vector<router::inbound_rule> rules;
  for (const inbound_config& source : from.inbound) {
    router::inbound_rule rule;
    rule.name = source.name;
    rule.enabled = source.enabled;
    rule.carriers = source.carrier;
    rule.to = source.to_number;
    rule.from = source.from;
    rule.text_prefix = source.text_prefix;
    rule.case_sensitive = source.case_sensitive;
    std::string problem;
    if (!source.regex.empty())
      rule.regex = router::text_pattern::compile(source.regex, false, problem).value_or(router::text_pattern());
    rule.time = source.time;
    rule.days = source.days;
    if (!source.time.empty() || source.days != 0) rule.zone = zones_made->place(source.timezone);
    rule.batch = source.batch;
    rule.batch_name = source.batch_name;
    rule.batch_tags.assign(source.tags.begin(), source.tags.end());
    rules.push_back(std::move(rule));

    action& made = actions_.emplace_back();
    made.directories = source.directories;
    for (const inbound_forward_config& f : source.forwards) {
      forward& to = made.forwards.emplace_back();
      for (const std::string& number : f.to) to.to.push_back(compile(number));
      to.carrier = f.carrier;
      to.priority = router::name(f.priority);
      to.tags.assign(f.tags.begin(), f.tags.end());
    }
    if (source.reply) made.reply = reply{compile(source.reply->text), source.reply->from, source.reply->carrier};
    made.replace = compile(source.replace);
    made.source = compile(source.source);
    made.destination = compile(source.destination);
  }
  rules_ = router::inbound_rules(std::move(rules));
  zones_ = std::move(zones_made);
  for (const optout_language_config& source : optout_.languages) {
    language& l = languages_.emplace_back();
    const std::vector<std::string>* words[] = {&source.stop, &source.start, &source.help};
    for (std::size_t i = 0; i < 3; ++i)
      if (!words[i]->empty()) l.patterns[i] = router::text_pattern::whole_word(*words[i]);
    l.replies[0] = source.stop_reply;
    l.replies[1] = source.start_reply;
    l.replies[2] = source.help_reply;
  }
  for (const carrier_config& c : from.carriers)
    if (c.can_send()) senders_.insert(c.name);
}

std::vector<router::local_minute> inbound_plan::local_times(std::int64_t wall_ms) const {
  std::vector<router::local_minute> times;
  const date::sys_seconds moment{std::chrono::duration_cast<std::chrono::seconds>(std::chrono::milliseconds(wall_ms))};
  for (const date::time_zone* zone : zones_->of) {
    const auto local = zone->to_local(moment);
    const auto day = date::floor<date::days>(local);
    const auto minute = std::chrono::duration_cast<std::chrono::minutes>(local - day).count();
    times.push_back(
        {static_cast<std::uint8_t>(date::weekday(day).iso_encoding() - 1), static_cast<std::uint16_t>(minute)});
  }
  return times;
}

std::optional<inbound_plan::keyword> inbound_plan::find_keyword(std::string_view carrier, std::string_view text) const {
  if (!optout_.enabled) return std::nullopt;
  const auto& by = optout_.carriers;
  if (!by.empty() && std::find(by.begin(), by.end(), carrier) == by.end()) return std::nullopt;
  if (text.size() > 200) return std::nullopt;  // a keyword has 64 octets
  for (const language& l : languages_) {
    for (std::size_t i = 0; i < 3; ++i) {
      if (l.patterns[i].set() && l.patterns[i].found_in(text))
        return keyword{static_cast<optout_word>(i), &l.replies[i]};
    }
  }
  return std::nullopt;
}

std::set<std::string> inbound_plan::directories() const {
  std::set<std::string> all;
  for (const action& a : actions_) all.insert(a.directories.begin(), a.directories.end());
  return all;
}

}  // namespace trunkline::engine
