// Choosing is one pass over the text: for every locking table that might do, the parts so far are counted with one and
// with two header elements, and the single shift tables that still have all the characters which the locking table
// lacks are kept as a set of bits. Nothing is encoded on trial.
#include "protocol/gsm_national.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <tuple>
#include <utility>

#include "protocol/gsm_alphabet.hpp"
#include "protocol/gsm_national_tables.hpp"
#include "protocol/utf8.hpp"

namespace trunkline::protocol {
namespace {

using detail::gsm_language_count;
using detail::gsm_table;

constexpr std::array<std::string_view, gsm_language_count> language_codes{"",   "tr", "es", "pt", "bn", "gu", "hi",
                                                                          "kn", "ml", "or", "pa", "ta", "te", "ur"};
constexpr std::uint8_t spanish = 2;
constexpr std::uint8_t bengali = 4;
constexpr std::size_t user_data_bits = 1120;
constexpr std::size_t element_octets = 3;

/// The tables that have `character`.
detail::gsm_coverage coverage(char32_t character) noexcept {
  const auto& all = detail::gsm_characters;
  const auto found =
      std::lower_bound(all.begin(), all.end(), character,
                       [](const detail::gsm_coverage& c, char32_t wanted) { return c.character < wanted; });
  if (found == all.end() || found->character != character) return {0, 0, 0};
  return *found;
}

/// Septets behind a header of `elements` octets (none: no header).
constexpr std::size_t septets_behind(std::size_t elements) noexcept {
  return elements == 0 ? user_data_bits / 7 : (user_data_bits - 8 * (elements + 1)) / 7;
}

/// Fills parts one after another, as plan_segments will.
struct filling {
  std::size_t single = 0;    ///< capacity of a message that is not cut
  std::size_t capacity = 0;  ///< of a part
  std::size_t total = 0;
  std::size_t parts = 1;
  std::size_t in_part = 0;

  void set(std::size_t elements, std::size_t concatenation) noexcept {
    single = septets_behind(elements);
    capacity = septets_behind(elements + concatenation);
  }
  void add(std::size_t septets) noexcept {
    total += septets;
    in_part += septets;
    if (in_part > capacity) {
      ++parts;
      in_part = septets;
    }
  }
  [[nodiscard]] std::size_t needed() const noexcept { return total <= single ? 1 : parts; }
};

struct candidate {
  std::uint8_t locking = 0;
  std::uint16_t singles = 0;  ///< single shift tables that have all the locking table lacks
  filling alone;              ///< with the default extension table
  filling shifted;            ///< with a national single shift table
};

/// Character to code within one table, sorted by character; built once, on first use.
struct reverse_table {
  struct entry {
    char16_t character;
    std::uint8_t code;
  };
  std::array<entry, 128> entries;
  std::size_t size = 0;

  explicit reverse_table(const gsm_table& table) noexcept {
    for (std::size_t code = 0; code < table.size(); ++code)
      if (table[code] != 0) entries[size++] = {table[code], static_cast<std::uint8_t>(code)};
    std::sort(entries.begin(), entries.begin() + size, [](const entry& a, const entry& b) {
      return std::pair(a.character, a.code) < std::pair(b.character, b.code);
    });
  }
  [[nodiscard]] std::optional<std::uint8_t> find(char32_t character) const noexcept {
    const auto end = entries.begin() + size;
    const auto found = std::lower_bound(entries.begin(), end, character,
                                        [](const entry& e, char32_t wanted) { return e.character < wanted; });
    if (found == end || found->character != character) return std::nullopt;
    return found->code;
  }
};

template <std::size_t... Index>
std::array<reverse_table, sizeof...(Index)> reverse_all(const std::array<gsm_table, sizeof...(Index)>& tables,
                                                        std::index_sequence<Index...>) noexcept {
  return {reverse_table(tables[Index])...};
}

struct reverse_tables {
  std::array<reverse_table, gsm_language_count> locking =
      reverse_all(detail::locking_tables, std::make_index_sequence<gsm_language_count>());
  std::array<reverse_table, gsm_language_count> single =
      reverse_all(detail::single_tables, std::make_index_sequence<gsm_language_count>());
};

const reverse_tables& reverse() noexcept {
  static const reverse_tables tables;
  return tables;
}

}  // namespace

std::optional<std::uint8_t> find_gsm_language(std::string_view code) noexcept {
  if (code == "as") return bengali;
  for (std::size_t i = 1; i < language_codes.size(); ++i)
    if (language_codes[i] == code) return static_cast<std::uint8_t>(i);
  return std::nullopt;
}

std::string_view gsm_language_code(std::uint8_t language) noexcept {
  return language < language_codes.size() ? language_codes[language] : std::string_view{};
}

std::optional<gsm_choice> choose_gsm_tables(std::string_view utf8, gsm_languages allowed,
                                            std::size_t concatenation_octets) noexcept {
  const auto singles = static_cast<std::uint16_t>((allowed.bits & gsm_languages::all().bits) | 1);
  std::array<candidate, gsm_language_count> candidates;
  std::size_t count = 0;
  for (std::uint8_t language = 0; language < gsm_language_count; ++language) {
    if (language == spanish || (language != 0 && !allowed.has(language))) continue;  // Spanish has no locking table
    candidate& c = candidates[count++];
    c.locking = language;
    c.singles = singles;
    const std::size_t elements = language == 0 ? 0 : element_octets;
    c.alone.set(elements, concatenation_octets);
    c.shifted.set(elements + element_octets, concatenation_octets);
  }
  for (std::size_t at = 0; at < utf8.size();) {
    const utf8_step step = utf8_decode(utf8, at);
    if (!step.valid) return std::nullopt;
    at += step.length;
    const detail::gsm_coverage tables = coverage(step.value);
    for (std::size_t i = 0; i < count;) {
      candidate& c = candidates[i];
      const bool locked = (tables.locking >> c.locking & 1) != 0;
      if (!locked) c.singles &= tables.single;
      if (c.singles == 0) {
        c = candidates[--count];
        continue;
      }
      c.alone.add(locked ? 1 : 2);
      c.shifted.add(locked ? 1 : 2);
      ++i;
    }
    if (count == 0) return std::nullopt;
  }

  std::optional<gsm_choice> best;
  std::size_t best_bits = 0;
  const auto offer = [&](const candidate& c, const filling& f, std::uint8_t single) {
    const gsm_tables tables{c.locking, single};
    const std::size_t header = tables.header_elements() + (f.needed() > 1 ? concatenation_octets : 0);
    const std::size_t bits = f.total * 7 + f.needed() * 8 * (header == 0 ? 0 : header + 1);
    // On equal terms the tables with the lower identifiers.
    if (best && std::tuple(best->parts, best_bits, best->tables.locking, best->tables.single) <=
                    std::tuple(f.needed(), bits, tables.locking, tables.single))
      return;
    best = gsm_choice{tables, f.total, f.needed()};
    best_bits = bits;
  };
  for (const candidate& c : std::span(candidates).first(count)) {
    if ((c.singles & 1) != 0) offer(c, c.alone, 0);
    if ((c.singles & ~1U) != 0) offer(c, c.shifted, static_cast<std::uint8_t>(std::countr_zero(c.singles & ~1U)));
  }
  return best;
}

tl::expected<std::size_t, errc> encode_gsm7(std::string_view utf8, gsm_tables tables,
                                            std::span<std::uint8_t> out) noexcept {
  if (tables == gsm_tables{}) return encode_gsm7(utf8, out);
  if (tables.locking >= gsm_language_count || tables.single >= gsm_language_count)
    return tl::unexpected(errc::bad_value);
  const reverse_table& locking = reverse().locking[tables.locking];
  const reverse_table& single = reverse().single[tables.single];
  std::size_t written = 0;
  for (std::size_t at = 0; at < utf8.size();) {
    const utf8_step step = utf8_decode(utf8, at);
    if (!step.valid) return tl::unexpected(errc::bad_text);
    at += step.length;
    if (const auto code = locking.find(step.value)) {
      if (written == out.size()) return tl::unexpected(errc::no_space);
      out[written++] = *code;
      continue;
    }
    const auto code = single.find(step.value);
    if (!code) return tl::unexpected(errc::cannot_encode);
    if (out.size() - written < 2) return tl::unexpected(errc::no_space);
    out[written++] = gsm_escape;
    out[written++] = *code;
  }
  return written;
}

tl::expected<std::size_t, errc> decode_gsm7(std::span<const std::uint8_t> septets, gsm_tables tables,
                                            std::span<char> out) noexcept {
  if (tables.locking >= gsm_language_count) tables.locking = 0;
  if (tables.single >= gsm_language_count) tables.single = 0;
  if (tables == gsm_tables{}) return decode_gsm7(septets, out);
  const gsm_table& locking = detail::locking_tables[tables.locking];
  const gsm_table& single = detail::single_tables[tables.single];
  std::size_t written = 0;
  for (std::size_t at = 0; at < septets.size(); ++at) {
    char32_t character = 0;
    if (septets[at] == gsm_escape) {
      if (++at == septets.size() || septets[at] == gsm_escape) {
        character = U' ';
      } else if (septets[at] < 0x80) {
        character = single[septets[at]];
      }
    }
    if (character == 0 && septets[at] < 0x80) character = locking[septets[at]];
    if (character == 0) character = replacement_character;
    std::array<char, max_utf8_octets> utf8{};
    const std::size_t size = utf8_encode(character, utf8.data());
    if (out.size() - written < size) return tl::unexpected(errc::no_space);
    std::memcpy(out.data() + written, utf8.data(), size);
    written += size;
  }
  return written;
}

}  // namespace trunkline::protocol
