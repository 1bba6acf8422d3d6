// `trunkline journal`: looks into the journal of a data_dir without changing it. May run beside the engine, whose last
// commit then may look torn. What people wrote to one another is not shown, only how long it is.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "engine/cli/commands.hpp"
#include "engine/journal/format.hpp"
#include "engine/journal/reader.hpp"
#include "engine/journal/records.hpp"
#include "engine/runtime/posix_file_system.hpp"

namespace trunkline::engine {
namespace {

namespace records = journal_records;

/// Text of a peer or a producer on one line of a terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet >= 0x7f || c == '\\' || c == '"') {
      out += fmt::format("\\x{:02x}", octet);
    } else {
      out += c;
    }
  }
  return out;
}

std::string describe(const records::carrier_name& r) {
  return fmt::format("carrier_name carrier={} name=\"{}\"", r.carrier, printable(r.name));
}
std::string describe(const records::batch_opened& r) {
  return fmt::format("batch_opened batch={} accepted_at_ms={} size={} hold={} name=\"{}\"", r.batch, r.accepted_at_ms,
                     r.size, r.hold, printable(r.name));
}
std::string describe(const records::final_outcome& r) {
  return fmt::format(
      "final_outcome batch={} entry={} status={} why={} flags={:#x} parts={}/{} carrier={} attempts={} error={:#x}",
      r.batch, r.entry, r.status, r.why, r.flags, r.parts_accepted, r.parts, r.carrier, r.attempts, r.error_value);
}
std::string describe(const records::part_accepted& r) {
  return fmt::format("part_accepted batch={} entry={} carrier={} part={}/{} message_id=\"{}\"", r.batch, r.entry,
                     r.carrier, r.part, r.parts, printable(r.message_id));
}
std::string describe(const records::taken& r) {
  int lines = 0;
  for (const std::uint64_t word : r.lines) lines += __builtin_popcountll(word);
  return fmt::format("taken batch={} block={} lines={}", r.batch, r.block, lines);
}
std::string describe(const records::control& r) {
  return fmt::format("control batch={} command={} at_ms={}", r.batch, static_cast<int>(r.what), r.at_ms);
}
std::string describe(const records::batch_closed& r) { return fmt::format("batch_closed batch={}", r.batch); }
std::string describe(const records::received& r) {
  return fmt::format("received carrier={} received_at_ms={} octets={}", r.carrier, r.received_at_ms, r.octets.size());
}
std::string describe(const records::position& r) {
  return fmt::format("position batch={} marker={:x} report_bytes={} bits={}", r.batch, r.marker, r.report_bytes,
                     r.bits.size());
}
std::string describe(const records::checkpoint& r) {
  return fmt::format("checkpoint marker={:x} next_batch={}", r.marker, r.next_batch);
}
std::string describe(const records::postponed& r) {
  return fmt::format("postponed batch={} entry={} due_ms={} attempts={} error={:#x}", r.batch, r.entry, r.due_ms,
                     r.attempts, r.error_value);
}

std::string describe(const records::intents& r) {
  std::string out = fmt::format("intents carrier={} messages={}", r.carrier, r.size());
  for (std::size_t i = 0; i < r.size(); ++i) out += fmt::format(" {}:{}", r[i].batch, r[i].entry);
  return out;
}
std::string describe(const records::returned& r) { return fmt::format("returned batch={} entry={}", r.batch, r.entry); }

std::string describe(const records::made_batch& r) {
  return fmt::format("made_batch name=\"{}\" received={} octets={}", printable(r.name), r.id_count(),
                     r.contents.size());
}

/// Tries each kind of record in turn.
template <class First, class... Rest>
std::string describe_as(const record_view& view) {
  if (view.type == static_cast<std::uint8_t>(records::type_of<First>)) {
    if (view.version == records::version) {
      if (const auto record = records::decode<First>(view.payload)) return describe(*record);
      return fmt::format("type={} undecodable octets={}", view.type, view.payload.size());
    }
  } else if constexpr (sizeof...(Rest) > 0) {
    return describe_as<Rest...>(view);
  }
  return fmt::format("type={} version={} unknown octets={}", view.type, view.version, view.payload.size());
}

std::string describe(const record_view& view) {
  return describe_as<records::final_outcome, records::part_accepted, records::taken, records::received,
                     records::postponed, records::intents, records::returned, records::batch_opened,
                     records::batch_closed, records::control, records::position, records::checkpoint,
                     records::carrier_name, records::made_batch>(view);
}

/// Segments as their files are called, frames as numbers. Returns the exit status.
int print_summary(std::FILE* to, const read_summary& found) {
  fmt::print(to, "{} segments, {} frames, {} records, {} octets\n", found.segments, found.frames, found.records,
             found.bytes);
  if (found.torn_tail) {
    fmt::print(to, "torn tail: {} ends in a cut-off commit at offset {} (normal after a crash)\n",
               journal_format::segment_name(found.torn_segment), found.torn_offset);
  }
  for (const journal_corruption& corruption : found.corruptions) {
    fmt::print(to, "corrupt: {} at offset {}", journal_format::segment_name(corruption.segment), corruption.offset);
    if (corruption.bytes != 0) fmt::print(to, ", {} octets", corruption.bytes);
    if (corruption.first_frame != 0) {
      fmt::print(to, ", frames {} to {} are lost", corruption.first_frame, corruption.last_frame);
    }
    fmt::print(to, ": {}\n", corruption.reason);
  }
  return found.corruptions.empty() ? 0 : 1;
}

int read_and_print(std::string directory, std::FILE* summary_to, const record_handler& handler) {
  posix_file_system files;
  // A data_dir, or the directory in it.
  if (files.stat(directory + "/journal")) directory += "/journal";
  // The reader takes a missing directory for an empty journal; somebody who names one wants to know.
  if (const auto entries = files.list(directory); !entries) {
    fmt::print(stderr, "trunkline: {}: {}\n", directory, entries.error().message());
    return 1;
  }
  const auto found = read_journal(files, directory, 0, handler);
  if (!found) {
    fmt::print(stderr, "trunkline: {}: {}\n", directory,
               found.error() == std::errc::not_supported ? "written by a newer version" : found.error().message());
    return 1;
  }
  if (found->segments == 0) {
    fmt::print(stderr, "trunkline: {}: there is no journal\n", directory);
    return 1;
  }
  return print_summary(summary_to, *found);
}

}  // namespace

int run_journal_show(const std::string& directory) {
  return read_and_print(directory, stderr, [](const record_view& view) {
    fmt::print("{:x} {} {}\n", view.segment, view.frame, describe(view));
  });
}

int run_journal_verify(const std::string& directory) {
  return read_and_print(directory, stdout, [](const record_view&) {});
}

void add_journal_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("journal", "Look into the journal of a data_dir; changes nothing");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*run)(const std::string&)) {
    CLI::App* sub = command->add_subcommand(name, help);
    const auto directory = std::make_shared<std::string>();
    sub->add_option("DIR", *directory, "A data_dir, or the directory with the segments")->required();
    sub->callback([directory, run, &exit_code] { exit_code = run(*directory); });
  };
  add("show", "Print every record, one a line: segment, frame, record", run_journal_show);
  add("verify", "Check every checksum; exit status 1 when something is corrupt", run_journal_verify);
}

}  // namespace trunkline::engine
