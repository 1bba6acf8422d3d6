#include "engine/receipts/sent_message.hpp"

#include "engine/receipts/octet_stream.hpp"

namespace trunkline::engine {
namespace {

constexpr std::uint8_t flag_receipt_asked = 1;
constexpr std::uint8_t flag_complete = 2;

}  // namespace

void encode(const sent_message& m, std::vector<std::uint8_t>& to) {
  octets_out out(to);
  out.number(m.batch_id);
  out.number(m.line);
  out.number(m.submitted_at_ms);
  out.number(m.previous.bucket);
  out.number(m.previous.position);
  out.number(m.parts);
  out.number(static_cast<std::uint8_t>((m.receipt ? flag_receipt_asked : 0) | (m.complete ? flag_complete : 0)));
  out.text<std::uint8_t>(m.carrier);
  out.text<std::uint8_t>(m.batch);
  out.text<std::uint16_t>(m.id);
  out.text<std::uint8_t>(m.number);
  out.text<std::uint8_t>(m.sender);
  out.text<std::uint8_t>(m.batch_name);
  out.text<std::uint16_t>(m.tags);
  out.octets(m.ids);
}

void encode(const stored_fate& f, std::vector<std::uint8_t>& to) {
  octets_out out(to);
  out.number(f.fingerprint);
  out.number(f.replaces);
  out.number(f.message);
  out.number(f.part);
  out.number(static_cast<std::uint8_t>(f.fate.state));
  out.number(f.fate.done_at_ms);
  out.number(f.fate.received_at_ms);
  out.text<std::uint8_t>(f.fate.error);
}

std::optional<sent_message> decode_sent_message(std::span<const std::uint8_t> payload) noexcept {
  octets_in in(payload);
  sent_message m;
  m.batch_id = in.number<std::uint32_t>();
  m.line = in.number<std::uint32_t>();
  m.submitted_at_ms = in.number<std::int64_t>();
  m.previous.bucket = in.number<std::uint32_t>();
  m.previous.position = in.number<std::uint32_t>();
  m.parts = in.number<std::uint8_t>();
  const auto flags = in.number<std::uint8_t>();
  m.receipt = (flags & flag_receipt_asked) != 0;
  m.complete = (flags & flag_complete) != 0;
  m.carrier = in.text<std::uint8_t>();
  m.batch = in.text<std::uint8_t>();
  m.id = in.text<std::uint16_t>();
  m.number = in.text<std::uint8_t>();
  m.sender = in.text<std::uint8_t>();
  m.batch_name = in.text<std::uint8_t>();
  m.tags = in.text<std::uint16_t>();
  m.ids = in.rest();
  if (!in.ok()) return std::nullopt;
  return m;
}

std::optional<stored_fate> decode_stored_fate(std::span<const std::uint8_t> payload) noexcept {
  octets_in in(payload);
  stored_fate f;
  f.fingerprint = in.number<std::uint32_t>();
  f.replaces = in.number<std::uint32_t>();
  f.message = in.number<std::uint32_t>();
  f.part = in.number<std::uint8_t>();
  const auto state = protocol::message_state_of(in.number<std::uint8_t>());
  f.fate.done_at_ms = in.number<std::int64_t>();
  f.fate.received_at_ms = in.number<std::int64_t>();
  f.fate.error = in.text<std::uint8_t>();
  if (!in.ok() || !state) return std::nullopt;
  f.fate.state = *state;
  return f;
}

}  // namespace trunkline::engine
