"""An operator at work: `trunkline carrier`, and reloads that leave sessions alone."""

import json
import signal
import unittest
from collections import Counter
from datetime import datetime

from harness import SystemTest, World, batch, read_submits, wait_until


def seconds_of(submit):
    return datetime.fromisoformat(submit.entry["time"].replace("Z", "+00:00")).timestamp()


class CarrierCommand(SystemTest):
    def setUp(self):
        super().setUp()
        self.smsc = self.simulator(name="acme")

    def carrier(self, **keys):
        return {"name": "acme", "port": self.smsc.port, "window": 5, "sessions": 2, **keys}

    def drop(self, world, name, lines, **fields):
        world.drop(name, batch([{"to": f"49170{i:06d}", "text": "hello", **fields} for i in range(1, lines + 1)]))

    def ask(self, world, *words):
        status, output, errors = self.call("carrier", *words, "--config", world.config)
        self.assertEqual(status, 0, errors)
        return output

    def status(self, world, name="acme"):
        return next(c for c in json.loads(world.get("/status")[1])["carriers"] if c["name"] == name)

    def states(self, world):
        return [s["state"] for s in self.status(world)["sessions"]]

    def connections(self):
        """Connections that the SMSC has seen send messages, by number."""
        return {s.entry["session"] for s in read_submits(self.smsc.log_path)}

    def test_disable_and_enable(self):
        """Disabled: unbound in order, messages wait and none fails; enabled: they go out."""
        world = World(self.directory, [self.carrier()])
        engine = self.serve(world)
        self.drop(world, "before.jsonl", 50)
        wait_until("the first report", lambda: world.finished("before.jsonl"), processes=[engine])
        self.assertEqual(self.ask(world, "disable", "acme"), "acme: disabled\n")
        wait_until("idle sessions", lambda: self.states(world) == ["Idle", "Idle"], processes=[engine])
        self.assertIn("was already disabled", self.ask(world, "disable", "acme"))
        self.assertIn('trunkline_carrier_disabled{carrier="acme"} 1', world.get("/metrics")[1])
        self.assertIn("DISABLED", self.ask(world, "list"))
        self.assertIn("DISABLED", self.call("status", "--url", f"127.0.0.1:{world.http}")[1])
        self.drop(world, "during.jsonl", 50)
        wait_until("the batch", lambda: "during.jsonl" in world.get("/status")[1], processes=[engine])
        # A reload that replaces the carrier leaves it disabled.
        world.carriers[0]["system_type"] = "other"
        world.write()
        engine.signal(signal.SIGHUP)
        wait_until("the reload", lambda: "configuration reloaded" in engine.output(1 << 20), processes=[engine])
        self.assertEqual(set(self.states(world)), {"Idle"})
        self.assertFalse(world.finished("during.jsonl"))
        self.assertEqual(len(read_submits(self.smsc.log_path)), 50)
        self.assertEqual(self.ask(world, "enable", "acme"), "acme: enabled\n")
        wait_until("the second report", lambda: world.finished("during.jsonl"), processes=[engine])
        report = world.report("during.jsonl")
        self.each_line_once(report, range(1, 51))
        self.assertEqual(Counter(e["status"] for e in report), {"sent": 50})
        self.assertFalse(any(e.get("maybe_duplicate") for e in report))
        self.assertEqual(engine.stop(), 0)
        self.smsc.stop()
        self.assertEqual(len(read_submits(self.smsc.log_path)), 100)

    def test_disable_fails_over_at_once(self):
        """Messages of a disabled carrier take the next carrier of their route without waiting for failover_after."""
        other = self.simulator(name="other")
        world = World(self.directory, [self.carrier(), self.carrier(name="other", port=other.port)],
                      routes=[{"name": "all", "to": ["acme", "other"], "failover_after": "1h"}])
        engine = self.serve(world)
        self.ask(world, "disable", "acme")
        self.drop(world, "a.jsonl", 20)
        wait_until("the report", lambda: world.finished("a.jsonl"), processes=[engine])
        self.assertEqual({e["carrier"] for e in world.report("a.jsonl")}, {"other"})
        self.assertEqual(engine.stop(), 0)

    def test_reconnect(self):
        """New sessions at once, nothing lost, also after a refused login, which would be tried again in a minute."""
        strict = self.simulator("--system-id", "tester", "--password", "other", name="strict")
        world = World(self.directory, [self.carrier(), self.carrier(name="strict", port=strict.port)],
                      routes=[{"name": "all", "to": ["acme"]}])
        engine = self.serve(world)
        wait_until("two sessions", lambda: self.states(world) == ["Logged in"] * 2, processes=[engine])
        self.assertIn("2 sessions will bind anew", self.ask(world, "reconnect", "acme"))
        wait_until("new sessions", lambda: [s["reconnects"] for s in self.status(world)["sessions"]] == [1, 1]
                   and self.states(world) == ["Logged in"] * 2, processes=[engine])
        wait_until("the refusal", lambda: self.status(world, "strict")["credentials_refused"], processes=[engine])
        self.assertIn('trunkline_carrier_credentials_refused{carrier="strict"} 1', world.get("/metrics")[1])
        attempts = lambda: sum(s["reconnects"] for s in self.status(world, "strict")["sessions"])
        before = attempts()
        self.ask(world, "reconnect", "strict")
        wait_until("another attempt", lambda: attempts() > before, processes=[engine])
        self.assertEqual(engine.stop(), 0)

    def test_wrong_questions(self):
        world = World(self.directory, [self.carrier()])
        status, _, errors = self.call("carrier", "list", "--config", world.config)
        self.assertEqual(status, 1)
        self.assertIn("no engine is running", errors)
        engine = self.serve(world)
        status, _, errors = self.call("carrier", "disable", "nobody", "--config", world.config)
        self.assertEqual(status, 1)
        self.assertIn('there is no carrier "nobody"', errors)
        self.assertEqual(self.call("carrier", "disable", "--config", world.config)[0], 2)
        listed = json.loads(self.ask(world, "list", "--json"))
        self.assertEqual([c["name"] for c in listed], ["acme"])
        self.assertEqual({s["stack"] for s in listed[0]["sessions"]}, {"SMPP 3.4"})
        self.ask(world, "disable", "acme")
        self.assertEqual(self.call("carrier", "reconnect", "acme", "--config", world.config)[0], 1)
        self.assertEqual(engine.stop(), 0)

    def test_reload_leaves_sessions_alone(self):
        """Windows, rates, policies and times change in place; an untouched carrier, and one that changes, stay bound."""
        other = self.simulator(name="other")
        world = World(self.directory, [self.carrier(), self.carrier(name="other", port=other.port)],
                      routes=[{"name": "all", "to": ["acme"]}])
        engine = self.serve(world)

        def bound():
            return all([s["state"] for s in self.status(world, n)["sessions"]] == ["Logged in"] * 2 for n in ("acme", "other"))

        wait_until("all sessions", bound, processes=[engine])
        before = [s["address"] for s in self.status(world)["sessions"]]
        share = self.status(world)["memory_share"]
        world.carriers[0].update(window=50, throughput=40.0, response_timeout="20s", enquire_link="10s",
                                 reconnect={"min": "10ms", "max": "20ms"})
        world.write()
        engine.signal(signal.SIGHUP)
        wait_until("the new window", lambda: [s["window"] for s in self.status(world)["sessions"]] == [50, 50],
                   processes=[engine])
        status = self.status(world)
        self.assertEqual(status["throughput"], 40.0)
        self.assertEqual(status["memory_share"] - share, 4 * 2 * (50 - 5), "what may be read ahead follows the windows")
        self.assertEqual([s["address"] for s in status["sessions"]], before)
        self.drop(world, "slow.jsonl", 80)
        wait_until("the report", lambda: world.finished("slow.jsonl"), processes=[engine])
        times = sorted(seconds_of(s) for s in read_submits(self.smsc.log_path))
        self.assertGreaterEqual(times[-1] - times[0], 1.8, "80 at 40 a second")
        for name in ("acme", "other"):
            self.assertEqual([s["reconnects"] for s in self.status(world, name)["sessions"]], [0, 0], name)
        # Another password needs another bind; the other carrier still keeps its sessions.
        world.carriers[0]["password"] = "changed"
        world.write()
        engine.signal(signal.SIGHUP)
        wait_until("new sessions", lambda: [(s["state"], s["submits"]) for s in self.status(world)["sessions"]] ==
                   [("Logged in", 0)] * 2, processes=[engine])
        self.assertEqual([s["reconnects"] for s in self.status(world, "other")["sessions"]], [0, 0])
        self.assertEqual(engine.stop(), 0)
        other.stop()
        totals = json.loads(other.stdout_path.read_text().splitlines()[-1])
        self.assertEqual(totals["binds"], 2, "the untouched carrier bound twice and never again")

    def test_carriers_come_and_go_while_others_send(self):
        """One is added, one removed in the middle of its messages: it finishes what is under way, the rest goes on by others,
        nothing is repeated, and the one that stays notices nothing."""
        leaving = self.simulator("--latency", "100ms", name="leaving")
        coming = self.simulator(name="coming")
        going = self.carrier(name="leaving", port=leaving.port)
        world = World(self.directory, [self.carrier(throughput=300.0), going],
                      routes=[{"name": "all", "to": ["acme", "leaving"], "strategy": "round_robin"}])
        engine = self.serve(world)
        self.drop(world, "a.jsonl", 1500)
        wait_until("both under way", lambda: len(read_submits(leaving.log_path)) > 20 and len(self.connections()) == 2,
                   processes=[engine])
        world.carriers = [world.carriers[0], self.carrier(name="coming", port=coming.port)]
        world.routes = [{"name": "all", "to": ["acme", "coming"], "strategy": "round_robin"}]
        world.write()
        engine.signal(signal.SIGHUP)
        wait_until("the report", lambda: world.finished("a.jsonl"), processes=[engine], timeout=60)
        report = world.report("a.jsonl")
        self.each_line_once(report, range(1, 1501))
        self.assertEqual(Counter(e["status"] for e in report), {"sent": 1500})
        self.assertEqual({e["carrier"] for e in report}, {"acme", "leaving", "coming"})
        self.assertFalse(any(e.get("maybe_duplicate") for e in report))
        self.assertEqual([s["reconnects"] for s in self.status(world)["sessions"]], [0, 0])
        self.assertEqual(engine.stop(), 0)
        for process in (self.smsc, leaving, coming):
            process.stop()
        taken = Counter(s.number for log in (self.smsc, leaving, coming) for s in read_submits(log.log_path))
        self.assertEqual((len(taken), set(taken.values())), (1500, {1}))
        self.assertEqual(len({s.entry["session"] for s in read_submits(self.smsc.log_path)}), 2, "its first two connections")

    def test_a_policy_changes_in_place(self):
        """A status that failed messages for good is retried after the reload, by the same sessions."""
        picky = self.simulator("--error", "0x421=0.5", "--seed", "3", name="picky")
        policy = "[[carrier.policy]]\nstatus = \"0x421\"\naction = \"{}\"\ndelay = \"10ms\"\n"
        world = World(self.directory, [self.carrier(port=picky.port)])

        def write(action):
            world.write()
            text = world.config.read_text()
            at = text.index("[[route]]")
            world.config.write_text(text[:at] + policy.format(action) + text[at:])

        write("fail")
        engine = self.serve(world)
        self.drop(world, "fail.jsonl", 100)
        wait_until("the report", lambda: world.finished("fail.jsonl"), processes=[engine])
        self.assertGreater(Counter(e["status"] for e in world.report("fail.jsonl"))["failed"], 20)
        write("retry")
        engine.signal(signal.SIGHUP)
        wait_until("the reload", lambda: "configuration reloaded" in engine.output(1 << 20), processes=[engine])
        self.drop(world, "retry.jsonl", 100)
        wait_until("the report", lambda: world.finished("retry.jsonl"), processes=[engine])
        report = world.report("retry.jsonl")
        self.assertEqual(Counter(e["status"] for e in report), {"sent": 100})
        self.assertGreater(max(e["attempts"] for e in report), 1)
        self.assertEqual([s["reconnects"] for s in self.status(world)["sessions"]], [0, 0])
        self.assertEqual(engine.stop(), 0)

    def test_throughput_per_sender(self):
        """Each sender keeps its own pace, one sender's batch does not hold up another's, and memory stays bounded."""
        world = World(self.directory, [self.carrier(throughput_per_sender=20.0, window=50)])
        engine = self.serve(world)
        self.drop(world, "slow.jsonl", 100, **{"from": "SLOW"})
        world.drop("many.jsonl", batch([{"to": f"49170{i:06d}", "text": "hello", "from": str(10000 + i)}
                                        for i in range(1, 1001)]))
        wait_until("the report of many", lambda: world.finished("many.jsonl"), processes=[engine])
        self.assertFalse(world.finished("slow.jsonl"), "100 at 20 a second take five seconds")
        wait_until("the report of one", lambda: world.finished("slow.jsonl"), processes=[engine])
        self.each_line_once(world.report("slow.jsonl"), range(1, 101))
        self.assertEqual({e["attempts"] for e in world.report("slow.jsonl")}, {1})
        self.assertEqual(engine.stop(), 0)
        self.smsc.stop()
        stamps = sorted(seconds_of(s) for s in read_submits(self.smsc.log_path) if s.source == "SLOW")
        self.assertGreaterEqual(stamps[-1] - stamps[0], 4.6)
        self.assertLessEqual(stamps[-1] - stamps[0], 8.0)
        for i in range(len(stamps) - 30):
            self.assertGreaterEqual(stamps[i + 30] - stamps[i], 1.25, "no second has many more than 20")


if __name__ == "__main__":
    unittest.main()
