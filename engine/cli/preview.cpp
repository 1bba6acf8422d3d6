// Encoding and segmentation without an engine: what protocol/ decides, printed. The sizes of the PDUs are those of a
// submit_sm with a relative validity_period and no service_type, as the engine writes it.
#include "engine/cli/preview.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <vector>

#include "engine/spool/record_parser.hpp"
#include "protocol/segmentation.hpp"
#include "protocol/text_data_coding.hpp"
#include "protocol/text_encoding.hpp"
#include "protocol/text_smart.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::ordered_json;
using protocol::encoding;
using protocol::errc;
using protocol::long_mode;

/// The options as protocol/ understands them.
struct settings {
  protocol::text_request request;
  protocol::segment_limits limits;
  bool smart = false;
  std::size_t address_octets = 0;  // of sender and destination
};

struct sent_text {
  protocol::encoded_text encoded;
  std::vector<std::size_t> units;
  std::vector<std::size_t> pdu_bytes;
  std::size_t replacements = 0;
};

tl::expected<settings, std::string> read_options(const preview_options& options) {
  settings result;
  if (options.encoding != "auto") {
    result.request.requested = protocol::find_encoding(options.encoding);
    if (!result.request.requested)
      return tl::unexpected(fmt::format("--encoding {}: no such encoding", options.encoding));
  }
  std::optional<long_mode> mode;
  for (const long_mode m : {long_mode::udh, long_mode::udh16, long_mode::sar, long_mode::payload})
    if (protocol::long_mode_name(m) == options.long_mode) mode = m;
  if (!mode) return tl::unexpected(fmt::format("--long {}: udh, udh16, sar or payload", options.long_mode));
  if (options.max_parts < 1 || options.max_parts > 255) return tl::unexpected(std::string("--max-parts: 1 to 255"));
  if (options.national == "*") {
    result.request.national = protocol::gsm_languages::all();
  } else {
    for (const std::string& code : CLI::detail::split(options.national, ',')) {
      if (code.empty()) continue;
      const auto language = protocol::find_gsm_language(code);
      if (!language) return tl::unexpected(fmt::format("--national {}: no such language", code));
      result.request.national.add(*language);
    }
  }
  result.request.concatenation_octets = mode == long_mode::udh16 ? 6 : 5;
  result.limits = {*mode, static_cast<std::uint8_t>(options.max_parts), 0};
  result.smart = options.smart;
  result.address_octets = options.from.size() + options.to.size();
  return result;
}

/// Octets of a submit_sm around `user_data` octets: header, mandatory fields with their NULs, and what the mode adds.
std::size_t pdu_octets(const settings& with, std::size_t header, std::size_t user_data, bool several, bool payload) {
  constexpr std::size_t pdu_header = 16;
  constexpr std::size_t fixed_fields = 16;  // service_type, TONs, NPIs, flags, sm_length, the NULs of the addresses
  constexpr std::size_t validity_period = 17;
  constexpr std::size_t sar_tlvs = 6 + 5 + 5;
  constexpr std::size_t tlv_header = 4;
  return pdu_header + fixed_fields + validity_period + with.address_octets + header + user_data +
         (several && with.limits.mode == long_mode::sar ? sar_tlvs : 0) + (payload ? tlv_header : 0);
}

tl::expected<sent_text, errc> prepare(std::string_view text, const settings& with) {
  sent_text result;
  std::string replaced;
  if (with.smart) {
    replaced.resize(text.size());
    const auto smart = protocol::replace_smart(text, replaced);
    if (!smart) return tl::unexpected(smart.error());
    replaced.resize(smart->octets);
    result.replacements = smart->replacements;
    text = replaced;
  }
  std::vector<std::uint8_t> octets(text.size() * 2);
  const auto encoded = protocol::encode_text(text, with.request, octets);
  if (!encoded) return tl::unexpected(encoded.error());
  result.encoded = *encoded;
  octets.resize(encoded->octets);
  protocol::segment_limits limits = with.limits;
  limits.other_elements = encoded->tables.header_elements();
  const auto plan = protocol::plan_segments(octets, encoded->used, limits);
  if (!plan) return tl::unexpected(plan.error());
  const bool several = plan->count() > 1;
  const bool payload = limits.mode == long_mode::payload &&
                       !protocol::fits_one_segment(encoded->used, octets.size(), limits.other_elements);
  std::size_t header = limits.other_elements == 0 ? 0 : limits.other_elements + 1U;
  if (several && limits.mode != long_mode::sar)
    header = protocol::concatenation_header_octets(limits.mode, limits.other_elements);
  for (std::size_t i = 0; i < plan->count(); ++i) {
    result.units.push_back(protocol::units_of(encoded->used, plan->length(i)));
    result.pdu_bytes.push_back(pdu_octets(with, header, plan->length(i), several, payload));
  }
  return result;
}

int preview_text(const preview_options& options, const settings& with) {
  const auto sent = prepare(options.text, with);
  if (!sent) {
    // Half a unit cannot come from text: bad_text is ill-formed UTF-8 here.
    if (options.json) {
      fmt::print("{}\n", ordered_json{{"error", protocol::name_of(sent.error())}}.dump());
    } else {
      fmt::print(stderr, "trunkline preview: {}\n", protocol::name_of(sent.error()));
    }
    return 1;
  }
  const auto& tables = sent->encoded.tables;
  ordered_json out{{"encoding", protocol::encoding_name(sent->encoded.used)},
                   {"parts", sent->units.size()},
                   {"units", sent->units},
                   {"data_coding", protocol::standard_data_coding(sent->encoded.used)},
                   {"pdu_bytes", sent->pdu_bytes}};
  if (tables.locking != 0) out["locking"] = protocol::gsm_language_code(tables.locking);
  if (tables.single != 0) out["single"] = protocol::gsm_language_code(tables.single);
  if (with.smart) out["replaced"] = sent->replacements;
  if (options.json) {
    fmt::print("{}\n", out.dump());
    return 0;
  }
  for (const auto& [name, value] : out.items())
    fmt::print("{:<12} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
  return 0;
}

int preview_file(const preview_options& options, const settings& with) {
  if (!options.file.ends_with(".jsonl")) {
    fmt::print(stderr, "trunkline preview: --file reads uncompressed .jsonl\n");
    return 2;
  }
  std::ifstream in(options.file, std::ios::binary);
  if (!in) {
    fmt::print(stderr, "trunkline preview: cannot open {}\n", options.file);
    return 1;
  }
  record_parser parser{record_options{}};
  batch_defaults defaults;
  std::size_t messages = 0;
  std::size_t parts = 0;
  std::array<std::size_t, 7> by_encoding{};
  ordered_json bad = ordered_json::array();
  std::size_t bad_lines = 0;
  constexpr std::size_t listed = 20;
  const auto refuse = [&](std::size_t number, std::string_view why) {
    if (++bad_lines <= listed) bad.push_back({{"line", number}, {"error", why}});
  };
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const std::size_t size = line.size();
    line.append(record_padding_bytes, '\0');
    const std::string_view view(line.data(), size);
    switch (classify_line(view, number == 1)) {
      case line_kind::blank:
      case line_kind::trailer:
        continue;
      case line_kind::header:
        if (auto header = parser.parse_header(view)) {
          defaults = std::move(*header);
        } else {
          fmt::print(stderr, "trunkline preview: {}: {}\n", options.file, header.error().text);
          return 1;
        }
        continue;
      case line_kind::message:
        break;
    }
    ++messages;
    const record* message = parser.parse_json(view, defaults);
    if (message == nullptr) {
      refuse(number, parser.error().text);
      continue;
    }
    if (message->has_data) {  // octets go as they are
      ++parts;
      ++by_encoding[static_cast<std::size_t>(encoding::binary)];
      continue;
    }
    settings own = with;
    if (message->has_encoding) own.request.requested = message->encoding;
    if (message->max_parts != 0) own.limits.max_parts = message->max_parts;
    const auto sent = prepare(message->text, own);
    if (!sent) {
      refuse(number, protocol::name_of(sent.error()));
      continue;
    }
    parts += sent->units.size();
    ++by_encoding[static_cast<std::size_t>(sent->encoded.used)];
  }
  ordered_json encodings = ordered_json::object();
  for (std::size_t i = 0; i < by_encoding.size(); ++i)
    if (by_encoding[i] != 0) encodings[std::string(protocol::encoding_name(static_cast<encoding>(i)))] = by_encoding[i];
  const auto text_of = [](const ordered_json& value) {
    return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  };
  if (options.json) {
    const ordered_json out{
        {"messages", messages}, {"parts", parts}, {"encodings", encodings}, {"bad_lines", bad_lines}, {"bad", bad}};
    fmt::print("{}\n", text_of(out));
    return 0;
  }
  fmt::print("messages     {}\nparts        {}\n", messages, parts);
  for (const auto& [name, count] : encodings.items()) fmt::print("  {:<10} {}\n", name, count.get<std::size_t>());
  fmt::print("bad lines    {}\n", bad_lines);
  for (const auto& one : bad)
    fmt::print("  line {}: {}\n", one["line"].get<std::size_t>(), one["error"].get<std::string>());
  return 0;
}

}  // namespace

int run_preview(const preview_options& options) {
  const auto with = read_options(options);
  if (!with) {
    fmt::print(stderr, "trunkline preview: {}\n", with.error());
    return 2;
  }
  return options.file.empty() ? preview_text(options, *with) : preview_file(options, *with);
}

void add_preview_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<preview_options>();
  auto* command =
      app.add_subcommand("preview", "Shows how a text, or a whole batch, would be encoded and cut into parts");
  auto* text = command->add_option("text", options->text, "The text");
  auto* file = command->add_option("--file", options->file, "A batch (.jsonl) instead of a text: totals and bad lines");
  text->excludes(file);
  command->add_option("--encoding", options->encoding, "auto, gsm7, latin1, ucs2, ...")->capture_default_str();
  command->add_option("--long", options->long_mode, "udh, udh16, sar or payload")->capture_default_str();
  command->add_option("--national", options->national, "National language tables that may be used, e.g. tr,es, or *");
  command->add_option("--from", options->from, "Sender, for the sizes of the PDUs");
  command->add_option("--to", options->to, "Destination, for the sizes of the PDUs")->capture_default_str();
  command->add_option("--max-parts", options->max_parts, "More parts are an error")->capture_default_str();
  command->add_flag("--smart", options->smart, "Replace typographic characters by GSM ones first");
  command->add_flag("--json", options->json, "One JSON object on one line");
  command->callback([options, &exit_code, text, file] {
    if (text->count() == 0 && file->count() == 0) {
      fmt::print(stderr, "trunkline preview: a text or --file is needed\n");
      exit_code = 2;
      return;
    }
    exit_code = run_preview(*options);
  });
}

}  // namespace trunkline::engine
