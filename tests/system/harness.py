"""Starts the real program on free loopback ports, waits for events with deadlines, reads what it wrote, and ends every
process by its id. Standard library only. TRUNKLINE names the binary; TIMEOUT_SCALE stretches all deadlines (sanitizers)."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(os.environ.get("TRUNKLINE_ROOT", Path(__file__).resolve().parents[2]))
SCALE = float(os.environ.get("TIMEOUT_SCALE", "1"))


def binary():
    """The program under test: $TRUNKLINE, else the newest build."""
    if "TRUNKLINE" in os.environ:
        return os.environ["TRUNKLINE"]
    built = sorted(ROOT.glob("build/*/trunkline"), key=lambda p: p.stat().st_mtime)
    if not built:
        raise unittest.SkipTest("no build/*/trunkline: build the target trunkline, or set TRUNKLINE")
    return str(built[-1])


def seed():
    """The seed of this run: $SEED, or a new one; printed, so that a failure can be repeated."""
    value = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 31)))
    print(f"seed {value} (repeat with SEED={value})", flush=True)
    return value


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    """Whether something listens on a port, without connecting to it."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                return True
    return False


def wait_until(what, ready, timeout=20.0, processes=()):
    """Polls `ready` until it returns something true, which is returned. A process that ends meanwhile is a failure."""
    deadline = time.monotonic() + timeout * SCALE
    while True:
        value = ready()
        if value:
            return value
        for process in processes:
            if process.poll() is not None:
                value = ready()
                if value:
                    return value
                raise AssertionError(f"{process.name} ended with {process.poll()} while waiting for {what}\n{process.output()}")
        if time.monotonic() > deadline:
            outputs = "\n".join(p.output() for p in processes)
            raise AssertionError(f"no {what} within {timeout * SCALE:.0f} s\n{outputs}")
        time.sleep(0.005)


class Process:
    """A program with its output in files."""

    def __init__(self, name, arguments, directory, prefix=(), env=None):
        self.name = name
        self.arguments = [str(a) for a in arguments]
        self.stdout_path = directory / f"{name}.out"
        self.stderr_path = directory / f"{name}.err"
        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            if "strace" in prefix:
                # LeakSanitizer cannot look for leaks in a process that is traced; the other checks stay.
                env = {**(env or {}), "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
            self.popen = subprocess.Popen([*prefix, *self.arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                          env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.popen.pid

    def poll(self):
        return self.popen.poll()

    def output(self, last=4000):
        parts = []
        for path in (self.stdout_path, self.stderr_path):
            text = path.read_bytes()[-last:].decode(errors="replace") if path.exists() else ""
            if text:
                parts.append(f"--- {path.name}\n{text}")
        return "\n".join(parts)

    def signal(self, number):
        if self.poll() is None:
            self.popen.send_signal(number)

    def wait(self, timeout=30.0):
        """The exit status. A process that does not end in time is killed, and that is a failure."""
        try:
            return self.popen.wait(timeout * SCALE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout * SCALE:.0f} s\n{self.output()}") from None

    def stop(self, timeout=30.0):
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.popen.wait(10)

    def memory_bytes(self, field="VmHWM"):
        """Peak resident memory so far (VmHWM) or another line of /proc/PID/status; 0 when it has ended."""
        try:
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        except OSError:
            pass
        return 0


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml_value(v)}" for k, v in value.items()) + " }"
    return json.dumps(str(value))


def toml_table(heading, values):
    return "\n".join([heading, *(f"{key} = {toml_value(value)}" for key, value in values.items()), ""])


class World:
    """One engine's directories and configuration. `carriers` and `routes` are lists of dicts of configuration keys."""

    def __init__(self, directory, carriers, routes=None, engine=None, spool=None, extra=""):
        self.directory = Path(directory)
        self.spool = self.directory / "spool"
        self.data = self.directory / "data"
        self.config = self.directory / "trunkline.toml"
        self.http = free_port()
        self.carriers = [dict(c) for c in carriers]
        self.routes = routes if routes is not None else [{"name": "all", "to": [c["name"] for c in carriers]}]
        self.engine = dict(engine or {})
        self.spool_keys = dict(spool or {})
        self.extra = extra  # TOML behind the rest
        self.write()

    def write(self):
        """Writes the configuration file as the attributes say now."""
        parts = [f"data_dir = {toml_value(self.data)}\n"]
        if self.engine:
            parts.append(toml_table("[engine]", self.engine))
        parts.append(toml_table("[spool]", {"dir": self.spool, "min_free": "1MiB", **self.spool_keys}))
        parts.append(toml_table("[http]", {"listen": f"127.0.0.1:{self.http}"}))
        for carrier in self.carriers:
            defaults = {"host": "127.0.0.1", "system_id": "tester", "password": "secret", "reconnect": {"min": "50ms", "max": "500ms"}}
            parts.append(toml_table("[[carrier]]", {**defaults, **carrier}))
        for route in self.routes:
            parts.append(toml_table("[[route]]", route))
        parts.append(self.extra)
        replacement = self.config.with_suffix(".new")
        replacement.write_text("\n".join(parts))
        replacement.rename(self.config)

    def path(self, *names):
        return self.spool.joinpath(*names)

    def drop(self, name, octets):
        """Puts a batch into the spool as a producer does: written under a hidden name, then renamed."""
        incoming = self.spool / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        hidden = incoming / f".{len(name)}-{abs(hash(name)) % 10**9}.tmp"
        hidden.write_bytes(octets if isinstance(octets, bytes) else octets.encode())
        hidden.rename(incoming / name)

    def report(self, name):
        """The report's lines as objects."""
        return read_lines(self.path("done", f"{name}.report.jsonl"))

    def summary(self, name):
        return json.loads(self.path("done", f"{name}.summary.json").read_text())

    def results(self):
        """All lines of results/, the engine's hidden files left out."""
        lines = []
        for path in sorted(self.path("results").glob("*.jsonl")):
            if not path.name.startswith("."):
                lines += read_lines(path)
        return lines

    def inbound(self, directory):
        """All lines of a directory under inbound/."""
        lines = []
        for path in sorted(self.path("inbound", directory).glob("*.jsonl")):
            if not path.name.startswith("."):
                lines += read_lines(path)
        return lines

    def made(self):
        """The report lines of the batches that the engine made itself."""
        lines = []
        for path in sorted(self.path("done").glob("_inbound-*.report.jsonl")):
            lines += read_lines(path)
        return lines

    def finished(self, name):
        return self.path("done", f"{name}.report.jsonl").exists()

    def get(self, path, timeout=5.0):
        """(status, text) of a page of the engine; (0, "") when nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def ready(self):
        return self.get("/readyz")[0] == 200


def read_lines(path):
    with open(path, encoding="utf-8", newline="\n") as lines:
        return [json.loads(line) for line in lines]


def batch(messages):
    """Messages (dicts) as JSON Lines."""
    return "".join(json.dumps(m, ensure_ascii=False) + "\n" for m in messages).encode()


class SystemTest(unittest.TestCase):
    """A test with a directory of its own, kept when it fails, and processes that end with it."""

    maxDiff = 2000

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix=f"trunkline-{self._testMethodName}-"))
        self.processes = []

    def tearDown(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
        outcome = getattr(self, "_outcome", None)
        result = getattr(outcome, "result", None)
        bad = [*getattr(result, "failures", []), *getattr(result, "errors", [])]
        failed = any(test is self or getattr(test, "test_case", None) is self for test, _ in bad)
        if failed:
            print(f"kept {self.directory}", file=sys.stderr)
            for process in self.processes:
                print(process.output(), file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, name, arguments, **options):
        process = Process(name, arguments, self.directory, **options)
        self.processes.append(process)
        return process

    def simulator(self, *options, name="simulator", log=True, port=None):
        """A running simulator; `.port` and `.log_path` are set. `port`: where another one was, for instance."""
        port = port or free_port()
        arguments = [binary(), "simulator", "--port", port, *options]
        log_path = self.directory / f"{name}.jsonl"
        if log:
            arguments += ["--log", log_path]
        process = self.start(name, arguments)
        process.port = port
        process.log_path = log_path
        wait_until(f"listening {name}", lambda: listens(port), processes=[process])
        return process

    def run_engine(self, world, *options, name="engine", **kinds):
        return self.start(name, [binary(), "run", "--config", world.config, *options], **kinds)

    def run_once(self, world, timeout=120.0, name="engine", **kinds):
        """`run --once` to its end; the process, with `.status`."""
        process = self.run_engine(world, "--once", name=name, **kinds)
        process.status = process.wait(timeout)
        return process

    def serve(self, world, name="engine", **kinds):
        """The engine as a service, ready."""
        process = self.run_engine(world, name=name, **kinds)
        wait_until("/readyz of the engine", world.ready, processes=[process])
        return process

    def call(self, *arguments, timeout=60.0, stdin=None, env=None):
        """Runs the program to its end: (exit status, stdout, stderr)."""
        done = subprocess.run([binary(), *map(str, arguments)], input=stdin, capture_output=True, timeout=timeout * SCALE,
                              check=False, env={**os.environ, **(env or {})})
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def each_line_once(self, report, lines):
        """Every line number of `lines` has exactly one line in the report, and there are no others."""
        seen = [entry["line"] for entry in report]
        self.assertEqual(len(seen), len(set(seen)), "a line is in the report twice")
        self.assertEqual(set(seen), set(lines))


# --- what the simulator received ---------------------------------------------------------------------------------

GSM = ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
       "¿abcdefghijklmnopqrstuvwxyzäöñüà")
GSM_EXTENSION = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}
assert len(GSM) == 128


def decode_gsm(octets):
    """Unpacked GSM 7-bit default alphabet with its extension table (3GPP TS 23.038)."""
    text, escaped = [], False
    for octet in octets:
        if escaped:
            text.append(GSM_EXTENSION.get(octet, " "))
            escaped = False
        elif octet == 0x1B:
            escaped = True
        else:
            text.append(GSM[octet])
    return "".join(text)


class Submit:
    """One submit_sm of the simulator's log."""

    def __init__(self, entry):
        self.entry = entry
        self.number = entry["destination"]
        self.source = entry["source"]
        self.data_coding = entry["data_coding"]
        self.message_id = entry["message_id"]
        self.status = entry["status"]
        self.system_id = entry["system_id"]
        self.answered = entry["answered"]
        octets = bytes.fromhex(entry["short_message"])
        self.part, self.parts, self.reference = 1, 1, None
        if entry["esm_class"] & 0x40:
            header, octets = octets[1 : 1 + octets[0]], octets[1 + octets[0] :]
            if header[0] == 0 and header[1] == 3:
                self.reference, self.parts, self.part = header[2], header[3], header[4]
        self.octets = octets

    def text(self):
        return self.octets.decode("utf-16-be") if self.data_coding == 8 else decode_gsm(self.octets)


def read_submits(*logs):
    """Submits in the order of the logs, whole lines only (a running simulator may be writing the last one)."""
    submits = []
    for log in logs:
        if log.exists():
            octets = log.read_bytes()
            for line in octets[: octets.rfind(b"\n") + 1].splitlines():
                submits.append(Submit(json.loads(line)))
    return submits


def texts_by_number(submits):
    """{number: text} of accepted messages, parts joined in the order of their headers; a repeated part counts once."""
    parts = {}
    for submit in submits:
        if submit.status == "ESME_ROK":
            parts.setdefault(submit.number, {})[submit.part] = submit
    return {number: "".join(of[p].text() for p in sorted(of)) for number, of in parts.items() if len(of) == next(iter(of.values())).parts}
