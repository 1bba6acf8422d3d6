// What it costs to turn a line into a record: the share of the feeder that no batching takes away.
#include <benchmark/benchmark.h>

#include <string>

#include "engine/runtime/rfc3339.hpp"
#include "engine/spool/csv_columns.hpp"
#include "engine/spool/phone_number.hpp"
#include "engine/spool/record_parser.hpp"

namespace {

using namespace trunkline::engine;

const std::string text_of_120 =
    "Your parcel 0123456789 arrives today between 14:00 and 16:00. Track it at https://example.com/t/0123456789 - "
    "Example GmbH";

std::string padded(std::string line) { return line.append(record_padding_bytes, '\n'); }

void parse_lines(benchmark::State& state, const std::string& line, const batch_defaults& defaults) {
  record_parser parser{record_options{}};
  const std::string with_padding = padded(line);
  const std::string_view view = std::string_view(with_padding).substr(0, line.size());
  for (auto _ : state) {
    const record* r = parser.parse_json(view, defaults);
    if (r == nullptr) return state.SkipWithError(parser.error().text.c_str());
    benchmark::DoNotOptimize(r->number.data());
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(line.size()));
}

batch_defaults header(std::string_view line) {
  record_parser parser{record_options{}};
  const std::string with_padding = padded(std::string(line));
  return parser.parse_header(std::string_view(with_padding).substr(0, line.size())).value();
}

void json_typical(benchmark::State& state) {
  parse_lines(state, R"({"to":"+49 170 1234567","text":")" + text_of_120 + R"(","id":"m-123"})", {});
}
BENCHMARK(json_typical);

void json_escapes(benchmark::State& state) {
  parse_lines(state, R"({"to":"+49 170 1234567","text":"\u00dc)" + text_of_120 + R"(","id":"m-123"})", {});
}
BENCHMARK(json_escapes);

void json_many_fields(benchmark::State& state) {
  parse_lines(
      state,
      R"({"to":"+49 170 1234567","text":")" + text_of_120 +
          R"(","id":"m-123","from":"ACME","priority":"normal","validity":"48h","receipt":true,"tags":{"campaign":"autumn","team":"a"}})",
      {});
}
BENCHMARK(json_many_fields);

void json_template(benchmark::State& state) {
  parse_lines(
      state, R"({"to":"+49 170 1234567","id":"m-123","vars":{"name":"Ann","parcel":"0123456789"}})",
      header(
          R"({"batch":{"from":"ACME","text":"Hi {name}, your parcel {parcel} arrives today between 14:00 and 16:00."}})"));
}
BENCHMARK(json_template);

void json_bad_line(benchmark::State& state) {
  record_parser parser{record_options{}};
  const batch_defaults defaults;
  const std::string line = R"({"to":"+49 170 1234567","text":")" + text_of_120 + R"(","id":"m-123")";
  const std::string with_padding = padded(line);
  for (auto _ : state)
    benchmark::DoNotOptimize(parser.parse_json(std::string_view(with_padding).substr(0, line.size()), defaults));
}
BENCHMARK(json_bad_line);

void csv_typical(benchmark::State& state) {
  record_parser parser{record_options{}};
  const csv_columns columns = parse_csv_header("to,text,id").value();
  const batch_defaults defaults;
  const std::string rows = "+49 170 1234567,\"" + text_of_120 + "\",m-123\n";
  for (auto _ : state) {
    const std::size_t end = find_record_end(rows);
    benchmark::DoNotOptimize(parser.parse_csv(std::string_view(rows).substr(0, end), columns, defaults));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(csv_typical);

void number(benchmark::State& state) {
  number_buffer buffer{};
  std::string to = "+49 170 1234567";
  for (auto _ : state) {
    benchmark::DoNotOptimize(to.data());
    benchmark::DoNotOptimize(normalize_number(to, "", buffer));
  }
}
BENCHMARK(number);

void format_time_same_second(benchmark::State& state) {
  char out[rfc3339_ms_bytes];
  std::int64_t ms = 1'795'341'600'000;
  for (auto _ : state) {
    benchmark::DoNotOptimize(format_rfc3339_ms(ms + (state.iterations() & 511), out));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(format_time_same_second);

void format_time_other_second(benchmark::State& state) {
  char out[rfc3339_ms_bytes];
  std::int64_t ms = 1'795'341'600'000;
  for (auto _ : state) {
    benchmark::DoNotOptimize(format_rfc3339_ms(ms += 1'001, out));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(format_time_other_second);

}  // namespace
