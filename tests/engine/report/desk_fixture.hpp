#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/report/receipt_desk.hpp"
#include "engine/runtime/memory_file_system.hpp"
#include "protocol/pdu.hpp"

namespace trunkline::engine {

using namespace std::chrono_literals;
using nlohmann::json;

/// Octets of a receipt.
struct receipt_pdu {
  std::string text;
  std::string source = "491701234567";
  std::uint8_t esm_class = 0x04;
  std::uint8_t data_coding = 0;
  std::optional<std::string> tlv_id;
  std::optional<std::uint8_t> tlv_state;
  bool data_sm = false;  ///< the text is its message_payload

  explicit receipt_pdu(std::string says, std::uint8_t esm = 0x04) : text(std::move(says)), esm_class(esm) {}

  std::vector<std::uint8_t> octets() const {
    const std::span says(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    std::array<std::uint8_t, 512> room;
    protocol::octet_writer tlvs(room);
    if (tlv_id) protocol::write_tlv_text(tlvs, protocol::tlv_tag::receipted_message_id, *tlv_id);
    if (tlv_state) protocol::write_tlv_u8(tlvs, protocol::tlv_tag::message_state, *tlv_state);
    if (data_sm) {
      protocol::write_tlv(tlvs, protocol::tlv_tag::message_payload, says);
      return written(protocol::data_sm(), tlvs.written());
    }
    protocol::deliver_sm pdu;
    pdu.short_message = says;
    return written(pdu, tlvs.written());
  }

 private:
  template <class Pdu>
  std::vector<std::uint8_t> written(Pdu pdu, std::span<const std::uint8_t> tlvs) const {
    pdu.tlvs = protocol::tlv_view(tlvs);
    pdu.source_addr = source;
    pdu.destination_addr = "12345";
    pdu.esm_class = esm_class;
    pdu.data_coding = data_coding;
    std::vector<std::uint8_t> out(1024);
    out.resize(protocol::write_pdu(out, protocol::command_status::rok, 7, pdu));
    return out;
  }
};

inline std::string text_of(const std::string& id, const std::string& stat = "DELIVRD") {
  return fmt::format("id:{} sub:001 dlvrd:001 submit date:2701150800 done date:2701150801 stat:{} err:000 text:x", id,
                     stat);
}

/// A desk with a carrier "acme" and everything in memory; batch N is "bN.jsonl".
struct desk_fixture : ::testing::Test {
  manual_clock time;
  memory_file_system files{1, &time};
  spool_paths paths{"/spool", "/data"};
  receipts_config config;
  carrier_config carrier_settings;
  std::shared_ptr<carrier> acme;
  std::unique_ptr<publisher> shown;
  std::unique_ptr<rotating_output> lines;
  std::unique_ptr<receipt_desk> desk;
  std::vector<json> unmatched;

  void SetUp() override {
    for (const auto& path : {std::string("/spool"), std::string("/data"), paths.done(), paths.receipts(), paths.sent()})
      ASSERT_TRUE(files.make_directory(path));
    for (const auto& path : {"/", "/spool", "/data"}) ASSERT_TRUE(files.sync_directory(path));
    carrier_settings.name = "acme";
    start();
  }
  void start(const std::set<std::uint32_t>& open = {}) {
    desk.reset();
    acme = std::make_shared<carrier>(0, std::make_shared<const carrier_config>(carrier_settings), 16);
    const auto fatal = [](std::error_code why, const std::string& what) { FAIL() << what << why.message(); };
    shown = std::make_unique<publisher>(files, 0640, fatal);
    lines = std::make_unique<rotating_output>(*shown, time, paths.receipts());
    desk = std::make_unique<receipt_desk>(
        files, time, config, 0ms, paths, *lines, *shown,
        receipt_desk::hooks{[this](const parked_receipt& p) {
                              unmatched.push_back({{"carrier", p.carrier}});
                            },
                            [this](std::string_view name) { return name == "acme" ? acme.get() : nullptr; }, fatal});
    auto problems = desk->recover();
    ASSERT_TRUE(problems) << problems.error().message();
    EXPECT_TRUE(problems->empty());
    desk->only_open(open);
  }
  /// A message to `number` whose parts were accepted under these ids. `again`: as recovery tells it.
  void send(std::uint32_t line, const std::vector<std::string>& ids, std::uint32_t batch = 1,
            const std::string& number = "491701234567", bool complete = true, bool again = false) {
    std::vector<std::uint8_t> octets;
    for (std::size_t part = 0; part < ids.size(); ++part) {
      octets.push_back(static_cast<std::uint8_t>(part));
      octets.push_back(static_cast<std::uint8_t>(ids[part].size()));
      octets.insert(octets.end(), ids[part].begin(), ids[part].end());
    }
    const std::string name = fmt::format("b{}.jsonl", batch);
    sent_message m;
    m.batch_id = batch;
    m.line = line;
    m.submitted_at_ms = now() - 5'000;
    m.parts = static_cast<std::uint8_t>(ids.size());
    m.receipt = true;
    m.complete = complete;
    m.carrier = "acme";
    m.batch = name;
    m.id = "\"m\"";
    m.number = number;
    m.ids = octets;
    if (again) return desk->replay_sent(m);
    desk->sent(m);
  }
  std::int64_t now() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.wall().time_since_epoch()).count();
  }
  receipt_desk::kind receive(const receipt_pdu& pdu) { return desk->received("acme", now(), pdu.octets()); }
  void receive_text(const std::string& id, const std::string& stat = "DELIVRD") {
    receive(receipt_pdu(text_of(id, stat)));
  }
  /// Lines since the last call.
  std::vector<json> written() {
    std::vector<json> all;
    std::istringstream in(std::exchange(lines->buffer(), {}));
    for (std::string line; std::getline(in, line);) all.push_back(json::parse(line));
    return all;
  }
  void steps() {
    for (int n = 0; n < 100; ++n) {
      auto more = desk->step();
      ASSERT_TRUE(more) << more.error().message();
      while (shown->step()) {
      }
      if (!*more) break;
    }
  }
  std::vector<json> file_of(std::uint32_t batch) {
    std::vector<json> all;
    auto f = files.open(fmt::format("{}/b{}.jsonl.receipts.jsonl", paths.done(), batch), open_mode::read);
    if (!f) return all;
    std::string text((*f)->size().value(), ' ');
    (void)(*f)->read_at({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0);
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) all.push_back(json::parse(line));
    return all;
  }
  std::uint64_t messages(protocol::message_state s) {
    return acme->deliveries.messages[static_cast<std::size_t>(s)].value();
  }
};

}  // namespace trunkline::engine
