// Times: any text is read or refused; what is read as absolute is written back as the same point of time.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "protocol/smpp_time.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trunkline::protocol;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto time = parse_smpp_time(text);
  if (!time) return 0;
  const utc_time now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);
  const auto at = resolve(*time, now);
  if (at.has_value() == text.empty()) std::abort();
  if (time->kind == smpp_time_kind::absolute) {
    if (const auto again = absolute_time_text(time->at)) {
      if (parse_smpp_time(again->view())->at != time->at) std::abort();
    }
  }
  if (time->kind == smpp_time_kind::relative) {
    if (*at < now) std::abort();
    if (const auto again = relative_time_text(time->delta.rest)) {
      if (parse_smpp_time(again->view())->delta.rest != time->delta.rest) std::abort();
    }
  }
  return 0;
}
