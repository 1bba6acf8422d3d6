"""What an answer means, action by action: by the class of the standard's status, and by [[carrier.policy]] with name, value
and range. The report names the last status and the number of attempts."""

import unittest
from collections import Counter
from datetime import datetime

from harness import SystemTest, World, batch, read_submits, wait_until


def seconds_of(submit):
    return datetime.fromisoformat(submit.entry["time"].replace("Z", "+00:00")).timestamp()


class Policies(SystemTest):
    def run_with(self, error, lines=5, policy="", simulator=(), second=False, timeout=60, fields=None, **keys):
        """A batch against an SMSC that answers so; (report, its submits, those of the second carrier of the route)."""
        smsc = self.simulator(*([] if error is None else ["--error", f"{error}=1"]), *simulator)
        carriers = [{"name": "acme", "port": smsc.port, "window": 10, "reconnect": {"min": "20ms", "max": "50ms"}, **keys}]
        other = None
        if second:
            other = self.simulator(name="other")
            carriers.append({"name": "other", "port": other.port})
        world = World(self.directory, carriers, routes=[{"name": "all", "to": [c["name"] for c in carriers],
                                                         "failover_after": "100ms"}])
        text = world.config.read_text()
        # Behind the first carrier's keys.
        at = text.index("[[carrier]]", text.index("[[carrier]]") + 1) if second else text.index("[[route]]")
        world.config.write_text(text[:at] + policy + "\n" + text[at:])
        world.drop("a.jsonl", batch([{"to": f"49170{i:06d}", "text": "hello", **(fields or {})} for i in range(1, lines + 1)]))
        self.engine = self.run_once(world, timeout=timeout)
        for process in (smsc, other):
            if process is not None:
                process.stop()
        report = world.report("a.jsonl")
        self.each_line_once(report, range(1, lines + 1))
        return report, read_submits(smsc.log_path), read_submits(other.log_path) if other else []

    def all_end(self, report, status, code=None, attempts=None):
        for entry in report:
            self.assertEqual(entry["status"], status, entry)
            if code is not None:
                self.assertEqual(entry["error"]["code"], code)
            if attempts is not None:
                self.assertEqual(entry["attempts"], attempts)

    def test_fail(self):
        """A permanent one: once, with its name."""
        report, submits, _ = self.run_with("ESME_RINVDSTADR", second=True)
        self.all_end(report, "failed", "ESME_RINVDSTADR", 1)
        self.assertEqual(len(submits), 5)
        self.assertEqual(self.engine.status, 3)

    def test_retry(self):
        """A temporary one: again after delay, which doubles, and failed after so many attempts."""
        policy = '[[carrier.policy]]\nstatus = "ESME_RSYSERR"\naction = "retry"\ndelay = "200ms"\nattempts = 4\n'
        report, submits, _ = self.run_with("ESME_RSYSERR", lines=1, policy=policy)
        self.all_end(report, "failed", "ESME_RSYSERR", 4)
        times = [seconds_of(s) for s in submits]
        self.assertEqual(len(times), 4)
        for pause, least in zip((b - a for a, b in zip(times, times[1:])), (0.2, 0.4, 0.8)):
            self.assertGreaterEqual(pause, least - 0.002)

    def test_retry_until_it_works(self):
        """Half of the answers are errors: all are sent in the end, and the attempts are counted."""
        policy = '[[carrier.policy]]\nstatus = "0x08"\naction = "retry"\ndelay = "5ms"\nattempts = 1000\n'
        report, submits, _ = self.run_with(None, lines=50, policy=policy, simulator=["--error", "ESME_RSYSERR=0.5", "--seed", "3"])
        self.all_end(report, "sent")
        self.assertEqual(sum(e["attempts"] for e in report), len(submits))
        self.assertGreater(max(e["attempts"] for e in report), 2)

    def test_a_full_queue_delays_its_message(self):
        """ESME_RMSGQFUL by default: a retry, and none fails."""
        report, _, _ = self.run_with(None, lines=40, simulator=["--error", "ESME_RMSGQFUL=0.1", "--seed", "5"])
        self.all_end(report, "sent")
        self.assertEqual({e["attempts"] for e in report} - {1}, {2})

    def test_reroute(self):
        """Another carrier may take it: the next one of the route does, at once."""
        report, submits, others = self.run_with("ESME_RSUBMITFAIL", second=True)
        self.all_end(report, "sent")
        self.assertEqual({e["carrier"] for e in report}, {"other"})
        self.assertEqual((len(submits), len(others)), (5, 5))

    def test_reroute_without_another_carrier(self):
        report, submits, _ = self.run_with("0x421")
        self.all_end(report, "failed", "0x00000421")
        self.assertEqual(len(submits), 5)

    def test_a_value_inside_a_range(self):
        """The first policy that covers a status wins; ranges hold for what the standard does not name."""
        policy = ('[[carrier.policy]]\nstatus = "0x0421"\naction = "fail"\n'
                  '[[carrier.policy]]\nstatus = "0x0400-0x04ff"\naction = "retry"\ndelay = "10ms"\nattempts = 2\n')
        report, _, others = self.run_with("0x421", policy=policy, second=True)
        self.all_end(report, "failed", "0x00000421", 1)
        self.assertEqual(others, [])

    def test_a_range(self):
        policy = '[[carrier.policy]]\nstatus = "0x0400-0x04ff"\naction = "retry"\ndelay = "10ms"\nattempts = 2\n'
        report, submits, _ = self.run_with("0x4ff", policy=policy)
        self.all_end(report, "failed", "0x000004ff", 2)
        self.assertEqual(len(submits), 10)

    def test_throttle(self):
        """The SMSC's limit is met: slower, nothing fails, and being throttled is no attempt."""
        report, submits, _ = self.run_with(None, lines=60, simulator=["--throttle", "40/s"], timeout=90)
        self.all_end(report, "sent", attempts=1)
        statuses = Counter(s.status for s in submits)
        self.assertEqual(statuses["ESME_ROK"], 60)
        self.assertGreater(statuses["ESME_RTHROTTLED"], 0)

    def test_throttle_by_policy(self):
        """A vendor's status that means the same."""
        policy = '[[carrier.policy]]\nstatus = "0x0451"\naction = "throttle"\n'
        report, submits, _ = self.run_with(None, lines=20, policy=policy, simulator=["--error", "0x451=0.2", "--seed", "9"], timeout=120)
        self.all_end(report, "sent", attempts=1)
        refused = [s for s in submits if s.status != "ESME_ROK"]
        self.assertGreater(len(refused), 0)
        # The one that was refused comes first after the pause of a second.
        first = submits.index(refused[0])
        later = [s for s in submits[first:] if seconds_of(s) >= seconds_of(refused[0]) + 0.9]
        self.assertEqual(later[0].number, refused[0].number)

    def test_stop_session(self):
        """The account is at fault: the session leaves and binds again, its messages go elsewhere."""
        report, submits, others = self.run_with("ESME_RINVBNDSTS", second=True, reconnect={"min": "5s", "max": "5s"})
        self.all_end(report, "sent")
        self.assertEqual({e["carrier"] for e in report}, {"other"})
        self.assertEqual(len({s.entry["session"] for s in submits}), 1)
        self.assertEqual(len(others), 5)

    def test_no_message_outlives_its_validity(self):
        """Retries end with it, however many are left, and the report still says how often it was tried."""
        policy = '[[carrier.policy]]\nstatus = "ESME_RSYSERR"\naction = "retry"\ndelay = "100ms"\nattempts = 10000\n'
        report, submits, _ = self.run_with("ESME_RSYSERR", policy=policy, fields={"validity": "1s"})
        self.all_end(report, "expired", "expired")
        self.assertGreater(min(e["attempts"] for e in report), 1)
        first = min(seconds_of(s) for s in submits)
        self.assertLess(max(seconds_of(s) for s in submits) - first, 1.1)


if __name__ == "__main__":
    unittest.main()
