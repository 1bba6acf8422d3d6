"""What bench/end_to_end measures with: processes with their resource usage, and a reader of /metrics."""
import math
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request


def fail(message):
    print(f"end_to_end: {message}", file=sys.stderr)
    sys.exit(1)


class Process:
    """A child whose resource usage is read when it ends; killed when the block ends without that."""

    def __init__(self, arguments, log, **more):
        self.log = log
        self.started = time.monotonic()
        with open(log, "ab") as sink:
            self.child = subprocess.Popen(
                [str(argument) for argument in arguments], stderr=sink, stdin=subprocess.DEVNULL, **more
            )
        self.usage = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.usage is None:
            self.child.kill()
            self.wait(10)
        if self.child.stdout:
            self.child.stdout.close()

    def wait(self, seconds):
        """The exit status, or None when it still runs then."""
        deadline = time.monotonic() + seconds
        while self.usage is None:
            pid, status, usage = os.wait4(self.child.pid, os.WNOHANG)
            if pid:
                self.ended = time.monotonic()
                self.usage = usage
                self.child.returncode = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                return None
            else:
                time.sleep(0.005)
        return self.child.returncode

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        return self.wait(10)

    @property
    def cpu_seconds(self):
        return self.usage.ru_utime + self.usage.ru_stime

    def peak_now(self):
        """Peak resident memory until now, 0 if it has ended. (ru_maxrss would count this script's memory at the fork.)"""
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{self.child.pid}/status").read_text())
        except OSError:
            return 0
        return int(found.group(1)) * 1024 if found else 0

    def cpu_now(self):
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Metrics:
    """Reads /metrics and the peak memory now and then, because the engine takes them with it when it ends."""

    def __init__(self, engine, port):
        self.engine = engine
        self.url = f"http://127.0.0.1:{port}/metrics"
        self.text = ""
        self.peak_bytes = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.poll, daemon=True)
        self.thread.start()

    def poll(self):
        while not self.ended.wait(0.25):
            self.read()

    def read(self):
        self.peak_bytes = max(self.peak_bytes, self.engine.peak_now())
        try:
            with urllib.request.urlopen(self.url, timeout=2) as answer:
                self.text = answer.read().decode()
        except OSError:
            pass

    def stop(self):
        self.ended.set()
        self.thread.join()

    def sum(self, name, labels=""):
        """The sum over all series of that name whose labels contain the text; None if there is none."""
        found = re.findall(rf"^trunkline_{name}(?:{{([^}}]*)}})? (\S+)", self.text, re.M)
        values = [float(value) for series, value in found if labels in series]
        return sum(values) if values else None

    def quantile(self, name, share, labels=""):
        """Of a histogram over all its series whose labels contain the text, linear within a bucket; None if empty."""
        buckets = {}
        for series, value in re.findall(rf"^trunkline_{name}_bucket{{([^}}]*)}} (\S+)", self.text, re.M):
            if labels not in series:
                continue
            bound = re.search(r'le="([^"]*)"', series).group(1)
            buckets[float(bound)] = buckets.get(float(bound), 0) + float(value)
        if not buckets or max(buckets.values()) == 0:
            return None
        wanted = share * max(buckets.values())
        below_bound, below_count = 0.0, 0.0
        for bound, count in sorted(buckets.items()):
            if count >= wanted:
                if math.isinf(bound) or count == below_count:
                    return below_bound
                return below_bound + (bound - below_bound) * (wanted - below_count) / (count - below_count)
            below_bound, below_count = bound, count
        return below_bound
