#!/usr/bin/env python3
"""Breaks the promise on purpose, one way at a time, and asks the tests of the simulated world whether they notice.

Each mutant is a small change of the source. It is made in a scratch copy of the tree, the tests are built and run, and
the verdict is printed: noticed (and by which test), or SURVIVED. A change that no longer fits the source is an error:
look at what became of the mechanism, and mend the mutant.

    tests/mutants/run.py                     all of them (about two minutes each on two cores)
    tests/mutants/run.py skip-sync slot      those whose name contains one of the words
    tests/mutants/run.py --list
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# name: (what is broken, [(file, old, new), ...])
MUTANTS = {
    "skip-journal-sync": (
        "a commit counts as durable although the journal was never synced",
        [("engine/journal/writer.cpp", "  if (auto begun = file_->sync_begin(); !begun) {\n    fatal_ = begun.error();\n    return begun;\n  }\n", ""),
         ("engine/journal/writer.cpp", "  if (auto finished = file_->sync_finish(); !finished) {\n    fatal_ = finished.error();\n    return finished;\n  }\n", "")],
    ),
    "effects-before-sync": (
        "admissions, acknowledgements and reports follow the write of a frame, not its sync",
        [("engine/journal/commit_stage.cpp", "  const auto begun = begun_ = time_.steady();\n  if (auto written", "  const auto begun = begun_ = time_.steady();\n  after_sync();\n  if (auto written"),
         ("engine/journal/commit_stage.cpp", "  commits_.add();\n  after_sync();\n", "  commits_.add();\n")],
    ),
    "acknowledge-before-sync": (
        "a deliver_sm is answered before it is on disk",
        [("engine/smpp/message_flow.cpp", "  sink_.received(std::move(received));\n  probe_", "  if (acknowledger_) acknowledger_->acknowledge(pdu.header.sequence_number, true);\n  sink_.received(std::move(received));\n  probe_")],
    ),
    "retry-failed-sync": (
        "a failed sync of the journal is ignored and the engine goes on",
        [("engine/journal/writer.cpp", "  if (auto finished = file_->sync_finish(); !finished) {\n    fatal_ = finished.error();\n    return finished;\n  }\n", "  (void)file_->sync_finish();\n")],
    ),
    "forget-directory-sync-of-segment": (
        "a new journal segment is not made durable in its directory",
        [("engine/journal/writer.cpp", "                        .and_then([&] { return segment.sync(); })\n                        .and_then([&] { return files_.sync_directory(directory_); });", "                        .and_then([&] { return segment.sync(); });")],
    ),
    "forget-directory-sync-of-claim": (
        "an accepted file's new name in active/ is not made durable",
        [("engine/spool/claimer.cpp", "      files_.sync_directory(paths_.active()).and_then([&] { return files_.sync_directory(paths_.incoming()); });", "      result<void>();")],
    ),
    "forget-names-sync": (
        "a name is not remembered when its file is accepted",
        [("engine/spool/claimer.cpp", "  for (const auto& c : unnamed_) names.push_back(c->name());\n", "")],
    ),
    "forget-report-sync": (
        "a report is shown without having been synced",
        [("engine/report/outputs.cpp", "    if (!done(report.flush(true), report.path()) || !done(report.sync(), report.path())) return;\n", "    if (!done(report.flush(true), report.path())) return;\n")],
    ),
    "forget-directory-sync-of-report": (
        "a batch is closed in the journal before its report's name is durable",
        [("engine/report/outputs.cpp", "    if (!move(paths_.hidden_report(b->name), paths_.report(b->name))) return;\n  }\n  if (!done(no_second_try(files_.sync_directory(paths_.done())), paths_.done())) return;\n", "    if (!move(paths_.hidden_report(b->name), paths_.report(b->name))) return;\n  }\n")],
    ),
    "report-before-batch": (
        "the report is shown before the batch has left active/",
        [("engine/report/outputs.cpp", "    if (!move(paths_.active(b->name), paths_.done(b->name))) return;\n    if (!move(paths_.hidden_summary", "    if (!move(paths_.hidden_report(b->name), paths_.report(b->name))) return;\n    if (!move(paths_.hidden_summary"),
         ("engine/report/outputs.cpp", "    if (!move(paths_.hidden_report(b->name), paths_.report(b->name))) return;\n  }\n  if (!done(no_second_try(files_.sync_directory(paths_.done())), paths_.done())) return;\n  for", "    if (!move(paths_.active(b->name), paths_.done(b->name))) return;\n  }\n  if (!done(no_second_try(files_.sync_directory(paths_.done())), paths_.done())) return;\n  for")],
    ),
    "positions-before-outputs": (
        "positions are recorded although results and receipts before them are not shown yet",
        [("engine/report/outputs.cpp", "  rotate_all();\n  if (shown_.pending() != 0) return false;\n", "")],
    ),
    "position-without-report-sync": (
        "a position names octets of a report that were not synced",
        [("engine/report/outputs.cpp", "    if (failed(r.report->flush(true), r.report->path()) || failed(r.report->sync(), r.report->path())) return give_up();\n", "    if (failed(r.report->flush(true), r.report->path())) return give_up();\n")],
    ),
    "segments-too-early": (
        "old segments are removed before the positions are durable",
        [("engine/report/outputs.cpp", "  for (auto* p : positions) sink_.event(event_kind::control, p);\n", "  hooks_.checkpoint_done(marker_);\n  for (auto* p : positions) sink_.event(event_kind::control, p);\n"),
         ("engine/report/outputs.cpp", "  end->durable = [this, marker = marker_] { hooks_.checkpoint_done(marker); };\n", "")],
    ),
    "forget-live-state": (
        "a new segment does not repeat what is still alive",
        [("engine/journal/commit_stage.cpp", "      for (const auto& [type, payload] : kept) put(static_cast<records::type>(type), payload);\n", "      (void)kept;\n")],
    ),
    "forget-taken": (
        "lines that may have gone out before a crash are not flagged",
        [("engine/report/recovery.cpp", "    if (*there) apply_sent(t.lines.block, t.lines.lines.data());\n", "")],
    ),
    "forget-flag-over-positions": (
        "what positions say of lines that may have gone out is not read",
        [("engine/report/recovery.cpp", "    apply_sent(i, words.data() + 16);\n", "")],
    ),
    "report-not-cut": (
        "a report is not cut back to its position before lines are written again",
        [("engine/report/recovery.cpp", "  const std::uint64_t bytes = h.confirmed ? h.confirmed->report_bytes : 0;\n", "  const auto grown = files_.stat(paths_.hidden_report(b.name));\n  const std::uint64_t bytes = grown ? grown->size : 0;\n")],
    ),
    "slot-reused-while-read": (
        "a message's slot is reused while the journal still has to read a part of it",
        [("engine/spool/feeder.cpp", "    if (m->part_events.load(std::memory_order_acquire) != 0) {\n      unread_.push_back({m, why, due});\n      continue;\n    }\n", "")],
    ),
    "final-before-its-parts": (
        "a message ends before the journal has read the parts that were accepted earlier",
        [("engine/journal/commit_stage.cpp", "    if (event.kind == event_kind::final) return expects(static_cast<message*>(event.subject));\n", "    if (event.kind == event_kind::final) return false;\n")],
    ),
    "forget-accepted-parts": (
        "after a crash accepted parts are sent again, unflagged",
        [("engine/report/recovery.cpp", "        b.partly_accepted[entry].push_back({p->part, p->parts, std::string(p->message_id), l.carrier});", "        (void)p;")],
    ),
    "window-leaks-on-loss": (
        "a lost connection forgets what was in its window",
        [("engine/smpp/message_flow.cpp", "  machine_->drain([this](protocol::submit_token token) {\n    lost_part(*static_cast<message*>(token.subject), static_cast<std::uint8_t>(token.part));\n  });\n", "")],
    ),
    "lost-answers-unflagged": (
        "a message whose answer was lost is sent again without a flag",
        [("engine/smpp/message_flow_outcome.cpp", "      m.flags |= flag_maybe_duplicate;\n", "")],
    ),
    "hold-without-intents": (
        "hold: messages are written without waiting for their intents",
        [("engine/smpp/message_flow.cpp", "      if ((m.flags & flag_hold) != 0) {\n        if (!intents)", "      if (false) {\n        if (!intents)")],
    ),
    "hold-intent-before-sync": (
        "hold: messages are written when the intent is, not when it is synced",
        [("engine/journal/commit_stage.cpp", "  const auto begun = begun_ = time_.steady();\n  if (auto written", "  for (auto& event : frame_) {\n    if (event.kind != event_kind::intents || event.subject == nullptr) continue;\n    announce(std::unique_ptr<intent_list>(static_cast<intent_list*>(event.subject)));\n    event.subject = nullptr;\n  }\n  const auto begun = begun_ = time_.steady();\n  if (auto written"),
         ("engine/journal/commit_stage.cpp", "      case event_kind::intents:\n        many_ = false;\n        announce(", "      case event_kind::intents:\n        many_ = false;\n        if (event.subject != nullptr) announce(")],
    ),
    "hold-intents-not-repeated": (
        "hold: a new segment forgets which messages are being sent",
        [("engine/journal/commit_stage.cpp", "    for (const auto& [entry, to] : batch.intents) {", "    for (const auto& [entry, to] : decltype(batch.intents){}) {")],
    ),
    "hold-returned-too-late": (
        "hold: an intent is announced anew before the journal has read that the last one came to nothing",
        [("engine/journal/commit_stage.cpp", "    return std::any_of(list.begin(), list.end(), expects);\n", "    (void)list;\n    return false;\n")],
    ),
    "order-not-journaled": (
        "a pause or cancel is confirmed, and the journal does not know of it",
        [("engine/spool/feeder_orders.cpp", "  if (!order.recall) {", "  if (false) {")],
    ),
    "orders-not-repeated": (
        "a new segment forgets that a batch is paused or cancelled",
        [("engine/journal/commit_stage.cpp", "    put(records::type::control, batch.control);\n", "")],
    ),
    "stopped-batch-is-sent": (
        "sessions do not look whether a batch is paused or cancelled",
        [("engine/smpp/message_flow.cpp", "  if (m.owner != nullptr && m.owner->cancelled.load(std::memory_order_relaxed)) {", "  if (false) {"),
         ("engine/smpp/message_flow.cpp", "  if (m.owner != nullptr && m.owner->paused.load(std::memory_order_relaxed)) {", "  if (false) {")],
    ),
    "taken-report-again": (
        "a report that a consumer took away is written again after a crash",
        [("engine/report/recovery.cpp", "  if (shown || !hidden) {", "  if (shown) {")],
    ),
    "output-names-again": (
        "after a restart output files have names that were used before",
        [("engine/report/outputs.hpp", "{&results_, &receipts_}) out->name_start(start);", "{&results_, &receipts_}) out->name_start(start * 0);")],
    ),
}


def apply(tree, changes):
    for file, old, new in changes:
        path = tree / file
        text = path.read_text()
        if text.count(old) != 1:
            return f"{file}: the text to change is there {text.count(old)} times"
        path.write_text(text.replace(old, new))
    return None


def run(command, log, timeout, **more):
    with open(log, "ab") as out:
        return subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, timeout=timeout, **more).returncode


def judge(tree, build, name, arguments):
    what, changes = MUTANTS[name]
    log = build / f"{name}.log"
    log.unlink(missing_ok=True)
    originals = {file: (tree / file).read_text() for file, _, _ in changes}
    try:
        fault = apply(tree, changes)
        if fault:
            return "DOES NOT APPLY", fault
        if run(["cmake", "--build", build, "-j", str(os.cpu_count()), "--target", *arguments.targets], log, 1800):
            return "DOES NOT BUILD", str(log)
        environment = {**os.environ, "CRASH_SEEDS": str(arguments.seeds), "CRASH_STRIDE": str(arguments.stride)}
        for target in arguments.targets:
            binary = next(p for p in build.rglob(target) if p.is_file())
            try:
                status = run([binary, "--gtest_fail_fast"], log, 1200, env=environment)
            except subprocess.TimeoutExpired:
                return "noticed", f"{target} does not end"
            if status:
                failed = re.findall(r"\[  FAILED  \] (\S+)", log.read_text(errors="replace"))
                return "noticed", failed[0] if failed else f"{target} died with {status}"
        return "SURVIVED", ""
    finally:
        for file, text in originals.items():
            (tree / file).write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--seeds", type=int, default=300, help="random lives of each mutant")
    parser.add_argument("--stride", type=int, default=3, help="of the walks over all operations")
    parser.add_argument("--targets", nargs="*", default=["engine_spool_tests", "engine_journal_tests", "engine_assembly_tests"])
    parser.add_argument("--keep", default="", help="use and keep this directory for the copy and its build")
    arguments = parser.parse_args()
    names = [n for n in MUTANTS if not arguments.words or any(w in n for w in arguments.words)]
    if arguments.list:
        for name in names:
            print(f"{name:36} {MUTANTS[name][0]}")
        return 0
    place = pathlib.Path(arguments.keep or tempfile.mkdtemp(prefix="trunkline-mutants-"))
    tree, build = place / "tree", place / "build"
    place.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build", ".git", "node_modules"))
    verdicts = {}
    try:
        log = place / "configure.log"
        if run(["cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"], log, 300):
            print(f"cannot configure: {log}", file=sys.stderr)
            return 1
        for name in names:
            begun = time.monotonic()
            verdict, detail = judge(tree, build, name, arguments)
            verdicts[name] = verdict
            print(f"{verdict:14} {name:36} {time.monotonic() - begun:4.0f} s  {detail}", flush=True)
    finally:
        if not arguments.keep:
            shutil.rmtree(place, ignore_errors=True)
    noticed = sum(v == "noticed" for v in verdicts.values())
    print(f"{noticed} of {len(verdicts)} noticed")
    return 0 if noticed == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
