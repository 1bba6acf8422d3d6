#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>

#include "protocol/octet_reader.hpp"
#include "protocol/octet_writer.hpp"

namespace trunkline::protocol {

/// One destination of a submit_multi (SMPP 3.4, 5.2.25): an address or the name of a distribution list.
struct dest_address {
  static constexpr std::uint8_t sme_address = 1;
  static constexpr std::uint8_t distribution_list = 2;

  std::uint8_t dest_flag = sme_address;
  std::uint8_t dest_addr_ton = 0;     ///< of an address
  std::uint8_t dest_addr_npi = 0;     ///< of an address
  std::string_view destination_addr;  ///< of an address
  std::string_view dl_name;           ///< of a distribution list

  template <class Self, class Visitor>
  static constexpr void fields(Self& entry, Visitor& visit) {
    visit.u8("dest_flag", entry.dest_flag);
    if (entry.dest_flag == sme_address) {
      visit.u8("dest_addr_ton", entry.dest_addr_ton);
      visit.u8("dest_addr_npi", entry.dest_addr_npi);
      visit.text("destination_addr", entry.destination_addr, 21);
    } else if (entry.dest_flag == distribution_list) {
      visit.text("dl_name", entry.dl_name, 21);
    } else {
      visit.fail(errc::bad_value);  // the entry's length is unknown, so nothing behind it can be read
    }
  }
};

/// One destination that a submit_multi_resp reports as refused (SMPP 3.4, 5.2.27).
struct unsuccess_sme {
  std::uint8_t dest_addr_ton = 0;
  std::uint8_t dest_addr_npi = 0;
  std::string_view destination_addr;
  std::uint32_t error_status_code = 0;  ///< a command_status

  template <class Self, class Visitor>
  static constexpr void fields(Self& entry, Visitor& visit) {
    visit.u8("dest_addr_ton", entry.dest_addr_ton);
    visit.u8("dest_addr_npi", entry.dest_addr_npi);
    visit.text("destination_addr", entry.destination_addr, 21);
    visit.u32("error_status_code", entry.error_status_code);
  }
};

/// Reads the fields of one list entry; a visitor like field_reader, without what entries do not have.
class entry_reader {
 public:
  explicit entry_reader(octet_reader& in) noexcept : in_(in) {}
  void u8(std::string_view, std::uint8_t& value) noexcept { value = in_.u8(); }
  void u32(std::string_view, std::uint32_t& value) noexcept { value = in_.u32(); }
  void text(std::string_view, std::string_view& value, std::size_t) noexcept { value = in_.c_octet_string(); }
  void fail(errc error) noexcept { in_.fail(error); }

 private:
  octet_reader& in_;
};

/// Writes the fields of one list entry.
class entry_writer {
 public:
  explicit entry_writer(octet_writer& out) noexcept : out_(out) {}
  void u8(std::string_view, std::uint8_t value) noexcept { out_.u8(value); }
  void u32(std::string_view, std::uint32_t value) noexcept { out_.u32(value); }
  void text(std::string_view, std::string_view value, std::size_t max) noexcept { out_.c_octet_string(value, max); }
  void fail(errc error) noexcept { out_.fail(error); }

 private:
  octet_writer& out_;
};

/// The repeated entries of a PDU as they are on the wire: a forward range of Entry that reads them as it goes, a view
/// that dies with the octets it was made from.
template <class Entry>
class entry_list {
 public:
  class iterator {
   public:
    using value_type = Entry;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator(std::span<const std::uint8_t> octets, std::size_t left) noexcept : in_(octets), left_(left) { read(); }
    [[nodiscard]] const Entry& operator*() const noexcept { return entry_; }
    iterator& operator++() noexcept {
      --left_;
      read();
      return *this;
    }
    void operator++(int) noexcept { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return it.left_ == 0; }

   private:
    void read() noexcept {
      if (left_ == 0) return;
      entry_ = Entry();
      entry_reader visit(in_);
      Entry::fields(entry_, visit);
    }

    octet_reader in_;
    std::size_t left_;
    Entry entry_;
  };

  entry_list() noexcept = default;

  /// Reads up to `declared` entries off the front of `octets` and keeps those that are complete.
  entry_list(std::span<const std::uint8_t> octets, std::size_t declared) noexcept : declared_(declared) {
    octet_reader in(octets);
    for (; count_ < declared; ++count_) {
      Entry entry;
      entry_reader visit(in);
      Entry::fields(entry, visit);
      if (!in.ok()) break;
      octets_ = octets.first(in.position());
    }
  }

  [[nodiscard]] iterator begin() const noexcept { return iterator(octets_, count_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// Entries that can be iterated.
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

  /// False when the peer announced more entries than it sent.
  [[nodiscard]] bool complete() const noexcept { return count_ == declared_; }

  /// The entries' octets, without the count in front of them.
  [[nodiscard]] std::span<const std::uint8_t> octets() const noexcept { return octets_; }

 private:
  std::span<const std::uint8_t> octets_;
  std::size_t count_ = 0;
  std::size_t declared_ = 0;
};

/// Appends one entry; what a writer collects this way becomes a list: `entry_list<Entry>(writer.written(), count)`.
template <class Entry>
void write_entry(octet_writer& out, const Entry& entry) noexcept {
  entry_writer visit(out);
  Entry::fields(entry, visit);
}

}  // namespace trunkline::protocol
