// Encoding and segmentation without an engine: what protocol/ decides. The sizes of the PDUs are those of a submit_sm
// with a relative validity_period and no service_type, as the engine writes it.
#include "engine/cli/preview_plan.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "protocol/text_smart.hpp"

namespace trunkline::engine {
namespace {

using protocol::errc;
using protocol::long_mode;

/// Octets of a submit_sm around `user_data` octets: header, mandatory fields with their NULs, and what the mode adds.
std::size_t pdu_octets(const preview_settings& with, std::size_t header, std::size_t user_data, bool several,
                       bool payload) {
  constexpr std::size_t pdu_header = 16;
  constexpr std::size_t fixed_fields = 16;  // service_type, TONs, NPIs, flags, sm_length, the NULs of the addresses
  constexpr std::size_t validity_period = 17;
  constexpr std::size_t sar_tlvs = 6 + 5 + 5;
  constexpr std::size_t tlv_header = 4;
  return pdu_header + fixed_fields + validity_period + with.address_octets + header + user_data +
         (several && with.limits.mode == long_mode::sar ? sar_tlvs : 0) + (payload ? tlv_header : 0);
}

}  // namespace

tl::expected<preview_settings, std::string> read_preview_settings(const preview_options& options) {
  preview_settings result;
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
  constexpr std::size_t longest_address = 20;  // of submit_sm, without its NUL
  for (const auto& [name, address] : {std::pair("--from", &options.from), std::pair("--to", &options.to)}) {
    if (address->size() > longest_address)
      return tl::unexpected(std::string(name) + ": an address has at most 20 octets");
  }
  result.address_octets = options.from.size() + options.to.size();
  return result;
}

tl::expected<preview_plan, errc> plan_preview(std::string_view text, const preview_settings& with) {
  preview_plan result;
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

}  // namespace trunkline::engine
