"""The main job with real processes: a batch goes into the spool, and a report says what became of each line."""

import json
import os
import signal
import time
import unittest
from collections import Counter

from harness import SystemTest, World, batch, read_submits, texts_by_number, wait_until
from mixed import mixed_batch

LINES = int(os.environ.get("JOB_LINES", "10000"))
SENT_ONLY = {"name": "acme", "sessions": 2, "window": 50}


class MainJob(SystemTest):
    def carrier(self, simulator, **keys):
        return {**SENT_ONLY, "port": simulator.port, **keys}

    def judge(self, world, name, expected, *simulators):
        """Report, summary, results and the SMSC's log tell the same story, and it is the expected one."""
        report = world.report(name)
        self.each_line_once(report, expected)
        submits = read_submits(*[s.log_path for s in simulators])
        texts = texts_by_number(submits)
        ids = {(s.number, s.message_id) for s in submits if s.status == "ESME_ROK"}
        numbers_seen = {s.number for s in submits}
        faults = []
        for entry in report:
            want = expected[entry["line"]]
            wrong = []
            if want.status == "sent" == entry["status"]:
                told = [entry.get(key) for key in ("id", "number", "encoding", "parts")]
                if told != [want.ident, want.number, want.encoding, want.parts]:
                    wrong.append(f"wanted {want.__dict__}")
                if texts.get(want.number) != want.text:
                    wrong.append(f"the SMSC got {texts.get(want.number)!r} instead of {want.text!r}")
                if len(entry["message_ids"]) != want.parts or any((want.number, i) not in ids for i in entry["message_ids"]):
                    wrong.append("message_ids that the SMSC did not give")
                if "error" in entry:
                    wrong.append("an error")
            elif entry["status"] != want.status:
                wrong.append(f"wanted {want.status} {want.code}")
            else:
                codes = want.code if isinstance(want.code, tuple) else (want.code,)
                if not entry["error"]["message"] or (want.code and entry["error"]["code"] not in codes):
                    wrong.append(f"wanted {codes}")
                if want.number in numbers_seen:
                    wrong.append("the SMSC got it")
            if wrong:
                faults.append((entry, wrong))
        self.assertEqual(faults[:5], [], f"{len(faults)} faults")
        counts = Counter(entry["status"] for entry in report)
        summary = world.summary(name)
        told = summary["status"]
        for status, count in counts.items():
            self.assertEqual(told.get(status), count, summary)
        return counts

    def test_once(self):
        """A mixed batch with `run --once`: every line ends in one report line with the right fate."""
        simulator = self.simulator()
        world = World(self.directory, [self.carrier(simulator)],
                      routes=[{"name": "german", "prefix": ["49"], "to": ["acme"]}])
        octets, expected = mixed_batch(LINES, seed=20)
        world.drop("mixed.jsonl", octets)
        engine = self.run_once(world)
        self.assertEqual(engine.status, 3, engine.output())  # finished, but bad lines did not end as sent
        counts = self.judge(world, "mixed.jsonl", expected, simulator)
        self.assertGreater(counts["sent"], LINES * 0.8)
        self.assertGreater(counts["rejected"], LINES * 0.05)
        # results/ has the same lines, each with its batch, at least once.
        results = world.results()
        self.assertTrue(all(r["batch"] == "mixed.jsonl" for r in results))
        early = {r["line"]: {k: v for k, v in r.items() if k != "batch"} for r in results}
        self.assertEqual(early, {entry["line"]: entry for entry in world.report("mixed.jsonl")})
        # The input is kept beside its report, unchanged, and nothing is left over.
        self.assertEqual(world.path("done", "mixed.jsonl").read_bytes(), octets)
        self.assertEqual(os.listdir(world.path("active")), [])
        self.assertEqual(os.listdir(world.path("incoming")), [])

    def test_once_all_sent(self):
        """Exit status 0 when every message ends as sent, and with nothing to do."""
        simulator = self.simulator()
        world = World(self.directory, [self.carrier(simulator)])
        self.assertEqual(self.run_once(world, name="idle").status, 0)
        octets, expected = mixed_batch(200, seed=21, bad=False)
        world.drop("good.jsonl", octets)
        engine = self.run_once(world)
        self.assertEqual(engine.status, 0, engine.output())
        self.judge(world, "good.jsonl", expected, simulator)

    def test_refused(self):
        """What the SMSC refuses for good is failed, with the name of the status; the neighbours are sent."""
        simulator = self.simulator()
        refusing = self.simulator("--error", "ESME_RINVDSTADR=1", name="refusing")
        world = World(self.directory, [self.carrier(simulator), self.carrier(refusing, name="strict")],
                      routes=[{"name": "all", "to": ["acme"]}])
        messages = [{"to": f"49170{i:06d}", "text": "hello", **({"carrier": "strict"} if i % 2 else {})} for i in range(100)]
        world.drop("refused.jsonl", batch(messages))
        self.assertEqual(self.run_once(world).status, 3)
        report = world.report("refused.jsonl")
        self.each_line_once(report, range(1, 101))
        for entry in report:
            if (entry["line"] - 1) % 2:
                self.assertEqual((entry["status"], entry["error"]["code"]), ("failed", "ESME_RINVDSTADR"))
                self.assertEqual(entry["carrier"], "strict")
            else:
                self.assertEqual((entry["status"], entry["carrier"]), ("sent", "acme"))

    def test_failover(self):
        """A carrier whose SMSC is not there: after failover_after the route's next carrier takes the messages."""
        simulator = self.simulator()
        world = World(self.directory,
                      [{"name": "dead", "port": 9, "window": 10}, self.carrier(simulator)],
                      routes=[{"name": "all", "to": ["dead", "acme"], "strategy": "failover", "failover_after": "300ms"}])
        world.drop("failover.jsonl", batch([{"to": f"49170{i:06d}", "text": "hello"} for i in range(500)]))
        engine = self.run_once(world, timeout=60)
        self.assertEqual(engine.status, 0, engine.output())
        self.assertEqual({e["carrier"] for e in world.report("failover.jsonl")}, {"acme"})

    def test_throttled(self):
        """ESME_RTHROTTLED slows the carrier, is never an attempt and never loses a message."""
        simulator = self.simulator("--throttle", "500/s")
        world = World(self.directory, [self.carrier(simulator)])
        world.drop("throttled.jsonl", batch([{"to": f"49170{i:06d}", "text": "hello"} for i in range(1000)]))
        engine = self.run_once(world, timeout=90)
        self.assertEqual(engine.status, 0, engine.output())
        report = world.report("throttled.jsonl")
        self.each_line_once(report, range(1, 1001))
        self.assertEqual({e["status"] for e in report}, {"sent"})
        accepted = Counter(s.number for s in read_submits(simulator.log_path) if s.status == "ESME_ROK")
        self.assertEqual(set(accepted.values()), {1})

    def test_service(self):
        """The engine as a service: send --watch, pages, metrics, status."""
        simulator = self.simulator()
        world = World(self.directory, [self.carrier(simulator)])
        engine = self.serve(world)
        octets, expected = mixed_batch(1000, seed=22, bad=False)
        source = self.directory / "source.jsonl"
        source.write_bytes(octets)
        status, out, err = self.call("send", source, "--config", world.config, "--watch")
        self.assertEqual(status, 0, out + err)
        self.judge(world, "source.jsonl", expected, simulator)
        # From standard input, with a bad line: exit status 3.
        status, out, err = self.call("send", "-", "--name", "stdin.jsonl", "--config", world.config, "--watch",
                                     stdin=b'{"to":"491701","text":"a"}\nbad\n')
        self.assertEqual(status, 3, out + err)
        self.assertEqual(Counter(e["status"] for e in world.report("stdin.jsonl")), Counter(sent=1, rejected=1))

        self.assertEqual(world.get("/healthz")[0], 200)
        self.assertEqual(world.get("/readyz")[0], 200)
        self.assertEqual(world.get("/no-such-page")[0], 404)
        code, page = world.get("/status")
        self.assertEqual(code, 200)
        json.loads(page)
        self.check_metrics(world, sent=1001, rejected=1)
        status, out, err = self.call("status", "--url", f"http://127.0.0.1:{world.http}")
        self.assertEqual(status, 0, err)
        self.assertIn("acme", out)
        status, out, err = self.call("status", "--url", f"http://127.0.0.1:{world.http}", "--json")
        self.assertEqual(status, 0, err)
        self.assertIn("acme", json.dumps(json.loads(out)))
        self.assertEqual(engine.stop(), 0)
        self.assertNotEqual(self.call("status", "--url", f"http://127.0.0.1:{world.http}")[0], 0)

    def check_metrics(self, world, sent, rejected):
        # What is counted is counted when it is final, which the report's appearance may overtake by a moment.
        def told():
            values = {}
            for line in world.get("/metrics")[1].splitlines():
                if line and not line.startswith("#"):
                    name, value = line.rsplit(" ", 1)
                    values[name] = float(value)
            return values if values.get('trunkline_messages_final_total{status="sent"}') == sent else None

        values = wait_until("metrics that count all messages", told, timeout=5)
        names = {name.split("{")[0] for name in values}
        for name in ("batches_total", "messages_accepted_total", "messages_final_total", "messages_active", "submits_total",
                     "submit_responses_total", "submit_duration_seconds_bucket", "submit_duration_seconds_count",
                     "message_duration_seconds_bucket", "maybe_duplicates_total", "window_in_flight", "window_size", "session_state",
                     "session_last_state", "session_reconnects_total", "throttled_total", "queue_depth",
                     "journal_commit_seconds_bucket", "journal_commit_seconds_count", "build_info"):
            self.assertIn("trunkline_" + name, names)
        self.assertEqual(values['trunkline_messages_final_total{status="rejected"}'], rejected)
        self.assertEqual(values["trunkline_messages_accepted_total"], sent + rejected)
        self.assertEqual(values["trunkline_messages_active"], 0)
        submits = values['trunkline_submits_total{carrier="acme"}']
        self.assertGreaterEqual(submits, sent)
        self.assertEqual(values['trunkline_submit_responses_total{carrier="acme",status="ESME_ROK"}'], submits)
        self.assertEqual(values['trunkline_submit_duration_seconds_count{carrier="acme"}'], submits)
        self.assertEqual(values['trunkline_session_state{carrier="acme",session="0",state="logged_in"}'], 1)
        self.assertEqual(values['trunkline_window_size{carrier="acme",session="0"}'], 50)

    def test_drain_and_restart(self):
        """SIGTERM in the middle of a batch: exit 0, nothing lost, nothing sent twice, and the restart finishes it."""
        simulator = self.simulator("--latency", "50ms")
        world = World(self.directory, [self.carrier(simulator, window=20)])
        lines = 4000
        world.drop("drain.jsonl", batch([{"to": f"49170{i:06d}", "text": "hello"} for i in range(1, lines + 1)]))
        engine = self.serve(world)
        wait_until("some hundred submits", lambda: len(read_submits(simulator.log_path)) > 300, processes=[engine])
        begin = time.monotonic()
        self.assertEqual(engine.stop(), 0, engine.output())
        self.assertLess(time.monotonic() - begin, 10)
        self.assertFalse(world.finished("drain.jsonl"), "the batch was over before the drain")
        simulator_saw = len(read_submits(simulator.log_path))
        self.assertLess(simulator_saw, lines)
        again = self.run_once(world, name="again")
        self.assertEqual(again.status, 0, again.output())
        report = world.report("drain.jsonl")
        self.each_line_once(report, range(1, lines + 1))
        self.assertEqual({e["status"] for e in report}, {"sent"})
        self.assertEqual([e for e in report if e.get("maybe_duplicate")], [], "an orderly stop leaves no doubt")
        seen = Counter(s.number for s in read_submits(simulator.log_path))
        self.assertEqual((len(seen), max(seen.values())), (lines, 1))

    def test_second_engine(self):
        """One engine per data_dir, and one per spool: a second one says so and leaves the first alone."""
        simulator = self.simulator()
        world = World(self.directory, [self.carrier(simulator)])
        engine = self.serve(world)
        second = self.run_once(world, name="second", timeout=15)
        self.assertIn(second.status, (1, 2))
        self.assertTrue(second.output())
        other = World(self.directory, [self.carrier(simulator)])
        other.data = self.directory / "other-data"
        other.write()
        third = self.run_once(other, name="third", timeout=15)
        self.assertEqual(third.status, 1)
        self.assertIn("another engine is running on it", third.output())
        self.assertIsNone(engine.poll())
        self.assertEqual(engine.stop(), 0)

    def test_reload(self):
        """SIGHUP takes new routes; an invalid file changes nothing and says why."""
        first, second = self.simulator(name="first"), self.simulator(name="second")
        world = World(self.directory, [self.carrier(first, name="one"), self.carrier(second, name="two")],
                      routes=[{"name": "all", "to": ["one"]}])
        engine = self.serve(world)
        count = 0

        def carrier_now():
            nonlocal count
            count += 1
            name = f"probe-{count}.jsonl"
            world.drop(name, batch([{"to": "491701234567", "text": "hello"}]))
            wait_until(name, lambda: world.finished(name), processes=[engine])
            return world.report(name)[0]["carrier"]

        self.assertEqual(carrier_now(), "one")
        world.routes = [{"name": "all", "to": ["two"]}]
        world.write()
        engine.signal(signal.SIGHUP)
        wait_until("messages on the new route", lambda: carrier_now() == "two", processes=[engine])
        good = world.config.read_text()
        world.config.write_text(good + "\n[engine]\nmax_activ = 3\n")
        before = len(engine.output(1 << 20))
        engine.signal(signal.SIGHUP)
        wait_until("a word about the fault", lambda: "max_activ" in engine.output(1 << 20)[before - 200:], processes=[engine])
        self.assertEqual(carrier_now(), "two")
        self.assertEqual(engine.stop(), 0)

    def test_reload_of_settings(self):
        """SIGHUP takes what can change at once, and names what cannot; log lines are JSON when they are to be."""
        simulator = self.simulator()
        world = World(self.directory, [self.carrier(simulator)])

        def write(**log):
            world.write()
            text = world.config.read_text() + "\n[log]\n" + "".join(f'{key} = "{value}"\n' for key, value in log.items())
            world.config.write_text(text)

        write(format="json")
        engine = self.serve(world)
        world.spool_keys["min_free"] = "1000TiB"
        world.engine["max_active"] = 5000
        write(format="json")
        engine.signal(signal.SIGHUP)
        wait_until("no room", lambda: not world.ready(), processes=[engine])
        world.drop("waits.jsonl", batch([{"to": "491701234567", "text": "hello"}]))
        world.spool_keys["min_free"] = "1MiB"
        write(format="json", level="warning")
        engine.signal(signal.SIGHUP)
        wait_until("the report", lambda: world.finished("waits.jsonl"), processes=[engine])
        self.assertEqual(engine.stop(), 0)
        lines = [json.loads(line) for line in engine.output(1 << 20).splitlines() if line.startswith("{")]
        messages = [line["message"] for line in lines]
        self.assertTrue(any('peer "trunkline-smsc"' in m for m in messages), messages)
        self.assertTrue(any("next start" in m and "max_active" in m for m in messages), messages)
        self.assertFalse(any(m == "stopped" for m in messages), "the level is warning now")

    def test_receipts_and_inbound(self):
        """Every deliver_sm is in receipts/, with its message, or in inbound/unrouted/."""
        simulator = self.simulator("--receipts", "50ms", "--inbound", "20/s")
        world = World(self.directory, [self.carrier(simulator)])
        engine = self.serve(world)
        world.drop("receipts.jsonl", batch([{"to": f"49170{i:06d}", "text": "hello"} for i in range(1, 101)]))
        wait_until("the report", lambda: world.finished("receipts.jsonl"), processes=[engine])
        ids = {i for e in world.report("receipts.jsonl") for i in e["message_ids"]}

        def lines(*names):
            found = []
            for path in world.path(*names).glob("*.jsonl"):
                if not path.name.startswith("."):
                    found += [json.loads(line) for line in path.read_text().splitlines()]
            return found

        receipts = wait_until("all receipts", lambda: (r := lines("receipts")) and len({x.get("message_id") for x in r if x["kind"] == "part"}) >= 100 and r,
                              processes=[engine])
        self.assertEqual({r["message_id"] for r in receipts if r["kind"] == "part"}, ids)
        self.assertTrue(all(r["carrier"] == "acme" and r["batch"] == "receipts.jsonl" for r in receipts))
        inbound = wait_until("inbound messages", lambda: lines("inbound", "unrouted"), processes=[engine])
        self.assertTrue(all(m["carrier"] == "acme" and m["text"] and m["parts"] == 1 and "raw" not in m for m in inbound), inbound[:3])
        self.assertEqual(engine.stop(), 0)


if __name__ == "__main__":
    unittest.main()
