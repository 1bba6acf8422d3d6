#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "engine/cli/preview.hpp"
#include "protocol/segmentation.hpp"
#include "protocol/text_encoding.hpp"

namespace trunkline::engine {

/// The options of `trunkline preview` as protocol/ understands them.
struct preview_settings {
  protocol::text_request request;
  protocol::segment_limits limits;
  bool smart = false;
  std::size_t address_octets = 0;  ///< of sender and destination
};

/// How one text is sent: a part for each element of `units` and `pdu_bytes`.
struct preview_plan {
  protocol::encoded_text encoded;
  std::vector<std::size_t> units;
  std::vector<std::size_t> pdu_bytes;
  std::size_t replacements = 0;
};

/// The settings that the options name, or what is wrong with one of them, for people.
tl::expected<preview_settings, std::string> read_preview_settings(const preview_options& options);

/// Encodes and cuts `text`. Errors: those of encode_text and plan_segments.
tl::expected<preview_plan, protocol::errc> plan_preview(std::string_view text, const preview_settings& with);

/// `trunkline preview --file`: prints what a whole batch would be, and answers the exit status.
int preview_batch(const preview_options& options, const preview_settings& with);

}  // namespace trunkline::engine
