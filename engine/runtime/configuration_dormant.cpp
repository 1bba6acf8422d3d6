#include "engine/runtime/configuration_dormant.hpp"

#include <algorithm>

namespace trunkline::engine {
namespace {

struct dormant_key {
  std::string_view section;
  std::string_view key;
};

// clang-format off
constexpr dormant_key dormant_keys[] = {
    {"", "inbound"},
};
// clang-format on

}  // namespace

bool has_no_effect_yet(std::string_view section, std::string_view key) noexcept {
  return std::any_of(std::begin(dormant_keys), std::end(dormant_keys),
                     [&](const dormant_key& k) { return k.section == section && k.key == key; });
}

}  // namespace trunkline::engine
