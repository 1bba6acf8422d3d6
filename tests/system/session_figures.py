"""Figures of sessions, seen from the SMSC: how late an urgent message is, how exact a rate, how long a return takes.

Each function runs the real engine against the simulator and returns its raw samples; times are those of the simulator's
log, in milliseconds. bench/sessions prints them, session_figures_test.py holds short runs to generous bounds."""

import bisect
import json
import math
import time
from datetime import datetime

from harness import World, batch, binary, free_port, read_submits, wait_until


def ms_of(rfc3339):
    return datetime.fromisoformat(rfc3339.replace("Z", "+00:00")).timestamp() * 1e3


def arrivals(*logs):
    """When each submit_sm was read, in order."""
    return sorted(ms_of(s.entry["time"]) for s in read_submits(*logs))


def quantile(samples, share):
    """The smallest sample that at least this share is not above."""
    return sorted(samples)[max(0, math.ceil(len(samples) * share) - 1)]


def urgent(test, messages, latency_ms=20, rate=1000, load=0.8, spacing=0.05, engine=None):
    """Urgent messages, each a file of its own, beside bulk at `load` of the carrier's `rate`; above 1: one file that
    keeps the lanes full. Milliseconds from the acceptance of its file to the SMSC's answer, and from its appearance in
    incoming/, for each."""
    simulator = test.simulator("--latency", f"{latency_ms}ms")
    world = World(test.directory, [{"name": "acme", "port": simulator.port, "window": 50, "sessions": 2,
                                    "throughput": float(rate)}], engine=engine)
    engine = test.serve(world)
    seconds = messages * spacing + 1
    step = 0.1
    bulk = [{"to": f"49171{i:07d}", "text": "bulk"} for i in range(int(rate * (seconds * load if load > 1 else step * load)))]
    octets = batch(bulk)
    if load > 1:
        world.drop("bulk.jsonl", octets)
        wait_until("bulk under way", lambda: arrivals(simulator.log_path), processes=[engine])
    dropped = {}
    start = time.monotonic()
    bulk_files = 0
    for i in range(messages):
        due = start + 0.5 + i * spacing
        while load <= 1 and (next_bulk := start + bulk_files * step) < due:
            time.sleep(max(0, next_bulk - time.monotonic()))
            world.drop(f"bulk{bulk_files}.jsonl", octets)
            bulk_files += 1
        time.sleep(max(0, due - time.monotonic()))
        dropped[i] = time.time() * 1e3
        world.drop(f"urgent{i}.jsonl", batch([{"to": f"49172{i:07d}", "text": "urgent", "priority": "urgent"}]))
    wait_until("the urgent reports", lambda: all(world.finished(f"urgent{i}.jsonl") for i in range(messages)),
               processes=[engine], timeout=60)
    test.assertEqual(engine.stop(), 0)
    simulator.stop()
    read = {s.number: ms_of(s.entry["time"]) for s in read_submits(simulator.log_path)}
    since_accepted, since_dropped = [], []
    for i in range(messages):
        answered = read[f"49172{i:07d}"] + latency_ms
        since_accepted.append(answered - ms_of(world.summary(f"urgent{i}.jsonl")["accepted_at"]))
        since_dropped.append(answered - dropped[i])
    return since_accepted, since_dropped


def rate(test, throughput, seconds=12, sessions=3, window=100, span=10.0):
    """Submits in each `span` seconds (moved by 100 ms) of a busy carrier, as shares of what `throughput` allows."""
    simulator = test.simulator("--latency", "10ms")
    world = World(test.directory, [{"name": "acme", "port": simulator.port, "window": window, "sessions": sessions,
                                    "throughput": float(throughput)}], engine={"io_threads": 2})
    lines = int(throughput * (seconds + 2))
    world.drop("bulk.jsonl", batch({"to": f"49171{i:07d}", "text": "bulk"} for i in range(lines)))
    engine = test.serve(world)
    wait_until("the first message", lambda: arrivals(simulator.log_path), processes=[engine])
    time.sleep(seconds)
    engine.stop()
    simulator.stop()
    times = arrivals(simulator.log_path)
    # The burst of the first moment is what a pace may make up for; it is inside the bound, too.
    shares, begin = [], times[0]
    while begin + span * 1e3 <= times[0] + seconds * 1e3:
        count = bisect.bisect_left(times, begin + span * 1e3) - bisect.bisect_left(times, begin)
        shares.append(count / (throughput * span))
        begin += 100
    return shares


def recovery(test, cycles, reconnect_max_ms=500, sessions=4, window=10, latency_ms=20):
    """The SMSC is killed and comes back, again and again. Milliseconds from its return until submits arrive at 90 % of
    what all windows together allow, over 100 ms; what was usual there, in submits a second."""
    port = free_port()
    full = sessions * window / latency_ms
    world = World(test.directory, [{"name": "acme", "port": port, "window": window, "sessions": sessions,
                                    "reconnect": {"min": "50ms", "max": f"{reconnect_max_ms}ms"}}],
                  spool={"unknown_resends": 100})
    up, down = 1.5 + reconnect_max_ms / 1e3, 1.0 + reconnect_max_ms / 1e3
    lines = int(full * 1e3 * up * (cycles + 1))
    world.drop("bulk.jsonl", batch({"to": f"49171{i:07d}", "text": "bulk"} for i in range(lines)))
    engine = test.serve(world)
    delays, usual = [], []
    for cycle in range(cycles + 1):
        log = test.directory / f"smsc{cycle}.jsonl"
        smsc = test.start(f"smsc{cycle}", [binary(), "simulator", "--port", port, "--latency", f"{latency_ms}ms", "--log", log])
        wait_until("a listening SMSC", lambda: b"listening" in smsc.stdout_path.read_bytes(), processes=[smsc])
        back = time.time() * 1e3
        time.sleep(up)
        smsc.kill()
        test.processes.remove(smsc)
        # Not in step with the engine's attempts.
        time.sleep(down + 0.037 * (cycle % 13))
        times = arrivals(log)
        if cycle == 0:
            continue  # the engine had never been connected
        at = next((t for i, t in enumerate(times)
                   if bisect.bisect_left(times, t + 100) - i >= 0.9 * full * 100), None)
        test.assertIsNotNone(at, f"never at full rate again: {len(times)} submits")
        delays.append(at - back)
        usual.append((len(times) - bisect.bisect_left(times, times[-1] - 500)) * 2)
    test.assertEqual(engine.stop(), 0)
    return delays, usual


def automatic_window(test, throughput, latency_ms=50, seconds=6):
    """The window that `window = "auto"` has found after so many seconds, the one that rate and latency need, and the rate
    of the last two seconds as a share of `throughput`."""
    simulator = test.simulator("--latency", f"{latency_ms}ms")
    world = World(test.directory, [{"name": "acme", "port": simulator.port, "window": "auto", "window_range": {"min": 1, "max": 1000},
                                    "throughput": float(throughput)}])
    world.drop("bulk.jsonl", batch({"to": f"49171{i:07d}", "text": "bulk"} for i in range(int(throughput * (seconds + 1)))))
    engine = test.serve(world)
    wait_until("the first message", lambda: arrivals(simulator.log_path), processes=[engine])
    time.sleep(seconds)
    window = json.loads(world.get("/status")[1])["carriers"][0]["sessions"][0]["window"]
    engine.stop()
    simulator.stop()
    times = arrivals(simulator.log_path)
    end = times[0] + seconds * 1e3
    last = bisect.bisect_left(times, end) - bisect.bisect_left(times, end - 2000)
    return window, throughput * latency_ms / 1e3, last / 2 / throughput
