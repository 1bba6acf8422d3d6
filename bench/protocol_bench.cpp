// The codec by itself: what one message costs between its encoded text and the octets on the wire, and back.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/message_id.hpp"
#include "protocol/pdu.hpp"
#include "protocol/receipt.hpp"
#include "protocol/segmentation.hpp"
#include "protocol/text_data_coding.hpp"
#include "protocol/text_encoding.hpp"

namespace {

using namespace trunkline::protocol;

std::vector<std::uint8_t> octets_of(std::string_view text) { return {text.begin(), text.end()}; }

submit_sm sample_submit(std::span<const std::uint8_t> text) {
  submit_sm pdu;
  pdu.source_addr_ton = 5;
  pdu.source_addr = "Trunkline";
  pdu.dest_addr_ton = 1;
  pdu.dest_addr_npi = 1;
  pdu.destination_addr = "4915100000001";
  pdu.validity_period = "000001000000000R";
  pdu.registered_delivery = 1;
  pdu.short_message = text;
  return pdu;
}

void encode_submit_sm(benchmark::State& state) {
  const std::vector<std::uint8_t> text(static_cast<std::size_t>(state.range(0)), 'a');
  submit_sm pdu = sample_submit(text);
  std::array<std::uint8_t, 512> out{};
  std::uint32_t sequence = 0;
  std::size_t bytes = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(pdu);
    bytes += write_pdu(out, command_status::rok, ++sequence, pdu);
    benchmark::DoNotOptimize(out);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(encode_submit_sm)->Arg(20)->Arg(120)->Arg(160);

/// As above, from the text of people: encoding, planning the parts and writing the PDU.
void encode_submit_sm_from_utf8(benchmark::State& state) {
  std::string text;
  while (text.size() < 120) text += "Your parcel 4711 arrives today, 14:30. ";
  text.resize(120);
  std::array<std::uint8_t, 512> octets{};
  std::array<std::uint8_t, 512> out{};
  submit_sm pdu = sample_submit({});
  std::uint32_t sequence = 0;
  std::size_t bytes = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(text.data());
    const auto encoded = encode_text(text, automatic, octets);
    const std::span<const std::uint8_t> used(octets.data(), encoded->octets);
    const auto plan = plan_segments(used, encoded->used, {});
    pdu.short_message = plan->part(used, 0);
    pdu.data_coding = standard_data_coding(encoded->used);
    bytes += write_pdu(out, command_status::rok, ++sequence, pdu);
    benchmark::DoNotOptimize(out);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(encode_submit_sm_from_utf8)->Name("encode_submit_sm_from_utf8/120");

void decode_submit_sm(benchmark::State& state) {
  const std::vector<std::uint8_t> text(120, 'a');
  std::array<std::uint8_t, 512> out{};
  const std::size_t size = write_pdu(out, command_status::rok, 1, sample_submit(text));
  const std::span<const std::uint8_t> body(out.data() + header_bytes, size - header_bytes);
  for (auto _ : state) {
    benchmark::DoNotOptimize(out);
    auto pdu = decode<submit_sm>(body);
    benchmark::DoNotOptimize(pdu);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(decode_submit_sm);

void decode_submit_sm_resp(benchmark::State& state) {
  std::array<std::uint8_t, 64> out{};
  const std::size_t size =
      write_pdu(out, command_status::rok, 1, submit_sm_resp{.message_id = "0A1B2C3D4E", .tlvs = {}});
  const std::span<const std::uint8_t> body(out.data() + header_bytes, size - header_bytes);
  for (auto _ : state) {
    benchmark::DoNotOptimize(out);
    auto pdu = decode<submit_sm_resp>(body);
    benchmark::DoNotOptimize(pdu);
  }
}
BENCHMARK(decode_submit_sm_resp);

template <bool Parse>
void receive_receipt(benchmark::State& state) {
  const auto text = octets_of(
      "id:0000012345 sub:001 dlvrd:001 submit date:2611222030 done date:2611222031 stat:DELIVRD err:000 text:Hello");
  std::array<std::uint8_t, 64> tlvs{};
  octet_writer to(tlvs);
  write_tlv_text(to, tlv_tag::receipted_message_id, "0000012345");
  write_tlv_u8(to, tlv_tag::message_state, 2);
  deliver_sm receipt;
  receipt.source_addr = "4915100000001";
  receipt.destination_addr = "12345";
  receipt.esm_class = 4;
  receipt.short_message = text;
  receipt.tlvs = tlv_view(to.written());
  std::array<std::uint8_t, 512> out{};
  const std::size_t size = write_pdu(out, command_status::rok, 1, receipt);
  const std::span<const std::uint8_t> body(out.data() + header_bytes, size - header_bytes);
  for (auto _ : state) {
    benchmark::DoNotOptimize(out);
    auto pdu = decode<deliver_sm>(body);
    benchmark::DoNotOptimize(pdu);
    if constexpr (Parse) {
      const auto octets = message_octets(pdu->short_message, pdu->tlvs);
      auto parsed =
          read_receipt(std::string_view(reinterpret_cast<const char*>(octets.data()), octets.size()), pdu->tlvs);
      benchmark::DoNotOptimize(parsed);
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(receive_receipt<false>)->Name("decode_deliver_sm");
BENCHMARK(receive_receipt<true>)->Name("decode_deliver_sm_and_read_receipt");

void canonical_decimal_id(benchmark::State& state) {
  std::string_view id = state.range(0) == 10 ? "0972000181" : "171026000000000000000000024531920";
  for (auto _ : state) {
    benchmark::DoNotOptimize(id);
    canonical_id canonical(id, id_radix::decimal);
    benchmark::DoNotOptimize(canonical);
  }
}
BENCHMARK(canonical_decimal_id)->Arg(10)->Arg(33);

/// A read of 64 KiB full of responses, as a busy session sees it: framing alone, and with the body decoded.
template <bool Decode>
void frame_responses(benchmark::State& state) {
  std::vector<std::uint8_t> buffer(65'536);
  std::size_t used = 0;
  std::uint32_t count = 0;
  for (;;) {
    const std::size_t size = write_pdu(std::span(buffer).subspan(used), command_status::rok, count + 1,
                                       submit_sm_resp{.message_id = "0A1B2C3D4E", .tlvs = {}});
    if (size == 0) break;
    used += size;
    ++count;
  }
  for (auto _ : state) {
    std::span<const std::uint8_t> left(buffer.data(), used);
    std::uint64_t sum = 0;
    for (;;) {
      const frame_result result = next_frame(left);
      if (result.kind != frame_kind::complete) break;
      sum += result.frame.header.sequence_number;
      if constexpr (Decode) sum += decode<submit_sm_resp>(result.frame.body)->message_id.size();
      left = left.subspan(result.frame.octets.size());
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(frame_responses<false>)->Name("frame_responses");
BENCHMARK(frame_responses<true>)->Name("frame_and_decode_responses");

}  // namespace
