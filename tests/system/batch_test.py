"""`trunkline batch`: a wrong campaign can be stopped, orders survive restarts and kills, and what was not sent is
reported as cancelled."""

import json
import signal
import time
import unittest

from harness import SCALE, SystemTest, World, batch, read_submits, wait_until


def lines_of(count):
    return "".join(f'{{"to":"4917{i:08d}","text":"sale"}}\n' for i in range(count))


class Batch(SystemTest):
    def world(self, smsc, **carrier):
        return World(self.directory, [{"name": "acme", "port": smsc.port, "window": 20, **carrier}])

    def order(self, world, verb, name, *options):
        status, out, err = self.call("batch", verb, name, "--config", world.config, *options)
        self.assertEqual(status, 0, err)
        return out

    def show(self, world, name):
        return json.loads(self.order(world, "show", name, "--json"))

    def accepted(self, smsc):
        return [s for s in read_submits(smsc.log_path) if s.status == "ESME_ROK"]

    def accepted_exactly(self, smsc, count):
        """The simulator writes its log behind its answers: waits for the last line, and fails if there are more."""
        wait_until(f"{count} lines in the log", lambda: len(self.accepted(smsc)) >= count)
        self.assertEqual(len(self.accepted(smsc)), count)

    def test_cancel(self):
        """A batch of 200,000 lines is cancelled under way: its report is whole within a second."""
        smsc = self.simulator("--latency", "20ms")
        world = self.world(smsc, throughput=2000.0)
        engine = self.serve(world)
        world.drop("wrong.jsonl", lines_of(200_000))
        wait_until("messages on their way", lambda: len(self.accepted(smsc)) >= 500, processes=[engine])
        begun = time.monotonic()
        self.order(world, "cancel", "wrong.jsonl")
        wait_until("report", lambda: world.finished("wrong.jsonl"), processes=[engine])
        elapsed = time.monotonic() - begun
        print(f"200,000 lines cancelled and reported in {elapsed:.2f} s")
        self.assertLess(elapsed, 1.0 * SCALE)
        report = world.report("wrong.jsonl")
        self.each_line_once(report, range(1, 200_001))
        sent = {line["number"] for line in report if line["status"] == "sent"}
        self.assertEqual(sent, {s.number for s in self.accepted(smsc)})
        self.assertGreaterEqual(len(sent), 500)
        rest = [line for line in report if line["status"] != "sent"]
        self.assertEqual({line["status"] for line in rest}, {"cancelled"})
        self.assertEqual({line["error"]["code"] for line in rest}, {"cancelled"})
        self.assertEqual(world.summary("wrong.jsonl")["status"]["cancelled"], 200_000 - len(sent))
        self.assertEqual(self.show(world, "wrong.jsonl")["state"], "done")
        self.assertEqual(engine.stop(), 0)

    def test_cancel_behind_a_slow_carrier(self):
        """What waits in memory for a carrier of one message a second is cancelled as fast, and its neighbour goes on."""
        smsc = self.simulator()
        world = self.world(smsc, throughput=1.0)
        engine = self.serve(world)
        world.drop("wrong.jsonl", lines_of(3000))
        world.drop("right.jsonl", batch([{"to": "49301", "text": "a"}, {"to": "49302", "text": "b"}]))
        wait_until("both open", lambda: len(json.loads(self.call("batch", "list", "--config", world.config, "--json")[1])["batches"]) == 2,
                   processes=[engine])
        wait_until("a message", lambda: self.accepted(smsc), processes=[engine])
        begun = time.monotonic()
        self.order(world, "cancel", "wrong.jsonl")
        wait_until("report", lambda: world.finished("wrong.jsonl"), processes=[engine])
        self.assertLess(time.monotonic() - begun, 1.0 * SCALE)
        report = world.report("wrong.jsonl")
        self.each_line_once(report, range(1, 3001))
        self.assertLess(sum(line["status"] == "sent" for line in report), 10 * SCALE)
        wait_until("report of the neighbour", lambda: world.finished("right.jsonl"), processes=[engine])
        self.assertEqual([line["status"] for line in world.report("right.jsonl")], ["sent", "sent"])
        self.assertEqual(engine.stop(), 0)

    def test_cancel_survives_a_kill(self):
        """A cancel that was confirmed stands, whatever happens next: nothing of the batch goes out afterwards."""
        smsc = self.simulator("--latency", "20ms")
        world = self.world(smsc, throughput=500.0)
        engine = self.serve(world)
        world.drop("wrong.jsonl", lines_of(20_000))
        wait_until("messages on their way", lambda: len(self.accepted(smsc)) >= 100, processes=[engine])
        self.order(world, "cancel", "wrong.jsonl")
        engine.kill()
        before = {s.number for s in read_submits(smsc.log_path)}
        engine = self.serve(world)
        wait_until("report", lambda: world.finished("wrong.jsonl"), processes=[engine])
        self.assertEqual(engine.stop(), 0)
        report = world.report("wrong.jsonl")
        self.each_line_once(report, range(1, 20_001))
        self.assertLessEqual({line["status"] for line in report}, {"sent", "cancelled"})
        after = {s.number for s in read_submits(smsc.log_path)}
        # The simulator may have written the last lines of its log a moment after the kill: what was in the window.
        self.assertLessEqual(len(after - before), 20)
        for line in report:
            if line["status"] == "cancelled" and line["number"] in after:
                self.assertTrue(line.get("maybe_duplicate"), line)

    def test_pause(self):
        """A pause holds across a stop and a kill; its neighbour is sent meanwhile; resume finishes it, each line once."""
        smsc = self.simulator("--latency", "5ms")
        world = self.world(smsc, throughput=2000.0)
        engine = self.serve(world)
        world.drop("big.jsonl", lines_of(10_000))
        wait_until("messages on their way", lambda: len(self.accepted(smsc)) >= 200, processes=[engine])
        self.order(world, "pause", "big.jsonl")
        # What was in the window is answered, and the number stands still.
        def settled():
            shown = self.show(world, "big.jsonl")
            idle = 'window_in_flight{carrier="acme",session="0"} 0' in world.get("/metrics")[1]
            return idle and shown["finished"] == len(self.accepted(smsc)) and shown
        shown = wait_until("the window to empty", settled, processes=[engine])
        paused_at = shown["finished"]
        self.assertEqual((shown["state"], shown["status"]["sent"]), ("paused", paused_at))
        world.drop("small.jsonl", batch([{"to": "49301", "text": "a"}]))
        wait_until("report of the neighbour", lambda: world.finished("small.jsonl"), processes=[engine])
        self.accepted_exactly(smsc, paused_at + 1)
        self.assertEqual(engine.stop(), 0)

        status, out, err = self.call("batch", "list", "--config", world.config)
        self.assertEqual(status, 0)
        self.assertRegex(out, r"(?m)^big\.jsonl +paused ")
        self.assertIn("no engine is running", err)

        engine = self.serve(world)
        self.assertEqual(self.show(world, "big.jsonl")["state"], "paused")
        engine.kill()
        engine = self.serve(world)
        self.assertEqual(self.show(world, "big.jsonl")["state"], "paused")
        world.drop("other.jsonl", batch([{"to": "49302", "text": "b"}]))
        wait_until("report of another", lambda: world.finished("other.jsonl"), processes=[engine])
        self.accepted_exactly(smsc, paused_at + 2)

        self.order(world, "resume", "big.jsonl")
        self.assertEqual(self.show(world, "big.jsonl")["state"], "running")
        wait_until("report", lambda: world.finished("big.jsonl"), timeout=60, processes=[engine])
        self.assertEqual(engine.stop(), 0)
        report = world.report("big.jsonl")
        self.each_line_once(report, range(1, 10_001))
        self.assertEqual({line["status"] for line in report}, {"sent"})
        self.accepted_exactly(smsc, 10_002)

    def test_paused_lines_expire(self):
        """The clock of a message runs on while its batch is paused: it ends as expired, on time."""
        smsc = self.simulator()
        world = self.world(smsc, throughput=1.0)
        engine = self.serve(world)
        world.drop("short.jsonl", batch([{"to": f"4930{i}", "text": "a", "validity": "4s"} for i in range(10, 60)]))
        wait_until("the batch", lambda: "short.jsonl" in self.call("batch", "list", "--config", world.config)[1], processes=[engine])
        self.order(world, "pause", "short.jsonl")
        begun = time.monotonic()
        wait_until("report", lambda: world.finished("short.jsonl"), processes=[engine])
        self.assertLess(time.monotonic() - begun, 6 * SCALE)
        report = world.report("short.jsonl")
        self.each_line_once(report, range(1, 51))
        self.assertGreaterEqual(sum(line["status"] == "expired" for line in report), 40)
        self.assertEqual(engine.stop(), 0)

    def test_wrong_names(self):
        """Unknown and finished batches, and no engine: clear words, exit status 1, and nothing happens."""
        smsc = self.simulator()
        world = self.world(smsc)
        for verb in ("pause", "resume", "cancel"):
            world.drop("spring.jsonl", batch([{"to": "49301", "text": "a"}]))
            status, _, err = self.call("batch", verb, "spring.jsonl", "--config", world.config)
            self.assertEqual(status, 1)
            self.assertIn("no engine is running", err)
        status, out, _ = self.call("batch", "show", "spring.jsonl", "--config", world.config)
        self.assertEqual(status, 0)
        self.assertRegex(out, r"(?m)^state +waiting$")
        engine = self.serve(world)
        wait_until("report", lambda: world.finished("spring.jsonl"), processes=[engine])
        status, _, err = self.call("batch", "cancel", "sprimg.jsonl", "--config", world.config)
        self.assertEqual(status, 1)
        self.assertIn("there is no batch sprimg.jsonl; the nearest name is spring.jsonl", err)
        status, _, err = self.call("batch", "show", "../../etc/passwd", "--config", world.config)
        self.assertEqual(status, 1)
        wait_until("the batch to be closed", lambda: self.show(world, "spring.jsonl")["state"] == "done", processes=[engine])
        status, _, err = self.call("batch", "cancel", "spring.jsonl", "--config", world.config)
        self.assertEqual(status, 1)
        self.assertIn("is done", err)
        self.assertEqual(self.call("batch", "show", "--config", world.config)[0], 2)
        self.assertEqual((world.data / "control.sock").stat().st_mode & 0o777, 0o600)
        self.assertEqual(engine.stop(), 0)
        self.assertFalse((world.data / "control.sock").exists())

    def test_orders_that_contradict(self):
        """A cancelled batch is not resumed; cancelling and pausing twice is fine."""
        smsc = self.simulator("--drop-responses", "1.0")
        world = self.world(smsc, response_timeout="20s", window=5)
        engine = self.serve(world)
        world.drop("wrong.jsonl", lines_of(100))
        wait_until("a full window", lambda: len(read_submits(smsc.log_path)) == 5, processes=[engine])
        for verb in ("pause", "pause", "resume", "resume", "cancel", "cancel"):
            self.order(world, verb, "wrong.jsonl")
        # Five messages are still in the window: the batch stays open until their answers are given up.
        shown = wait_until("95 cancelled", lambda: (s := self.show(world, "wrong.jsonl"))["finished"] == 95 and s, processes=[engine])
        self.assertEqual(shown["state"], "cancelling")
        status, _, err = self.call("batch", "resume", "wrong.jsonl", "--config", world.config)
        self.assertEqual(status, 1)
        self.assertIn("cannot be resumed any more", err)
        self.assertEqual(len(read_submits(smsc.log_path)), 5)
        engine.signal(signal.SIGTERM)
        engine.signal(signal.SIGTERM)
        engine.kill()


if __name__ == "__main__":
    unittest.main()
