// The fast parser only says that a line is no JSON. Nobody can mend a file of ten million lines with that, so a bad
// line is read once more here, by a parser that knows the place and what it expected there.
#include "engine/spool/record_json_fault.hpp"

#include <nlohmann/json.hpp>

#include "engine/spool/record_fields.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::engine {
namespace {

constexpr std::size_t max_why_bytes = 200;

/// Takes every event and keeps the first error.
class fault_finder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    found_ = true;
    // "[json.exception.parse_error.101] parse error at line 1, column 5: WHY; last read: '...'; expected WHAT"
    const std::string_view what = error.what();
    const std::size_t start = what.find(": ");
    const std::string_view text = what.substr(start == std::string_view::npos ? 0 : start + 2);
    const std::size_t last_read = text.find("; last read: ");
    why_ = text.substr(0, last_read);
    // What was read last comes from the line, so it is left out: it may be long, and end within a character.
    if (last_read != std::string_view::npos) {
      const std::size_t expected = text.rfind("'; expected ");
      if (expected != std::string_view::npos && expected > last_read) why_.append(text.substr(expected + 1));
    }
    why_.resize(protocol::valid_utf8_prefix(std::string_view(why_).substr(0, max_why_bytes)));
    // The position counts the octets read: the last one of the token at fault is one before it.
    offset_ = position == 0 ? 0 : position - 1;
    return false;
  }

  bool found() const noexcept { return found_; }
  std::size_t offset() const noexcept { return offset_; }
  const std::string& why() const noexcept { return why_; }

 private:
  bool found_ = false;
  std::size_t offset_ = 0;
  std::string why_;
};

}  // namespace

record_error explain_json_fault(std::string_view line, std::size_t offset) {
  const std::size_t valid = protocol::valid_utf8_prefix(line);
  if (valid != line.size()) {
    return {router::reason::bad_utf8, "the octet at offset " + std::to_string(valid) + " is not UTF-8"};
  }
  fault_finder finder;
  nlohmann::json::sax_parse(line, &finder);
  if (finder.found()) {
    return {router::reason::bad_json, "not JSON at offset " + std::to_string(finder.offset()) + ": " + finder.why()};
  }
  const std::size_t start = line.find_first_not_of(" \t\r");
  if (start != std::string_view::npos && line[start] != '{') {
    return {router::reason::bad_json, "not an object, but " + quoted(line.substr(start))};
  }
  return {router::reason::bad_json, "not JSON at offset " + std::to_string(offset)};
}

}  // namespace trunkline::engine
