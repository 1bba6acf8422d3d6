// Templates of `replace`, `reply` and addresses: any of them is read or refused, and what is made of it is valid UTF-8,
// bounded, and appended.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/utf8.hpp"
#include "router/rewriting.hpp"

namespace {

using namespace trunkline;

void check(bool holds) {
  if (!holds) std::abort();
}

/// The next piece of the input, up to a NUL, as far as it is valid UTF-8: nothing else gets to a template.
std::string_view take(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\0'), rest.size());
  const std::string_view piece = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return piece.substr(0, protocol::valid_utf8_prefix(piece));
}

}  // namespace

/// Template, text, sender and receiver, with a NUL between.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view source = take(rest);
  router::rewriting_input input;
  input.text = take(rest);
  input.sender = take(rest);
  input.receiver = take(rest);
  const auto made = router::text_rewriting::parse(source);
  if (!made) {
    check(made.error().offset <= source.size() && !made.error().message.empty());
    check(!source.empty());
    return 0;
  }
  check(made->empty() == source.empty());
  std::string out = "before";
  made->apply(input, out);
  check(out.starts_with("before"));
  const std::string_view result = std::string_view(out).substr(6);
  check(protocol::valid_utf8_prefix(result) == result.size());
  const auto instructions = static_cast<std::size_t>(std::count(source.begin(), source.end(), '%'));
  const std::size_t longest = std::max({input.text.size(), input.sender.size(), input.receiver.size()});
  if (!made->empty()) check(result.size() <= source.size() + instructions * longest);
  // One instruction that takes something of the text: that is in the text.
  if (instructions == 1 && source.starts_with("%s") && !source.starts_with("%se") &&
      source.find(')') == source.size() - 1)
    check(input.text.find(result) != std::string_view::npos);
  if (!made->uses_text() && !made->empty()) {
    std::string other;
    made->apply({"quite another text", input.sender, input.receiver}, other);
    check(other == result);
  }
  router::address_rewriting address;
  address.when = router::address_rewrite::if_empty;
  address.address = *made;
  if (!input.receiver.empty()) check(address.apply(input.receiver, input.sender, input.receiver) == input.receiver);
  return 0;
}
