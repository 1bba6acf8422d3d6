#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/spool/phone_number.hpp"
#include "engine/spool/record.hpp"
#include "engine/spool/record_defaults.hpp"
#include "engine/spool/record_fields.hpp"

namespace trunkline::engine {

/// Collects the fields of one message from whatever syntax they came in, checks each as it comes, and adds the batch's
/// defaults at the end. Owns the memory that fields need beyond the line and reuses it. Every `put` answers false and
/// sets `error` when the field cannot have that value. One thread.
class record_builder {
 public:
  explicit record_builder(const record_options& options);

  /// Forgets the message before.
  void start() noexcept;

  /// Notes that `field` stands in this message; false when it stood there before.
  bool claim(record_field field);

  /// A value that was written as text. `value` must live as long as the record. For the fields that are numbers or
  /// booleans in JSON this reads their CSV form.
  bool put(record_field field, std::string_view value);
  /// data_coding and max_parts.
  bool put_number(record_field field, std::uint64_t value);
  /// flash, smart and receipt.
  void put_flag(record_field field, bool value) noexcept;
  bool put_tag(std::string_view key, std::string_view value);
  bool put_var(std::string_view key, std::string_view value);
  bool put_tlv(std::string_view key, std::string_view hex);
  bool put_tlv(std::uint16_t tag, std::string_view hex);

  /// The whole message, or nullptr.
  const record* finish(const batch_defaults& defaults);

  /// What was put since `start`, without defaults or checks across fields.
  const record& fields() const noexcept { return record_; }
  /// Copies what was put since `start`, all but `text`, into the fields of a batch header.
  void copy_to(batch_defaults& defaults) const;
  /// Whether `field` was put.
  bool has(record_field field) const noexcept { return (seen_ >> static_cast<unsigned>(field) & 1U) != 0; }

  /// Sets `error` and answers false.
  bool fail(router::reason code, std::string text);
  const record_error& error() const noexcept { return error_; }
  const record_limits& limits() const noexcept { return limits_; }

 private:
  bool put_to(std::string_view value);
  bool put_text(std::string_view value);
  bool put_data(std::string_view hex);
  bool put_udh(std::string_view hex);
  bool put_validity(std::string_view value);
  bool put_pair(std::vector<tag>& into, record_field field, std::string_view key, std::string_view value,
                std::size_t max_pairs, std::size_t max_key, std::size_t max_value);
  bool bad_value(record_field field, std::string_view found, std::string_view expected);
  bool bounded(record_field field, std::string_view value, std::size_t max);
  void add_default_pairs(const batch_defaults& defaults);
  bool add_default_tlvs(const batch_defaults& defaults);
  bool choose_content(const batch_defaults& defaults);
  void add_plain_defaults(const batch_defaults& defaults);

  record_limits limits_;
  std::string_view calling_code_;
  record record_;
  record_error error_;
  std::uint32_t seen_ = 0;
  number_buffer number_{};
  std::string filled_;
  std::vector<std::uint8_t> data_;
  std::vector<std::uint8_t> udh_;
  std::vector<std::uint8_t> tlv_octets_;  // reserved for tlv_bytes, so that spans into it stay
  std::size_t tlv_bytes_ = 0;
  std::vector<tag> tags_;
  std::vector<tag> vars_;
  std::vector<tlv_field> tlvs_;
};

}  // namespace trunkline::engine
