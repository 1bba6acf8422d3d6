// Any text is a configuration or a list of faults with places, never both and never a crash.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/runtime/configuration.hpp"
#include "engine/runtime/configuration_routes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trunkline;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Secrets from files would let an input read whatever it names, devices included.
  if (text.find("file:") != std::string_view::npos) return 0;
  const engine::loaded outcome = engine::parse_configuration(text, "fuzz.toml");
  bool errors = false;
  for (const engine::fault& f : outcome.faults) {
    if (f.message.empty() || to_string(f).empty()) std::abort();
    errors = errors || !f.is_warning;
  }
  if (outcome.ok() == errors) std::abort();
  if (!outcome.ok()) return 0;
  const auto table = engine::compile_routes(*outcome.config, [](std::string_view) { return router::carrier_id{0}; });
  const router::route_query query{"491701234567", "ACME", router::priority::normal, {}};
  const router::route* winner = table->match(query);
  for (const auto& trace : table->explain(query))
    if (trace.winner != (trace.rule == winner)) std::abort();
  if (winner != nullptr) {
    for (std::uint64_t i = 0; i < 8; ++i)
      if (choose_carrier(*winner, ~0U, 0, i).kind != router::choice_kind::take) std::abort();
  }
  return 0;
}
