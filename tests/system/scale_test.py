"""Scale: a carrier that is down for a long batch harms nobody, and very many small batches cost neither memory nor time.
MEMORY_LINES and SCALE_BATCHES make the long versions (10,000,000 and 100,000); NEIGHBOUR_LINES, say 1,000,000, takes the
pace off the dead carrier's neighbour."""

import os
import time
import unittest

from harness import SCALE, SystemTest, World, batch, read_lines, read_submits, wait_until

LINES = int(os.environ.get("MEMORY_LINES", "200000"))
BATCHES = int(os.environ.get("SCALE_BATCHES", "1500"))
NEIGHBOUR_LINES = int(os.environ.get("NEIGHBOUR_LINES", "0"))
GROWTH = 100 << 20


class Scale(SystemTest):
    def huge(self, world, name, lines, **fields):
        incoming = world.path("incoming")
        incoming.mkdir(parents=True, exist_ok=True)
        header = batch([{"batch": {**fields}}])
        with open(incoming / f".{name}.tmp", "wb") as out:
            out.write(header)
            for start in range(0, lines, 1000):
                out.write("".join(f'{{"to":"49{i:010d}","text":"hello"}}\n' for i in range(start, min(start + 1000, lines))).encode())
        (incoming / f".{name}.tmp").rename(incoming / name)

    def rate_of(self, world, engine, name, lines):
        """Messages a second of a batch for the live carrier."""
        self.huge(world, name, lines, carrier="live")
        begun = time.monotonic()
        wait_until(f"report of {name}", lambda: world.finished(name), timeout=120, processes=[engine])
        return lines / (time.monotonic() - begun)

    def test_dead_carrier(self):
        """Its neighbour keeps its rate, memory does not grow, lines go out in order when it returns, and what ends ends."""
        live, later = self.simulator(name="live", log=False), self.simulator(name="later")
        port = later.port
        later.stop()
        pace = {} if NEIGHBOUR_LINES else {"throughput": 20000.0}
        world = World(self.directory, [{"name": "live", "port": live.port, "window": 100, "receipts": False, **pace},
                                       {"name": "dead", "port": port, "window": 10}])
        engine = self.serve(world)
        lines = NEIGHBOUR_LINES or 60_000
        alone = self.rate_of(world, engine, "alone.jsonl", lines)
        before = engine.memory_bytes("VmRSS")
        self.huge(world, "waiting.jsonl", LINES, carrier="dead", validity="100h")
        world.drop("short.jsonl", batch([{"batch": {"carrier": "dead", "validity": "5s"}}, *({"to": f"48{i:08d}", "text": "x"} for i in range(500))]))
        dropped = time.monotonic()
        meanwhile = self.rate_of(world, engine, "meanwhile.jsonl", lines)
        wait_until("what expires", lambda: world.finished("short.jsonl"), timeout=40, processes=[engine])
        late = time.monotonic() - dropped - 5
        self.assertEqual({e["status"] for e in world.report("short.jsonl")}, {"expired"})
        self.assertLess(late, 5 * SCALE)
        wait_until("the whole file to be read", lambda: f'"messages": {LINES}' in world.get("/status")[1], timeout=60 + LINES / 50000,
                   processes=[engine])
        beside = self.rate_of(world, engine, "beside.jsonl", lines)
        growth = engine.memory_bytes("VmRSS") - before
        print(f"{LINES} lines wait for a dead carrier: neighbour {alone:.0f}/s alone, {meanwhile:.0f}/s while they are read, "
              f"{beside:.0f}/s afterwards; RSS grew by "
              f"{growth / (1 << 20):.1f} MiB; expired {late:.1f} s late")
        self.assertGreater(beside, alone * 0.8)
        self.assertGreater(meanwhile, alone * (0.5 if NEIGHBOUR_LINES else 0.8), "two cores read and send")
        self.assertLess(growth, GROWTH)
        # It returns.
        back = self.start("back", [*later.arguments[:2], "--port", str(port), "--log", str(later.log_path)])
        wait_until("many messages", lambda: later.log_path.exists() and len(read_submits(later.log_path)) > 20_000, timeout=60,
                   processes=[engine, back])
        engine.kill()
        order = [int(s.number[2:]) for s in read_submits(later.log_path)[:20_000]]
        # In line order, but for what a window and its retries shuffle.
        worst = max(range(len(order)), key=lambda place: abs(order[place] - place))
        self.assertLess(abs(order[worst] - worst), 200, f"at {worst}: {order[max(0, worst - 5) : worst + 5]}")

    def test_small_batches_beside_a_huge_one(self):
        """On a carrier of 500 messages a second, with 200,000 in front: a small batch waits for what is read ahead, about a
        second of the carrier's time, and takes turns from there on; an urgent one waits for nothing."""
        smsc = self.simulator("--latency", "5ms", log=False)
        world = World(self.directory, [{"name": "acme", "port": smsc.port, "window": 20, "throughput": 500.0}])
        engine = self.serve(world)
        self.huge(world, "huge.jsonl", LINES)
        wait_until("messages on their way", world.results, processes=[engine])

        def seconds_of(name, lines, **fields):
            world.drop(name, batch([{"batch": fields}, *({"to": f"48{i:08d}", "text": "hello"} for i in range(lines))]))
            begun = time.monotonic()
            wait_until(f"report of {name}", lambda: world.finished(name), timeout=30, processes=[engine])
            self.assertEqual({e["status"] for e in world.report(name)}, {"sent"})
            return time.monotonic() - begun
        urgent = [seconds_of(f"urgent{i}.jsonl", 5, priority="urgent") for i in range(3)]
        small = seconds_of("small.jsonl", 250)
        print(f"beside {LINES} lines at 500/s: 5 urgent lines in {max(urgent):.2f} s at most, 250 bulk lines in {small:.2f} s")
        self.assertLess(max(urgent), 0.5 * SCALE)
        # A second of what was read ahead, and half of the pace for half a second's worth.
        self.assertLess(small, 4 * SCALE)
        self.assertFalse(world.finished("huge.jsonl"))
        engine.kill()

    def test_many_batches(self):
        """Small batches by the thousand: memory stays flat, and a restart with all of them open takes seconds."""
        live = self.simulator(name="live", log=False)
        # Without receipts: a batch that waits for some keeps a little in memory until they have come.
        world = World(self.directory, [{"name": "live", "port": live.port, "window": 100, "receipts": False},
                                       {"name": "dead", "port": 9, "window": 10, "reconnect": {"min": "1s", "max": "5s"}}])
        incoming = world.path("incoming")
        incoming.mkdir(parents=True)
        lines = batch([{"to": f"49{i:08d}", "text": "hello"} for i in range(10)])
        for index in range(BATCHES):
            (incoming / f"b{index}.jsonl").write_bytes(batch([{"batch": {"carrier": "live"}}]) + lines)
        begun = time.monotonic()
        engine = self.run_engine(world, "--once")
        half, peak = 0, 0

        def ended():
            nonlocal half, peak
            peak = max(peak, engine.memory_bytes())
            if not half and len(os.listdir(world.path("done"))) > 3 * BATCHES // 2:
                half = peak
            return engine.poll() is not None
        wait_until("end of the run", lambda: (time.sleep(0.05), ended())[1], timeout=60 + BATCHES / 50)
        self.assertEqual(engine.poll(), 0, engine.output())
        seconds = time.monotonic() - begun
        for index in range(0, BATCHES, 97):
            self.each_line_once(read_lines(world.path("done", f"b{index}.jsonl.report.jsonl")), range(2, 12))
        self.assertEqual(sum(name.endswith(".report.jsonl") for name in os.listdir(world.path("done"))), BATCHES)
        print(f"{BATCHES} batches of 10 lines: {seconds:.1f} s, {BATCHES / seconds:.0f} batches/s; RSS {half / (1 << 20):.0f} MiB at half, "
              f"{peak / (1 << 20):.0f} MiB at the end")
        self.assertLess(peak - half, 40 << 20)

    def test_many_waiting_batches(self):
        """The same for a carrier that is down: all stay open, cost little, and harm neither its neighbour nor a restart."""
        live = self.simulator(name="live", log=False)
        world = World(self.directory, [{"name": "live", "port": live.port, "window": 100, "receipts": False},
                                       {"name": "dead", "port": 9, "window": 10, "reconnect": {"min": "1s", "max": "5s"}}])
        engine = self.serve(world)

        def best_rate(name):
            """Of three runs of a part of a second each: whatever else the machine does is not the question."""
            return max(self.rate_of(world, engine, f"{name}{i}.jsonl", 200_000) for i in range(3))
        alone = best_rate("alone")
        before = engine.memory_bytes("VmRSS")
        lines = batch([{"to": f"49{i:08d}", "text": "hello"} for i in range(10)])
        incoming = world.path("incoming")
        for index in range(BATCHES):
            (incoming / f".w{index}.tmp").write_bytes(batch([{"batch": {"carrier": "dead"}}]) + lines)
            (incoming / f".w{index}.tmp").rename(incoming / f"w{index}.jsonl")
        accepted = f'trunkline_batches_total{{state="accepted"}} {BATCHES + 3}\n'
        wait_until("all to be open", lambda: accepted in world.get("/metrics")[1], timeout=60 + BATCHES / 50, processes=[engine])
        growth = engine.memory_bytes("VmRSS") - before
        beside = best_rate("beside")
        engine.kill()
        begun = time.monotonic()
        engine = self.serve(world, name="engine-2")
        seconds = time.monotonic() - begun
        print(f"{BATCHES} batches of 10 lines wait for a dead carrier: {growth / BATCHES:.0f} octets of memory each; its neighbour "
              f"{alone:.0f}/s alone, {beside:.0f}/s beside; restart in {seconds:.1f} s")
        self.assertGreater(beside, alone * 0.5)
        self.assertLess(growth, 20 << 20 if BATCHES < 5000 else 4000 * BATCHES)
        self.assertLess(seconds, (3 + BATCHES / 1000) * SCALE)
        self.assertEqual(engine.stop(), 0)

    def test_priorities_share_a_carrier(self):
        """Floods of each priority at once on a carrier of 1,000 messages a second: urgent ones have most of it, and neither
        normal nor bulk stand still."""
        smsc = self.simulator("--latency", "5ms", log=False)
        world = World(self.directory, [{"name": "acme", "port": smsc.port, "window": 20, "throughput": 1000.0}])
        engine = self.serve(world)
        for priority in ("bulk", "normal", "urgent"):
            self.huge(world, f"{priority}.jsonl", LINES, priority=priority)
        sent = {}

        def counted():
            everything = world.results()
            sent.update({p: sum(e["batch"] == f"{p}.jsonl" for e in everything) for p in ("bulk", "normal", "urgent")})
            return sent["urgent"] >= 3000
        wait_until("3,000 urgent ones", counted, timeout=30, processes=[engine])
        engine.kill()
        print(f"floods of three priorities at 1,000/s: {sent}")
        # They began before the urgent file was there; from then on an eighth is for both.
        for lower in ("bulk", "normal"):
            self.assertGreater(sent[lower], 100)
            self.assertLess(sent[lower], 2500)


if __name__ == "__main__":
    unittest.main()
