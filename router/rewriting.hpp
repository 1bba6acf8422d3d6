#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace trunkline::router {

/// What a rewriting may insert. Views must live through the call only; all of it is valid UTF-8.
struct rewriting_input {
  std::string_view text;      ///< of the received message
  std::string_view sender;    ///< `%c`
  std::string_view receiver;  ///< `%l`
};

/// Why a template is none.
struct rewriting_fault {
  std::size_t offset = 0;  ///< octet of the template
  std::string message;
};

/// A text with the instructions of 2N NetStar's SMS router, compiled once. What is no instruction stands in the result
/// as it is; the received text is there only where an instruction takes it:
///
///     %c               number of the sender
///     %l               number of the receiver
///     %se              nothing: the received text is erased
///     %sr(B,E)         the received text without its first B and last E characters
///     %ss("STRING",X,N)  from the X-th occurrence of STRING on (included), N characters; N = 0: to the end
///     %sm(B,L)         L characters from character B on, counted from 1; L = 0: to the end
///     %%               a per cent sign
///
/// Characters are what people see as one (extended grapheme clusters), so that no emoji or accent is torn. In STRING,
/// `\"` is a quote and `\\` a backslash. An empty template changes nothing.
class text_rewriting {
 public:
  text_rewriting() = default;
  [[nodiscard]] static tl::expected<text_rewriting, rewriting_fault> parse(std::string_view source);

  /// True when it leaves texts as they are.
  [[nodiscard]] bool empty() const noexcept { return steps_.empty(); }
  /// Appends the result. Linear in the text for each instruction.
  void apply(const rewriting_input& input, std::string& out) const;

  /// A template without instructions that take something of the text: a result that is the same for every text.
  [[nodiscard]] bool uses_text() const noexcept;

 private:
  enum class kind : std::uint8_t { literal, sender, receiver, erase, cut, search, middle };
  struct step {
    kind what = kind::literal;
    std::string literal;      // and STRING of search
    std::uint32_t first = 0;  // B, X
    std::uint32_t count = 0;  // E, N, L
  };
  class parser;
  std::vector<step> steps_;
};

/// When an address is put in the place of the one that is there.
enum class address_rewrite : std::uint8_t { never, if_empty, always };
[[nodiscard]] std::optional<address_rewrite> parse_address_rewrite(std::string_view text) noexcept;

/// How the source or destination of a forwarded message is made from what the received one says.
struct address_rewriting {
  address_rewrite when = address_rewrite::never;
  text_rewriting address;           ///< `%c` and `%l` are meant; the "text" is the address that is there
  std::optional<std::uint8_t> ton;  ///< nothing: as the carrier of the new message says
  std::optional<std::uint8_t> npi;

  /// The address of the new message; `present` is the one that is there.
  [[nodiscard]] std::string apply(std::string_view present, std::string_view sender, std::string_view receiver) const;
};

}  // namespace trunkline::router
