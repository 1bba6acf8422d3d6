#include "engine/assembly/desk_lookup.hpp"

#include <nlohmann/json.hpp>

namespace trunkline::engine {

std::optional<answered_line> desk_lookup::find_last_sent(std::string_view number, std::string_view sender,
                                                         std::int64_t since_ms, bool details) {
  using nlohmann::json;
  auto found = desk_.find_last_sent(number, sender, since_ms);
  if (!found) return std::nullopt;
  answered_line line{std::move(found->batch), found->line, {}, std::move(found->batch_name), {}};
  // The store keeps both as they stand in reports.
  if (!found->id.empty()) {
    if (const json id = json::parse(found->id, nullptr, false); id.is_string()) line.id = id.get<std::string>();
  }
  if (details && !found->tags.empty()) {
    if (const json tags = json::parse(found->tags, nullptr, false); tags.is_object()) {
      for (const auto& [key, value] : tags.items())
        if (value.is_string()) line.tags.emplace_back(key, value.get<std::string>());
    }
  }
  return line;
}

}  // namespace trunkline::engine
