#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace trunkline::engine {

/// The pairs of a sender and a phone number that must not be sent to, as 64-bit hashes: 10.7 to 13.4 octets each. Any
/// thread looks up, without a lock and without waiting; one thread at a time changes it. The hashes are spread over 256
/// tables, each of which grows by itself into a new one; the old one goes when nobody looks into it any more, so that
/// at no time there is more than one table too many. With ten million pairs the chance that a message is taken for one
/// of them is 5e-13.
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

  optout_set();
  ~optout_set();
  optout_set(const optout_set&) = delete;
  optout_set& operator=(const optout_set&) = delete;

  [[nodiscard]] bool contains(std::uint64_t key) const noexcept {
    if (size() == 0) return false;
    const shard& in = shard_of(key);
    // Counted before the pointer is read, and the writer swaps the pointer before it reads the count: whoever reads the
    // old pointer is seen.
    in.readers.fetch_add(1, std::memory_order_seq_cst);
    const table* t = in.current.load(std::memory_order_seq_cst);
    const bool found = t != nullptr && t->find(key) != nullptr;
    in.readers.fetch_sub(1, std::memory_order_release);
    return found;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  /// Octets of the tables, those included that are about to go.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

  /// Room for `keys` without growing. Before the first insert.
  void reserve(std::size_t keys);
  /// False: it was there already.
  bool insert(std::uint64_t key);
  /// False: it was not there.
  bool erase(std::uint64_t key) noexcept;

 private:
  static constexpr std::uint64_t empty = 0;
  static constexpr std::uint64_t removed = 1;
  static constexpr std::uint64_t first_key = 2;
  static constexpr std::size_t shard_count = 256;

  struct table {
    explicit table(std::uint32_t size) : slots(new std::atomic<std::uint64_t>[size]()), count(size) {}
    std::uint32_t home(std::uint64_t key) const noexcept {
      return static_cast<std::uint32_t>(((key & 0xffffffffU) * count) >> 32U);
    }
    std::uint32_t after(std::uint32_t at) const noexcept { return ++at == count ? 0 : at; }
    std::atomic<std::uint64_t>* find(std::uint64_t key) const noexcept {
      for (std::uint32_t at = home(key);; at = after(at)) {
        const std::uint64_t there = slots[at].load(std::memory_order_relaxed);
        if (there == key) return &slots[at];
        if (there == empty) return nullptr;
      }
    }
    /// The key is not there, and there is room.
    void put(std::uint64_t key) noexcept;

    const std::unique_ptr<std::atomic<std::uint64_t>[]> slots;
    const std::uint32_t count;
    std::uint32_t used = 0;  // removed ones included; writer
  };
  struct alignas(64) shard {
    std::atomic<table*> current{nullptr};
    mutable std::atomic<std::uint32_t> readers{0};
    std::uint32_t keys = 0;          // writer
    std::unique_ptr<table> retired;  // writer; somebody may still look into it
  };

  shard& shard_of(std::uint64_t key) const noexcept { return shards_[key >> 56U]; }
  /// Another table with so many slots in place of the current one.
  void replace(shard& in, std::size_t slots);
  void forget_retired(shard& in) noexcept;

  const std::unique_ptr<shard[]> shards_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace trunkline::engine
