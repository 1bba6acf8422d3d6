#include "engine/receipts/receipt_state.hpp"

#include <algorithm>
#include <array>

#include "engine/receipts/octet_stream.hpp"
#include "engine/runtime/crc32c.hpp"

namespace trunkline::engine {
namespace {

constexpr std::array<std::uint8_t, 8> magic = {'T', 'R', 'L', 'R', 'C', 'P', 'T', '1'};

}  // namespace

std::vector<std::uint8_t> encode(const receipt_state& state) {
  std::vector<std::uint8_t> octets;
  octets_out out(octets);
  out.octets(magic);
  out.number(static_cast<std::uint32_t>(state.extents.size()));
  for (const auto& e : state.extents) {
    out.number(e.bucket);
    out.number(e.bytes);
    out.number(e.filled_until_ms);
  }
  out.number(static_cast<std::uint32_t>(state.fates.size()));
  for (const auto& [id, f] : state.fates) {
    out.number(id);
    out.text<std::uint8_t>(f.name);
    out.number(f.open_parts);
    out.number(f.last.bucket);
    out.number(f.last.position);
    out.number(f.first_bucket);
  }
  out.number(static_cast<std::uint32_t>(state.parked.size()));
  for (const auto& p : state.parked) {
    out.text<std::uint8_t>(p.carrier);
    out.number(p.received_at_ms);
    out.text<std::uint32_t>({reinterpret_cast<const char*>(p.pdu.data()), p.pdu.size()});
  }
  out.number(static_cast<std::uint32_t>(state.learned.size()));
  for (const auto& [carrier, relation] : state.learned) {
    out.text<std::uint8_t>(carrier);
    out.number(static_cast<std::uint8_t>(relation));
  }
  out.number(crc32c(octets));
  return octets;
}

std::optional<receipt_state> decode_receipt_state(std::span<const std::uint8_t> octets) {
  if (octets.size() < magic.size() + 4 || !std::equal(magic.begin(), magic.end(), octets.begin())) return std::nullopt;
  const auto body = octets.first(octets.size() - 4);
  if (octets_in(octets.last(4)).number<std::uint32_t>() != crc32c(body)) return std::nullopt;
  octets_in in(body.subspan(magic.size()));
  receipt_state state;
  for (auto n = in.number<std::uint32_t>(); n != 0 && in.ok(); --n) {
    sent_store::extent e;
    e.bucket = in.number<std::uint32_t>();
    e.bytes = in.number<std::uint64_t>();
    e.filled_until_ms = in.number<std::int64_t>();
    state.extents.push_back(e);
  }
  for (auto n = in.number<std::uint32_t>(); n != 0 && in.ok(); --n) {
    batch_fate& f = state.fates[in.number<std::uint32_t>()];
    f.name = in.text<std::uint8_t>();
    f.open_parts = in.number<std::uint64_t>();
    f.last.bucket = in.number<std::uint32_t>();
    f.last.position = in.number<std::uint32_t>();
    f.first_bucket = in.number<std::uint32_t>();
  }
  for (auto n = in.number<std::uint32_t>(); n != 0 && in.ok(); --n) {
    parked_receipt p;
    p.carrier = in.text<std::uint8_t>();
    p.received_at_ms = in.number<std::int64_t>();
    const auto pdu = in.text<std::uint32_t>();
    p.pdu.assign(pdu.begin(), pdu.end());
    state.parked.push_back(std::move(p));
  }
  for (auto n = in.number<std::uint32_t>(); n != 0 && in.ok(); --n) {
    const std::string carrier(in.text<std::uint8_t>());
    const auto relation = in.number<std::uint8_t>();
    if (relation <= static_cast<std::uint8_t>(id_relation::hexadecimal_receipts))
      state.learned[carrier] = static_cast<id_relation>(relation);
  }
  if (!in.ok() || in.left() != 0) return std::nullopt;
  return state;
}

result<void> save_receipt_state(file_system& files, const std::string& directory,
                                std::span<const std::uint8_t> octets) {
  const std::string hidden = directory + "/state.new";
  auto opened = files.open(hidden, open_mode::read_write_create, 0600);
  if (!opened) return tl::unexpected(opened.error());
  auto synced =
      (*opened)->truncate(0).and_then([&] { return (*opened)->write_at(octets, 0); }).and_then([&]() -> result<void> {
        auto done = (*opened)->sync();
        // Final, whatever its code.
        if (!done && done.error() == std::errc::no_space_on_device) return fail(std::errc::io_error);
        return done;
      });
  if (!synced) return synced;
  return files.rename(hidden, directory + "/state").and_then([&] { return files.sync_directory(directory); });
}

result<receipt_state> load_receipt_state(file_system& files, const std::string& directory) {
  auto opened = files.open(directory + "/state", open_mode::read);
  if (!opened) {
    if (opened.error() == std::errc::no_such_file_or_directory) return receipt_state{};
    return tl::unexpected(opened.error());
  }
  auto size = (*opened)->size();
  if (!size) return tl::unexpected(size.error());
  std::vector<std::uint8_t> octets(static_cast<std::size_t>(*size));
  auto got = (*opened)->read_at(octets, 0);
  if (!got) return tl::unexpected(got.error());
  octets.resize(*got);
  auto state = decode_receipt_state(octets);
  if (!state) return fail(std::errc::illegal_byte_sequence);
  return std::move(*state);
}

}  // namespace trunkline::engine
