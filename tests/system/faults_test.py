"""The real world misbehaves: system calls fail or the process dies in one, disks are full or read-only, limits are low,
clocks jump, processes stand still. The judge is always the same: each message of each accepted file ends in one report
line, what is reported as sent is in the SMSC's log with its ids, and what is there twice is flagged."""

import glob
import os
import random
import signal
import subprocess
import sys
import time
import unittest
from collections import Counter

from harness import SCALE, SystemTest, World, batch, read_submits, seed, wait_until

LINES = 300
INSIDE = "TRUNKLINE_TEST_MOUNTS"  # set within a mount namespace of our own
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
# Not with a sanitizer, whose own library wants to be the first.
SHORT_COUNTS = os.environ.get("SHORT_COUNTS")
SPACE = "there is enough space again"


def have(*command):
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0
    except OSError:
        return False


def needs(what, *command):
    """Skips a test where the sandbox does not allow what it needs."""
    return unittest.skipUnless(have(*command), f"{what} cannot be used here ({' '.join(command)})")


class FaultTest(SystemTest):
    """What both kinds of tests use."""

    def world(self, smsc, engine=None, spool=None, **carrier):
        return World(self.directory, [{"name": "acme", "port": smsc.port, "window": 10, "sessions": 2,
                                       "reconnect": {"min": "10ms", "max": "50ms"}, **carrier}],
                     engine={"max_unsynced": 50, **(engine or {})}, spool=spool)

    def drop(self, world, index, lines=LINES, **fields):
        """A batch whose numbers say where they come from."""
        messages = [{"to": f"49{index:05d}{line:05d}", "text": "long " * 80 if line % 10 == 0 else "hello", **fields}
                    for line in range(1, lines + 1)]
        world.drop(f"batch-{index}.jsonl", batch(messages))
        return {line: m["to"] for line, m in enumerate(messages, 1)}

    def judge(self, world, smsc, batches, allowed=("sent",)):
        """`batches`: index to {line: number}. Returns the counts by status."""
        received = {}
        for submit in read_submits(smsc.log_path):
            received.setdefault(submit.number, []).append(submit)
        statuses = Counter()
        for index, numbers in batches.items():
            report = world.report(f"batch-{index}.jsonl")
            self.each_line_once(report, numbers)
            self.assertEqual(sum(world.summary(f"batch-{index}.jsonl")["status"].values()), len(numbers))
            for entry in report:
                statuses[entry["status"]] += 1
                self.assertIn(entry["status"], allowed, entry)
                at_smsc = received.get(numbers[entry["line"]], [])
                if entry["status"] == "sent":
                    self.assertLessEqual(set(entry["message_ids"]), {s.message_id for s in at_smsc}, f"lost: {entry}")
                    self.assertEqual({s.part for s in at_smsc}, set(range(1, entry["parts"] + 1)), entry)
                if max(Counter(s.part for s in at_smsc).values(), default=0) > 1:
                    self.assertTrue(entry.get("maybe_duplicate"), f"twice and not flagged: {entry}")
        return statuses


class Faults(FaultTest):
    # --- system calls ---------------------------------------------------------------------------------------------

    def traced(self, world, inject, name, once=True):
        """The engine under strace, which is a grandchild (-D): the process is the engine itself."""
        calls = inject.partition(":")[0]
        return self.run_engine(world, *(["--once"] if once else []), name=name, prefix=[
            "strace", "-D", "-f", "--seccomp-bpf", "-o", str(self.directory / f"{name}.strace"), "-e", f"trace={calls}",
            "-e", f"inject={inject}"])

    @needs("strace", "strace", "-f", "--seccomp-bpf", "-e", "inject=fsync:error=EIO", "true")
    def test_failing_system_calls(self):
        """Each call fails in turn. A failed sync or write ends the process with a clear message, and the restart recovers;
        a full disk does not: the engine waits and goes on by itself."""
        smsc = self.simulator("--latency", "2ms")
        world = self.world(smsc)
        # Whether it ends or goes on depends on which call is hit; when it ends it says why.
        eio, full = "Input/output error", "No space left"
        cases = [
            ("fdatasync:error=EIO:when=3", eio),
            ("fdatasync:error=EIO:when=15", eio),
            ("fdatasync:error=ENOSPC:when=8", full),
            ("fsync:error=EIO:when=4", eio),
            ("pwrite64:error=EIO:when=12", eio),
            ("pwrite64:error=ENOSPC:when=8..40", full),
            ("pwrite64:error=EDQUOT:when=8..40", full),
            ("fallocate:error=EOPNOTSUPP", "Operation not supported"),
            ("rename,renameat2:error=ENOSPC:when=2..6", full),
            ("rename,renameat2:error=EACCES:when=2", "Permission denied"),
            ("openat2:error=ENOSYS", "Function not implemented"),
            ("getdents64:error=EIO:when=5", eio),
            ("pread64:error=EIO:when=4", eio),
            ("statfs:error=EIO", eio),
        ]
        batches, outcomes = {}, []
        for index, (inject, says) in enumerate(cases):
            batches[index] = self.drop(world, index)
            engine = self.traced(world, inject, f"engine-{index}")
            status = engine.wait(60)
            outcomes.append(f"{inject}: exit {status}")
            if status != 0:
                text = engine.output()
                self.assertEqual(status, 1, f"{inject}\n{text}")
                self.assertIn(says, text, inject)
                self.assertRegex(text, "nothing accepted is lost|cannot start", inject)
        print("; ".join(outcomes))
        self.assertTrue(any(o.endswith("exit 1") for o in outcomes))
        last = self.run_once(world, name="engine-last")
        self.assertIn(last.status, (0, 3), last.output())
        smsc.stop()
        self.judge(world, smsc, batches)

    @needs("strace", "strace", "-f", "--seccomp-bpf", "-e", "inject=fsync:error=EIO", "true")
    def test_killed_in_system_calls(self):
        """Killed on entry of a system call that matters, again and again."""
        draw = random.Random(seed())
        smsc = self.simulator("--latency", "2ms")
        world = self.world(smsc)
        # The last call of this kind to die in; each thread counts its own.
        calls = {"fdatasync": 6, "fsync": 5, "pwrite64": 8, "rename,renameat2": 2, "unlink": 2, "ftruncate": 2, "fallocate": 1,
                 "sendmsg": 8, "openat": 8}
        batches, died = {}, Counter()
        cycles = int(os.environ.get("KILL_CALL_CYCLES", "25"))
        # A short life may end before the call that was drawn: then there are more lives, up to a bound.
        for cycle in range(4 * cycles):
            if cycle >= cycles and sum(died.values()) >= 5:
                break
            if sum(not world.finished(f"batch-{i}.jsonl") for i in batches) < 2:
                batches[len(batches)] = self.drop(world, len(batches))
            call = draw.choice(list(calls))
            engine = self.traced(world, f"{call}:signal=SIGKILL:when={draw.randint(1, calls[call])}", f"engine-{cycle}")
            if engine.wait(60) == -signal.SIGKILL:
                died[call] += 1
            else:
                self.assertEqual(engine.poll(), 0, engine.output())
        print(f"died in {dict(died)}")
        self.assertGreaterEqual(sum(died.values()), 5)
        last = self.run_once(world, name="engine-last")
        self.assertEqual(last.status, 0, last.output())
        smsc.stop()
        self.judge(world, smsc, batches)

    # --- limits ---------------------------------------------------------------------------------------------------

    @needs("prlimit", "prlimit", "--fsize=1000000", "true")
    @needs("strace", "strace", "-f", "--seccomp-bpf", "-e", "inject=fsync:delay_enter=1000", "true")
    def test_slow_disk(self):
        """Every sync takes a second and a half: what is sent waits for one, so more is read ahead, and the pace is kept."""
        smsc = self.simulator()
        world = World(self.directory, [{"name": "acme", "port": smsc.port, "window": 20, "throughput": 200.0, "receipts": False}])
        engine = self.traced(world, "fdatasync,fsync:delay_enter=1500000", "slow", once=False)
        wait_until("/readyz of the engine", world.ready, timeout=120, processes=[engine])
        world.drop("paced.jsonl", batch([{"to": f"49{i:08d}", "text": "hello"} for i in range(4000)]))
        wait_until("all of it at the SMSC", lambda: len(read_submits(smsc.log_path)) >= 3200, timeout=120, processes=[engine])
        seconds = Counter(s.entry["time"][:19] for s in read_submits(smsc.log_path)[:3200])
        rates = [seconds[second] for second in sorted(seconds)]
        print(f"200/s with syncs of 1.5 s: {rates}")
        # Once it has learned how slow the disk is.
        late = rates[len(rates) // 2 : -1]
        self.assertGreater(sum(late) / len(late), 150)
        engine.kill()

    def test_file_size_limit(self):
        """RLIMIT_FSIZE: a file that may not grow ends the engine with a clear message; without the limit it goes on."""
        smsc = self.simulator("--latency", "2ms")
        world = self.world(smsc)
        batches = {0: self.drop(world, 0, 3000)}
        # Room for the journal's segment; the report does not fit.
        engine = self.run_engine(world, "--once", name="limited", prefix=["prlimit", f"--fsize={1 << 20}"])
        self.assertEqual(engine.wait(60), 1, engine.output())
        self.assertIn("File too large", engine.output())
        last = self.run_once(world)
        self.assertEqual(last.status, 0, last.output())
        smsc.stop()
        self.judge(world, smsc, batches)

    @needs("prlimit", "prlimit", "--nofile=64", "true")
    def test_descriptor_limit(self):
        """RLIMIT_NOFILE: with too few descriptors the engine ends with a clear message or finishes, and loses nothing."""
        smsc = self.simulator("--latency", "2ms")
        world = self.world(smsc)
        batches, outcomes = {}, []
        for index, limit in enumerate((10, 14, 18, 20, 22, 24, 26, 28, 30, 34, 40)):
            batches[index] = self.drop(world, index, 50)
            engine = self.run_engine(world, "--once", name=f"limited-{limit}", prefix=["prlimit", f"--nofile={limit}"])
            # Sessions without a socket are tried again for ever: that is no end, and harms nothing.
            try:
                status = engine.popen.wait(4 * SCALE)
            except subprocess.TimeoutExpired:
                status = "waits"
                engine.kill()
            outcomes.append(f"{limit}: {status}")
            if status not in (0, "waits"):
                self.assertEqual(status, 1, engine.output())
                self.assertIn("Too many open files", engine.output())
        print("; ".join(outcomes))
        last = self.run_once(world)
        self.assertEqual(last.status, 0, last.output())
        smsc.stop()
        self.judge(world, smsc, batches)

    # --- counts ---------------------------------------------------------------------------------------------------

    @unittest.skipUnless(SHORT_COUNTS, "SHORT_COUNTS, a library to preload, is not set")
    def test_short_counts(self):
        """Half of all reads and writes of files are cut short or interrupted, over two kills."""
        smsc = self.simulator("--latency", "3ms", "--receipts", "10ms")
        world = self.world(smsc)
        env = {"LD_PRELOAD": SHORT_COUNTS, "SHORT_COUNTS_SEED": str(seed()), "SHORT_COUNTS_LOG": str(self.directory / "counts")}
        batches = {index: self.drop(world, index, 800) for index in range(3)}
        for life in range(2):
            seen = len(read_submits(smsc.log_path)) if smsc.log_path.exists() else 0
            engine = self.run_engine(world, name=f"engine-{life}", env=env)
            wait_until("some messages", lambda: len(read_submits(smsc.log_path)) > seen + 300, processes=[engine])
            engine.kill()
        last = self.run_engine(world, "--once", name="engine-last", env=env)
        self.assertEqual(last.wait(60), 0, last.output())
        smsc.stop()
        self.judge(world, smsc, batches)
        calls, shorter, interrupted = map(int, (self.directory / "counts").read_text().split())
        print(f"{calls} reads and writes of the last life: {shorter} were short, {interrupted} interrupted")
        self.assertGreater(min(shorter, interrupted), calls / 8)

    # --- time -----------------------------------------------------------------------------------------------------

    @unittest.skipUnless(FAKETIME, "libfaketimeMT.so.1 is not installed")
    def test_stepped_clock(self):
        """The wall clock jumps back a day and forth two: pace and answers go on as before, and what ends by the clock ends."""
        smsc = self.simulator("--latency", "5ms")
        world = self.world(smsc, throughput=200.0)
        clock = self.directory / "clock"
        clock.write_text("+0\n")
        engine = self.serve(world, env={"LD_PRELOAD": FAKETIME[0], "FAKETIME_TIMESTAMP_FILE": str(clock),
                                        "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        batches = {0: self.drop(world, 0, 600, validity="72h"), 1: self.drop(world, 1, 2000, validity="12h")}

        def sent():
            return len(read_submits(smsc.log_path))

        wait_until("the first messages", lambda: sent() > 100, processes=[engine])
        clock.write_text("-86400\n")
        back = sent()
        wait_until("messages after the step back", lambda: sent() > back + 300, processes=[engine])
        clock.write_text("+86400\n")
        wait_until("the batch that expires", lambda: world.finished("batch-1.jsonl"), processes=[engine])
        wait_until("the batch that does not", lambda: world.finished("batch-0.jsonl"), processes=[engine])
        self.assertEqual(engine.stop(), 0)
        smsc.stop()
        statuses = self.judge(world, smsc, batches, ("sent", "expired"))
        self.assertGreater(statuses["expired"], 500)
        self.assertEqual({line["status"] for line in world.report("batch-0.jsonl")}, {"sent"})

    def test_stopped_processes(self):
        """SIGSTOP to the engine, then to the SMSC, for longer than an answer may take: nothing is lost, repeats are flagged."""
        smsc = self.simulator("--latency", "2ms")
        world = self.world(smsc, throughput=300.0, response_timeout="1s")
        engine = self.serve(world)
        batches = {0: self.drop(world, 0, 1500)}
        for process in (engine, smsc):
            before = len(read_submits(smsc.log_path))
            wait_until("messages", lambda: len(read_submits(smsc.log_path)) > before + 100, processes=[engine])
            process.signal(signal.SIGSTOP)
            time.sleep(2.5)  # the time itself is what is tried here
            process.signal(signal.SIGCONT)
        wait_until("report", lambda: world.finished("batch-0.jsonl"), timeout=30, processes=[engine])
        self.assertEqual(engine.stop(), 0)
        smsc.stop()
        # A message whose second answer is lost too is not sent a third time.
        self.judge(world, smsc, batches, ("sent", "unknown"))


class Mounts(SystemTest):
    """File systems of our own, in a mount namespace of our own: this file runs itself again within one."""

    def test_file_systems(self):
        unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
        if not have(*unshare, "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"):
            self.skipTest("mount namespaces cannot be used here (unshare --mount, mount -t tmpfs)")
        self.inside = subprocess.run([*unshare, sys.executable, "-B", __file__, "-v", "InMounts"], check=False, capture_output=True,
                                     text=True, env={**os.environ, INSIDE: "1"}, timeout=300 * SCALE)
        print(self.inside.stdout, self.inside.stderr)
        self.assertEqual(self.inside.returncode, 0)


@unittest.skipUnless(INSIDE in os.environ, "runs within the mount namespace of Mounts")
class InMounts(FaultTest):
    def setUp(self):
        super().setUp()
        self.mounted = []

    def tearDown(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
        for path in reversed(self.mounted):
            subprocess.run(["umount", str(path)], check=False)
        super().tearDown()

    def mount(self, path, *options):
        path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", *options, str(path)], check=True)
        self.mounted.append(path)

    def fill(self, path, leave):
        """A file that leaves so many octets free."""
        free = os.statvfs(path)
        size = free.f_bavail * free.f_frsize - leave
        with open(path / "ballast", "wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, size)
        return path / "ballast"

    def test_under_min_free(self):
        """/readyz is 503 within 2 s of space falling under min_free, nothing is sent, and the engine goes on alone."""
        smsc = self.simulator("--latency", "2ms")
        world = self.world(smsc, spool={"min_free": "20MiB"}, throughput=500.0)
        self.mount(world.data, "-t", "tmpfs", "-o", "size=160m", "none")
        engine = self.serve(world)
        batches = {0: self.drop(world, 0, 2000)}
        wait_until("messages", lambda: len(read_submits(smsc.log_path)) > 100, processes=[engine])
        begun = time.monotonic()
        ballast = self.fill(world.data, 10 << 20)
        wait_until("503", lambda: world.get("/readyz")[0] == 503, processes=[engine])
        self.assertLess(time.monotonic() - begun, 2 * SCALE)
        self.assertIn("min_free", world.get("/readyz")[1])
        self.assertIn("nothing more is sent", engine.output())
        batches[1] = self.drop(world, 1, 20)

        def settled():
            sent, _ = len(read_submits(smsc.log_path)), time.sleep(0.3)
            return sent == len(read_submits(smsc.log_path)) and sent
        # What was in memory already may go out; then it stands still, and the new file waits in incoming/.
        wait_until("sending to stop", settled, processes=[engine])
        self.assertTrue(world.path("incoming", "batch-1.jsonl").exists())
        ballast.unlink()
        wait_until("200", world.ready, timeout=3, processes=[engine])
        for index in batches:
            wait_until(f"report {index}", lambda i=index: world.finished(f"batch-{i}.jsonl"), processes=[engine])
        self.assertIn(SPACE, engine.output())
        self.assertEqual(engine.stop(), 0)
        smsc.stop()
        self.judge(world, smsc, batches)

    def test_full(self):
        """Not an octet is left, for spool and data_dir in turn, again and again: nothing is lost, and it goes on alone."""
        smsc = self.simulator("--latency", "2ms")
        world = self.world(smsc, spool={"min_free": "1KiB"}, throughput=1000.0)
        self.mount(world.data, "-t", "tmpfs", "-o", "size=160m", "none")
        self.mount(world.spool, "-t", "tmpfs", "-o", "size=16m", "none")
        engine = self.serve(world)
        batches = {}
        for index, path in enumerate((world.spool, world.data, world.spool, world.data)):
            batches[index] = self.drop(world, index, 1200)
            before = len(read_submits(smsc.log_path))
            wait_until("messages", lambda: len(read_submits(smsc.log_path)) > before + 200, processes=[engine])
            ballast = self.fill(path, 0)
            wait_until("503", lambda: world.get("/readyz")[0] == 503, processes=[engine])
            ballast.unlink()
            wait_until("200", world.ready, processes=[engine])
        for index in batches:
            wait_until(f"report {index}", lambda i=index: world.finished(f"batch-{i}.jsonl"), processes=[engine])
        self.assertEqual(engine.stop(), 0)
        smsc.stop()
        self.judge(world, smsc, batches)

    def test_full_and_killed(self):
        """Killed while the disk is full: it starts again when there is room, and nothing is lost."""
        smsc = self.simulator("--latency", "2ms")
        world = self.world(smsc, spool={"min_free": "1KiB"}, throughput=1000.0)
        self.mount(world.data, "-t", "tmpfs", "-o", "size=160m", "none")
        engine = self.serve(world)
        batches = {0: self.drop(world, 0, 1500)}
        wait_until("messages", lambda: len(read_submits(smsc.log_path)) > 200, processes=[engine])
        ballast = self.fill(world.data, 0)
        wait_until("503", lambda: world.get("/readyz")[0] == 503, processes=[engine])
        engine.kill()
        tried = self.run_engine(world, "--once", name="tried")
        self.assertEqual(tried.wait(20), 1, tried.output())
        self.assertIn("No space left", tried.output())
        ballast.unlink()
        last = self.run_once(world)
        self.assertEqual(last.status, 0, last.output())
        smsc.stop()
        self.judge(world, smsc, batches)

    def test_parts_elsewhere(self):
        """Spool and data_dir may be on different file systems; the directories of the spool may not, and it says so."""
        smsc = self.simulator()
        world = self.world(smsc)
        self.mount(world.path("done"), "-t", "tmpfs", "-o", "size=4m", "none")
        engine = self.run_once(world, name="engine-done")
        self.assertEqual(engine.status, 1)
        self.assertIn("done is on another file system than", engine.output())

    def test_read_only(self):
        """A directory turns read-only: the engine says so and ends; when it can be written again, it goes on."""
        smsc = self.simulator("--latency", "2ms")
        world = self.world(smsc, throughput=1000.0)
        batches = {}
        for index, name in enumerate(("done", "results", "incoming")):
            path = world.path(name)
            path.mkdir(parents=True, exist_ok=True)
            engine = self.serve(world, name=f"engine-{name}")
            batches[index] = self.drop(world, index, 600)
            before = len(read_submits(smsc.log_path))
            wait_until("messages", lambda: len(read_submits(smsc.log_path)) > before + 100, processes=[engine])
            subprocess.run(["mount", "--bind", str(path), str(path)], check=True)
            subprocess.run(["mount", "-o", "remount,ro,bind", str(path)], check=True)
            if name == "incoming":  # only whoever hands in batches notices
                wait_until("report", lambda i=index: world.finished(f"batch-{i}.jsonl"), processes=[engine])
                self.assertEqual(engine.stop(), 0)
            else:
                self.assertEqual(engine.wait(30), 1, engine.output())
                self.assertIn("Read-only file system", engine.output())
                tried = self.run_engine(world, "--once", name=f"tried-{name}")
                self.assertEqual(tried.wait(30), 1, tried.output())
                self.assertIn("Read-only file system", tried.output())
            subprocess.run(["umount", str(path)], check=True)
        last = self.run_once(world)
        self.assertEqual(last.status, 0, last.output())
        smsc.stop()
        self.judge(world, smsc, batches)


if __name__ == "__main__":
    unittest.main()
