"""Memory does not grow with a batch. By default a million lines; MEMORY_LINES=10000000 is the figure of docs/benchmarks.md."""

import os
import unittest

from harness import SystemTest, World, wait_until

LINES = int(os.environ.get("MEMORY_LINES", "1000000"))
BOUND = 300 << 20


class Memory(SystemTest):
    def test_one_huge_batch(self):
        simulator = self.simulator(log=False)
        world = World(self.directory, [{"name": "acme", "port": simulator.port, "window": 500, "sessions": 4}])
        incoming = world.path("incoming")
        incoming.mkdir(parents=True)
        with open(incoming / ".huge.tmp", "w", encoding="ascii") as out:
            for start in range(0, LINES, 1000):
                out.write("".join(f'{{"to":"49{i:010d}","id":"m-{i}","text":"Your code is {i}. It is valid for ten minutes."}}\n'
                                  for i in range(start, min(start + 1000, LINES))))
        (incoming / ".huge.tmp").rename(incoming / "huge.jsonl")
        engine = self.run_engine(world, "--once")
        peak = 0

        def ended():
            nonlocal peak
            peak = max(peak, engine.memory_bytes())
            return engine.poll() is not None

        wait_until("end of the run", ended, timeout=120 + LINES / 20000)
        self.assertEqual(engine.poll(), 0, engine.output())
        with open(world.path("done", "huge.jsonl.report.jsonl"), "rb") as report:
            self.assertEqual(sum(chunk.count(b"\n") for chunk in iter(lambda: report.read(1 << 20), b"")), LINES)
        summary = world.summary("huge.jsonl")
        self.assertEqual(summary["status"]["sent"], LINES)
        print(f"{LINES} lines, peak RSS {peak / (1 << 20):.0f} MiB (bound {BOUND >> 20} MiB)")
        self.assertLess(peak, BOUND)


if __name__ == "__main__":
    unittest.main()
