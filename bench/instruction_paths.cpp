// The path of a message on one thread, piece by piece, with the same input each time: bench/instructions runs it under
// callgrind and counts. Arguments: the piece, and how many messages.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/journal/records.hpp"
#include "engine/journal/writer.hpp"
#include "engine/report/report_line.hpp"
#include "engine/runtime/configuration_routes.hpp"
#include "engine/runtime/memory_file_system.hpp"
#include "engine/spool/feeder.hpp"
#include "protocol/gsm_alphabet.hpp"
#include "protocol/pdu.hpp"
#include "protocol/session_machine.hpp"

namespace trunkline::engine {
namespace {

constexpr std::string_view text =
    "Your parcel arrives tomorrow between 9 and 11. Track it at example.com/t or call us. Thank you, Example Ltd. "
    "......";

constexpr unsigned lines_made = 12'000;

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "instruction_paths: %s\n", why);
  std::exit(1);
}

void check(bool holds, const char* why) {
  if (!holds) give_up(why);
}

/// Lines of a batch, read, parsed, routed among a thousand prefixes, encoded and put into admissions.
void feed(unsigned messages) {
  memory_file_system files;
  manual_clock time;
  slab memory(2 * std::size_t{messages} + 1000);
  outcome_queues queues;
  wake_slot slot([](void*) noexcept {}, nullptr);
  queues.journal_wake = queues.dispatcher_wake = &slot;
  carrier_config alpha;
  alpha.name = "alpha";
  alpha.host = "192.0.2.1";
  alpha.from = "TRUNKLINE";
  const auto to =
      std::make_shared<carrier>(std::uint16_t{0}, std::make_shared<const carrier_config>(alpha), 2 * messages);
  configuration config;
  config.carriers = {alpha};
  route_config some;
  some.name = "some";
  for (unsigned i = 0; i < 1000; ++i) some.prefix.push_back("491" + std::to_string(1000 + i));
  some.to = {{"alpha", 1}};
  config.routes = {some};
  auto routes = std::make_shared<routing>();
  routes->carriers = {to};
  routes->by_name["alpha"] = 0;
  routes->routes = compile_routes(config, [](std::string_view) { return std::optional<router::carrier_id>(0); });
  feeder_options options;
  feeder stage(options, files, time, memory, queues, routes);
  to->count_sendable(1, time.steady());
  // The file is always the same; how much of it the batch has differs, so that making it is not counted.
  check(messages <= lines_made, "more messages than lines");
  std::string lines;
  std::size_t bytes = 0;
  for (unsigned i = 0; i < lines_made; ++i) {
    if (i == messages) bytes = lines.size();
    lines.append(R"({"to":"+491)").append(std::to_string(1'000'000'000 + i % 1000 * 1'000'000 + i));
    lines.append(R"(","text":")").append(text).append(R"(","id":"m-)").append(std::to_string(i)).append("\"}\n");
  }
  (void)files.make_directory("/active");
  auto made = files.open("/active/b.jsonl", open_mode::create_new);
  check(made && (*made)->write_at({reinterpret_cast<const std::uint8_t*>(lines.data()), lines.size()}, 0), "no batch");
  const std::int64_t now_ms = time.wall().time_since_epoch() / std::chrono::milliseconds(1);
  auto accepted = std::make_unique<batch>(1, "b.jsonl", bytes == 0 ? lines.size() : bytes, now_ms);
  accepted->source_path = "/active/b.jsonl";
  stage.add(std::move(accepted), false);
  std::size_t admitted = 0;
  for (unsigned idle = 0; admitted != messages && idle < 1000; ++idle) {
    if (stage.step(true).worked) idle = 0;
    time.advance(std::chrono::milliseconds(101));
    journal_event event;
    while (queues.journal.try_dequeue(event)) {
      if (event.kind == event_kind::admission) {
        for (const auto& group : static_cast<admission*>(event.subject)->groups) admitted += group.messages.size();
      }
      discard(event);
    }
  }
  check(admitted == messages, "not every line was admitted");
}

/// A submit_sm from a text in UTF-8: encoded, and written with its header.
void encode(unsigned messages) {
  std::vector<std::uint8_t> octets(160);
  std::vector<std::uint8_t> out(512);
  std::size_t total = 0;
  for (unsigned i = 0; i < messages; ++i) {
    const auto used = protocol::encode_gsm7(text, std::span<std::uint8_t>(octets));
    check(used.has_value(), "no GSM text");
    protocol::submit_sm pdu;
    pdu.source_addr_ton = 5;
    pdu.source_addr = "TRUNKLINE";
    pdu.dest_addr_ton = pdu.dest_addr_npi = 1;
    pdu.destination_addr = "491701234567";
    pdu.registered_delivery = 1;
    pdu.short_message = std::span(octets).first(*used);
    total += protocol::write_pdu(out, protocol::command_status::rok, i + 1, pdu);
  }
  check(total > std::size_t{messages} * 130, "nothing was written");
}

struct answered final : protocol::session_handler {
  void on_bound(std::string_view, std::optional<std::uint8_t>) noexcept override {}
  void on_submit_answer(const protocol::submit_answer& a) noexcept override { seen += a.message_id.size() == 8; }
  void on_submit_timeout(protocol::submit_token) noexcept override {}
  bool on_received(const protocol::frame&) noexcept override { return true; }
  void on_fault(protocol::session_fault, std::span<const std::uint8_t>) noexcept override {}
  std::size_t seen = 0;
};

/// A submit_sm opened in a window of 100, its answer framed, decoded and matched.
void answer(unsigned messages) {
  constexpr unsigned window = 100;
  constexpr std::size_t answer_bytes = protocol::header_bytes + 9;
  answered handler;
  protocol::session_settings settings;
  settings.window = window;
  protocol::session_machine machine(settings, handler);
  const protocol::session_machine::time_point now{std::chrono::hours(1)};
  machine.connected(now);
  const std::uint8_t accepted[] = {0, 0, 0, 17, 0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0};
  machine.on_bytes(accepted, now);
  std::vector<std::uint8_t> answers(answer_bytes * window, std::uint8_t{'a'});
  for (unsigned done = 0; done < messages; done += window) {
    for (unsigned i = 0; i < window; ++i) {
      std::uint8_t* at = answers.data() + i * answer_bytes;
      protocol::write_header(std::span<std::uint8_t, protocol::header_bytes>(at, protocol::header_bytes),
                             {.command_length = answer_bytes,
                              .id = protocol::command_id::submit_sm_resp,
                              .status = protocol::command_status::rok,
                              .sequence_number = machine.open_submit(now, {})});
      at[answer_bytes - 1] = 0;
    }
    machine.on_bytes(answers, now);
  }
  check(handler.seen == messages, "answers went astray");
}

journal_records::final_outcome outcome_of_line(unsigned i) {
  static constexpr std::uint8_t ids[] = {0, 8, '0', '1', '2', '3', '4', '5', '6', '7'};
  journal_records::final_outcome o;
  o.batch = 1;
  o.entry = i;
  o.parts = o.parts_accepted = 1;
  o.attempts = 1;
  o.submitted_at_ms = 1'795'341'600'000 + i / 1000;
  o.ids = ids;
  return o;
}

/// Outcomes into frames of a thousand, with their checksums.
void journal(unsigned messages) {
  memory_file_system files;
  (void)files.make_directory("/journal");
  journal_writer writer(files, "/journal", {}, {.salt = 1});
  check(writer.roll().has_value(), "no segment");
  for (unsigned i = 0; i < messages; ++i) {
    const auto o = outcome_of_line(i);
    const auto room = writer.begin_record(3, journal_records::version, journal_records::encoded_bytes(o));
    check(!room.empty(), "the frame is full");
    writer.end_record(journal_records::encode(o, room));
    if (i % 1000 == 999) check(writer.commit().has_value(), "no commit");
  }
}

/// Outcomes to lines of a report.
void report(unsigned messages) {
  std::string out;
  for (unsigned i = 0; i < messages; ++i) {
    append_report_line(out, R"("line":123456,"id":"m-123456","to":"+491701234567","number":"491701234567")",
                       outcome_of_line(i), "alpha");
    if (out.size() > 100'000) out.clear();
  }
}

}  // namespace
}  // namespace trunkline::engine

int main(int argc, char** argv) {
  using namespace trunkline::engine;
  const std::string_view piece = argc == 3 ? argv[1] : "";
  const auto messages = static_cast<unsigned>(argc == 3 ? std::atoi(argv[2]) : 0);
  const struct {
    std::string_view name;
    void (*run)(unsigned);
  } pieces[] = {{"feed", feed}, {"encode", encode}, {"answer", answer}, {"journal", journal}, {"report", report}};
  for (const auto& p : pieces) {
    if (p.name != piece) continue;
    p.run(messages);
    return 0;
  }
  std::fprintf(stderr, "instruction_paths feed|encode|answer|journal|report MESSAGES\n");
  return 2;
}
