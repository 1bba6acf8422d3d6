#include "engine/cli/preview.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/cli/preview_plan.hpp"
#include "protocol/text_data_coding.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::ordered_json;

int preview_text(const preview_options& options, const preview_settings& with) {
  const auto sent = plan_preview(options.text, with);
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

}  // namespace

int run_preview(const preview_options& options) {
  const auto with = read_preview_settings(options);
  if (!with) {
    fmt::print(stderr, "trunkline preview: {}\n", with.error());
    return 2;
  }
  return options.file.empty() ? preview_text(options, *with) : preview_batch(options, *with);
}

void add_preview_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<preview_options>();
  auto* command =
      app.add_subcommand("preview", "Shows how a text, or a whole batch, would be encoded and cut into parts");
  auto* text = command->add_option("text", options->text, "The text");
  auto* file = command->add_option("--file", options->file, "A batch instead of a text: totals and bad lines");
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
