"""Data of earlier versions: what an engine of then left behind when it was killed is opened, recovered and finished by
this one. tests/data/fixtures/NAME.tar.xz holds spool/ and data/ of such an engine, and expected.json what was in them.

A new one, when a format changes: tests/system/data_fixture_test.py --make NAME. Old ones stay for ever."""

import io
import json
import sys
import tarfile
import unittest
from pathlib import Path

from harness import ROOT, SystemTest, World, batch, read_submits, wait_until

FIXTURES = ROOT / "tests" / "data" / "fixtures"
FOREVER = "800000h"  # the clock goes on, the fixture does not
EXTRA = """
[receipts]
park_time = "1h"
[optout]
enabled = true
[[inbound]]
name = "rest"
to = "rest"
"""
SPOOL = {"name_memory": FOREVER, "keep_done": "0s", "keep_output": "0s"}


def lines_of(count, series):
    return [{"to": f"49{series}{i:06d}", "text": "hello" if i % 5 else "long " * 80, "receipt": True} for i in range(count)]


class DataFixture(SystemTest):
    def world(self, port, **carrier):
        return World(self.directory, [{"name": "acme", "port": port, "window": 10, **carrier}], engine={"max_unsynced": 50}, spool=SPOOL, extra=EXTRA)

    def test_every_fixture_is_opened_and_finished(self):
        fixtures = sorted(FIXTURES.glob("*.tar.xz"))
        self.assertTrue(fixtures)
        for path in fixtures:
            with self.subTest(path.stem):
                self.finish(path)

    def finish(self, path):
        with tarfile.open(path) as archive:
            for member in archive:
                # Nothing but files and directories below ours.
                self.assertTrue(member.isreg() or member.isdir())
                self.assertFalse(Path(member.name).is_absolute() or ".." in Path(member.name).parts)
            archive.extractall(self.directory)
        expected = json.loads((self.directory / "expected.json").read_text())
        smsc = self.simulator("--receipts", "10ms")
        world = self.world(smsc.port)
        status, out, err = self.call("journal", "verify", world.data)
        self.assertEqual(status, 0, out + err)
        self.assertEqual(self.call("journal", "verify", world.data / "journal")[1], out, "the same, by the directory in it")
        status, _, err = self.call("journal", "verify", world.spool)
        self.assertEqual((status, "there is no journal" in err), (1, True), "not an all-clear for nothing")
        engine = self.serve(world)
        self.assertIn(expected["opted_out"], self.call("optout", "list", "--config", world.config)[1])
        for name in expected["paused"]:
            shown = json.loads(self.call("batch", "show", name, "--config", world.config, "--json")[1])
            self.assertEqual(shown["state"], "paused")
            self.assertEqual(self.call("batch", "resume", name, "--config", world.config)[0], 0)
        for name in expected["batches"]:
            wait_until(f"report of {name}", lambda name=name: world.finished(name), timeout=60, processes=[engine])
        # A name that was accepted then is known now.
        known = expected["done"][0]
        world.drop(known, batch(lines_of(1, "99")))
        wait_until("the refusal of a known name", lambda: any(world.path("rejected").glob(f"{known}.*error")), processes=[engine])
        self.assertEqual(engine.stop(), 0)
        statuses = {}
        for name, numbers in expected["batches"].items():
            report = world.report(name)
            self.each_line_once(report, map(int, numbers))
            for entry in report:
                self.assertEqual(entry["number"], numbers[str(entry["line"])])
                statuses.setdefault(name, set()).add(entry["status"])
            summary = world.summary(name)
            self.assertEqual((summary["messages"], sum(summary["status"].values())), (len(numbers), len(numbers)))
        for name, of in statuses.items():
            self.assertLessEqual(of, {"sent", "unknown"} if name in expected["hold"] else {"sent"}, name)
        # What had gone out before the engine of then was killed is not sent again, but for what was in its windows.
        again = {s.number for s in read_submits(smsc.log_path)} & set(expected["answered"])
        self.assertLessEqual(len(again), expected["may_repeat"])
        repeated = {e["number"] for name in expected["batches"] for e in world.report(name) if e.get("maybe_duplicate")}
        self.assertLessEqual(again, repeated)
        # A message of a phone that was acknowledged then is there.
        texts = {line.get("text") for line in world.inbound("rest")}
        self.assertLessEqual(set(expected["inbound"]), texts)

    def make(self, name):
        smsc = self.simulator("--latency", "20ms", "--receipts", "3s", "--inbound", "20/s", "--log-sync")
        world = self.world(smsc.port, throughput=200.0)
        engine = self.serve(world)
        header = {"batch": {"validity": FOREVER}}
        batches = {"done.jsonl": lines_of(40, "01"), "running.jsonl": lines_of(1500, "02"),
                   "held.jsonl": lines_of(600, "03"), "paused.jsonl": lines_of(300, "04")}
        for batch_name, lines in batches.items():
            more = {"on_unknown": "hold"} if batch_name == "held.jsonl" else {}
            world.drop(batch_name, batch([{"batch": {**header["batch"], **more}}, *lines]))
            if batch_name == "done.jsonl":
                wait_until("a finished batch", lambda: world.finished("done.jsonl"), processes=[engine])
        self.assertEqual(self.call("optout", "add", "4917000000", "--sender", "12345", "--config", world.config)[0], 0)
        wait_until("messages on their way", lambda: len(read_submits(smsc.log_path)) > 300, processes=[engine])
        self.assertEqual(self.call("batch", "pause", "paused.jsonl", "--config", world.config)[0], 0)
        wait_until("receipts and more messages", lambda: len(read_submits(smsc.log_path)) > 700
                   and any(world.path("receipts").glob("[!.]*")), processes=[engine])
        inbound = [line["text"] for line in world.inbound("rest")]
        engine.kill()
        smsc.stop()
        submits = read_submits(smsc.log_path)
        expected = {"batches": {n: {str(i): line["to"] for i, line in enumerate(lines, 2)} for n, lines in batches.items()},
                    "done": ["done.jsonl"], "hold": ["held.jsonl"], "paused": ["paused.jsonl"],
                    "opted_out": "4917000000", "inbound": inbound, "answered": [s.number for s in submits],
                    "may_repeat": 10 + 50}  # the window, and max_unsynced
        FIXTURES.mkdir(exist_ok=True)
        with tarfile.open(FIXTURES / f"{name}.tar.xz", "w:xz") as archive:
            def anonymous(member):
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                return None if member.name.endswith(".sock") or not (member.isreg() or member.isdir()) else member
            for directory in ("spool", "data"):
                archive.add(self.directory / directory, directory, filter=anonymous)
            text = json.dumps(expected).encode()
            member = tarfile.TarInfo("expected.json")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
        print(f"made {name}: {len(submits)} parts had gone out, {len(inbound)} messages of phones")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        maker = DataFixture("make")
        maker.setUp()
        try:
            maker.make(sys.argv[2])
        finally:
            maker.tearDown()
    else:
        unittest.main()
