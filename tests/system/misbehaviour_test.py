"""Everything that a carrier does wrong, from the simulator: each message ends in one line, and what was repeated says so."""

import json
import unittest
from collections import Counter

from harness import SystemTest, World, batch, read_submits, wait_until

LINES = 400


class Misbehaviour(SystemTest):
    def run_against(self, *options, timeout=90, place=".", **keys):
        simulator = self.simulator("--seed", "5", *options, name=f"simulator{place}")
        world = World(self.directory / place, [{"name": "acme", "port": simulator.port, "window": 20, "sessions": 2,
                                        "response_timeout": "1s", "reconnect": {"min": "20ms", "max": "50ms"}, **keys}],
                      spool={"unknown_resends": 100})
        world.drop("batch.jsonl", batch([{"to": f"49170{i:06d}", "text": "hello"} for i in range(1, LINES + 1)]))
        engine = self.run_once(world, timeout=timeout, name=f"engine{place}")
        simulator.stop()
        report = world.report("batch.jsonl")
        self.each_line_once(report, range(1, LINES + 1))
        taken = Counter(s.number for s in read_submits(simulator.log_path) if s.status == "ESME_ROK")
        for entry in report:
            if entry["status"] == "sent":
                self.assertGreaterEqual(taken[entry["number"]], 1, entry)
            if taken[entry["number"]] > 1:
                self.assertTrue(entry.get("maybe_duplicate"), entry)
        return engine, Counter(e["status"] for e in report), taken

    def all_sent(self, *options, repeats=0, **keys):
        engine, statuses, taken = self.run_against(*options, **keys)
        self.assertEqual(statuses, {"sent": LINES}, engine.output())
        self.assertLessEqual(sum(n - 1 for n in taken.values()), repeats)
        return engine

    def test_reset_in_mid_window(self):
        self.all_sent("--latency", "5ms", "--fault", "reset@100", repeats=20 * (LINES // 100 + 4))

    def test_unbind_in_mid_window(self):
        """What is under way is answered before the unbind is: nothing is repeated."""
        self.all_sent("--latency", "5ms", "--fault", "unbind@100")

    def test_unbind_at_any_moment(self):
        """At the first message of each session, within the first window, behind it: nothing is repeated."""
        for at in (1, 2, 19, 37):
            with self.subTest(at):
                self.directory.joinpath(str(at)).mkdir()
                self.all_sent("--latency", "1ms", "--fault", f"unbind@{at}", place=str(at), reconnect={"min": "1ms", "max": "5ms"})

    def test_unbind_of_an_idle_session(self):
        """Nothing is under way: answered, and bound again."""
        scenario = self.directory / "idle.toml"
        scenario.write_text('[[step]]\nat = "300ms"\naction = "unbind"\n')
        simulator = self.simulator("--scenario", scenario)
        world = World(self.directory, [{"name": "acme", "port": simulator.port, "sessions": 2, "reconnect": {"min": "20ms", "max": "50ms"}}])
        engine = self.serve(world)

        def bound_again():
            sessions = json.loads(world.get("/status")[1])["carriers"][0]["sessions"]
            return [(s["reconnects"], s["state"]) for s in sessions] == [(1, "Logged in")] * 2

        wait_until("two new binds", bound_again, processes=[engine])
        self.assertIn("unbound by the peer", engine.output(1 << 20))
        self.assertEqual(engine.stop(), 0)

    def test_garbage(self):
        self.all_sent("--fault", "garbage@100", repeats=20 * (LINES // 100 + 4))

    def test_a_peer_that_falls_silent(self):
        self.all_sent("--fault", "mute@150", repeats=20 * 6)

    def test_a_peer_that_does_not_even_read(self):
        self.all_sent("--fault", "stall@150", repeats=20 * 6)

    def test_unsolicited_nacks(self):
        engine = self.all_sent("--fault", "nack@50")
        self.assertIn("nack PDU", engine.output(1 << 20))

    def test_nacked_messages(self):
        """A generic_nack for a submit_sm is the answer that its status says: here a temporary one."""
        self.all_sent("--nack", "0.05")

    def test_duplicate_answers(self):
        self.all_sent("--duplicate", "0.5")

    def test_wrong_sequence_numbers(self):
        """The answer hits no other message; the real one is unanswered, and goes out again flagged."""
        self.all_sent("--wrong-sequence", "0.02", repeats=30)

    def test_late_answers(self):
        self.all_sent("--late", "1500ms=0.02", repeats=30)

    def test_a_narrow_window(self):
        """A carrier that allows less than our window: slower, and nothing is lost or failed."""
        self.all_sent("--window", "15", "--latency", "2ms", timeout=120)

    def test_a_slow_reader(self):
        self.all_sent("--read-rate", "40000/s")

    def test_answers_in_another_order(self):
        self.all_sent("--reorder", "10", "--latency", "2ms")

    def test_answers_that_are_lost(self):
        self.all_sent("--drop-responses", "0.02", repeats=30)

    def test_connections_that_are_cut(self):
        self.all_sent("--disconnect-after", "60", repeats=20 * (LINES // 60 + 4))

    def test_a_rate_limit(self):
        """More than the carrier allows at first: throttled, and each line arrives once."""
        self.all_sent("--throttle", "200/s", timeout=120)

    def test_congestion(self):
        """A carrier that says that it is busy is given less, and says so in its metrics."""
        simulator = self.simulator("--congestion", "100")
        world = World(self.directory, [{"name": "acme", "port": simulator.port, "throughput": 400.0}])
        world.drop("batch.jsonl", batch([{"to": f"49170{i:06d}", "text": "hello"} for i in range(1, LINES + 1)]))
        engine = self.serve(world)
        wait_until("a slower pace", lambda: 'carrier_slowed{carrier="acme",reason="congestion"} 1' in world.get("/metrics")[1],
                   processes=[engine])
        wait_until("the report", lambda: world.finished("batch.jsonl"), processes=[engine], timeout=60)
        self.assertEqual({e["status"] for e in world.report("batch.jsonl")}, {"sent"})
        self.assertEqual(engine.stop(), 0)

    def test_everything_at_once(self):
        self.all_sent("--latency", "1ms", "--drop-responses", "0.01", "--duplicate", "0.1", "--nack", "0.02", "--reorder", "3",
                      "--wrong-sequence", "0.01", "--late", "1200ms=0.01", "--error", "ESME_RSYSERR=0.02", "--error",
                      "ESME_RMSGQFUL=0.02", "--window", "18", "--disconnect-after", "90", repeats=20 * (LINES // 80 + 4) + 40,
                      timeout=150)

    def test_binds_that_go_wrong(self):
        """State and last state say what is wrong."""
        for fault, state, last_state in (("nack", "Login failed", "SMPPNACK error"),
                                         ("other", "Login failed", "SMPP error by login (Invalid response)"),
                                         ("silence", "Error", "Response timeout"), ("close", "Error", "Disconnected")):
            with self.subTest(fault):
                scenario = self.directory / f"{fault}.toml"
                scenario.write_text(f'bind-fault = "{fault}"\n')
                simulator = self.simulator("--scenario", scenario, name=f"simulator-{fault}")
                (self.directory / fault).mkdir()
                world = World(self.directory / fault, [{"name": "acme", "port": simulator.port, "bind_timeout": "200ms",
                                                        "reconnect": {"min": "100ms", "max": "200ms"}}])
                engine = self.serve(world, name=f"engine-{fault}")

                def seen():
                    session = json.loads(world.get("/status")[1])["carriers"][0]["sessions"][0]
                    return session["state"] == state and session["last_state"] == last_state

                wait_until(f"{state}, {last_state}", seen, processes=[engine])
                self.assertEqual(engine.stop(), 0)
                simulator.stop()

    def test_a_story(self):
        """A day of a carrier in seconds: busy, congested, gone, refusing, and well again."""
        scenario = self.directory / "story.toml"
        scenario.write_text("""
latency = "2ms"
[[step]]
at = "300ms"
throttle = "100/s"
[[step]]
at = "1500ms"
action = "reset"
accept = false
[[step]]
at = "2s"
accept = true
bind-error = "ESME_RSYSERR"
[[step]]
at = "2500ms"
bind-error = "ESME_ROK"
congestion = 95
throttle = 0
[[step]]
at = "4s"
error = "ESME_RMSGQFUL=0.2"
""")
        self.all_sent("--scenario", scenario, throughput=100.0, repeats=60)

    def test_a_scenario_that_is_wrong(self):
        scenario = self.directory / "wrong.toml"
        scenario.write_text('latenzy = "2ms"\n[[step]]\nlatency = "x"\n')
        status, _, errors = self.call("simulator", "--port", "0", "--scenario", scenario)
        self.assertEqual(status, 2)
        self.assertIn("wrong.toml:1:11", errors)
        self.assertIn("a step needs its time", errors)


if __name__ == "__main__":
    unittest.main()
