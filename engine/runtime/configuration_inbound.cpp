// [[inbound]] and [optout]. Whatever can be wrong with a rule is said here, at its place: patterns and templates are
// compiled to see that they are good, time zones are looked up.
#include "engine/runtime/configuration_inbound.hpp"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/runtime/configuration_sections.hpp"
#include "engine/runtime/configuration_values.hpp"

namespace trunkline::engine {
namespace {

constexpr std::size_t max_text_octets = 4'000;
constexpr std::size_t max_keywords = 64;

bool is_mask(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::vector<std::string> read_masks(toml_section& section, std::string_view key, std::string_view what) {
  std::vector<std::string> masks;
  for (located_string& text : section.strings(key)) {
    // Numbers are compared without "+", as they are written elsewhere.
    if (what == "number" && text.value.starts_with('+')) text.value.erase(0, 1);
    if (!is_mask(text.value))
      section.error(text.where, fmt::format("{} \"{}\" is no {} and no mask: 1 to 64 printable characters, of which * "
                                            "stands for any and ? for one",
                                            key, text.value, what));
    masks.push_back(std::move(text.value));
  }
  return masks;
}

void check_carrier(toml_section& section, std::string_view key, const located_string& text,
                   const std::vector<carrier_config>& carriers, bool sends) {
  const auto found =
      std::find_if(carriers.begin(), carriers.end(), [&](const auto& other) { return other.name == text.value; });
  if (found == carriers.end()) {
    std::vector<std::string_view> names;
    for (const carrier_config& other : carriers) names.push_back(other.name);
    const std::string_view close = nearest(text.value, names);
    section.error(text.where, fmt::format("{}: there is no carrier \"{}\"{}", key, text.value,
                                          close.empty() ? "" : fmt::format("; the nearest name is \"{}\"", close)));
  } else if (sends && !found->can_send()) {
    section.error(text.where, fmt::format("{}: carrier \"{}\" only receives", key, text.value));
  } else if (!sends && !found->can_receive()) {
    section.error(text.where, fmt::format("{}: carrier \"{}\" only sends", key, text.value));
  }
}

std::string read_sending_carrier(toml_section& section, const std::vector<carrier_config>& carriers) {
  const auto text = section.located("carrier");
  if (!text) return {};
  check_carrier(section, "carrier", *text, carriers, true);
  return text->value;
}

std::vector<std::string> read_receiving_carriers(toml_section& section, const std::vector<carrier_config>& carriers) {
  std::vector<std::string> names;
  for (located_string& text : section.strings("carrier")) {
    check_carrier(section, "carrier", text, carriers, false);
    names.push_back(std::move(text.value));
  }
  return names;
}

void check_template(toml_section& section, std::string_view key, const located_string& text) {
  if (text.value.size() > max_text_octets) {
    section.error(text.where,
                  fmt::format("{} has {} octets, at most {} are allowed", key, text.value.size(), max_text_octets));
  } else if (const auto parsed = router::text_rewriting::parse(text.value); !parsed) {
    section.error(text.where,
                  fmt::format("{}: at character {}: {}", key, parsed.error().offset + 1, parsed.error().message));
  }
}

std::string read_template(toml_section& section, std::string_view key) {
  auto text = section.located(key);
  if (!text) return {};
  check_template(section, key, *text);
  return std::move(text->value);
}

address_rewriting_config read_address(toml_section& rule, std::string_view key) {
  address_rewriting_config out;
  auto section = rule.table(key);
  if (!section) return out;
  using router::address_rewrite;
  out.rewrite = address_rewrite::always;
  section->choice("rewrite", out.rewrite,
                  {{"never", address_rewrite::never},
                   {"if_empty", address_rewrite::if_empty},
                   {"always", address_rewrite::always}});
  out.address = read_template(*section, "address");
  section->automatic_integer("ton", out.ton, 0, 7);
  section->automatic_integer("npi", out.npi, 0, 18);
  if (!section->has("rewrite") && !section->has("address")) out.rewrite = address_rewrite::never;
  if (out.rewrite != address_rewrite::never && out.address.empty())
    section->error(section->where(), fmt::format("{} has no address to write", key));
  section->finish();
  return out;
}

void read_forward(toml_section& rule, const std::vector<carrier_config>& carriers, inbound_config& out) {
  if (rule.find("forward") == nullptr) return;
  inbound_forward_config forward;
  const auto take_number = [&](toml_section& at, std::string_view key, located_string& text) {
    check_template(at, key, text);
    if (text.value.empty()) at.error(text.where, fmt::format("{} is empty", key));
    forward.to.push_back(std::move(text.value));
  };
  if (const toml::node* node = rule.find("forward"); node->is_table()) {
    auto section = rule.table("forward");
    for (located_string& text : section->strings("to")) take_number(*section, "to", text);
    forward.carrier = read_sending_carrier(*section, carriers);
    section->choice(
        "priority", forward.priority,
        {{"urgent", router::priority::urgent}, {"normal", router::priority::normal}, {"bulk", router::priority::bulk}});
    if (auto tags = section->table("tags"))
      for (auto& [key, value] : tags->named_strings()) forward.tags.emplace(std::move(key), std::move(value.value));
    section->finish();
  } else {
    for (located_string& text : rule.strings("forward")) take_number(rule, "forward", text);
  }
  out.forwards.push_back(std::move(forward));
}

void read_reply(toml_section& rule, const std::vector<carrier_config>& carriers, inbound_config& out) {
  if (rule.find("reply") == nullptr) return;
  inbound_reply_config reply;
  if (const toml::node* node = rule.find("reply"); node->is_table()) {
    auto section = rule.table("reply");
    reply.text = read_template(*section, "text");
    if (reply.text.empty()) section->error(section->where("text"), "reply has no text");
    if (const auto from = section->located("from")) {
      if (!is_sender(from->value))
        section->error(from->where, "from is up to 15 digits, or 1 to 11 printable ASCII characters");
      reply.from = from->value;
    }
    reply.carrier = read_sending_carrier(*section, carriers);
    section->finish();
  } else {
    reply.text = read_template(rule, "reply");
    if (reply.text.empty()) rule.error(rule.where("reply"), "reply has no text");
  }
  out.reply = std::move(reply);
}

void read_targets(toml_section& section, const std::vector<carrier_config>& carriers, inbound_config& out) {
  for (const located_string& text : section.strings("to")) {
    const bool carrier =
        std::any_of(carriers.begin(), carriers.end(), [&](const auto& c) { return c.name == text.value; });
    if (!is_plain_name(text.value)) {
      section.error(text.where, "to is a directory name, \"drop\" or a carrier");
    } else if (text.value == "drop") {
      out.drop = true;
    } else if (carrier) {
      check_carrier(section, "to", text, carriers, true);
      inbound_forward_config forward;
      forward.carrier = text.value;
      out.forwards.push_back(std::move(forward));
    } else if (std::find(out.directories.begin(), out.directories.end(), text.value) != out.directories.end()) {
      section.error(text.where, fmt::format("directory \"{}\" is in `to` twice", text.value));
    } else {
      out.directories.push_back(text.value);
    }
  }
  if (out.drop && !out.directories.empty()) section.error(section.where("to"), "to says both \"drop\" and a directory");
}

void read_conditions(toml_section& section, const std::vector<carrier_config>& carriers, inbound_config& out) {
  out.carrier = read_receiving_carriers(section, carriers);
  out.to_number = read_masks(section, "to_number", "number");
  out.from = read_masks(section, "from", "number");
  for (located_string& text : section.strings("text_prefix")) {
    if (text.value.size() > 160) section.error(text.where, "text_prefix has more than 160 octets");
    if (!text.value.empty()) out.text_prefix.push_back(std::move(text.value));
  }
  section.boolean("case_sensitive", out.case_sensitive);
  if (const auto regex = section.located("regex")) {
    std::string problem;
    if (regex->value.size() > 1'000)
      section.error(regex->where, "regex has more than 1000 octets");
    else if (!router::text_pattern::compile(regex->value, false, problem))
      section.error(regex->where, fmt::format("regex: {} (the syntax is that of RE2)", problem));
    out.regex = regex->value;
  }
  for (const located_string& text : section.strings("time")) {
    if (const auto window = router::parse_day_window(text.value))
      out.time.push_back(*window);
    else
      section.error(text.where, fmt::format("time \"{}\" is not like \"08:00-17:00\"", text.value));
  }
  for (const located_string& text : section.strings("days")) {
    if (const auto day = router::parse_weekday(text.value))
      out.days = static_cast<std::uint8_t>(out.days | 1U << *day);
    else
      section.error(text.where, fmt::format("day \"{}\" is not one of mon, tue, wed, thu, fri, sat, sun", text.value));
  }
  if (const auto zone = section.located("timezone")) {
    try {
      (void)date::locate_zone(zone->value);
    } catch (const std::runtime_error&) {
      section.error(zone->where,
                    fmt::format("timezone \"{}\" is not in the system's time zone database; one is \"Europe/Prague\"",
                                zone->value));
    }
    out.timezone = zone->value;
    if (out.time.empty() && out.days == 0) section.warning(zone->where, "timezone without time or days has no effect");
  }
  out.batch = read_masks(section, "batch", "name of a batch");
  out.batch_name = read_masks(section, "batch_name", "name of a batch");
  if (auto tags = section.table("tags"))
    for (auto& [key, value] : tags->named_strings()) out.tags.emplace(std::move(key), std::move(value.value));
}

std::vector<std::string> read_keywords(toml_section& section, std::string_view key,
                                       std::vector<std::string> otherwise) {
  if (section.find(key) == nullptr) return otherwise;
  std::vector<std::string> words;
  for (located_string& text : section.strings(key)) {
    if (text.value.empty() || text.value.size() > 64)
      section.error(text.where, fmt::format("{}: a keyword has 1 to 64 octets", key));
    words.push_back(std::move(text.value));
  }
  if (words.size() > max_keywords)
    section.error(section.where(key), fmt::format("{} has more than {} keywords", key, max_keywords));
  return words;
}

optout_language_config read_language(toml_section& section, bool defaults) {
  using words = std::vector<std::string>;
  optout_language_config out;
  out.stop = read_keywords(section, "stop",
                           defaults ? words{"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"} : words{});
  out.start = read_keywords(section, "start", defaults ? words{"START", "UNSTOP"} : words{});
  out.help = read_keywords(section, "help", defaults ? words{"HELP"} : words{});
  section.string("stop_reply", out.stop_reply, 1'000);
  section.string("start_reply", out.start_reply, 1'000);
  section.string("help_reply", out.help_reply, 1'000);
  return out;
}

}  // namespace

inbound_config read_inbound(toml_section& section, const std::vector<carrier_config>& carriers) {
  inbound_config rule;
  rule.name = read_name(section);
  section.boolean("enabled", rule.enabled);
  read_conditions(section, carriers, rule);
  read_targets(section, carriers, rule);
  read_forward(section, carriers, rule);
  read_reply(section, carriers, rule);
  rule.replace = read_template(section, "replace");
  rule.source = read_address(section, "source");
  rule.destination = read_address(section, "destination");
  std::size_t numbers = 0;
  for (const inbound_forward_config& f : rule.forwards) numbers += std::max<std::size_t>(1, f.to.size());
  if (numbers > 12)
    section.error(section.where(),
                  fmt::format("inbound rule forwards to {} numbers, at most 12 are possible", numbers));
  if (rule.forwards.empty()) {
    for (const std::string_view key : {"source", "destination"}) {
      if (section.has(key))
        section.error(section.where(key), fmt::format("{} is of forwarded messages, and this rule forwards none", key));
    }
  }
  if (!section.has("to") && !section.has("forward") && !section.has("reply"))
    section.error(section.where(), "inbound rule does nothing: write to, forward or reply");
  section.finish();
  return rule;
}

optout_config read_optout(toml_section& section, const std::vector<carrier_config>& carriers) {
  optout_config out;
  out.enabled = true;
  section.boolean("enabled", out.enabled);
  out.carriers = read_receiving_carriers(section, carriers);
  out.languages.push_back(read_language(section, true));
  for (toml_section& language : section.tables("language")) {
    out.languages.push_back(read_language(language, false));
    out.languages.back().name = read_name(language);
    language.finish();
  }
  section.finish();
  return out;
}

void warn_of_unrouted(const configuration& config, std::vector<toml_section>& rules) {
  const auto takes_all = [](const inbound_config& r) {
    return r.enabled && r.carrier.empty() && r.to_number.empty() && r.from.empty() && r.text_prefix.empty() &&
           r.regex.empty() && r.time.empty() && r.days == 0 && r.batch.empty() && r.batch_name.empty() &&
           r.tags.empty();
  };
  if (rules.empty()) return;
  const auto all = std::find_if(config.inbound.begin(), config.inbound.end(), takes_all);
  if (all == config.inbound.end()) {
    rules.back().warning(rules.back().where(),
                         "no [[inbound]] takes every message: what none of them takes goes to inbound/unrouted/");
    return;
  }
  for (auto later = all + 1; later < config.inbound.end(); ++later) {
    auto& section = rules[static_cast<std::size_t>(later - config.inbound.begin())];
    section.warning(section.where(), fmt::format("inbound rule \"{}\" is never reached: \"{}\" takes every message",
                                                 later->name, all->name));
  }
}

}  // namespace trunkline::engine
