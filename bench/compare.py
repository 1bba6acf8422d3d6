"""Trunkline beside npm's smpp and Kannel, against the same simulator in the same run.

Trunkline does all that it does: spool, routing, durable journal, report (bench/end_to_end). npm's smpp only sends and
reads answers, from one process: no file, no queue on disk. Kannel takes each message by HTTP (smsbox) and sends it
(bearerbox), without a store on disk. Kannel's rate is from the first request until bearerbox has counted the last one as
sent.
"""
import argparse
import json
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from measured import Process, fail, free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent

KANNEL = """group = core
admin-port = {admin}
admin-password = secret
admin-allow-ip = 127.0.0.1
smsbox-port = {box}
box-allow-ip = 127.0.0.1
log-level = 4
"""
KANNEL_SMSC = """
group = smsc
smsc = smpp
smsc-id = simulator
host = 127.0.0.1
port = {smsc}
smsc-username = kannel
smsc-password = secret
system-type = ""
transceiver-mode = true
interface-version = 34
max-pending-submits = {window}
"""
KANNEL_SMSBOX = """
group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {send}
global-sender = TRUNKLINE
log-level = 4

group = sendsms-user
username = tester
password = secret
"""


def options_of(argv):
    parser = argparse.ArgumentParser(
        prog="bench/compare.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--window", type=int, default=100)
    add("--sessions", type=int, default=4)
    add("--messages", type=int, default=1_000_000, help="that Trunkline sends")
    add("--node-messages", type=int, default=200_000, help="that npm's smpp sends")
    add("--kannel-messages", type=int, default=20_000)
    add("--runs", type=int, default=3, help="rounds of all of them; medians count")
    add("--timeout", type=float, default=90, help="seconds for one peer in one round")
    add("--binary", default=os.environ.get("TRUNKLINE", str(ROOT / "build/release/trunkline")))
    add("--json", default="")
    return parser.parse_args(argv)


def simulator(options, directory):
    arguments = [options.binary, "simulator", "--port", "0", "--threads", "1"]
    process = Process(arguments, directory / "simulator.log", stdout=subprocess.PIPE)
    ready, _, _ = select.select([process.child.stdout], [], [], 10)
    line = process.child.stdout.readline().decode() if ready else ""
    if not line.startswith("listening on "):
        process.__exit__()
        fail(f"the simulator does not listen: {process.log.read_text()}")
    return process, int(line.rsplit(":", 1)[1])


def run_trunkline(options, directory):
    figures = directory / "trunkline.json"
    arguments = [ROOT / "bench" / "end_to_end", "--no-raw", "--binary", options.binary, "--json", figures]
    arguments += ["--messages", options.messages, "--window", options.window, "--sessions", options.sessions]
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=options.timeout + 60)
    if done.returncode != 0:
        fail(done.stderr)
    median = json.loads(figures.read_text())["results"][0]["median"]
    return median["messages_per_second"], median["engine_cpu_ns_per_message"]


def run_node(options, directory, corked):
    peer, port = simulator(options, directory)
    with peer:
        arguments = ["node", ROOT / "bench" / "compare_node.js", port, options.sessions, options.window]
        arguments += [options.node_messages, "corked" if corked else "plain"]
        client = Process(arguments, directory / "node.log", stdout=subprocess.PIPE)
        with client:
            if client.wait(options.timeout) != 0:
                fail(f"npm's smpp did not end well: {client.log.read_text()[-2000:]}")
            rate = json.loads(client.child.stdout.read())["rate"]
        peer.stop()
    return rate, client.cpu_seconds * 1e9 / options.node_messages


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(what, holds, seconds, processes):
    deadline = time.monotonic() + seconds
    while not holds():
        for process in processes:
            if process.wait(0) is not None:
                fail(f"{what}: a process has ended: {process.log.read_text()[-2000:]}")
        if time.monotonic() > deadline:
            fail(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)


def run_kannel(options, directory):
    peer, port = simulator(options, directory)
    ports = {"admin": free_port(), "box": free_port(), "send": free_port(), "smsc": port}
    configuration = directory / "kannel.conf"
    smscs = KANNEL_SMSC * options.sessions
    configuration.write_text((KANNEL + smscs + KANNEL_SMSBOX).format(**ports, window=options.window))
    log = directory / "kannel.log"
    sink = {"stdout": subprocess.DEVNULL}

    def status():
        page = f"http://127.0.0.1:{ports['admin']}/status.txt?password=secret"
        return urllib.request.urlopen(page, timeout=5).read().decode()

    with peer, Process(["bearerbox", "-v", "4", configuration], log, **sink) as bearerbox:
        wait_until("bearerbox's ports", lambda: listens(ports["box"]) and listens(ports["admin"]), 15, [bearerbox])
        with Process(["smsbox", "-v", "4", configuration], log, **sink) as smsbox:
            both = [bearerbox, smsbox]
            wait_until("smsbox's port", lambda: listens(ports["send"]), 15, both)
            wait_until("Kannel's binds", lambda: status().count("(online") == options.sessions, 15, both)
            arguments = ["node", ROOT / "bench" / "compare_http.js", ports["send"], options.kannel_messages]
            begun = time.monotonic()
            with Process(arguments, directory / "http.log", stdout=subprocess.DEVNULL) as client:
                wait_until("all requests", lambda: client.wait(0) is not None, options.timeout, both)
                if client.child.returncode != 0:
                    fail(client.log.read_text()[-2000:])

            def sent():
                return int(re.search(r"SMS: received .* sent (\d+) \(", status()).group(1))

            wait_until("the last message", lambda: sent() >= options.kannel_messages, options.timeout, both)
            seconds = time.monotonic() - begun
            smsbox.stop()
            bearerbox.stop()
        peer.stop()
    if None in (smsbox.usage, bearerbox.usage):
        return options.kannel_messages / seconds, None
    cpu = smsbox.cpu_seconds + bearerbox.cpu_seconds
    return options.kannel_messages / seconds, cpu * 1e9 / options.kannel_messages


def main(argv):
    options = options_of(argv)
    for needed in (options.binary, "node", "bearerbox", "smsbox"):
        if not shutil.which(needed):
            fail(f"{needed} is missing: run deploy/deps.sh, and build the preset release (or name --binary)")
    if not (ROOT / "tests/interop/node_modules/smpp").exists():
        fail("npm's smpp is missing: run deploy/deps.sh")
    peers = {
        "Trunkline, all of it": lambda d: run_trunkline(options, d),
        "npm smpp, one write a PDU": lambda d: run_node(options, d, False),
        "npm smpp, corked": lambda d: run_node(options, d, True),
        "Kannel, by HTTP": lambda d: run_kannel(options, d),
    }
    results = {name: [] for name in peers}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="trunkline-compare-", dir="/var/tmp") as folder:
        for turn in range(options.runs):
            for name, run in peers.items():
                place = pathlib.Path(folder) / f"{turn}-{len(results[name])}-{abs(hash(name))}"
                place.mkdir()
                results[name].append(run(place))
                print(f"round {turn + 1}: {name}: {results[name][-1][0]:,.0f} messages/s", file=sys.stderr)
    rows = []
    for name, runs in results.items():
        rates = sorted(rate for rate, _ in runs)
        cpus = sorted(cpu for _, cpu in runs if cpu is not None)
        rows.append({"peer": name, "rates": rates, "rate": rates[len(rates) // 2],
                     "cpu_ns": cpus[len(cpus) // 2] if cpus else None})
    ours = rows[0]
    print("| | messages/s (median, range) | Trunkline is | CPU a message | Trunkline takes |")
    print("|---|--:|--:|--:|--:|")
    for row in rows:
        times = f"{ours['rate'] / row['rate']:,.1f} times as fast" if row is not ours else ""
        cpu = f"{row['cpu_ns'] / 1000:,.2f} µs" if row["cpu_ns"] else "–"
        share = f"1/{row['cpu_ns'] / ours['cpu_ns']:,.1f}" if row is not ours and row["cpu_ns"] else ""
        spread = f"{row['rate']:,.0f} ({row['rates'][0]:,.0f} to {row['rates'][-1]:,.0f})"
        print(f"| {row['peer']} | {spread} | {times} | {cpu} | {share} |")
    conditions = {"sessions": options.sessions, "window": options.window, "runs": options.runs,
                  "messages": [options.messages, options.node_messages, options.kannel_messages],
                  "cores": os.cpu_count(), "load_average": load}
    print(f"\n{options.sessions} sessions, window {options.window}, 120 characters of GSM text, no receipts, loopback; "
          f"{options.messages:,}, {options.node_messages:,} and {options.kannel_messages:,} messages, {options.runs} rounds; "
          f"{os.cpu_count()} cores shared with the simulator, load at the start {load:.1f}.")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"conditions": conditions, "peers": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
