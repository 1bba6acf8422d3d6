#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trunkline::protocol {

/// How a carrier writes message ids (message_id, receipted_message_id; SMPP 3.4, 5.2.23, 5.3.2.12, and `id` of the text
/// in its appendix B). Digits alone do not tell, so that it is decided per carrier, never per message.
enum class id_radix : std::uint8_t { text, decimal, hexadecimal };

/// The form under which ids are compared, in place: of a text, its lower-case letters; of a number, its value in
/// lower-case hexadecimal without leading zeros ("0" for zero), however long it is.
class canonical_id {
 public:
  static constexpr std::size_t capacity = 65;

  /// The canonical form of an id in that radix. What is no number in it, or longer than 64 characters, counts as text;
  /// a text is cut to its first 65 octets.
  canonical_id(std::string_view id, id_radix radix) noexcept;

  [[nodiscard]] std::string_view view() const noexcept { return {characters_.data(), size_}; }
  friend bool operator==(const canonical_id& a, const canonical_id& b) noexcept { return a.view() == b.view(); }

 private:
  std::array<char, capacity> characters_;
  std::uint8_t size_ = 0;
};

/// The id without its leading zeros, a view of it; one zero stays of zeros alone.
[[nodiscard]] std::string_view without_leading_zeros(std::string_view id) noexcept;

}  // namespace trunkline::protocol
