"""An SMSC that misbehaves: lost answers, cut connections, refused logins, late starts. The report tells the truth."""

import json
import time
import unittest
from collections import Counter

from harness import SystemTest, World, batch, binary, free_port, listens, read_submits, wait_until


class Sessions(SystemTest):
    def world(self, port, spool=None, **keys):
        return World(self.directory, [{"name": "acme", "port": port, "window": 20, "sessions": 2, **keys}], spool=spool)

    def drop(self, world, lines):
        world.drop("batch.jsonl", batch([{"to": f"49170{i:06d}", "text": "hello"} for i in range(1, lines + 1)]))

    def judge(self, world, simulator, lines):
        """Every line once, nothing that was repeated goes unflagged; (report, submits a number)."""
        simulator.stop()
        report = world.report("batch.jsonl")
        self.each_line_once(report, range(1, lines + 1))
        seen = Counter(s.number for s in read_submits(simulator.log_path))
        for entry in report:
            if entry["status"] == "sent":
                self.assertGreaterEqual(seen[entry["number"]], 1, entry)
            if seen[entry["number"]] > 1:
                self.assertTrue(entry.get("maybe_duplicate"), entry)
        return report, seen

    def test_lost_answers(self):
        """A submit_sm without an answer is sent once more on the same carrier (unknown_resends), then it is unknown."""
        simulator = self.simulator("--drop-responses", "0.05", "--seed", "7")
        world = self.world(simulator.port, response_timeout="300ms")
        self.drop(world, 1000)
        engine = self.run_once(world, timeout=90)
        report, seen = self.judge(world, simulator, 1000)
        counts = Counter(e["status"] for e in report)
        self.assertLessEqual(set(counts), {"sent", "unknown"})
        self.assertGreater(counts["sent"], 950)
        self.assertEqual(engine.status, 3 if counts["unknown"] else 0, engine.output())
        self.assertLessEqual(max(seen.values()), 2)
        self.assertGreater(sum(n > 1 for n in seen.values()), 10)
        for entry in report:
            if entry["status"] == "unknown":
                self.assertEqual(entry["error"]["code"], "no_response")
                self.assertTrue(entry["maybe_duplicate"])

    def test_cut_connections(self):
        """Connections that break in mid-window: all messages arrive, and at most a window for each cut goes out again."""
        simulator = self.simulator("--disconnect-after", "150")
        world = self.world(simulator.port, spool={"unknown_resends": 100})
        self.drop(world, 2000)
        engine = self.run_once(world, timeout=90)
        report, seen = self.judge(world, simulator, 2000)
        self.assertEqual(Counter(e["status"] for e in report), {"sent": 2000})
        self.assertEqual(engine.status, 0)
        cuts = sum(seen.values()) // 150 + 2
        self.assertLessEqual(sum(n - 1 for n in seen.values()), cuts * 20)

    def test_smsc_starts_late(self):
        """The SMSC is not there at first: messages wait, and go out when it comes."""
        port = free_port()
        world = self.world(port)
        self.drop(world, 100)
        engine = self.run_engine(world, "--once")

        def state(name):
            return f'trunkline_session_state{{carrier="acme",session="0",state="{name}"}} 1' in world.get("/metrics")[1]

        wait_until("a session in error", lambda: state("error"), processes=[engine])
        log = self.directory / "late.jsonl"
        simulator = self.start("late", [binary(), "simulator", "--port", port, "--log", log])
        simulator.log_path = log
        wait_until("listening simulator", lambda: listens(port), processes=[simulator])
        self.assertEqual(engine.wait(30), 0, engine.output())
        report, seen = self.judge(world, simulator, 100)
        self.assertEqual({e["status"] for e in report}, {"sent"})
        self.assertEqual(set(seen.values()), {1})

    def test_refused_login(self):
        """Wrong credentials: the state says so, and the account is not hammered."""
        simulator = self.simulator("--system-id", "tester", "--password", "other")
        world = self.world(simulator.port, reconnect={"min": "10ms", "max": "20ms"})
        self.drop(world, 10)
        engine = self.run_engine(world)

        def last_state():
            page = world.get("/metrics")[1]
            return 'last_state="invalid_password"} 1' in page and 'state="login_failed"} 1' in page

        wait_until("invalid_password", last_state, processes=[engine])
        time.sleep(1)  # long enough for a hundred binds, if it tried again and again
        self.assertEqual(engine.stop(), 0)
        simulator.stop()
        totals = json.loads(simulator.stdout_path.read_text().splitlines()[-1])
        refused = totals["binds_refused"]
        self.assertLessEqual(refused, 2, totals)


if __name__ == "__main__":
    unittest.main()
