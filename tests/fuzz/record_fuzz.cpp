// Any octets as a JSON line, a batch header and a trailer. What is accepted must hold what record.hpp promises.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/spool/record_parser.hpp"
#include "engine/spool/trailer.hpp"
#include "protocol/utf8.hpp"

namespace {

using namespace trunkline;

void require(bool holds) {
  if (!holds) std::abort();
}

void require_promises(const engine::record& r) {
  require(r.number.size() >= 3 && r.number.size() <= 15);
  require(r.number.find_first_not_of("0123456789") == std::string_view::npos);
  require(r.has_text != r.has_data);
  require(!r.has_text || (r.text.size() <= 40'000 && protocol::valid_utf8(r.text)));
  require(r.id.size() <= 64 && protocol::valid_utf8(r.id));
  require(!r.has_from || (!r.from.empty() && r.from.size() <= 16));
  require(r.validity_ms == -1 || r.expires_at_ms == -1);
  require(r.tags.size() <= 32 && r.vars.size() <= 128 && r.tlvs.size() <= 16);
  for (const engine::tag& t : r.tags) require(protocol::valid_utf8(t.key) && protocol::valid_utf8(t.value));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static engine::record_parser parser{engine::record_options{"DE", {}}};
  static const engine::batch_defaults none;
  // The octets behind the line are chosen by its first one, so that a parser that looks at them is found out.
  const char padding = size == 0 ? '}' : static_cast<char>(data[0]);
  std::string line(reinterpret_cast<const char*>(data), size);
  line.append(engine::record_padding_bytes, padding);
  const std::string_view view = std::string_view(line).substr(0, size);

  if (const engine::record* r = parser.parse_json(view, none)) {
    require_promises(*r);
  } else {
    require(parser.error().code != router::reason::none && !parser.error().text.empty());
    require(protocol::valid_utf8(parser.error().text));
  }
  if (const auto defaults = parser.parse_header(view)) {
    std::string message = R"({"to":"49170","vars":{"a":"b"}})";
    const std::size_t length = message.size();
    message.append(engine::record_padding_bytes, ' ');
    if (const auto* r = parser.parse_json(std::string_view(message).substr(0, length), *defaults)) require_promises(*r);
  }
  (void)engine::parse_trailer(view);
  (void)engine::parse_sidecar(view);
  (void)engine::classify_line(view, true);
  return 0;
}
