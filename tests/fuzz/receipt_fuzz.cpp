// Receipts: any text and TLVs are read within their octets, and what is found is a part of them.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "protocol/message_id.hpp"
#include "protocol/receipt.hpp"

namespace {

using namespace trunkline::protocol;

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The first octet says how much of the rest is TLVs, behind the text.
  const std::size_t tlv_bytes = (size - 1) * data[0] / 256;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1 - tlv_bytes);
  const receipt read = read_receipt(text, tlv_view(std::span(data + size - tlv_bytes, tlv_bytes)));
  const auto within = [text](std::string_view part) {
    check(part.empty() || (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size()));
  };
  within(read.text.id);
  within(read.text.submit_date);
  within(read.text.done_date);
  within(read.text.stat);
  within(read.text.err);
  within(read.text.text.value_or(""));
  const utc_time now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);
  if (const auto date = read_receipt_date(read.text.done_date, now)) check(date->time > utc_time{});
  for (const auto radix : {id_radix::text, id_radix::decimal, id_radix::hexadecimal}) {
    const canonical_id id(read.message_id, radix);
    check(id.view().size() <= canonical_id::capacity);
    // Canonical forms of numbers and of texts stay what they are.
    if (radix != id_radix::decimal) check(canonical_id(id.view(), radix) == id);
  }
  return 0;
}
