"""A journal that is damaged in its middle (a bad sector, somebody's editor): the engine starts, says so and keeps the octets
aside; every message still ends in one line; whatever may go out twice is flagged, and with on_unknown = "hold" it does not
go out before somebody says so."""

import unittest
from collections import Counter

from harness import SystemTest, World, batch, read_submits, wait_until

LINES = 900
FRAME, FRAME_HEADER = b"TLJF", 32


class Damage(SystemTest):
    def test_record_that_opens_a_batch(self):
        self.live(lambda frames: next(at for at, octets in frames if b"resend.jsonl" in octets))

    def test_outcomes(self):
        # Not the last one: that would be a torn tail, which never counted.
        self.live(lambda frames: frames[len(frames) // 2][0])

    def live(self, choose):
        smsc = self.simulator("--latency", "20ms")
        world = World(self.directory, [{"name": "acme", "port": smsc.port, "window": 10, "system_id": "life1",
                                        "reconnect": {"min": "10ms", "max": "50ms"}}], engine={"max_unsynced": 50})
        for number, policy in enumerate(("resend", "hold")):
            world.drop(f"{policy}.jsonl", batch([{"batch": {"on_unknown": policy}},
                                                 *({"to": f"49{number}{i:08d}", "text": "hello"} for i in range(LINES))]))
        engine = self.run_engine(world)
        both = {"resend.jsonl", "hold.jsonl"}
        wait_until("outcomes of both", lambda: len(r := world.results()) > 300 and {e["batch"] for e in r} == both, processes=[engine])
        engine.kill()

        segment = max((world.data / "journal").iterdir())
        octets = bytearray(segment.read_bytes())
        starts = [at for at in range(8192, len(octets), 8) if octets[at:at + 4] == FRAME]
        frames = [(at, bytes(octets[at:end])) for at, end in zip(starts, starts[1:])]
        at = choose(frames)
        octets[at + FRAME_HEADER + 20] ^= 0x55
        segment.write_bytes(octets)
        status, found, _ = self.call("journal", "verify", world.data)
        self.assertEqual(status, 1, found)
        self.assertIn(f"at offset {at}", found)

        world.carriers[0]["system_id"] = "life2"
        world.write()
        engine = self.serve(world, name="engine-2")
        self.assertIn("\ntrunkline_journal_damage 1\n", world.get("/metrics")[1])
        kept = list((world.data / "quarantine").iterdir())
        self.assertEqual(len(kept), 1)
        self.assertEqual(kept[0].read_bytes(), bytes(octets[at:at + len(dict(frames)[at])]))
        self.assertIn(str(kept[0]), engine.output())
        wait_until("the end of the batch that may go on", lambda: world.finished("resend.jsonl"), timeout=60, processes=[engine])
        self.assertIn("batch hold.jsonl is paused", engine.output(last=10**6))
        self.assertFalse(world.finished("hold.jsonl"))
        smsc_saw = read_submits(smsc.log_path)
        self.assertEqual([s.number for s in smsc_saw if s.system_id == "life2" and s.number.startswith("491")], [])
        self.assertEqual(self.call("batch", "resume", "hold.jsonl", "--config", world.config)[0], 0)
        wait_until("its end", lambda: world.finished("hold.jsonl"), timeout=60, processes=[engine])
        self.assertEqual(engine.stop(), 0)
        smsc.stop()

        received = Counter(s.number for s in read_submits(smsc.log_path))
        for number, policy in enumerate(("resend", "hold")):
            report = world.report(f"{policy}.jsonl")
            self.each_line_once(report, range(2, LINES + 2))
            for entry in report:
                times = received[f"49{number}{entry['line'] - 2:08d}"]
                if entry["status"] == "unknown" and policy == "hold":
                    continue  # was in a window
                self.assertEqual(entry["status"], "sent")
                self.assertGreaterEqual(times, 1)
                if times > 1:
                    self.assertTrue(entry.get("maybe_duplicate"), entry)


if __name__ == "__main__":
    unittest.main()
