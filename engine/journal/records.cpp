// Each record is a list of fields in a fixed order; `fields` names them once, and the same list writes and reads.
#include "engine/journal/records.hpp"

#include <cstring>
#include <type_traits>

namespace trunkline::engine::journal_records {
namespace {

class field_writer {
 public:
  explicit field_writer(std::span<std::uint8_t> to) noexcept : to_(to.data()), start_(to.data()) {}
  template <class T>
  void number(const T& value) noexcept {
    std::memcpy(to_, &value, sizeof value);
    to_ += sizeof value;
  }
  void text(const std::string_view& value) noexcept {
    number(static_cast<std::uint16_t>(value.size()));
    if (!value.empty()) std::memcpy(to_, value.data(), value.size());
    to_ += value.size();
  }
  template <class Octets>
  void rest(const Octets& value) noexcept {
    if (!value.empty()) std::memcpy(to_, value.data(), value.size());
    to_ += value.size();
  }
  std::size_t written() const noexcept { return static_cast<std::size_t>(to_ - start_); }

 private:
  std::uint8_t* to_;
  std::uint8_t* start_;
};

class field_reader {
 public:
  explicit field_reader(std::span<const std::uint8_t> from) noexcept : from_(from) {}
  template <class T>
  void number(T& value) noexcept {
    if (from_.size() < sizeof value) return fail();
    std::memcpy(&value, from_.data(), sizeof value);
    from_ = from_.subspan(sizeof value);
  }
  void text(std::string_view& value) noexcept {
    std::uint16_t length = 0;
    number(length);
    if (from_.size() < length) return fail();
    value = {reinterpret_cast<const char*>(from_.data()), length};
    from_ = from_.subspan(length);
  }
  void rest(std::string_view& value) noexcept { value = {reinterpret_cast<const char*>(from_.data()), from_.size()}; }
  void rest(std::span<const std::uint8_t>& value) noexcept { value = from_; }
  bool ok() const noexcept { return ok_; }

 private:
  void fail() noexcept {
    ok_ = false;
    from_ = {};
  }
  std::span<const std::uint8_t> from_;
  bool ok_ = true;
};

template <class F, class R>
void fields(F& f, R& r) noexcept {
  using record = std::remove_const_t<R>;
  if constexpr (std::is_same_v<record, carrier_name>) {
    f.number(r.carrier), f.rest(r.name);
  } else if constexpr (std::is_same_v<record, batch_opened>) {
    f.number(r.batch), f.number(r.accepted_at_ms), f.number(r.size), f.number(r.hold), f.rest(r.name);
  } else if constexpr (std::is_same_v<record, final_outcome>) {
    f.number(r.batch), f.number(r.entry), f.number(r.status), f.number(r.why), f.number(r.flags), f.number(r.encoding);
    f.number(r.parts), f.number(r.parts_accepted), f.number(r.carrier), f.number(r.attempts), f.number(r.error_value);
    f.number(r.submitted_at_ms), f.text(r.error_text), f.rest(r.ids);
  } else if constexpr (std::is_same_v<record, part_accepted>) {
    f.number(r.batch), f.number(r.entry), f.number(r.carrier), f.number(r.part), f.number(r.parts),
        f.rest(r.message_id);
  } else if constexpr (std::is_same_v<record, taken>) {
    f.number(r.batch), f.number(r.block), f.number(r.lines);
  } else if constexpr (std::is_same_v<record, control>) {
    f.number(r.batch), f.number(r.what), f.number(r.at_ms);
  } else if constexpr (std::is_same_v<record, batch_closed>) {
    f.number(r.batch);
  } else if constexpr (std::is_same_v<record, received>) {
    f.number(r.carrier), f.number(r.received_at_ms), f.rest(r.octets);
  } else if constexpr (std::is_same_v<record, position>) {
    f.number(r.batch), f.number(r.marker), f.number(r.report_bytes), f.number(r.totals), f.number(r.bits_in_file),
        f.rest(r.bits);
  } else if constexpr (std::is_same_v<record, checkpoint>) {
    f.number(r.marker), f.number(r.next_batch);
  } else if constexpr (std::is_same_v<record, postponed>) {
    f.number(r.batch), f.number(r.entry), f.number(r.due_ms), f.number(r.attempts), f.number(r.tried);
    f.number(r.error_value);
  } else if constexpr (std::is_same_v<record, intents>) {
    f.number(r.carrier), f.rest(r.lines);
  } else if constexpr (std::is_same_v<record, returned>) {
    f.number(r.batch), f.number(r.entry);
  } else if constexpr (std::is_same_v<record, made_batch>) {
    f.text(r.name), f.text(r.ids), f.rest(r.contents);
  }
}

template <class R>
std::size_t write(const R& r, std::span<std::uint8_t> to) noexcept {
  field_writer writer(to);
  fields(writer, r);
  return writer.written();
}

}  // namespace

std::size_t encode(const carrier_name& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const batch_opened& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const final_outcome& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const part_accepted& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const taken& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const control& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const batch_closed& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const received& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const position& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const checkpoint& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const postponed& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const intents& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const returned& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }
std::size_t encode(const made_batch& r, std::span<std::uint8_t> to) noexcept { return write(r, to); }

std::uint64_t made_batch::id(std::size_t i) const noexcept {
  std::uint64_t out = 0;
  std::memcpy(&out, ids.data() + i * sizeof out, sizeof out);
  return out;
}

intents::line intents::operator[](std::size_t i) const noexcept {
  line out;
  std::memcpy(&out, lines.data() + i * sizeof out, sizeof out);
  return out;
}

template <class Record>
std::optional<Record> decode(std::span<const std::uint8_t> payload) noexcept {
  field_reader reader(payload);
  Record record;
  fields(reader, record);
  if (!reader.ok()) return std::nullopt;
  if constexpr (std::is_same_v<Record, intents>) {
    if (record.lines.size() % sizeof(intents::line) != 0) return std::nullopt;
  }
  if constexpr (std::is_same_v<Record, made_batch>) {
    if (record.ids.size() % sizeof(std::uint64_t) != 0) return std::nullopt;
  }
  return record;
}

template std::optional<carrier_name> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<batch_opened> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<final_outcome> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<part_accepted> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<taken> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<control> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<batch_closed> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<received> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<position> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<checkpoint> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<postponed> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<intents> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<returned> decode(std::span<const std::uint8_t>) noexcept;
template std::optional<made_batch> decode(std::span<const std::uint8_t>) noexcept;

}  // namespace trunkline::engine::journal_records
