#include "protocol/udh.hpp"

#include <algorithm>

namespace trunkline::protocol {
namespace {

/// Enters a known element into `fields`; false when it means nothing to us.
bool take_element(const udh_item& item, udh_fields& fields) noexcept {
  const auto& data = item.data;
  const auto pair = [&](std::size_t at) { return static_cast<std::uint16_t>(data[at] << 8 | data[at + 1]); };
  const auto take_part = [&](std::uint16_t reference, std::uint8_t total, std::uint8_t sequence, bool wide) {
    // 9.2.3.24.1: a maximum of 0, or a sequence number of 0 or above the maximum, makes the element void.
    if (total != 0 && sequence != 0 && sequence <= total) fields.part = concatenation{reference, total, sequence, wide};
    return true;
  };
  switch (item.identifier) {
    case udh_element::concatenation8:
      return data.size() == 3 && take_part(data[0], data[1], data[2], false);
    case udh_element::concatenation16:
      return data.size() == 4 && take_part(pair(0), data[2], data[3], true);
    case udh_element::ports8:
      if (data.size() != 2) return false;
      fields.ports = application_ports{data[0], data[1], false};
      return true;
    case udh_element::ports16:
      if (data.size() != 4) return false;
      fields.ports = application_ports{pair(0), pair(2), true};
      return true;
    case udh_element::single_shift:
      if (data.size() != 1) return false;
      fields.single_shift = data[0];
      return true;
    case udh_element::locking_shift:
      if (data.size() != 1) return false;
      fields.locking_shift = data[0];
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<udh_item> udh_reader::next() noexcept {
  if (rest_.size() < 2 || rest_.size() - 2 < rest_[1]) return std::nullopt;
  const udh_item item{rest_[0], rest_.subspan(2, rest_[1])};
  rest_ = rest_.subspan(2 + item.data.size());
  return item;
}

tl::expected<udh_view, errc> parse_udh(std::span<const std::uint8_t> user_data) noexcept {
  if (user_data.empty() || user_data.size() - 1 < user_data[0]) return tl::unexpected(errc::truncated);
  udh_view view;
  view.header_octets = std::size_t{1} + user_data[0];
  view.elements = user_data.subspan(1, user_data[0]);
  udh_reader reader(view.elements);
  while (const auto item = reader.next()) view.others = !take_element(*item, view.fields) || view.others;
  if (!reader.at_end()) {
    view.intact = false;
    view.others = true;
    view.fields = {};
  }
  return view;
}

std::size_t udh_octets(const udh_fields& fields) noexcept {
  std::size_t elements = 0;
  if (fields.part) elements += fields.part->wide ? 6 : 5;
  if (fields.ports) elements += fields.ports->wide ? 6 : 4;
  if (fields.single_shift != 0) elements += 3;
  if (fields.locking_shift != 0) elements += 3;
  return elements == 0 ? 0 : elements + 1;
}

tl::expected<std::size_t, errc> write_udh(const udh_fields& fields, std::span<std::uint8_t> out) noexcept {
  const std::size_t size = udh_octets(fields);
  if (size > out.size()) return tl::unexpected(errc::no_space);
  if (size == 0) return size;
  std::size_t at = 0;
  const auto put = [&](std::uint8_t octet) { out[at++] = octet; };
  const auto put_pair = [&](std::uint16_t value) {
    put(static_cast<std::uint8_t>(value >> 8));
    put(static_cast<std::uint8_t>(value & 0xFF));
  };
  const auto put_number = [&](std::uint16_t value, bool wide) {
    if (wide) {
      put_pair(value);
    } else {
      put(static_cast<std::uint8_t>(value & 0xFF));
    }
  };
  put(static_cast<std::uint8_t>(size - 1));
  if (fields.part) {
    put(fields.part->wide ? udh_element::concatenation16 : udh_element::concatenation8);
    put(fields.part->wide ? 4 : 3);
    put_number(fields.part->reference, fields.part->wide);
    put(fields.part->total);
    put(fields.part->sequence);
  }
  if (fields.ports) {
    put(fields.ports->wide ? udh_element::ports16 : udh_element::ports8);
    put(fields.ports->wide ? 4 : 2);
    put_number(fields.ports->destination, fields.ports->wide);
    put_number(fields.ports->source, fields.ports->wide);
  }
  if (fields.single_shift != 0) {
    put(udh_element::single_shift);
    put(1);
    put(fields.single_shift);
  }
  if (fields.locking_shift != 0) {
    put(udh_element::locking_shift);
    put(1);
    put(fields.locking_shift);
  }
  return at;
}

}  // namespace trunkline::protocol
