// Any octets as a CSV file: header row, then records found one after another, in one piece and octet by octet.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/spool/record_parser.hpp"
#include "protocol/utf8.hpp"

namespace {

using namespace trunkline;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static engine::record_parser parser{engine::record_options{}};
  static const engine::batch_defaults none;
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  bool first = true;
  auto columns = engine::parse_csv_header("to,text,vars.a");
  while (!rest.empty()) {
    const std::size_t end = engine::find_record_end(rest);
    if (rest.size() < 512) {
      engine::csv_scan scan;
      std::size_t slow = engine::csv_need_more;
      for (std::size_t n = 0; n <= rest.size() && slow == engine::csv_need_more; ++n) {
        slow = engine::find_record_end(rest.substr(0, n), scan);
      }
      require(slow == end);
    }
    const std::string_view row = rest.substr(0, end);
    rest.remove_prefix(end == engine::csv_need_more ? rest.size() : end + 1);
    if (first) {
      if (auto header = engine::parse_csv_header(row)) columns = std::move(header);
      first = false;
      continue;
    }
    if (engine::classify_line(row, false) == engine::line_kind::blank) continue;
    if (const engine::record* r = parser.parse_csv(row, *columns, none)) {
      require(r->number.size() >= 3 && r->number.size() <= 15 && r->has_text != r->has_data);
      require(protocol::valid_utf8(r->text) && r->text.find('\0') == std::string_view::npos);
    } else {
      require(parser.error().code != router::reason::none && protocol::valid_utf8(parser.error().text));
    }
  }
  return 0;
}
