// Recovery in three passes: the journal (what was decided since the last recorded positions), the spool (which batches
// are there, and which were being closed), and for each batch its file and report (bits, lost report lines, open
// messages).
#include "engine/report/recovery.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "engine/journal/quarantine.hpp"
#include "engine/report/report_line.hpp"
#include "engine/spool/block_scan.hpp"
#include "engine/spool/candidate.hpp"
#include "engine/spool/submit_encoder.hpp"

namespace trunkline::engine {

namespace records = journal_records;

namespace {

struct kept_final {
  std::uint64_t segment = 0;
  std::vector<std::uint8_t> payload;
  std::string carrier;
};

struct kept_taken {
  std::uint64_t segment = 0;
  records::taken lines;
};

/// What the journal says about one batch.
struct batch_history {
  std::string name;
  std::int64_t accepted_at_ms = 0;
  std::uint64_t size = 0;
  std::optional<bool> hold;
  std::map<std::uint32_t, std::string> intents;  ///< entries that were being sent, and by which carrier
  std::map<std::uint32_t, kept_final> finals;
  std::vector<kept_taken> taken;
  std::map<std::uint32_t, std::vector<live_record>> live;
  std::optional<records::control> control;
  std::optional<records::position> pending;
  std::vector<std::uint8_t> pending_bits;
  std::optional<records::position> confirmed;
  std::vector<std::uint8_t> bits;
};

class journal_pass {
 public:
  explicit journal_pass(recovered_state& state) : state_(state) {}
  void read(const record_view& r);
  std::map<std::uint32_t, batch_history> batches;

 private:
  std::string carrier_name(std::uint16_t id) const {
    const auto found = carriers_.find(id);
    return found == carriers_.end() ? std::string() : found->second;
  }
  void confirm(const records::checkpoint& c);

  recovered_state& state_;
  std::map<std::uint16_t, std::string> carriers_;
  struct received_pdu {
    std::uint64_t segment;
    bool kept;  // repeated by a checkpoint
    recovered_pdu pdu;
  };
  std::vector<received_pdu> received_;
  std::vector<std::pair<std::uint64_t, recovered_made>> made_;

 public:
  void finish() {
    for (auto& r : received_) state_.received.push_back(std::move(r.pdu));
    for (auto& [segment, batch] : made_) state_.made.push_back(std::move(batch));
  }
};

void journal_pass::read(const record_view& r) {
  switch (static_cast<records::type>(r.type)) {
    case records::type::carrier_name:
      if (const auto n = records::decode<records::carrier_name>(r.payload))
        carriers_[n->carrier] = std::string(n->name);
      break;
    case records::type::batch_opened:
      if (const auto o = records::decode<records::batch_opened>(r.payload)) {
        auto& b = batches[o->batch];
        b.name = std::string(o->name);
        b.accepted_at_ms = o->accepted_at_ms;
        b.size = o->size;
        b.hold = o->hold != 0;
        state_.next_batch = std::max(state_.next_batch, o->batch + 1);
      }
      break;
    case records::type::final_outcome:
      if (const auto f = records::decode<records::final_outcome>(r.payload)) {
        auto& b = batches[f->batch];
        b.finals.try_emplace(f->entry, kept_final{r.segment,
                                                  {r.payload.begin(), r.payload.end()},
                                                  f->carrier == records::no_carrier ? "" : carrier_name(f->carrier)});
        b.live.erase(f->entry);
        b.intents.erase(f->entry);
      }
      break;
    case records::type::intents:
      if (const auto i = records::decode<records::intents>(r.payload)) {
        for (std::size_t n = 0; n < i->size(); ++n)
          batches[(*i)[n].batch].intents[(*i)[n].entry] = carrier_name(i->carrier);
      }
      break;
    case records::type::returned:
      if (const auto t = records::decode<records::returned>(r.payload)) batches[t->batch].intents.erase(t->entry);
      break;
    case records::type::part_accepted:
      if (const auto p = records::decode<records::part_accepted>(r.payload)) {
        auto& kept = batches[p->batch].live[p->entry];
        const auto same = [&](const live_record& l) {
          if (l.type != records::type::part_accepted) return false;
          const auto other = records::decode<records::part_accepted>(l.payload);
          return other && other->part == p->part;
        };
        std::erase_if(kept, same);
        kept.push_back({p->batch,
                        p->entry,
                        records::type::part_accepted,
                        {r.payload.begin(), r.payload.end()},
                        carrier_name(p->carrier)});
      }
      break;
    case records::type::taken:
      if (const auto t = records::decode<records::taken>(r.payload)) batches[t->batch].taken.push_back({r.segment, *t});
      break;
    case records::type::control:
      if (const auto c = records::decode<records::control>(r.payload)) batches[c->batch].control = *c;
      break;
    case records::type::batch_closed:
      if (const auto c = records::decode<records::batch_closed>(r.payload)) batches.erase(c->batch);
      break;
    case records::type::received:
      if (const auto p = records::decode<records::received>(r.payload)) {
        received_.push_back(
            {r.segment, p->carrier >= records::first_kept_carrier,
             recovered_pdu{carrier_name(p->carrier), p->received_at_ms, {p->octets.begin(), p->octets.end()}}});
      }
      break;
    case records::type::made_batch:
      if (const auto m = records::decode<records::made_batch>(r.payload)) {
        recovered_made made{std::string(m->name), std::string(m->contents), {}};
        for (std::size_t i = 0; i < m->id_count(); ++i) made.ids.push_back(m->id(i));
        made_.emplace_back(r.segment, std::move(made));
      }
      break;
    case records::type::position:
      if (const auto p = records::decode<records::position>(r.payload)) {
        auto& b = batches[p->batch];
        b.pending = *p;
        b.pending_bits.assign(p->bits.begin(), p->bits.end());
        b.pending->bits = {};
      }
      break;
    case records::type::checkpoint:
      if (const auto c = records::decode<records::checkpoint>(r.payload)) confirm(*c);
      break;
    case records::type::postponed:
      if (const auto p = records::decode<records::postponed>(r.payload)) {
        auto& kept = batches[p->batch].live[p->entry];
        std::erase_if(kept, [](const live_record& l) { return l.type == records::type::postponed; });
        kept.push_back({p->batch, p->entry, records::type::postponed, {r.payload.begin(), r.payload.end()}, {}});
      }
      break;
  }
}

void journal_pass::confirm(const records::checkpoint& c) {
  state_.next_batch = std::max(state_.next_batch, c.next_batch);
  for (auto& [id, b] : batches) {
    if (b.pending && b.pending->marker == c.marker) {
      b.confirmed = b.pending;
      b.bits = std::move(b.pending_bits);
      std::erase_if(b.finals, [&](const auto& f) { return f.second.segment < c.marker; });
      std::erase_if(b.taken, [&](const auto& t) { return t.segment < c.marker; });
    }
    b.pending.reset();
  }
  std::erase_if(received_, [&](const auto& r) { return r.segment < c.marker; });
  // Repeated ones were there first, whatever the journal had taken in before they were repeated: of a part that came
  // twice the first copy names the message.
  std::stable_partition(received_.begin(), received_.end(), [](const auto& r) { return r.kept; });
  std::erase_if(made_, [&](const auto& m) { return m.first < c.marker; });
}

class spool_pass {
 public:
  spool_pass(file_system& files, const clock& time, const spool_config& spool, const spool_paths& paths,
             const record_options& options, recovered_state& state)
      : files_(files),
        time_(time),
        spool_(spool),
        paths_(paths),
        parser_(options),
        reader_(options.limits.line_bytes),
        state_(state) {}

  result<void> run(std::map<std::uint32_t, batch_history>& history);

 private:
  result<bool> reopen_half_closed(std::uint32_t id, const batch_history& h);
  result<std::unique_ptr<batch>> open(const std::string& name, std::uint32_t id, std::int64_t accepted_at_ms);
  result<void> restore(std::uint32_t id, batch_history& h);
  result<void> distrust(batch& b, batch_history& h);
  result<void> restore_bits(batch& b, const batch_history& h);
  /// True: the block is there. False: the file ends before it. A failed read says nothing of either.
  result<bool> scan_through(batch& b, std::uint32_t block_index);
  result<void> replay_report(batch& b, batch_history& h, recovered_batch& out);
  void mark_final(batch& b, std::uint32_t entry);

  file_system& files_;
  const clock& time_;
  const spool_config& spool_;
  const spool_paths& paths_;
  record_parser parser_;
  entry_reader reader_;
  recovered_state& state_;
};

result<std::unique_ptr<batch>> spool_pass::open(const std::string& name, std::uint32_t id,
                                                std::int64_t accepted_at_ms) {
  auto input = files_.open(paths_.active(name), open_mode::read);
  if (!input) return tl::unexpected(input.error());
  auto status = (*input)->status();
  if (!status) return tl::unexpected(status.error());
  candidate c(files_, paths_, name, std::move(*input), status->size, false, std::nullopt);
  c.remember(*status);
  for (;;) {
    auto done = c.step(parser_);
    if (!done) {
      state_.problems.push_back(fmt::format("{}: {}", paths_.active(name), done.error().text));
      return tl::unexpected(done.error().io ? done.error().io : std::make_error_code(std::errc::illegal_byte_sequence));
    }
    if (*done) break;
  }
  auto b = c.make_batch(id, accepted_at_ms, spool_.on_unknown);
  auto source = files_.open(b->source_path, open_mode::read);
  if (!source) return tl::unexpected(source.error());
  b->source = std::move(*source);
  return b;
}

/// A batch that was being closed: done/ has its file already. True: it is whole there and needs nothing more. A report
/// that is neither hidden nor shown was shown and taken away.
result<bool> spool_pass::reopen_half_closed(std::uint32_t id, const batch_history& h) {
  const auto shown = files_.stat(paths_.report(h.name));
  const auto hidden = files_.stat(paths_.hidden_report(h.name));
  for (const auto& looked : {shown, hidden}) {
    if (!looked && looked.error() != std::errc::no_such_file_or_directory) return tl::unexpected(looked.error());
  }
  if (shown || !hidden) {
    (void)files_.remove(paths_.bits(id));
    (void)files_.remove(paths_.expanded(h.name));
    return true;
  }
  auto back = files_.rename(paths_.done(h.name), paths_.active(h.name), rename_mode::no_replace);
  if (!back) return tl::unexpected(back.error());
  return files_.sync_directory(paths_.active()).and_then([&] { return files_.sync_directory(paths_.done()); }).map([] {
    return false;
  });
}

result<bool> spool_pass::scan_through(batch& b, std::uint32_t block_index) {
  while (b.blocks.size() <= block_index && !b.scanned) {
    if (!scan_block(b, reader_)) return tl::unexpected(reader_.error());
  }
  return b.blocks.size() > block_index;
}

void spool_pass::mark_final(batch& b, std::uint32_t entry) {
  block& at = b.blocks[entry / block_entries];
  if (block::test(at.final, entry % block_entries)) return;
  block::set(at.final, entry % block_entries);
  at.open.fetch_sub(1, std::memory_order_relaxed);
  b.finished.fetch_add(1, std::memory_order_relaxed);
}

result<void> spool_pass::restore_bits(batch& b, const batch_history& h) {
  std::vector<std::uint8_t> bits = h.bits;
  if (h.confirmed && h.confirmed->bits_in_file != 0) {
    auto opened = files_.open(paths_.bits(b.batch_id), open_mode::read);
    if (!opened) return tl::unexpected(opened.error());
    auto size = (*opened)->size();
    if (!size) return tl::unexpected(size.error());
    bits.resize(static_cast<std::size_t>(*size));
    auto got = (*opened)->read_at(bits, 0);
    if (!got) return tl::unexpected(got.error());
    bits.resize(*got);
  }
  const auto apply_sent = [&](std::uint32_t block_index, const std::uint64_t* sent) {
    // With "hold" only intents count: what was merely read into memory surely did not go out.
    if (b.on_unknown == unknown_policy::hold) return;
    block& at = b.blocks[block_index];
    for (std::uint32_t i = 0; i < at.entries; ++i) {
      if ((sent[i / 64] >> (i % 64) & 1U) != 0) at.set_suspect(i);
    }
  };
  for (std::uint32_t i = 0; (i + 1) * std::size_t{256} <= bits.size(); ++i) {
    auto there = scan_through(b, i);
    if (!there) return tl::unexpected(there.error());
    if (!*there) break;
    std::array<std::uint64_t, 32> words;
    std::memcpy(words.data(), bits.data() + i * std::size_t{256}, 256);
    block& at = b.blocks[i];
    for (std::uint32_t e = 0; e < at.entries; ++e) {
      if ((words[e / 64] >> (e % 64) & 1U) != 0) mark_final(b, i * block_entries + e);
    }
    apply_sent(i, words.data() + 16);
  }
  for (const auto& t : h.taken) {
    auto there = scan_through(b, t.lines.block);
    if (!there) return tl::unexpected(there.error());
    if (*there) apply_sent(t.lines.block, t.lines.lines.data());
  }
  return {};
}

result<void> spool_pass::replay_report(batch& b, batch_history& h, recovered_batch& out) {
  out.report = std::make_unique<batch_report>(files_, paths_.hidden_report(b.name), spool_.file_mode);
  const std::uint64_t bytes = h.confirmed ? h.confirmed->report_bytes : 0;
  if (h.confirmed) out.report->set_totals(h.confirmed->totals);
  auto there = files_.stat(paths_.hidden_report(b.name));
  if (!there && there.error() != std::errc::no_such_file_or_directory) return tl::unexpected(there.error());
  if (bytes != 0 && (!there || there->size < bytes)) {
    state_.problems.push_back(fmt::format("{} is shorter than recorded: lines before the last checkpoint are missing",
                                          paths_.hidden_report(b.name)));
  }
  // Many batches may wait of which nothing was reported yet: they get their files when there is something to say.
  if (there || bytes != 0) {
    if (auto resumed = out.report->resume(bytes); !resumed) return resumed;
  }
  std::string head;
  for (auto entry = h.finals.begin(); entry != h.finals.end();) {
    // One pass over each block that has replayed messages.
    const std::uint32_t block_index = entry->first / block_entries;
    auto there = scan_through(b, block_index);
    if (!there) return tl::unexpected(there.error());
    if (!*there) {
      state_.problems.push_back(
          fmt::format("{}: the journal names entry {}, which the file does not have", b.name, entry->first));
      break;
    }
    block& at = b.blocks[block_index];
    reader_.seek(b, at.offset, at.first_line);
    for (std::uint32_t i = 0; i < at.entries && entry != h.finals.end(); ++i) {
      const auto what = reader_.next();
      if (what == entry_reader::outcome::failed || what == entry_reader::outcome::end) {
        return tl::unexpected(reader_.error() ? reader_.error() : std::make_error_code(std::errc::io_error));
      }
      if (entry->first != block_index * block_entries + i) continue;
      const record* from = nullptr;
      if (what == entry_reader::outcome::entry) {
        from = b.format == batch_format::csv ? parser_.parse_csv(reader_.view(), b.columns, b.defaults)
                                             : parser_.parse_json(reader_.view(), b.defaults);
        if (from == nullptr) from = parser_.rejected(reader_.view());
      }
      head.clear();
      append_report_head(head, reader_.line(), from);
      const auto outcome = records::decode<records::final_outcome>(entry->second.payload);
      append_report_line(out.report->buffer(), head, *outcome, entry->second.carrier);
      append_report_line(state_.result_lines, head, *outcome, entry->second.carrier, b.name);
      ++state_.result_line_count;
      out.report->count(static_cast<router::message_status>(outcome->status), outcome->parts, outcome->parts_accepted,
                        (outcome->flags & flag_maybe_duplicate) != 0, outcome->submitted_at_ms);
      ++out.report_lines_replayed;
      mark_final(b, entry->first);
      if (outcome->parts_accepted != 0) {
        state_.sent.push_back({b.batch_id, static_cast<std::uint32_t>(reader_.line()), b.name, b.defaults.name, head,
                               entry->second.carrier, std::move(entry->second.payload)});
      }
      ++entry;
    }
    if (entry != h.finals.end() && entry->first / block_entries == block_index) ++entry;  // an entry the block lacks
    if (auto flushed = out.report->flush(false); !flushed) return flushed;
  }
  return out.report->flush(true);
}

/// What was sent of it may stand in a part of the journal that is lost: whatever has no outcome may have gone out. With
/// "hold" none of it goes out again before somebody says so.
result<void> spool_pass::distrust(batch& b, batch_history& h) {
  for (std::uint32_t i = 0;; ++i) {
    auto there = scan_through(b, i);
    if (!there) return tl::unexpected(there.error());
    if (!*there) break;
    block& at = b.blocks[i];
    for (std::uint32_t e = 0; e < at.entries; ++e) {
      if (!block::test(at.final, e)) at.set_suspect(e);
    }
  }
  const bool stands = h.control && h.control->what != records::command::resume;
  if (b.on_unknown != unknown_policy::hold || stands) return {};
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(time_.wall().time_since_epoch()).count();
  h.control = records::control{b.batch_id, records::command::pause, now_ms};
  state_.problems.push_back(fmt::format(
      "batch {} is paused: with on_unknown = \"hold\" nothing may go out twice, and the damaged journal does "
      "not say what has gone out; `trunkline batch resume` sends what has no outcome, `batch cancel` ends it",
      b.name));
  return {};
}

result<void> spool_pass::restore(std::uint32_t id, batch_history& h) {
  auto opened = open(h.name, id, h.accepted_at_ms);
  if (!opened) return tl::unexpected(opened.error());
  recovered_batch out;
  out.subject = std::move(*opened);
  batch& b = *out.subject;
  if (h.size != b.size) {
    state_.problems.push_back(
        fmt::format("{} had {} octets of messages when it was accepted and has {} now: it was changed",
                    paths_.active(h.name), h.size, b.size));
    b.changed.store(true);
  }
  if (h.hold) b.on_unknown = *h.hold ? unknown_policy::hold : unknown_policy::resend;
  if (auto bits = restore_bits(b, h); !bits) return bits;
  if (auto replayed = replay_report(b, h, out); !replayed) return replayed;
  if (!state_.journal.corruptions.empty()) {
    if (auto suspected = distrust(b, h); !suspected) return suspected;
  }
  for (std::uint32_t i = 0; i < b.blocks.size(); ++i) {
    block& at = b.blocks[i];
    if (at.open.load() != 0) at.due_ms = 0;  // all of it may move at once
    for (std::uint32_t e = 0; e < at.entries; ++e) {
      if (at.is_suspect(e) && !block::test(at.final, e)) ++state_.suspects;
    }
  }
  b.earliest_due_ms = 0;
  for (const auto& [entry, carrier] : h.intents) {
    auto there = scan_through(b, entry / block_entries);
    if (!there) return tl::unexpected(there.error());
    if (!*there) break;
    if (block::test(b.blocks[entry / block_entries].final, entry % block_entries)) continue;
    b.unresolved[entry] = carrier;
    ++state_.suspects;
  }
  for (auto& [entry, kept] : h.live) {
    for (auto& l : kept) {
      if (l.type == records::type::postponed) {
        const auto p = records::decode<records::postponed>(l.payload);
        b.postponed[entry] = {p->due_ms, p->attempts, p->tried, p->error_value};
      } else if (const auto p = records::decode<records::part_accepted>(l.payload)) {
        b.partly_accepted[entry].push_back({p->part, p->parts, std::string(p->message_id), l.carrier});
      }
      state_.live.push_back(std::move(l));
    }
  }
  if (h.control) {
    b.paused = h.control->what == records::command::pause;
    b.cancelled = h.control->what == records::command::cancel;
    state_.controls.push_back(*h.control);
  }
  // However many batches there are: descriptors are opened again by whoever needs one.
  b.source.reset();
  reader_.forget(b);
  if (out.report) out.report->close();
  state_.batches.push_back(std::move(out));
  return {};
}

result<void> spool_pass::run(std::map<std::uint32_t, batch_history>& history) {
  // A killed process may have renamed without living to sync: what is seen now is what everything below relies on.
  for (const auto& path : {paths_.active(), paths_.incoming(), paths_.done()}) {
    if (auto synced = files_.sync_directory(path); !synced) return synced;
  }
  auto active = files_.list(paths_.active());
  if (!active) return tl::unexpected(active.error());
  std::map<std::string, bool> here;
  for (const auto& entry : *active) {
    if (entry.type == file_type::regular && parse_spool_name(entry.name)) here[entry.name] = false;
  }
  for (auto& [id, h] : history) {
    if (h.name.empty()) continue;  // its opening lies in a part of the journal that is damaged
    if (!here.contains(h.name)) {
      const auto done = files_.stat(paths_.done(h.name));
      if (!done && done.error() != std::errc::no_such_file_or_directory) return tl::unexpected(done.error());
      if (!done) {
        state_.problems.push_back(fmt::format("batch {} was accepted and is neither in active/ nor in done/", h.name));
        continue;
      }
      auto whole = reopen_half_closed(id, h);
      if (!whole) return tl::unexpected(whole.error());
      if (*whole) continue;
    }
    here[h.name] = true;
    if (auto restored = restore(id, h); !restored) {
      // A file that cannot be read at the moment is no reason to forget what was sent of it, and the journal would.
      if (restored.error() != std::errc::illegal_byte_sequence) {
        spdlog::error("recovery: batch {} cannot be taken up again: {}; to start without it, move it out of {}", h.name,
                      restored.error().message(), paths_.active());
        return restored;
      }
      state_.problems.push_back(
          fmt::format("batch {} cannot be read and is left in active/: {}", h.name, restored.error().message()));
    }
  }
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(time_.wall().time_since_epoch()).count();
  for (const auto& [name, known] : here) {
    if (known) continue;
    // Accepted, and the process died before the journal knew.
    batch_history h;
    h.name = name;
    h.accepted_at_ms = now_ms;
    const std::uint32_t id = state_.next_batch++;
    auto input = open(name, id, now_ms);
    if (!input) {
      if (input.error() != std::errc::illegal_byte_sequence) return tl::unexpected(input.error());
      state_.problems.push_back(
          fmt::format("batch {} cannot be read and is left in active/: {}", name, input.error().message()));
      continue;
    }
    h.size = (*input)->size;
    if (auto restored = restore(id, h); !restored) return restored;
  }
  return {};
}

}  // namespace

result<recovered_state> recover(file_system& files, const clock& time, const spool_config& spool,
                                const spool_paths& paths, const record_options& options) {
  recovered_state state;
  journal_pass journal(state);
  auto read = recover_journal(files, paths.journal(), 0, [&](const record_view& r) { journal.read(r); });
  if (!read) return tl::unexpected(read.error());
  journal.finish();
  state.journal = *read;
  state.next = read->next;
  for (const auto& c : read->corruptions) {
    const auto kept = set_aside(files, paths.journal(), paths.quarantine(), c);
    state.problems.push_back(fmt::format(
        "journal segment {:016x} is damaged at offset {} ({}); {}; messages without an outcome are sent again, flagged",
        c.segment, c.offset, c.reason,
        !kept           ? fmt::format("its {} octets could not be kept aside: {}", c.bytes, kept.error().message())
        : kept->empty() ? std::string("nothing is left of it")
                        : fmt::format("its {} octets are kept in {}", c.bytes, *kept)));
  }
  spool_pass spool_side(files, time, spool, paths, options, state);
  if (auto done = spool_side.run(journal.batches); !done) return tl::unexpected(done.error());
  return state;
}

}  // namespace trunkline::engine
