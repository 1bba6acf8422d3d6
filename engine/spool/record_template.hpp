#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "engine/spool/record.hpp"

namespace trunkline::engine {

/// A text with `{placeholders}`, compiled once per batch. `{{` and `}}` are braces. Owns its text.
class record_template {
 public:
  /// No text at all.
  record_template() = default;

  /// Splits `text` (UTF-8). A `{` without `}`, a lone `}` or an empty name is bad_field, with its offset.
  static tl::expected<record_template, record_error> compile(std::string_view text);

  bool set() const noexcept { return set_; }
  /// Whether any placeholder stands in it; without one `fixed()` is the text of every message.
  bool has_placeholders() const noexcept { return !names_.empty(); }
  std::string_view fixed() const noexcept { return literals_; }

  /// Appends the text with every placeholder replaced by its value in `vars` to `out`. Returns the first name that has
  /// no value there, empty when all have one. Stops soon after `out` has grown beyond `max_bytes`, so that a small
  /// template cannot make a huge text: look at its size. Allocates only when `out` must grow.
  std::string_view fill(std::span<const tag> vars, std::string& out, std::size_t max_bytes) const;

 private:
  struct piece {
    std::size_t literal_end = 0;  ///< literal octets before the placeholder end here
    std::size_t name_end = 0;     ///< the placeholder's name ends here in `names_`
  };

  std::string literals_;  ///< all literal octets, one after another
  std::string names_;     ///< all names, one after another
  std::vector<piece> pieces_;
  bool set_ = false;
};

}  // namespace trunkline::engine
