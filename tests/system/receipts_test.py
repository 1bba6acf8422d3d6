"""Receipts of the simulator, as a consumer sees them: each finds its message, whatever the order, the form of its id, the
session or the restart in between, and one file tells the fate of a batch. Then kill -9, again and again: no receipt that
the simulator has got an answer for is lost."""

import json
import os
import random
import time
import unittest
from collections import Counter

from harness import SystemTest, World, batch, read_lines, read_submits, seed, wait_until

KILL_CYCLES = int(os.environ.get("RECEIPT_KILL_CYCLES", "100"))


class ReceiptWorld(World):
    """`receipts`: keys of [receipts]."""

    def __init__(self, *arguments, receipts=None, **named):
        self.receipts_keys = receipts or {}
        super().__init__(*arguments, **named)

    def write(self):
        super().write()
        if self.receipts_keys:
            text = "".join(f'{k} = {json.dumps(v)}\n' for k, v in self.receipts_keys.items())
            with open(self.config, "a", encoding="utf-8") as config:
                config.write("[receipts]\n" + text)

    def receipts(self):
        """All lines of receipts/ so far."""
        lines = []
        for path in sorted(self.path("receipts").glob("*.jsonl")):
            if not path.name.startswith("."):
                lines += read_lines(path)
        return lines

    def fate_path(self, name):
        return self.path("done", f"{name}.receipts.jsonl")

    def metric(self, name, **labels):
        """The value of a metric with at least these labels; 0 when there is none."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith("trunkline_" + name + "{") or line.startswith("trunkline_" + name + " "):
                if all(f'{k}="{v}"' in line for k, v in labels.items()):
                    total += float(line.rsplit(" ", 1)[1])
        return total


def messages(count, first=0, long_every=0):
    return [{"to": f"4917{first + i:08d}", "id": f"m-{first + i}", "text": "long text " * 40 if long_every and i % long_every == 0 else "hello"}
            for i in range(count)]


class Receipts(SystemTest):
    def world(self, simulator, receipts=None, **keys):
        carrier = {"name": "acme", "port": simulator.port, "window": 50, "sessions": 2, **keys}
        return ReceiptWorld(self.directory, [carrier], receipts=receipts)

    def fate(self, world, engine, name, timeout=30):
        wait_until(f"receipts of {name}", lambda: world.fate_path(name).exists(), timeout=timeout, processes=[engine])
        return read_lines(world.fate_path(name))

    def check_fate(self, lines, report, states=("delivered",)):
        """One message line for each line of the report, and a part line for each part, all of them final."""
        whole = {line["line"]: line for line in lines if line["kind"] == "message"}
        parts = Counter(line["line"] for line in lines if line["kind"] == "part")
        self.assertEqual(len(whole), sum(line["kind"] == "message" for line in lines))
        self.assertEqual(set(whole), {entry["line"] for entry in report})
        for entry in report:
            line = whole[entry["line"]]
            self.assertEqual((line["message_ids"], line["number"], line["id"], line["carrier"], line["final"]),
                             (entry["message_ids"], entry["number"], entry["id"], entry["carrier"], True))
            self.assertIn(line["state"], states)
            self.assertEqual(parts[entry["line"]], entry["parts"])
        return Counter(line["state"] for line in whole.values())

    def test_one_file_tells_the_fate_of_a_batch(self):
        simulator = self.simulator("--receipts", "300ms", "--receipt-state", "UNDELIV=0.1")
        world = self.world(simulator)
        engine = self.serve(world)
        world.drop("all.jsonl", batch(messages(300, long_every=7)))
        states = self.check_fate(self.fate(world, engine, "all.jsonl"), world.report("all.jsonl"), ("delivered", "undeliverable"))
        self.assertGreater(states["undeliverable"], 0)
        self.assertGreater(states["delivered"], states["undeliverable"])
        # What consumers get as it comes says the same.
        wait_until("all lines", lambda: sum(r["kind"] == "message" for r in world.receipts()) == 300, processes=[engine])
        self.assertEqual(Counter(r["state"] for r in world.receipts() if r["kind"] == "message"), states)
        self.assertTrue(all(r["batch"] == "all.jsonl" and r["received_at"] and r["done_at"] for r in world.receipts()))
        self.assertEqual(world.metric("deliveries_total", carrier="acme"), 300)
        self.assertEqual(world.metric("delivery_duration_seconds_count", carrier="acme"), world.metric("receipts_total", state="delivered"))
        self.assertAlmostEqual(world.metric("delivery_ratio", carrier="acme"), states["delivered"] / 300, places=3)
        status = json.loads(world.get("/status")[1])
        self.assertEqual(status["carriers"][0]["receipts"]["messages_delivered"], states["delivered"])
        self.assertEqual(status["carriers"][0]["receipts"]["message_ids"], "same in receipts and responses")
        shown = self.call("status", "--url", f"127.0.0.1:{world.http}")[1]
        self.assertIn(f"{states['delivered'] / 3:.2f} %", shown)
        self.assertEqual(engine.stop(), 0)

    def test_a_receipt_that_comes_twice_is_counted_and_changes_nothing(self):
        simulator = self.simulator("--receipts", "50ms", "--duplicate-receipts", "1", "--receipt-state", "UNDELIV=0.2")
        world = self.world(simulator)
        engine = self.serve(world)
        world.drop("twice.jsonl", batch(messages(200)))
        lines = self.fate(world, engine, "twice.jsonl")
        self.check_fate(lines, world.report("twice.jsonl"), ("delivered", "undeliverable"))
        wait_until("all repetitions", lambda: world.metric("receipts_ignored_total", reason="repeated") == 200, processes=[engine])
        self.assertEqual(world.metric("receipts_total"), 400)
        self.assertEqual(Counter(map(json.dumps, world.receipts())), Counter(map(json.dumps, lines)), "each line once")
        self.assertEqual(world.metric("receipts_parked"), 0)
        self.assertEqual(engine.stop(), 0)

    def test_receipts_that_overtake_their_responses(self):
        simulator = self.simulator("--receipts", "0s", "--receipts-first")
        world = self.world(simulator)
        engine = self.serve(world)
        world.drop("early.jsonl", batch(messages(500, long_every=5)))
        self.check_fate(self.fate(world, engine, "early.jsonl"), world.report("early.jsonl"))
        self.assertEqual(world.metric("receipts_unmatched_total"), 0)
        self.assertEqual(engine.stop(), 0)

    def test_a_receipt_that_overtakes_its_message_survives_kill(self):
        """The receipt of the first part comes while the second one is unanswered. Then the engine is killed; the next one sends
        the second part, and the receipt that waited is part of the message's fate."""
        simulator = self.simulator("--receipts", "0s", "--receipts-first", "--fault", "mute@2", name="before")
        world = self.world(simulator, sessions=1, window=1, response_timeout="60s")
        engine = self.serve(world)
        world.drop("long.jsonl", batch([{"to": "491700000001", "id": "m-1", "text": "x" * 200}]))
        wait_until("the receipt that waits", lambda: world.metric("receipts_parked") == 1, processes=[engine])

        def journaled(record):
            return record in self.call("journal", "show", world.data / "journal")[1]

        wait_until("the first part in the journal", lambda: journaled("part_accepted"), processes=[engine])
        engine.kill()
        simulator.stop()
        simulator = self.simulator("--receipts", "10ms", port=simulator.port, name="after")
        engine = self.serve(world, name="engine-after")
        lines = self.fate(world, engine, "long.jsonl")
        self.check_fate(lines, world.report("long.jsonl"))
        self.assertEqual(world.metric("receipts_unmatched_total"), 0)
        self.assertEqual(engine.stop(), 0)
        simulator.stop()  # its log is whole then
        self.assertEqual(len(read_submits(simulator.log_path)), 1, "only the second part is sent again")

    def test_ids_in_another_radix_are_learned_and_stay_learned(self):
        simulator = self.simulator("--receipts", "20ms", "--message-ids", "hex", "--receipt-ids", "dec")
        world = self.world(simulator)
        engine = self.serve(world)
        world.drop("few.jsonl", batch(messages(19)))
        wait_until("parked receipts", lambda: world.metric("receipts_parked") == 19, processes=[engine])
        self.assertEqual(world.receipts(), [])
        world.drop("more.jsonl", batch(messages(100, first=1000)))
        self.check_fate(self.fate(world, engine, "few.jsonl"), world.report("few.jsonl"))
        self.check_fate(self.fate(world, engine, "more.jsonl"), world.report("more.jsonl"))
        self.assertIn("learned that message ids are decimal in receipts, hexadecimal in responses", engine.output(1 << 16))
        self.assertEqual(engine.stop(), 0)
        engine = self.serve(world, name="again")
        world.drop("again.jsonl", batch(messages(3, first=5000)))
        self.check_fate(self.fate(world, engine, "again.jsonl"), world.report("again.jsonl"))
        self.assertEqual(engine.stop(), 0)

    def test_receipts_after_a_restart_for_a_batch_that_is_gone(self):
        simulator = self.simulator("--receipts", "2s")
        world = self.world(simulator)
        world.drop("late.jsonl", batch(messages(50)))
        self.assertEqual(self.run_once(world, name="first").status, 0)
        report = world.report("late.jsonl")
        for path in world.path("done").glob("late.jsonl*"):
            path.unlink()  # a consumer takes everything away
        engine = self.serve(world, name="second")
        self.check_fate(self.fate(world, engine, "late.jsonl"), report)
        self.assertEqual(engine.stop(), 0)

    def test_receipts_on_another_session(self):
        simulator = self.simulator("--receipts", "50ms")
        world = self.world(simulator)
        del world.carriers[0]["window"], world.carriers[0]["sessions"]
        world.write()
        with open(world.config, encoding="utf-8") as config:
            lines = config.read().split("[[route]]")
        lines[0] += ('[[carrier.bind]]\nbind = "transmitter"\nwindow = 20\n[[carrier.bind]]\nbind = "receiver"\n')
        world.config.write_text("[[route]]".join(lines), encoding="utf-8")
        engine = self.serve(world)
        world.drop("two.jsonl", batch(messages(100)))
        self.check_fate(self.fate(world, engine, "two.jsonl"), world.report("two.jsonl"))
        self.assertEqual(engine.stop(), 0)

    def test_nothing_acknowledged_is_lost_to_kill(self):
        draw = random.Random(seed())
        simulator = self.simulator("--receipts", "100ms", "--receipt-state", "EXPIRED=0.1", "--latency", "2ms")
        world = self.world(simulator, receipts={"park_time": "2s"}, window=10, reconnect={"min": "10ms", "max": "50ms"})
        names = []

        def drop():
            names.append(f"batch-{len(names)}.jsonl")
            world.drop(names[-1], batch(messages(150, first=len(names) * 1000, long_every=10)))

        for cycle in range(KILL_CYCLES):
            if sum(not world.finished(name) for name in names) < 2:
                drop()
            engine = self.run_engine(world, name=f"engine-{cycle}")
            time.sleep(draw.choice([draw.uniform(0, 0.1), draw.uniform(0.05, 0.4)]))
            self.assertIsNone(engine.poll(), f"cycle {cycle}: the engine ended by itself\n{engine.output()}")
            engine.kill()
        engine = self.serve(world, name="engine-last")
        for name in names:
            wait_until(name, lambda: world.finished(name), timeout=60, processes=[engine])
            self.check_fate(self.fate(world, engine, name, timeout=60), world.report(name), ("delivered", "expired"))
        # What went out twice has a receipt that belongs to no message: it waits for 2 s and is written raw.
        sent = {s.message_id for s in read_submits(simulator.log_path) if s.message_id}

        def all_written():
            return sent <= {r.get("message_id") for r in world.receipts() if r["kind"] == "part"}

        wait_until("a line for each receipt", all_written, timeout=30, processes=[engine])
        lines = world.receipts()
        unmatched = {r["message_id"] for r in lines if r["batch"] is None}
        known = {i for name in names for e in world.report(name) for i in e["message_ids"]}
        self.assertEqual(unmatched & known, set(), "a receipt of a message that is known was written without it")
        states = Counter((r["message_id"], r["state"]) for r in lines if r["kind"] == "part" and r["batch"] is not None)
        print(f"{KILL_CYCLES} kills, {len(names)} batches, {len(sent)} parts sent, {len(unmatched)} of them twice; "
              f"{sum(n - 1 for n in states.values())} lines are repeated")
        self.assertEqual(engine.stop(), 0)


if __name__ == "__main__":
    unittest.main()
