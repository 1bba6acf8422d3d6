// `trunkline route`: the routes of a configuration in order of evaluation, each with the reason why it does or does not
// take a message, then what the winner would do with it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/cli/commands.hpp"
#include "engine/inbound/inbound_plan.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/runtime/configuration_routes.hpp"
#include "engine/runtime/rfc3339.hpp"
#include "engine/spool/phone_number.hpp"
#include "protocol/segmentation.hpp"
#include "protocol/text_encoding.hpp"

namespace trunkline::engine {
namespace {

using tag_map = std::map<std::string, std::string, std::less<>>;

std::string_view find_tag(const void* tags, std::string_view key) noexcept {
  const auto& map = *static_cast<const tag_map*>(tags);
  const auto found = map.find(key);
  return found == map.end() ? std::string_view() : std::string_view(found->second);
}

int wrong(const std::string& message) {
  fmt::print(stderr, "trunkline route: {}\n", message);
  return 2;
}

const char* why_no_number(number_fault fault) {
  switch (fault) {
    case number_fault::none:
      return "it is one";
    case number_fault::empty:
      return "it is empty";
    case number_fault::odd_character:
      return "it holds something else than digits and separators";
    case number_fault::too_short:
      return "it has fewer than 3 digits";
    case number_fault::too_long:
      return "it has more than 15 digits";
    case number_fault::national:
      return "it begins with a single 0, and [engine] default_country is not set";
  }
  return "it is wrong";
}

const char* bind_name(bind_mode bind) {
  return bind == bind_mode::transceiver ? "transceiver" : bind == bind_mode::transmitter ? "transmitter" : "receiver";
}

/// How the text would travel by this carrier.
std::string describe_text(const std::string& text, const carrier_config& carrier) {
  std::vector<std::uint8_t> octets(text.size() * 2 + 2);
  const auto encoded = protocol::encode_text(text, carrier.encoding, octets);
  if (!encoded)
    return encoded.error() == protocol::errc::cannot_encode ? "rejected with cannot_encode" : "is not valid UTF-8";
  octets.resize(encoded->octets);
  const auto max_parts = static_cast<std::uint8_t>(std::min(carrier.max_parts, 255U));
  const auto plan = protocol::plan_segments(octets, encoded->used, {carrier.long_messages, max_parts});
  if (!plan) return fmt::format("rejected with too_long: more than {} parts", carrier.max_parts);
  return fmt::format("{}, {} unit{}, {} part{}", protocol::encoding_name(encoded->used), encoded->units,
                     encoded->units == 1 ? "" : "s", plan->count(), plan->count() == 1 ? "" : "s");
}

void print_rules(const std::vector<router::route_trace>& traces) {
  std::size_t width = 4;
  for (const auto& trace : traces) width = std::max(width, trace.rule->name.size());
  fmt::print("rules in order of evaluation (rank, then longest prefix, then order in the file):\n");
  for (const auto& trace : traces) {
    fmt::print("  {} {:<{}}  rank {:<4} {}{}\n", trace.winner ? "->" : "  ", trace.rule->name, width, trace.rule->rank,
               trace.winner    ? "takes it: "
               : trace.matched ? "would take it: "
                               : "no: ",
               trace.why);
  }
}

void print_winner(const router::route& rule, const configuration& config, const route_question& question) {
  fmt::print("route {}: {}", rule.name, router::name(rule.strategy));
  if (rule.strategy == router::route_strategy::failover)
    fmt::print(", the next carrier after a reroute or {} s without a session",
               static_cast<double>(rule.failover_after.count()) / 1000);
  fmt::print("\n");
  for (const router::route_target& target : rule.to) {
    const carrier_config& carrier = config.carriers[target.carrier];
    const std::string weight =
        rule.strategy == router::route_strategy::weighted ? fmt::format(", weight {}", target.weight) : "";
    const std::string from = !question.from.empty() ? question.from : rule.set.from.value_or(carrier.from);
    const auto binds = carrier.all_binds();
    const auto sends = std::find_if(binds.begin(), binds.end(), [](const bind_config& b) { return b.can_send(); });
    const bind_config& bind = sends == binds.end() ? binds.front() : *sends;
    fmt::print("  {} ({}:{}, {}{}): sender {}", carrier.name, bind.host, bind.port, bind_name(bind.bind), weight,
               from.empty() ? "none" : "\"" + from + "\"");
    if (!carrier.can_send()) fmt::print("; only receives, so nothing goes out here");
    if (!question.text.empty()) fmt::print("; text {}", describe_text(question.text, carrier));
    fmt::print("\n");
  }
  if (rule.set.validity)
    fmt::print("  validity of messages that name none: {} s\n", static_cast<double>(rule.set.validity->count()) / 1000);
}

/// `--inbound`: what becomes of a message of a phone.
int run_inbound(const configuration& config, const route_question& question) {
  const inbound_plan plan(config);
  std::int64_t at_ms = static_cast<std::int64_t>(std::time(nullptr)) * 1000;
  if (!question.at.empty()) {
    const auto parsed = parse_rfc3339_ms(question.at);
    if (!parsed) return wrong(fmt::format("--at \"{}\" is no RFC 3339 time", question.at));
    at_ms = *parsed;
  }
  if (!question.carrier.empty() && config.find_carrier(question.carrier) == nullptr)
    return wrong(fmt::format("there is no carrier \"{}\"", question.carrier));
  const auto bare = [](std::string_view number) { return number.substr(number.starts_with('+') ? 1 : 0); };
  const auto local = plan.local_times(at_ms);
  router::inbound_query query;
  query.carrier = question.carrier;
  query.from = bare(question.number);
  query.to = bare(question.to);
  query.text = question.text;
  query.local = local;
  std::vector<std::pair<std::string, std::string>> tags;
  for (const std::string& tag : question.tags) {
    const std::size_t equals = tag.find('=');
    if (equals == std::string::npos || equals == 0) return wrong(fmt::format("tag \"{}\" is not KEY=VALUE", tag));
    tags.emplace_back(tag.substr(0, equals), tag.substr(equals + 1));
  }
  const router::answered_message answers{question.batch, question.batch_name, tags};
  if (!question.batch.empty() || !question.batch_name.empty() || !tags.empty()) query.answers = &answers;
  if (const auto keyword = plan.find_keyword(question.carrier, question.text)) {
    const char* const what = keyword->word == optout_word::stop    ? "opts out: nothing more is sent from"
                             : keyword->word == optout_word::start ? "opts in again for"
                                                                   : "asks for help of";
    fmt::print("keyword of [optout]: {} {} {}{}\n", query.from, what, query.to,
               keyword->reply->empty() ? "" : fmt::format("; answered with \"{}\"", *keyword->reply));
  }
  const auto& rules = plan.rules().rules();
  std::size_t width = 4;
  for (const auto& rule : rules) width = std::max(width, rule.name.size());
  if (rules.empty()) fmt::print("there are no inbound rules\n");
  std::optional<std::size_t> winner;
  for (const auto& trace : plan.rules().explain(query)) {
    if (trace.winner) winner = trace.rule;
    fmt::print("  {} {:<{}}  {}{}\n", trace.winner ? "->" : "  ", rules[trace.rule].name, width,
               trace.winner    ? "takes it: "
               : trace.matched ? "would take it: "
                               : "no: ",
               trace.why);
  }
  if (!winner) {
    fmt::print("no rule takes this message: it goes to inbound/unrouted/\n");
    return 1;
  }
  const auto& action = plan.action_of(*winner);
  std::string text;
  action.replace.apply({question.text, query.from, query.to}, text);
  if (text != question.text) fmt::print("text \"{}\"\n", text);
  for (const auto& directory : action.directories) fmt::print("to inbound/{}/\n", directory);
  for (const auto& forward : action.forwards) {
    std::vector<std::string> numbers;
    for (const auto& number : forward.to) {
      std::string made;
      number.apply({query.to, query.from, query.to}, made);
      numbers.push_back(made);
    }
    if (numbers.empty()) numbers.emplace_back(query.to);
    for (const auto& number : numbers) {
      fmt::print("forwarded to {} from \"{}\", {}\n", action.destination.apply(number, query.from, query.to),
                 action.source.apply(query.from, query.from, query.to),
                 forward.carrier.empty() ? "by the routes" : "by " + forward.carrier);
    }
  }
  if (action.reply) {
    std::string reply;
    action.reply->text.apply({question.text, query.from, query.to}, reply);
    fmt::print("answered with \"{}\"\n", reply);
  }
  if (action.directories.empty() && action.forwards.empty() && !action.reply) fmt::print("dropped\n");
  return 0;
}

}  // namespace

int run_route(const std::string& config_path, const route_question& question) {
  const loaded outcome = load_configuration(config_path);
  if (!outcome.ok()) {
    for (const fault& f : outcome.faults) fmt::print(stderr, "{}\n", to_string(f));
    return 2;
  }
  const configuration& config = *outcome.config;
  if (question.inbound) return run_inbound(config, question);
  const std::string code(calling_code(config.engine.default_country).value_or(""));
  number_buffer buffer{};
  const normalized_number number = normalize_number(question.number, code, buffer);
  if (number.fault != number_fault::none)
    return wrong(fmt::format("\"{}\" is no destination: {}", question.number, why_no_number(number.fault)));
  const auto priority = router::parse_priority(question.priority);
  if (!priority) return wrong("priority is urgent, normal or bulk");
  tag_map tags;
  for (const std::string& tag : question.tags) {
    const std::size_t equals = tag.find('=');
    if (equals == std::string::npos || equals == 0) return wrong(fmt::format("tag \"{}\" is not KEY=VALUE", tag));
    tags[tag.substr(0, equals)] = tag.substr(equals + 1);
  }

  const auto by_name = [&](std::string_view name) -> std::optional<router::carrier_id> {
    for (std::size_t i = 0; i < config.carriers.size(); ++i)
      if (config.carriers[i].name == name) return static_cast<router::carrier_id>(i);
    return std::nullopt;
  };
  const auto table = compile_routes(config, by_name);
  const router::route_query query{number.digits, question.from, *priority, {&tags, find_tag}};
  fmt::print("number {}{}, priority {}\n", number.digits,
             question.from.empty() ? "" : ", sender \"" + question.from + "\"", question.priority);
  if (table->routes().empty()) {
    fmt::print("there are no routes\n");
  } else {
    print_rules(table->explain(query));
  }
  const router::route* winner = table->match(query);
  if (winner == nullptr) {
    fmt::print("no route takes this message: it is rejected with no_route, unless it names a carrier\n");
    return 1;
  }
  print_winner(*winner, config, question);
  return 0;
}

void add_route_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("route", "Explain, rule by rule, where a message would go");
  const auto path = std::make_shared<std::string>();
  const auto question = std::make_shared<route_question>();
  command->add_option("number", question->number, "Destination")->type_name("NUMBER")->required();
  command->add_option("--config", *path, "Configuration file")->type_name("FILE")->required();
  command->add_option("--from", question->from, "Sender that the message names")->type_name("SENDER");
  command->add_option("--text", question->text, "Text: says how it would be encoded and cut");
  command->add_option("--priority", question->priority, "urgent, normal or bulk")->capture_default_str();
  command->add_option("--tag", question->tags, "Tag of the message; repeatable")->type_name("KEY=VALUE")->take_all();
  const auto of_inbound = [&](const char* name, std::string& to, const char* what) {
    command->add_option(name, to, std::string("With --inbound: ") + what);
  };
  command->add_flag("--inbound", question->inbound,
                    "Explain the rules for a message that NUMBER, a phone, sends to us");
  of_inbound("--to", question->to, "the number that it is sent to");
  of_inbound("--carrier", question->carrier, "the carrier that it comes by");
  of_inbound("--at", question->at, "when it is received (RFC 3339; now)");
  of_inbound("--batch", question->batch, "the batch that it answers");
  of_inbound("--batch-name", question->batch_name, "the name of that batch; --tag says its tags");
  command->footer("Exit status: 0 a route (or rule) takes the message; 1 none does; 2 wrong usage or configuration.");
  command->callback([path, question, &exit_code] { exit_code = run_route(*path, *question); });
}

}  // namespace trunkline::engine
