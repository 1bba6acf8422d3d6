// Text to octets and back, 160 characters each unless the name says otherwise. Figures are nanoseconds a text.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include "protocol/gsm_kernel.hpp"
#include "protocol/gsm_packing.hpp"
#include "protocol/segmentation.hpp"
#include "protocol/segmentation_reassembly.hpp"
#include "protocol/text_encoding.hpp"

namespace {

using namespace trunkline::protocol;

std::string ascii(std::size_t size) {
  std::string text;
  while (text.size() < size) text += "Your parcel 4711 arrives today, 14:30. ";
  text.resize(size);
  return text;
}

std::string repeated(std::string_view unit, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += unit;
  return text;
}

void encode(benchmark::State& state, const std::string& text, std::optional<encoding> requested) {
  std::array<std::uint8_t, 2048> out{};
  for (auto _ : state) {
    benchmark::DoNotOptimize(text.data());
    auto result = encode_text(text, requested, out);
    benchmark::DoNotOptimize(result);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(text.size()));
}

void decode(benchmark::State& state, const std::string& text, encoding used) {
  std::array<std::uint8_t, 2048> octets{};
  const auto encoded = encode_text(text, used, octets);
  std::array<char, 4096> out{};
  for (auto _ : state) {
    benchmark::DoNotOptimize(octets.data());
    auto result = decode_text(std::span(octets).first(encoded->octets), used, out);
    benchmark::DoNotOptimize(result);
    benchmark::ClobberMemory();
  }
}

void plan(benchmark::State& state, const std::string& text, std::optional<encoding> requested) {
  std::array<std::uint8_t, 4096> octets{};
  const auto encoded = encode_text(text, requested, octets);
  for (auto _ : state) {
    benchmark::DoNotOptimize(octets.data());
    auto result = plan_segments(std::span(octets).first(encoded->octets), encoded->used, {});
    benchmark::DoNotOptimize(result);
  }
}

void pack(benchmark::State& state) {
  const std::string text = ascii(160);
  std::array<std::uint8_t, 140> out{};
  for (auto _ : state) {
    auto size = pack_septets({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, out);
    benchmark::DoNotOptimize(size);
    benchmark::ClobberMemory();
  }
}

/// Three parts of a message, the last one first, among a thousand unfinished messages; a part.
void reassemble(benchmark::State& state) {
  constexpr std::size_t parts = 3;
  reassembler collected({});
  const reassembler::time_point now{};
  const std::vector<std::uint8_t> octets(153, 'a');
  std::uint32_t sender = 0;
  const auto add = [&](std::uint32_t from, std::size_t sequence) {
    char source[11];
    for (std::size_t i = 0; i < 10; ++i) source[i] = static_cast<char>('0' + (from >> (3 * i) & 7));
    return collected.add({.source = {source, 10},
                          .destination = "12345",
                          .place = {1, parts, static_cast<std::uint8_t>(sequence), false},
                          .octets = octets},
                         now);
  };
  for (; sender < 1000; ++sender) (void)add(sender, 1);
  std::size_t left = 0;
  for (auto _ : state) {
    if (left == 0) {
      left = parts;
      ++sender;
    }
    auto result = add(sender, left--);
    benchmark::DoNotOptimize(result);
  }
}

void plain_kernel(benchmark::State& state) {
  const std::string text = ascii(160);
  std::array<std::uint8_t, 160> out{};
  for (auto _ : state) {
    auto run =
        detail::copy_common_portable(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), out.data());
    benchmark::DoNotOptimize(run);
    benchmark::ClobberMemory();
  }
}

BENCHMARK_CAPTURE(encode, gsm_ascii_160, ascii(160), automatic);
BENCHMARK_CAPTURE(encode, gsm_ascii_120, ascii(120), automatic);
BENCHMARK_CAPTURE(encode, gsm_ascii_29, ascii(29), automatic);
BENCHMARK_CAPTURE(encode, gsm_accents_160,
                  repeated("Pr\xC3\xA4mie ist da. Gr\xC3\xBC\xC3\x9F"
                           "e",
                           8),
                  automatic);
BENCHMARK_CAPTURE(encode, ucs2_ascii_160, ascii(160), encoding::ucs2);
BENCHMARK_CAPTURE(encode, ucs2_cyrillic_160, repeated("\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 ", 23),
                  automatic);
BENCHMARK_CAPTURE(encode, ucs2_late_160, ascii(159) + "\xE2\x80\x99", automatic);
BENCHMARK_CAPTURE(encode, ucs2_emoji_70, repeated("\xF0\x9F\x98\x80", 35), automatic);
BENCHMARK_CAPTURE(encode, latin1_160, ascii(160), encoding::latin1);
BENCHMARK_CAPTURE(decode, gsm_160, ascii(160), encoding::gsm7);
BENCHMARK_CAPTURE(decode, ucs2_ascii_160, ascii(160), encoding::ucs2);
BENCHMARK_CAPTURE(decode, ucs2_cyrillic_160, repeated("\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 ", 23),
                  encoding::ucs2);
BENCHMARK_CAPTURE(plan, one_part, ascii(160), automatic);
BENCHMARK_CAPTURE(plan, gsm_three_parts, ascii(400), automatic);
BENCHMARK_CAPTURE(plan, ucs2_three_parts, repeated("\xD0\x9F", 200), automatic);
BENCHMARK(pack);
BENCHMARK(reassemble);
BENCHMARK(plain_kernel);

}  // namespace
