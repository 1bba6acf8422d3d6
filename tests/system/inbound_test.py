"""Messages from phones: rules, replies and forwards, opting out, reload, and kill -9 while they
come: none that was acknowledged is lost, and each is answered once. INBOUND_KILL_CYCLES makes the last one longer."""

import os
import random
import signal
import time
import unittest
from collections import Counter

from harness import SystemTest, World, batch, read_submits, seed, texts_by_number, wait_until

CYCLES = int(os.environ.get("INBOUND_KILL_CYCLES", "100"))

RULES = """
[[inbound]]
name = "ones"
regex = "Message [0-9]*1$"
to = "ones"
replace = "%c: %sr(8,0)"
forward = { to = "4930999", tags = { kind = "fwd" } }

[[inbound]]
name = "twos"
regex = "Message [0-9]*2$"
to = "drop"
reply = { text = "You wrote \\"%ss(\\"Mess\\",1,0)\\"", from = "ACME" }

[[inbound]]
name = "rest"
to = ["rest", "audit"]
"""

STOP = """
[[inbound]]
name = "all"
to = "all"
[optout]
stop_reply = "No more"
"""


REPLIES = """
[[inbound]]
name = "spring"
batch = "spring-*"
to = "spring"

[[inbound]]
name = "autumn"
batch_name = "Autumn*"
to = "autumn"

[[inbound]]
name = "tagged"
tags = { campaign = "x" }
to = "tagged"

[[inbound]]
name = "rest"
to = "rest"
"""


def by_last_digit(lines, digit):
    return [m for m in lines if m["text"].endswith(digit)]


class Inbound(SystemTest):
    def carrier(self, simulator, **keys):
        return {"name": "acme", "port": simulator.port, "window": 20, **keys}

    def test_rules_replies_and_forwards(self):
        simulator, other = self.simulator("--inbound", "100/s"), self.simulator(name="other")
        world = World(self.directory, [self.carrier(simulator), {"name": "beta", "port": other.port, "window": 20}], extra=RULES,
                      routes=[{"name": "all", "to": ["acme"]}, {"name": "forwards", "rank": -1, "tags": {"rule": "ones"}, "to": ["beta"]}])
        engine = self.serve(world)
        wait_until("messages of all kinds", lambda: len(world.inbound("rest")) > 100 and len(world.made()) > 10, processes=[engine])
        page = world.get("/metrics")[1]
        for name in ('inbound_total{carrier="acme",route="twos"}', 'inbound_made_total{kind="forward"}', "optouts 0",
                     "inbound_reassembly_pending 0"):
            self.assertIn("trunkline_" + name, page)
        self.assertEqual(engine.stop(), 0)
        simulator.stop()
        ones, rest = world.inbound("ones"), world.inbound("rest")
        self.assertEqual(rest, world.inbound("audit"))
        self.assertFalse(by_last_digit(rest, "1") + by_last_digit(rest, "2"))
        for m in ones:
            self.assertRegex(m["text"], rf"^{m['from']}: [0-9]*1$")
        for m in rest:
            self.assertEqual((m["carrier"], m["to"], m["parts"], m["reply_to"], m["rule"]), ("acme", "12345", 1, None, "rest"))
        made = world.made()
        self.assertEqual({e["status"] for e in made}, {"sent"})
        self.assertEqual(len({(e["id"], e["number"]) for e in made}), len(made), "made twice")
        forwarded = [e for e in made if e["tags"]["inbound"] == "forward"]
        self.assertEqual({(e["number"], e["tags"]["rule"], e["tags"]["kind"]) for e in forwarded}, {("4930999", "ones", "fwd")})
        self.assertEqual({e["carrier"] for e in forwarded}, {"beta"}, "a route of its own takes what a rule forwards")
        texts = texts_by_number(read_submits(simulator.log_path))
        for e in made:
            if e["tags"]["inbound"] == "reply":
                self.assertRegex(texts[e["number"]], '^You wrote "Message [0-9]*2"$')
        for path in world.path("done").glob("_inbound-*.summary.json"):
            self.assertRegex(path.name, r"^_inbound-\d{8}-[0-9a-f]+-\d{6}\.jsonl\.summary\.json$")

    def test_reload_takes_new_rules(self):
        simulator = self.simulator("--inbound", "100/s")
        world = World(self.directory, [self.carrier(simulator)])
        engine = self.serve(world)
        wait_until("messages without a rule", lambda: world.inbound("unrouted"), processes=[engine])
        world.extra = '[[inbound]]\nname = "all"\nto = "fresh"\n'
        world.write()
        engine.signal(signal.SIGHUP)
        wait_until("messages by the new rule", lambda: world.inbound("fresh"), processes=[engine])
        world.extra = '[[inbound]]\nname = "all"\nregex = "("\nto = "worse"\n'
        world.write()
        engine.signal(signal.SIGHUP)
        wait_until("the fault in the log", lambda: "missing )" in engine.output(1 << 20), processes=[engine])
        before = len(world.inbound("fresh"))
        wait_until("the old rules go on", lambda: len(world.inbound("fresh")) > before, processes=[engine])
        self.assertEqual(engine.stop(), 0)

    def phones_write(self, simulator, count, name):
        """The carrier begins anew, and phones 491700000001 and so on write to 12345, one message each."""
        simulator.stop()
        return self.simulator("--inbound", "1000/s", "--inbound-count", count, "--inbound-text", "yes", port=simulator.port, name=name)

    def send(self, world, engine, name, lines):
        world.drop(name, batch(lines))
        wait_until(f"the report of {name}", lambda: world.finished(name), processes=[engine])

    def received(self, world, engine, count, directories):
        """{phone: line} when so many messages came."""
        def lines():
            return [m for d in directories for m in world.inbound(d)]

        wait_until(f"{count} messages of phones", lambda: len(lines()) >= count, processes=[engine])
        return {m["from"]: m for m in lines()}

    def test_replies_find_what_they_answer(self):
        """A writes to B, B answers: the line names A's line, and rules route by its batch, the batch's name and its tags."""
        simulator = self.simulator(name="before")
        world = World(self.directory, [self.carrier(simulator)], extra=REPLIES)
        engine = self.serve(world)
        phone = "49170000000{}".format
        to = [{"to": phone(n), "from": "12345", "text": "hello", "id": f"m-{n}"} for n in range(9)]
        self.send(world, engine, "other.jsonl", [to[1], {**to[2], "from": "54321"}, to[3]])
        self.send(world, engine, "spring-1.jsonl", [to[8], to[1]])  # the last one that went to phone 1
        self.send(world, engine, "named.jsonl", [{"batch": {"name": "Autumn 2026"}}, to[4]])
        self.send(world, engine, "x.jsonl", [{**to[5], "tags": {"campaign": "x", "town": "Brno"}}, {**to[6], "tags": {"campaign": "y"}}])
        # What was sent is known after a crash, too.
        engine.kill()
        simulator = self.phones_write(simulator, 7, "after")
        engine = self.serve(world, name="engine-after")
        got = self.received(world, engine, 7, ("spring", "autumn", "tagged", "rest"))
        expected = {
            1: ("spring", {"batch": "spring-1.jsonl", "line": 2, "id": "m-1"}),
            2: ("rest", None),  # another sender wrote to it
            3: ("rest", {"batch": "other.jsonl", "line": 3, "id": "m-3"}),
            4: ("autumn", {"batch": "named.jsonl", "line": 2, "id": "m-4"}),
            5: ("tagged", {"batch": "x.jsonl", "line": 1, "id": "m-5"}),
            6: ("rest", {"batch": "x.jsonl", "line": 2, "id": "m-6"}),
            7: ("rest", None),  # nobody wrote to it
        }
        self.assertEqual({p: (m["rule"], m["reply_to"]) for p, m in got.items()}, {phone(n): e for n, e in expected.items()})
        self.assertEqual(engine.stop(), 0)

    def test_replies_find_what_was_sent_since_rules_came_by_reload(self):
        simulator = self.simulator(name="before")
        world = World(self.directory, [self.carrier(simulator)])
        engine = self.serve(world)
        world.extra = REPLIES
        world.write()
        engine.signal(signal.SIGHUP)
        wait_until("the reload", lambda: "configuration reloaded" in engine.output(1 << 20), processes=[engine])
        self.send(world, engine, "first.jsonl", [{"to": "491700000009", "text": "takes the engine past the reload"}])
        self.send(world, engine, "spring-2.jsonl", [{"to": "491700000001", "from": "12345", "text": "hello", "id": "m-1"}])
        simulator = self.phones_write(simulator, 1, "after")
        got = self.received(world, engine, 1, ("spring", "rest"))["491700000001"]
        self.assertEqual((got["rule"], got["reply_to"]), ("spring", {"batch": "spring-2.jsonl", "line": 1, "id": "m-1"}))
        self.assertEqual(engine.stop(), 0)

    def test_opting_out(self):
        simulator = self.simulator("--inbound", "50/s", "--inbound-text", " stop! ")
        world = World(self.directory, [self.carrier(simulator)], extra=STOP)
        engine = self.serve(world)
        wait_until("confirmations", lambda: len(world.made()) >= 5, processes=[engine])
        gone = [e["number"] for e in world.made()][:5]
        self.assertTrue(all(m["optout"] == "stop" for m in world.inbound("all")))
        rows = [line.split() for line in self.call("optout", "list", "--config", world.config)[1].splitlines()]
        self.assertLessEqual({(n, "12345") for n in gone}, {tuple(r[:2]) for r in rows})

        def change(*arguments, expected=0, **kinds):
            status, out, err = self.call("optout", *arguments, "--config", world.config, **kinds)
            self.assertEqual(status, expected, out + err)
            return out + err

        self.assertIn("1 removed, 0", change("remove", "--sender", "12345", "+" + gone[4]))
        self.assertIn("2 added, 1", change("add", "--sender", "12345", "4930777", "4930 888", gone[0]))
        self.assertIn("no number", change("add", "12", expected=2))
        numbers = [*gone, "4930777", "4930888", "4930999"]
        lines = [{"to": n, "from": sender, "text": "hello"} for sender in ("12345", "54321") for n in numbers]
        world.drop("campaign.jsonl", batch(lines))
        wait_until("the report", lambda: world.finished("campaign.jsonl"), processes=[engine])
        report = {(lines[e["line"] - 1]["from"], e["number"]): e for e in world.report("campaign.jsonl")}
        for (sender, number), e in report.items():
            if sender == "12345" and number not in (gone[4], "4930999"):
                self.assertEqual((e["status"], e["error"]["code"]), ("rejected", "opted_out"), e)
            else:
                self.assertEqual(e["status"], "sent", e)
        self.assertIn('trunkline_optout_rejected_total{carrier="acme"} 6', world.get("/metrics")[1])
        # What opted out while the engine ran is known to the next one, and to the command without one.
        engine.kill()
        exported = change("export").splitlines()
        self.assertEqual(exported[0], "sender,number,since")
        self.assertIn("4930777", "".join(exported))
        self.assertIn("1 removed", change("remove", "--sender", "12345", "4930777"))
        self.assertIn("3 added", change("import", "-", stdin=b"sender,number,since\nACME,4930111,2026-01-01T00:00:00Z\n54321,4930222\n,4930333\n"))
        self.assertIn(":2: \"x\" is no number", change("import", "-", stdin=b"4930444\nx\n", expected=1))
        world.drop("after.jsonl", batch([{"to": "4930777", "from": "12345", "text": "x"}, {"to": "4930888", "from": "12345", "text": "x"},
                                         {"to": "4930111", "from": "acme", "text": "x"}, {"to": "4930333", "text": "x"}]))
        after = self.run_once(world, name="engine-after")
        self.assertEqual(after.status, 3, after.output())
        self.assertEqual([e["status"] for e in sorted(world.report("after.jsonl"), key=lambda e: e["line"])],
                         ["sent", "rejected", "rejected", "rejected"])

    def test_kill(self):
        """An SMSC that delivers until it is answered: at the end every message of a phone is in inbound/, and was answered once."""
        draw = random.Random(seed())
        simulator = self.simulator("--inbound", "400/s", "--inbound-text", "number {n}")
        rules = '[[inbound]]\nname = "all"\nto = "all"\nreply = "got %sr(7,0)"\n'
        world = World(self.directory, [self.carrier(simulator, reconnect={"min": "10ms", "max": "50ms"})], extra=rules)
        for cycle in range(CYCLES):
            engine = self.run_engine(world, name=f"engine-{cycle}")
            time.sleep(draw.choice([draw.uniform(0, 0.1), draw.uniform(0.1, 0.4), draw.uniform(0.2, 0.6)]))  # the moment is drawn
            self.assertIsNone(engine.poll(), f"cycle {cycle}: the engine ended by itself\n{engine.output()}")
            engine.kill()
        last = self.serve(world, name="engine-last")

        def numbers():
            return {int(m["text"].removeprefix("number ")): m for m in world.inbound("all")}

        # Files appear after a second, which few of the lives had.
        seen = wait_until("messages", lambda: (n := max(numbers(), default=0)) > CYCLES and n, timeout=60, processes=[last])
        wait_until("all messages so far", lambda: set(range(1, seen + 1)) <= set(numbers()), timeout=60, processes=[last])
        # What the SMSC delivered twice, for want of an answer, was received twice, and is answered twice.
        lines = {m["id"] for m in world.inbound("all")}
        wait_until("their answers", lambda: lines <= {e["id"] for e in world.made()}, timeout=60, processes=[last])
        self.assertEqual(last.stop(), 0, last.output())
        simulator.stop()
        made = world.made()
        repeated = [i for i, n in Counter(e["id"] for e in made).items() if n > 1]
        self.assertEqual(repeated[:5], [], "answered twice")
        self.assertEqual({e["status"] for e in made}, {"sent"})
        flagged = {e["number"] for e in made if e.get("maybe_duplicate")}
        twice = {n for n, count in Counter(s.number for s in read_submits(simulator.log_path)).items() if count > 1}
        again = {n for n, count in Counter(e["number"] for e in made).items() if count > 1}
        self.assertLessEqual(twice - again, flagged)
        print(f"{CYCLES} kills, {seen} messages of phones, {len(made)} answers, {len(again)} delivered twice, {len(flagged)} flagged")


if __name__ == "__main__":
    unittest.main()
