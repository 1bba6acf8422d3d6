#include "engine/spool/record_template.hpp"

#include <algorithm>

#include "engine/spool/record_fields.hpp"

namespace trunkline::engine {
namespace {

tl::unexpected<record_error> refuse(std::string text) {
  return tl::unexpected<record_error>({router::reason::bad_field, std::move(text)});
}

}  // namespace

tl::expected<record_template, record_error> record_template::compile(std::string_view text) {
  record_template made;
  made.set_ = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t brace = std::min(text.find_first_of("{}", at), text.size());
    made.literals_.append(text.substr(at, brace - at));
    if (brace == text.size()) break;
    if (brace + 1 < text.size() && text[brace + 1] == text[brace]) {
      made.literals_ += text[brace];
      at = brace + 2;
      continue;
    }
    if (text[brace] == '}') {
      return refuse("text has a } without { at offset " + std::to_string(brace) + "; write }} for a brace");
    }
    const std::size_t end = text.find_first_of("{}", brace + 1);
    if (end == std::string_view::npos || text[end] == '{') {
      return refuse("text has a { without } at offset " + std::to_string(brace) + "; write {{ for a brace");
    }
    if (end == brace + 1) return refuse("text has a placeholder without a name at offset " + std::to_string(brace));
    made.names_.append(text.substr(brace + 1, end - brace - 1));
    made.pieces_.push_back({made.literals_.size(), made.names_.size()});
    at = end + 1;
  }
  return made;
}

std::string_view record_template::fill(std::span<const tag> vars, std::string& out, std::size_t max_bytes) const {
  const std::string_view literals = literals_;
  const std::string_view names = names_;
  std::size_t literal = 0;
  std::size_t name_start = 0;
  for (const piece& p : pieces_) {
    out.append(literals.substr(literal, p.literal_end - literal));
    literal = p.literal_end;
    const std::string_view wanted = names.substr(name_start, p.name_end - name_start);
    name_start = p.name_end;
    const auto found = std::find_if(vars.begin(), vars.end(), [&](const tag& var) { return var.key == wanted; });
    if (found == vars.end()) return wanted;
    out.append(found->value);
    if (out.size() > max_bytes) return {};
  }
  out.append(literals.substr(literal));
  return {};
}

}  // namespace trunkline::engine
