#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace trunkline::engine {

/// Appends little-endian numbers and texts.
class octets_out {
 public:
  explicit octets_out(std::vector<std::uint8_t>& to) noexcept : to_(to) {}
  template <class Integer>
  void number(Integer value) {
    static_assert(std::is_integral_v<Integer>);
    const std::size_t at = to_.size();
    to_.resize(at + sizeof value);
    std::memcpy(to_.data() + at, &value, sizeof value);
  }
  void octets(std::span<const std::uint8_t> all) { to_.insert(to_.end(), all.begin(), all.end()); }
  /// With its length in front, as a number of this type; what is longer than that can say is cut off.
  template <class Length>
  void text(std::string_view all) {
    all = all.substr(0, static_cast<Length>(~Length{0}));
    number(static_cast<Length>(all.size()));
    octets({reinterpret_cast<const std::uint8_t*>(all.data()), all.size()});
  }

 private:
  std::vector<std::uint8_t>& to_;
};

/// Reads them back; after the first thing that is not there everything is empty and `ok` false.
class octets_in {
 public:
  explicit octets_in(std::span<const std::uint8_t> from) noexcept : from_(from) {}
  template <class Integer>
  Integer number() noexcept {
    static_assert(std::is_integral_v<Integer>);
    Integer value{};
    const auto found = octets(sizeof value);
    if (ok_) std::memcpy(&value, found.data(), sizeof value);
    return value;
  }
  std::span<const std::uint8_t> octets(std::size_t size) noexcept {
    if (size > from_.size()) ok_ = false;
    if (!ok_) return {};
    const auto found = from_.first(size);
    from_ = from_.subspan(size);
    return found;
  }
  template <class Length>
  std::string_view text() noexcept {
    const auto found = octets(number<Length>());
    return {reinterpret_cast<const char*>(found.data()), found.size()};
  }
  std::span<const std::uint8_t> rest() noexcept { return ok_ ? octets(from_.size()) : std::span<const std::uint8_t>{}; }
  bool ok() const noexcept { return ok_; }
  std::size_t left() const noexcept { return from_.size(); }

 private:
  std::span<const std::uint8_t> from_;
  bool ok_ = true;
};

}  // namespace trunkline::engine
