#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace trunkline::engine {

/// A receipt as it came, for which there is no message yet.
struct parked_receipt {
  std::string carrier;
  std::int64_t received_at_ms = 0;
  std::vector<std::uint8_t> pdu;  ///< whole
};

/// Receipts that overtook their responses, or whose ids cannot be read yet, found again by the keys that a response may
/// have. Bounded in number and octets: beyond that the oldest leave first. One thread.
class receipt_park {
 public:
  receipt_park(std::size_t most, std::size_t most_bytes) : most_(most), most_bytes_(most_bytes) {}

  /// `keys`: what `key_of` made of each key.
  void put(parked_receipt what, const std::vector<std::uint64_t>& keys);
  static std::uint64_t key_of(std::string_view carrier, std::string_view key) noexcept;

  bool empty() const noexcept { return waiting_.empty(); }
  std::size_t size() const noexcept { return waiting_.size(); }

  /// Numbers of the receipts that wait for this key, oldest first.
  std::vector<std::uint64_t> find(std::uint64_t key) const;
  /// Numbers of all receipts of a carrier.
  std::vector<std::uint64_t> of_carrier(std::string_view carrier) const;
  const parked_receipt* at(std::uint64_t number) const;
  /// Takes one out.
  parked_receipt take(std::uint64_t number);
  /// The oldest, when there are too many, or when it came before `received_before_ms`.
  std::optional<parked_receipt> take_overdue(std::int64_t received_before_ms);
  /// When the oldest came.
  std::optional<std::int64_t> oldest_ms() const;

  template <class F>
  void for_each(F f) const {
    for (const auto& [number, w] : waiting_) f(w.receipt);
  }

 private:
  struct waiting {
    parked_receipt receipt;
    std::vector<std::uint64_t> keys;
  };
  const std::size_t most_;
  const std::size_t most_bytes_;
  std::map<std::uint64_t, waiting> waiting_;  // by number, in the order of arrival
  std::unordered_multimap<std::uint64_t, std::uint64_t> by_key_;
  std::size_t bytes_ = 0;
  std::uint64_t next_ = 1;
};

}  // namespace trunkline::engine
