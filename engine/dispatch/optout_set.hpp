#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace trunkline::engine {

/// The pairs of a sender and a phone number that must not be sent to, as 64-bit hashes: 8 octets and a bit each. Any
/// thread looks up, without a lock and without waiting; one thread at a time changes it. Grows by adding tables, four
/// times as large each, and never frees one, so that nobody who looks can be left with a dangling one. With ten million
/// pairs the chance that a message is taken for one of them is 5e-13.
class optout_set {
 public:
  /// Never 0, which stands for "no key": such a message is not looked up. Both without a leading '+'; letters of a
  /// sender in any case are the same.
  static std::uint64_t key_of(std::string_view sender, std::string_view number) noexcept {
    std::uint64_t hash = 0x9E3779B97F4A7C15;
    const auto mix = [&](std::uint64_t word) {
      hash = (hash ^ word) * 0xD6E8FEB86659FD93;
      hash ^= hash >> 32U;
    };
    const auto mix_text = [&](std::string_view text) {
      if (text.starts_with('+')) text.remove_prefix(1);
      std::uint64_t word = 0;
      std::size_t filled = 0;
      for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        word = word << 8U | octet;
        if (++filled % 8 == 0) mix(std::exchange(word, 0));
      }
      mix(word);
      mix(text.size());
    };
    mix_text(sender);
    mix_text(number);
    mix(hash >> 17U);
    return hash < first_key ? hash + first_key : hash;
  }

  optout_set() = default;
  optout_set(const optout_set&) = delete;
  optout_set& operator=(const optout_set&) = delete;

  [[nodiscard]] bool contains(std::uint64_t key) const noexcept { return find(key) != nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  /// Octets of the tables.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    std::size_t sum = 0;
    const std::size_t count = count_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < count; ++i) sum += (tables_[i].mask + 1) * sizeof(std::uint64_t);
    return sum;
  }

  /// Room for `keys` in one table. Before the first insert.
  void reserve(std::size_t keys) {
    std::size_t slots = first_slots;
    while (slots * 3 / 4 < keys) slots *= 2;
    add_table(slots);
  }
  /// False: it was there already.
  bool insert(std::uint64_t key) {
    if (contains(key)) return false;
    if (count_.load(std::memory_order_relaxed) == 0) add_table(first_slots);
    table* last = &tables_[count_.load(std::memory_order_relaxed) - 1];
    if (last->used >= (last->mask + 1) / 4 * 3) {
      add_table((last->mask + 1) * 4);
      last = &tables_[count_.load(std::memory_order_relaxed) - 1];
    }
    std::size_t at = key & last->mask;
    for (;; at = (at + 1) & last->mask) {
      const std::uint64_t there = last->slots[at].load(std::memory_order_relaxed);
      if (there >= first_key) continue;
      if (there == empty) ++last->used;
      break;
    }
    last->slots[at].store(key, std::memory_order_relaxed);
    size_.store(size() + 1, std::memory_order_release);
    return true;
  }
  /// False: it was not there.
  bool erase(std::uint64_t key) noexcept {
    auto* slot = const_cast<std::atomic<std::uint64_t>*>(find(key));
    if (slot == nullptr) return false;
    slot->store(removed, std::memory_order_relaxed);
    size_.store(size() - 1, std::memory_order_release);
    return true;
  }

 private:
  static constexpr std::uint64_t empty = 0;
  static constexpr std::uint64_t removed = 1;
  static constexpr std::uint64_t first_key = 2;
  static constexpr std::size_t first_slots = 1U << 12U;
  struct table {
    std::unique_ptr<std::atomic<std::uint64_t>[]> slots;
    std::size_t mask = 0;
    std::size_t used = 0;  // removed ones included; writer
  };

  const std::atomic<std::uint64_t>* find(std::uint64_t key) const noexcept {
    const std::size_t count = count_.load(std::memory_order_acquire);
    for (std::size_t i = count; i-- > 0;) {  // the newest is the largest
      const table& t = tables_[i];
      for (std::size_t at = key & t.mask;; at = (at + 1) & t.mask) {
        const std::uint64_t there = t.slots[at].load(std::memory_order_relaxed);
        if (there == key) return &t.slots[at];
        if (there == empty) break;
      }
    }
    return nullptr;
  }
  void add_table(std::size_t slots) {
    const std::size_t count = count_.load(std::memory_order_relaxed);
    tables_[count].slots = std::make_unique<std::atomic<std::uint64_t>[]>(slots);
    tables_[count].mask = slots - 1;
    count_.store(count + 1, std::memory_order_release);
  }

  std::array<table, 24> tables_;
  std::atomic<std::size_t> count_{0};
  std::atomic<std::size_t> size_{0};
};

}  // namespace trunkline::engine
