"""kill -9 at random moments, again and again, against batches on their way through the simulator, whose log is the judge:
nothing is lost, each message has exactly one report line, and what went out twice is flagged and bounded. With
on_unknown = "hold" nothing goes out twice: what was being sent ends as unknown, and that is bounded."""

import os
import random
import time
import unittest
from collections import Counter

from harness import SystemTest, World, batch, read_submits, seed

CYCLES = int(os.environ.get("KILL_CYCLES", "120"))
HOLD_CYCLES = int(os.environ.get("KILL_HOLD_CYCLES", "80"))
WINDOW, SESSIONS, MAX_UNSYNCED = 10, 2, 50
BOUND = WINDOW * SESSIONS + MAX_UNSYNCED
BATCH_LINES = 400


class Kill(SystemTest):
    def test_resend(self):
        self.live("resend", CYCLES)

    def test_hold(self):
        self.live("hold", HOLD_CYCLES)

    def live(self, policy, cycles):
        draw = random.Random(seed())
        simulator = self.simulator("--latency", "3ms")
        world = World(self.directory, [{"name": "acme", "port": simulator.port, "window": WINDOW, "sessions": SESSIONS,
                                        "reconnect": {"min": "10ms", "max": "50ms"}}],
                      engine={"max_unsynced": MAX_UNSYNCED}, spool={"on_unknown": policy})
        batches = {}

        def drop():
            """One more batch; numbers are (batch, line), so that the SMSC's log can be compared with the reports."""
            index = len(batches)
            messages = []
            for line in range(1, BATCH_LINES + 1):
                kind = draw.random()
                text = "hello" if kind < 0.8 else "long " * 80 if kind < 0.9 else "привет"
                messages.append({"to": f"49{index:05d}{line:05d}", "text": text, "id": f"{index}-{line}"})
            name = f"batch-{index}.jsonl"
            batches[name] = {line: message["to"] for line, message in enumerate(messages, 1)}
            world.drop(name, batch(messages))

        drop()
        moments = []
        for cycle in range(cycles):
            # The name of the login tells which life of the engine a submit_sm came from.
            world.carriers[0]["system_id"] = f"life{cycle}"
            world.write()
            open_batches = sum(not world.finished(name) for name in batches)
            early = draw.random() < 0.5
            if open_batches < 3 and early:
                drop()
            engine = self.run_engine(world, name=f"engine-{cycle}")
            # From the first instant (recovery, bind) to well into the sending.
            moment = draw.choice([draw.uniform(0, 0.05), draw.uniform(0, 0.25), draw.uniform(0.1, 0.5)])
            deadline = time.monotonic() + moment
            if open_batches < 3 and not early:
                time.sleep(draw.uniform(0, moment))  # the moment of the drop is drawn, too
                drop()
            time.sleep(max(0.0, deadline - time.monotonic()))
            self.assertIsNone(engine.poll(), f"cycle {cycle}: the engine ended by itself\n{engine.output()}")
            engine.kill()
            moments.append(moment)
        world.carriers[0]["system_id"] = f"life{cycles}"
        world.write()
        last = self.run_once(world, name="engine-last", timeout=120)
        simulator.stop()  # flushes its log
        statuses = self.judge(world, batches, read_submits(simulator.log_path), policy, cycles)
        # The exit status speaks of the batches that the last life finished.
        self.assertIn(last.status, (0, 3) if statuses["unknown"] else (0,), last.output())

    def judge(self, world, batches, submits, policy, cycles):
        received = {}  # number: its submits
        for submit in submits:
            received.setdefault(submit.number, []).append(submit)
        repeated_numbers = {n for n, of in received.items() if max(Counter(s.part for s in of).values()) > 1}
        flagged = 0
        faults = []
        statuses = Counter()
        for name, numbers in batches.items():
            self.assertTrue(world.finished(name), f"{name} has no report")
            report = world.report(name)
            self.each_line_once(report, numbers)
            summary = world.summary(name)
            self.assertEqual((summary["messages"], sum(summary["status"].values())), (len(numbers), len(numbers)))
            for entry in report:
                statuses[entry["status"]] += 1
                number = numbers[entry["line"]]
                at_smsc = received.get(number, [])
                if entry["status"] == "sent":
                    answered = {s.message_id for s in at_smsc}
                    if not set(entry["message_ids"]) <= answered or {s.part for s in at_smsc} != set(range(1, entry["parts"] + 1)):
                        faults.append(("lost", name, entry, [s.entry for s in at_smsc]))
                    if policy == "hold" and entry.get("maybe_duplicate"):
                        faults.append(("held, sent, and flagged", name, entry))
                elif policy == "hold" and entry["status"] == "unknown":
                    if entry["error"]["code"] not in ("interrupted", "no_response") or entry.get("carrier") != "acme":
                        faults.append(("unknown without saying why and where", name, entry))
                else:
                    faults.append(("not sent", name, entry))
                flagged += bool(entry.get("maybe_duplicate"))
                if number in repeated_numbers and not entry.get("maybe_duplicate"):
                    faults.append(("not flagged", name, entry, [(s.system_id, s.part, s.message_id) for s in at_smsc]))
        # Each repetition is charged to the crash that ended the life in which the message had gone out before.
        charged = Counter()
        for of in received.values():
            lives = {}
            for submit in of:
                life = int(submit.system_id.removeprefix("life"))
                if submit.part in lives:
                    charged[lives[submit.part]] += 1
                    if lives[submit.part] == life:
                        faults.append(("twice in one life", submit.entry))
                lives[submit.part] = life
        worst = max(charged.values(), default=0)
        print(f"{policy}: {cycles} kills, {sum(len(b) for b in batches.values())} messages in {len(batches)} batches, {dict(statuses)}; "
              f"{sum(charged.values())} parts went out twice, at most {worst} for one crash (bound {BOUND}); {flagged} messages flagged")
        self.assertEqual(faults[:5], [], f"{len(faults)} faults")
        self.assertLessEqual(worst, BOUND if policy == "resend" else 0)
        self.assertLessEqual(statuses["unknown"], cycles * BOUND)
        self.assertGreater(len(submits), cycles, "the test did not get to sending")
        return statuses


if __name__ == "__main__":
    unittest.main()
