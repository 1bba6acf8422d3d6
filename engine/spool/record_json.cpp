// One line of JSON to the fields of a message, with simdjson's on-demand parser. Its first stage (a vector pass chosen
// for the processor at run time) finds the tokens and checks UTF-8 and control characters; then each string token is
// taken as it stands when it has no backslash, which spares the copy that get_string() makes. What the on-demand parser
// leaves unchecked is checked here: that nothing follows the object.
#include "engine/spool/record_json.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <simdjson.h>

#include "engine/spool/record_json_fault.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::engine {
namespace {

namespace ondemand = simdjson::ondemand;
using router::reason;

constexpr std::size_t first_capacity = 4'096;
constexpr std::size_t max_depth = 8;  // tags are at depth 3; deeper nesting is never what we want
constexpr std::size_t max_batch_name_bytes = 200;

static_assert(simdjson::SIMDJSON_PADDING <= 64, "record_padding_bytes promises what simdjson needs");

std::string_view trim_end(std::string_view token) noexcept {
  while (!token.empty() &&
         (token.back() == ' ' || token.back() == '\t' || token.back() == '\r' || token.back() == '\n')) {
    token.remove_suffix(1);
  }
  return token;
}

std::string_view kind_of(std::string_view token) noexcept {
  switch (token.empty() ? '\0' : token.front()) {
    case '"':
      return "a string";
    case '{':
      return "an object";
    case '[':
      return "an array";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null (leave the field out instead)";
    default:
      return "a number";
  }
}

// A name from the line, short enough to be shown, whole characters only.
std::string clipped(std::string_view key) {
  key = key.substr(0, 64);
  return std::string(key.substr(0, protocol::valid_utf8_prefix(key)));
}

// RFC 8259, 6: what a number may look like.
bool is_json_number(std::string_view text) noexcept {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - first;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const bool zero = at < text.size() && text[at] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole != 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

}  // namespace

struct record_json::implementation {
  explicit implementation(const record_limits& limits) : parser(limits.line_bytes), line_bytes(limits.line_bytes) {}

  ondemand::parser parser;
  ondemand::document document;
  std::size_t line_bytes;
  std::string_view line;
  record_builder* into = nullptr;

  // The line is no JSON: says why and where.
  bool not_json() {
    std::size_t offset = 0;
    const char* at = nullptr;
    if (document.current_location().get(at) == simdjson::SUCCESS && at >= line.data() &&
        at <= line.data() + line.size()) {
      offset = static_cast<std::size_t>(at - line.data());
    }
    const record_error fault = explain_json_fault(line, offset);
    return into->fail(fault.code, fault.text);
  }

  bool wrong_type(std::string_view label, std::string_view token, std::string_view expected) {
    // A word that is no JSON value at all would be called a number otherwise.
    const std::string_view kind = kind_of(token);
    const std::string_view word = trim_end(token);
    if ((kind == "a number" && !is_json_number(word)) || (kind == "a boolean" && word != "true" && word != "false") ||
        (word.starts_with('n') && word != "null")) {
      return not_json();
    }
    return into->fail(reason::bad_field,
                      std::string(label) + " is " + std::string(kind) + ": expected " + std::string(expected));
  }

  bool open(std::string_view text, ondemand::object& root) {
    line = text;
    if (parser.capacity() < text.size()) {
      const std::size_t capacity =
          std::min(std::max(first_capacity, 2 * text.size()), std::max(line_bytes, text.size()));
      if (parser.allocate(capacity, max_depth) != simdjson::SUCCESS) {
        return into->fail(reason::line_too_long, "no memory to read the line");
      }
    }
    // Assigning only on success keeps `document` usable for current_location.
    auto opened = parser.iterate(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING);
    if (opened.error() != simdjson::SUCCESS) return no_document();
    document = std::move(opened).value_unsafe();
    if (document.get_object().get(root) != simdjson::SUCCESS) return no_document();
    return true;
  }

  bool no_document() {
    const record_error fault = explain_json_fault(line, 0);
    return into->fail(fault.code, fault.text);
  }

  // The decoded string behind `token`, which begins with a quote.
  bool take_string(ondemand::value& value, std::string_view token, std::string_view& out) {
    token = trim_end(token);
    if (token.size() < 2 || token.back() != '"') return not_json();
    const std::string_view inside = token.substr(1, token.size() - 2);
    if (std::memchr(inside.data(), '\\', inside.size()) != nullptr) {
      return value.get_string().get(out) == simdjson::SUCCESS || not_json();
    }
    ondemand::raw_json_string consumed;
    if (value.get_raw_json_string().get(consumed) != simdjson::SUCCESS) return not_json();
    out = inside;
    return true;
  }

  bool take_string(std::string_view label, ondemand::value& value, std::string_view& out) {
    const std::string_view token = value.raw_json_token();
    if (token.empty() || token.front() != '"') return wrong_type(label, token, "a string");
    return take_string(value, token, out);
  }

  // The key of a field; its raw form ends at the first quote unless it has escapes.
  bool take_key(ondemand::field& field, std::string_view& out) {
    const char* const raw = field.key().raw();
    const char* end = raw;
    while (*end != '"' && *end != '\\') ++end;  // stage 1 saw the closing quote
    if (*end == '"') {
      out = {raw, static_cast<std::size_t>(end - raw)};
      return true;
    }
    return field.unescaped_key().get(out) == simdjson::SUCCESS || not_json();
  }

  // Calls `each(key, value)` for every member until one answers false.
  template <class Each>
  bool members(ondemand::object& object, Each each) {
    for (auto member : object) {
      if (member.error() != simdjson::SUCCESS) return not_json();
      // By reference all the way: a copy reads at once what was just written in pieces, which stalls the processor.
      ondemand::field&& field = std::move(member).value_unsafe();
      std::string_view key;
      if (!take_key(field, key)) return false;
      if (!each(key, field.value())) return false;
    }
    return true;
  }

  bool unknown(std::string_view key, std::span<const std::string_view> known, std::string_view where) {
    std::string text = "unknown field " + quoted(key) + std::string(where);
    const std::string_view nearest = nearest_name(key, known);
    if (!nearest.empty()) text += "; the nearest known is \"" + std::string(nearest) + "\"";
    if (key == "batch" && where.empty()) text += ": a batch header stands in the first line only";
    if (key == "end" && where.empty()) text += ": a trailer stands in the last line only";
    return into->fail(reason::bad_field, std::move(text));
  }

  bool take_field(record_field field, ondemand::value& value) {
    if (!into->claim(field)) return false;
    switch (field) {
      case record_field::flash:
      case record_field::smart:
        return take_flag(field, value, "true or false");
      case record_field::receipt:
        if (const std::string_view token = value.raw_json_token(); token.starts_with('"')) break;
        return take_flag(field, value, "true, false or \"failure\"");
      case record_field::data_coding:
      case record_field::max_parts:
      case record_field::source_ton:
      case record_field::source_npi:
      case record_field::dest_ton:
      case record_field::dest_npi:
        return take_number(field, value);
      case record_field::tlv:
      case record_field::tags:
      case record_field::vars:
        return take_object(field, value);
      default:
        break;
    }
    std::string_view text;
    if (!take_string(name(field), value, text)) return false;
    // "true" in quotes is not true: only CSV, which has no types, writes it so.
    if (field == record_field::receipt && text != "failure") {
      return into->fail(reason::bad_field, "receipt is " + quoted(text) + ": expected true, false or \"failure\"");
    }
    return into->put(field, text);
  }

  bool take_flag(record_field field, ondemand::value& value, std::string_view expected) {
    bool flag = false;
    if (value.get_bool().get(flag) != simdjson::SUCCESS) {
      return wrong_type(name(field), value.raw_json_token(), expected);
    }
    into->put_flag(field, flag);
    return true;
  }

  bool take_number(record_field field, ondemand::value& value) {
    const std::string_view token = trim_end(value.raw_json_token());
    std::uint64_t number = 0;
    if (value.get_uint64().get(number) != simdjson::SUCCESS) {
      if (is_json_number(token)) {
        return into->fail(reason::bad_field, std::string(name(field)) + " is " + std::string(token.substr(0, 40)) +
                                                 ": expected a whole number up to 255");
      }
      return wrong_type(name(field), token, "a whole number up to 255");
    }
    return into->put_number(field, number);
  }

  bool take_object(record_field field, ondemand::value& value) {
    const std::string_view token = value.raw_json_token();
    ondemand::object object;
    if (token.empty() || token.front() != '{') return wrong_type(name(field), token, "an object of strings");
    if (value.get_object().get(object) != simdjson::SUCCESS) return not_json();
    return members(object, [&](std::string_view key, ondemand::value& member) {
      std::string_view text;
      if (field == record_field::vars && !member.raw_json_token().starts_with('"')) {
        if (!take_plain_var(key, member, text)) return false;
        return into->put_var(key, text);
      }
      if (const std::string_view first = member.raw_json_token(); !first.starts_with('"')) {
        return wrong_type(std::string(name(field)) + "." + clipped(key), first, "a string");
      }
      if (!take_string(name(field), member, text)) return false;
      if (field == record_field::tags) return into->put_tag(key, text);
      if (field == record_field::vars) return into->put_var(key, text);
      return into->put_tlv(key, text);
    });
  }

  // A number among the vars stands in the text as it is written.
  bool take_plain_var(std::string_view key, ondemand::value& value, std::string_view& out) {
    out = trim_end(value.raw_json_token());
    if (!is_json_number(out)) {
      return wrong_type("vars." + clipped(key), out, "a string or a number");
    }
    double consumed = 0;
    if (value.get_double().get(consumed) != simdjson::SUCCESS) {
      return into->fail(reason::bad_field, "vars." + clipped(key) + " is a number out of range");
    }
    return true;
  }

  // Nothing may stand behind the object: a second one, a comma, a word.
  bool at_end() { return document.current_location().error() == simdjson::OUT_OF_BOUNDS || not_json(); }
};

record_json::record_json(const record_limits& limits) : impl_(std::make_unique<implementation>(limits)) {}
record_json::~record_json() = default;

bool record_json::read_message(std::string_view line, record_builder& into) {
  impl_->into = &into;
  ondemand::object root;
  return impl_->open(line, root) && impl_->members(root, [&](std::string_view key, ondemand::value& value) {
    const auto field = find_record_field(key);
    if (!field) return impl_->unknown(key, record_field_names(), "");
    return impl_->take_field(*field, value);
  }) && impl_->at_end();
}

bool record_json::read_header(std::string_view line, record_builder& into, batch_defaults& only_batch) {
  impl_->into = &into;
  std::vector<std::string_view> known(record_field_names().begin(), record_field_names().end());
  known.insert(known.end(), {"name", "on_unknown"});
  bool seen_name = false;
  const auto take = [&](std::string_view key, ondemand::value& value) {
    if (const auto field = find_record_field(key)) return impl_->take_field(*field, value);
    if (key != "name" && key != "on_unknown") return impl_->unknown(key, known, " in batch");
    std::string_view text;
    if (!impl_->take_string(key, value, text)) return false;
    if ((key == "name" && seen_name) || (key == "on_unknown" && only_batch.on_unknown)) {
      return into.fail(reason::bad_field, std::string(key) + " stands twice in the line");
    }
    if (key == "name") {
      seen_name = true;
      if (text.size() > max_batch_name_bytes) return into.fail(reason::bad_field, "name has more than 200 octets");
      only_batch.name = text;
      return true;
    }
    if (text != "resend" && text != "hold") {
      return into.fail(reason::bad_field, "on_unknown is " + quoted(text) + ": expected resend or hold");
    }
    only_batch.on_unknown = text == "hold" ? unknown_policy::hold : unknown_policy::resend;
    return true;
  };
  bool found = false;
  ondemand::object root;
  const bool whole = impl_->open(line, root) && impl_->members(root, [&](std::string_view key, ondemand::value& value) {
    constexpr std::array<std::string_view, 1> outside{"batch"};
    if (key != "batch") return impl_->unknown(key, outside, " beside batch");
    if (found) return into.fail(reason::bad_field, "batch stands twice in the line");
    found = true;
    const std::string_view token = value.raw_json_token();
    if (!token.starts_with('{')) return impl_->wrong_type("batch", token, "an object");
    ondemand::object batch;
    if (value.get_object().get(batch) != simdjson::SUCCESS) return impl_->not_json();
    return impl_->members(batch, take);
  });
  if (!whole || !impl_->at_end()) return false;
  return found || into.fail(reason::bad_field, "batch is missing");
}

}  // namespace trunkline::engine
