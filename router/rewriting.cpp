#include "router/rewriting.hpp"

#include <charconv>

#include "protocol/text_grapheme.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::router {
namespace {

/// Octet offset of character `index` (from 0) of `text`; its size when there are fewer.
std::size_t offset_of(std::string_view text, std::size_t index) noexcept {
  protocol::grapheme_breaker breaker;
  std::size_t seen = 0;
  for (std::size_t at = 0; at < text.size();) {
    const protocol::utf8_step step = protocol::utf8_decode(text, at);
    if (breaker.begins_cluster(step.value) && seen++ == index) return at;
    at += step.length;
  }
  return text.size();
}

std::size_t characters_in(std::string_view text) noexcept {
  protocol::grapheme_breaker breaker;
  std::size_t seen = 0;
  for (std::size_t at = 0; at < text.size();) {
    const protocol::utf8_step step = protocol::utf8_decode(text, at);
    if (breaker.begins_cluster(step.value)) ++seen;
    at += step.length;
  }
  return seen;
}

/// `count` characters of `text`; 0: all.
std::string_view first_characters(std::string_view text, std::size_t count) noexcept {
  return count == 0 ? text : text.substr(0, offset_of(text, count));
}

std::string_view from_occurrence(std::string_view text, std::string_view wanted, std::uint32_t number) noexcept {
  std::size_t at = text.find(wanted);
  for (; number > 1 && at != std::string_view::npos; --number) at = text.find(wanted, at + wanted.size());
  return at == std::string_view::npos ? std::string_view{} : text.substr(at);
}

}  // namespace

class text_rewriting::parser {
 public:
  explicit parser(std::string_view source) : source_(source) {}

  tl::expected<text_rewriting, rewriting_fault> run() {
    while (at_ < source_.size()) {
      if (source_[at_] != '%') {
        literal(source_[at_++]);
        continue;
      }
      begin_ = at_++;
      if (!instruction()) return tl::unexpected(std::move(fault_));
    }
    return std::move(made_);
  }

 private:
  void literal(char c) {
    if (made_.steps_.empty() || made_.steps_.back().what != kind::literal) made_.steps_.emplace_back();
    made_.steps_.back().literal.push_back(c);
  }
  step& add(kind what) {
    made_.steps_.emplace_back();
    made_.steps_.back().what = what;
    return made_.steps_.back();
  }
  bool fail(std::string message) {
    fault_ = {begin_, std::move(message)};
    return false;
  }
  bool take(char c) noexcept {
    while (at_ < source_.size() && source_[at_] == ' ' && c != ' ') ++at_;
    if (at_ == source_.size() || source_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take(std::uint32_t& number) noexcept {
    while (at_ < source_.size() && source_[at_] == ' ') ++at_;
    const char* const end = source_.data() + source_.size();
    const auto [stop, error] = std::from_chars(source_.data() + at_, end, number);
    if (error != std::errc() || number > 100'000) return false;
    at_ = static_cast<std::size_t>(stop - source_.data());
    return true;
  }
  bool take_string(std::string& out) {
    if (!take('"')) return false;
    while (at_ < source_.size()) {
      char c = source_[at_++];
      if (c == '"') return !out.empty();
      if (c == '\\') {
        if (at_ == source_.size() || (source_[at_] != '"' && source_[at_] != '\\')) return false;
        c = source_[at_++];
      }
      out.push_back(c);
    }
    return false;
  }
  bool take_pair(step& s) { return take('(') && take(s.first) && take(',') && take(s.count) && take(')'); }

  bool instruction() {
    const char name = at_ < source_.size() ? source_[at_++] : '\0';
    if (name == '%') {
      literal('%');
      return true;
    }
    if (name == 'c' || name == 'l') {
      add(name == 'c' ? kind::sender : kind::receiver);
      return true;
    }
    const char of_text = name == 's' && at_ < source_.size() ? source_[at_++] : '\0';
    switch (of_text) {
      case 'e':
        add(kind::erase);
        return true;
      case 'r':
        return take_pair(add(kind::cut)) || fail("expected %sr(B,E) with two whole numbers up to 100000");
      case 'm': {
        step& s = add(kind::middle);
        return (take_pair(s) && s.first != 0) ||
               fail("expected %sm(B,L) with two whole numbers up to 100000; characters are counted from 1");
      }
      case 's': {
        step& s = add(kind::search);
        return (take('(') && take_string(s.literal) && take(',') && take(s.first) && s.first != 0 && take(',') &&
                take(s.count) && take(')')) ||
               fail(
                   "expected %ss(\"STRING\",X,N): a string that is not empty, which occurrence of it (from 1), and how "
                   "many characters (0: all)");
      }
      default:
        return fail("unknown instruction: expected %c, %l, %se, %sr(B,E), %ss(\"STRING\",X,N), %sm(B,L) or %%");
    }
  }

  std::string_view source_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;  // of the instruction at hand
  text_rewriting made_;
  rewriting_fault fault_;
};

tl::expected<text_rewriting, rewriting_fault> text_rewriting::parse(std::string_view source) {
  return parser(source).run();
}

bool text_rewriting::uses_text() const noexcept {
  for (const step& s : steps_)
    if (s.what == kind::cut || s.what == kind::search || s.what == kind::middle) return true;
  return false;
}

void text_rewriting::apply(const rewriting_input& input, std::string& out) const {
  const std::string_view text = input.text;
  if (steps_.empty()) out.append(text);
  for (const step& s : steps_) {
    switch (s.what) {
      case kind::literal:
        out.append(s.literal);
        break;
      case kind::sender:
        out.append(input.sender);
        break;
      case kind::receiver:
        out.append(input.receiver);
        break;
      case kind::erase:
        break;
      case kind::cut: {
        const std::size_t all = characters_in(text);
        if (std::size_t{s.first} + s.count >= all) break;
        const std::size_t begin = offset_of(text, s.first);
        out.append(text.substr(begin, offset_of(text, all - s.count) - begin));
        break;
      }
      case kind::search:
        out.append(first_characters(from_occurrence(text, s.literal, s.first), s.count));
        break;
      case kind::middle:
        out.append(first_characters(text.substr(offset_of(text, s.first - 1)), s.count));
        break;
    }
  }
}

std::optional<address_rewrite> parse_address_rewrite(std::string_view text) noexcept {
  if (text == "never") return address_rewrite::never;
  if (text == "if_empty") return address_rewrite::if_empty;
  if (text == "always") return address_rewrite::always;
  return std::nullopt;
}

std::string address_rewriting::apply(std::string_view present, std::string_view sender,
                                     std::string_view receiver) const {
  if (when == address_rewrite::never || (when == address_rewrite::if_empty && !present.empty()))
    return std::string(present);
  std::string out;
  address.apply({present, sender, receiver}, out);
  return out;
}

}  // namespace trunkline::router
